"""The hunt when the services refuse, break off, answer in part or with too much: made on the wire."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from shared.errors import Forbidden, HuntTooLarge, PartialData, Rejected, Service, SweepError, Unavailable
from shared.hunt.split import in_parts
from shared.query.answer import COLUMNS
from shared.query.refusal import TableMissing, refused
from tests.cloud import Fault, Wire
from tests.cloud.mail import sample
from tests.support.clients import WINDOW, Clients, connected
from tests.support.clock import START

HUNT: dict[str, Any] = {"service": "log_analytics", "containing": "Sum_case", "times": None}
KINDS = ["string", *["long"] * 5, *["dynamic"] * 8]


@pytest.fixture(scope="module")
def azure(azure: Clients) -> Clients:
    """A small Azure with the sample tenant's mail."""
    azure.cloud.load("EmailEvents", sample(START).events)
    return azure


def test_a_lie_on_the_wire_is_no_finding(azure: Clients) -> None:
    """A column that has vanished on its way ends the hunt with its name."""
    body = {"tables": [{"name": "PrimaryResult", "columns": [{"name": "Sum_case", "type": "long"}], "rows": [[11]]}]}
    azure.cloud.faults.add(Fault(**HUNT, status=200, body=body))
    with pytest.raises(PartialData, match="a column RecipientEmailAddress missing"):
        azure.hunt().findings(WINDOW)


PARTIAL = {
    "code": "PartialError",
    "message": "There were some errors",
    "details": [{"code": "EngineError", "message": "m"}],
}
BIG = {
    "code": "PartialError",
    "message": "There were some errors when processing your query.",
    "details": [
        {
            "code": "EngineError",
            "message": "Something went wrong processing your query on the server.",
            "innererror": {
                "code": "-2133196797",
                "message": "Query result set has exceeded the internal record count limit 500000"
                " (E_QUERY_RESULT_SET_TOO_LARGE; see https://aka.ms/kustoquerylimits)",
            },
        }
    ],
}


@pytest.mark.parametrize("with_rows", [True, False])
def test_a_partial_result_is_discarded(azure: Clients, with_rows: bool) -> None:
    """A partial result is an error, with rows or without, and is not asked for again in this sweep."""
    body: dict[str, Any] = {"error": PARTIAL}
    if with_rows:
        row = ["a@contoso.com", 2, 2, 0, 0, 0, ["m1\\2026-11-23T07:55:45Z\\s"] * 2, [], [], [], ["", ""], [], [], []]
        columns = [{"name": name, "type": kind} for name, kind in zip(COLUMNS, KINDS, strict=True)]
        body["tables"] = [{"name": "PrimaryResult", "columns": columns, "rows": [row]}]
    azure.cloud.faults.add(Fault(**HUNT, status=200, body=body))
    before = len(azure.cloud.log)
    with pytest.raises(PartialData, match=r"sent a partial result, and its rows were discarded: the next sweep"):
        azure.hunt(sum_case_threshold=1).findings(WINDOW)
    assert len([request for request in azure.cloud.log[before:] if request.service == "log_analytics"]) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 200, "body": {"error": BIG}},
        {"status": 504, "body": {"error": {"code": "GatewayTimeout", "message": "Gateway timeout"}}},
        {
            "status": 400,
            "body": {"error": {"code": "E_LOW_MEMORY_CONDITION", "message": "Query exceeded memory budget"}},
        },
    ],
    ids=["partial", "timeout", "memory"],
)
def test_too_much_is_split(azure: Clients, fault: dict[str, Any]) -> None:
    """However the service says that it was too much, the hunt is asked in parts."""
    whole = [finding.recipient for finding in azure.hunt().findings(WINDOW)]
    azure.cloud.faults.add(
        Fault(service="log_analytics", containing="let Parts = long(1);", times=None, **fault),
        Fault(service="log_analytics", containing="let Part = long(1);", times=1, **fault),
    )
    hunter = azure.hunt()
    assert [finding.recipient for finding in hunter.findings(WINDOW)] == whole
    assert hunter.notes[0].endswith("ran in 4 parts") or fault["status"] == 504


def test_what_cannot_be_split_small_enough_fails(azure: Clients) -> None:
    """When not even the smallest parts fit, the hunt fails and says what can be done."""
    azure.cloud.faults.add(Fault(**HUNT, status=200, body={"error": BIG}))
    with pytest.raises(
        HuntTooLarge, match=r"even in 256 parts: shorten LOOKBACK_DAYS or raise SUM_CASE_THRESHOLD"
    ) as caught:
        azure.hunt().findings(WINDOW)
    assert caught.value.cause == "log_analytics_too_large"


def test_another_failure_of_a_part_is_the_hunts(azure: Clients) -> None:
    """A part that fails for another reason than its size ends the hunt with that reason."""
    azure.cloud.faults.add(
        Fault(service="log_analytics", containing="let Parts = long(1);", status=200, body={"error": BIG}),
        Fault(service="log_analytics", containing="let Part = long(1);", status=403),
    )
    with pytest.raises(Forbidden, match="Microsoft Sentinel Responder"):
        azure.hunt().findings(WINDOW)


def test_at_most_four_parts_at_once() -> None:
    """The parts keep within the service's limit of queries at once."""
    busy, most = [0], [0]
    lock = threading.Lock()

    def ask(parts: int, part: int) -> int:
        if parts < 16:
            raise HuntTooLarge("too large")
        with lock:
            busy[0] += 1
            most[0] = max(most[0], busy[0])
        time.sleep(0.01)
        with lock:
            busy[0] -= 1
        return part

    assert in_parts(ask) == list(range(16))
    assert most[0] == 4


@pytest.mark.parametrize("status", [200, 204])
def test_no_body_is_no_data(azure: Clients, status: int) -> None:
    """An answer without a body means a workspace without data: no rows, whatever else is asked."""
    azure.cloud.faults.add(Fault(service="log_analytics", status=status, body=b"", times=None))
    hunter = azure.hunt()
    coverage = hunter.coverage(WINDOW)
    assert (coverage.rows, coverage.newest, coverage.last_rows) == (0, None, None)
    assert hunter.findings(WINDOW) == []


def test_no_body_where_there_is_data_is_an_error(azure: Clients) -> None:
    """When the table has rows, an empty answer to the hunt is no zero."""
    azure.cloud.faults.add(Fault(**HUNT, status=200, body=b""))
    hunter = azure.hunt()
    assert hunter.coverage(WINDOW).rows > 0
    with pytest.raises(PartialData, match="sent an empty response to the hunt although the table has rows"):
        hunter.findings(WINDOW)
    with pytest.raises(PartialData):
        azure.hunt().findings(WINDOW)


def test_an_html_page_is_an_error(azure: Clients) -> None:
    """A page instead of an answer is asked for once more, then it is an error that says so."""
    page = b"<html><body>Sign in to the proxy</body></html>"
    azure.cloud.faults.add(Fault(service="log_analytics", status=200, body=page, times=1))
    assert azure.hunt().findings(WINDOW)
    azure.cloud.faults.add(Fault(service="log_analytics", status=200, body=page, times=2))
    with pytest.raises(PartialData, match="look for a proxy"):
        azure.hunt().findings(WINDOW)


@pytest.mark.parametrize(
    "body",
    [
        [],
        5,
        "text",
        {},
        {"tables": []},
        {"tables": 5},
        {"tables": [{"name": "PrimaryResult"}]},
        {"tables": [{"name": "PrimaryResult", "columns": [{"name": "a"}], "rows": [[1]]}]},
        {"tables": [{"name": "PrimaryResult", "columns": [{"name": "a", "type": "long"}], "rows": [[1, 2]]}]},
        {"tables": [{"name": "PrimaryResult", "columns": [{"name": "a", "type": "long"}], "rows": 7}]},
        {"tables": [{"name": "PrimaryResult", "columns": [], "rows": []}] * 2},
        {"error": {}},
        {"error": "text"},
    ],
    ids=repr,
)
def test_json_of_another_shape_is_an_error(azure: Clients, body: Any) -> None:
    """JSON that is no answer of the service ends the hunt as any other answer that cannot be trusted."""
    azure.cloud.faults.add(Fault(service="log_analytics", status=200, body=json.dumps(body).encode(), times=None))
    for ask in (azure.hunt().coverage, azure.hunt().findings):
        with pytest.raises(PartialData):
            ask(WINDOW)


def test_a_lost_answer_is_asked_for_again(azure: Clients) -> None:
    """An answer that breaks off is asked for once more."""
    azure.cloud.faults.add(Fault(service="log_analytics", wire=Wire.DROP, times=1))
    http = azure.fresh_http()
    assert azure.hunt(http).findings(WINDOW)
    assert (http.requests["log_analytics"], http.retries) == (2, 1)


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ({"status": 403}, Forbidden, "Microsoft Sentinel Responder"),
        ({"status": 404}, SweepError, "SENTINEL_WORKSPACE_ID"),
        ({"status": 500}, Unavailable, "the next sweep tries again"),
        ({"status": 502}, Unavailable, "the next sweep tries again"),
    ],
)
def test_other_failures_say_what_to_do(
    azure: Clients, fault: dict[str, Any], error: type[SweepError], words: str
) -> None:
    """Whatever else goes wrong, the message says what to do next."""
    azure.cloud.faults.add(Fault(service="log_analytics", times=None, **fault))
    with pytest.raises(error, match=words):
        azure.hunt().findings(WINDOW)


def test_a_missing_table_is_named() -> None:
    """Where the table is not there, the error names it and how it comes to be there."""
    with pytest.MonkeyPatch.context() as patch, connected(patch) as made:
        made.cloud.remove("EmailEvents")
        made.cloud.remove("EmailPostDeliveryEvents")
        made.cloud.remove("SecurityIncident")
        hunter = made.hunt()
        for ask in (hunter.coverage, hunter.findings):
            with pytest.raises(
                TableMissing, match=r"Log Analytics has no table EmailEvents: switch EmailEvents on"
            ) as caught:
                ask(WINDOW)
            assert caught.value.cause == "log_analytics_table_missing"
        assert hunter.remediators(WINDOW, {"a@contoso.com": ["m1"]}) is None
        assert hunter.known_incidents() == {}


def test_a_basic_table_is_explained(azure: Clients) -> None:
    """A table on the Basic plan cannot be summarised; the error says which plan it needs."""
    azure.cloud.tables.set_basic("EmailEvents")
    try:
        with pytest.raises(Rejected, match="set the table's plan to Analytics") as caught:
            azure.hunt().coverage(WINDOW)
        assert caught.value.code == "plan"
    finally:
        azure.cloud.tables.set_basic("EmailEvents", False)


@pytest.mark.parametrize(
    ("message", "check"),
    [
        (
            "Query of Basic Logs table is not supported with the API 'https://api.loganalytics.io/v1/workspaces/x/query'.",
            lambda error: error.code == "plan",
        ),
        (
            "The query should contain a single Basic or Auxiliary Logs table.",
            lambda error: error.code == "plan",
        ),
        (
            "'where' operator: Failed to resolve table or column expression named 'EmailEvents'",
            lambda error: isinstance(error, TableMissing) and error.table == "EmailEvents",
        ),
        (
            "'project' operator: Failed to resolve scalar expression named 'LatestDeliveryAction'",
            lambda error: error.code == "column LatestDeliveryAction",
        ),
        (
            "Query execution has exceeded the allowed result size. E_QUERY_RESULT_SET_TOO_LARGE",
            _is_large := (lambda error: isinstance(error, HuntTooLarge)),
        ),
        ("Anything else", lambda error: '"Anything else"' in str(error)),
    ],
)
def test_refusals_are_told_apart(message: str, check: Callable[[SweepError], bool]) -> None:
    """The words with which real services refuse a query are understood, however deeply they are wrapped."""
    inner = {
        "code": "SemanticError",
        "message": "A semantic error occurred.",
        "innererror": {"code": "S", "message": message},
    }
    body = {
        "error": {"message": "The request had some invalid properties", "code": "BadArgumentError", "innererror": inner}
    }
    assert check(refused(Service.LOG_ANALYTICS, body))
    assert check(refused(Service.LOG_ANALYTICS, json.loads(json.dumps(body))))
