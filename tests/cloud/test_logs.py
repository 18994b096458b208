"""The query API of the small Azure, as the real client sees it, and Graph's hunting over the same mail."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.policies import RetryPolicy
from azure.identity import ManagedIdentityCredential
from azure.monitor.query import LogsQueryClient, LogsQueryPartialResult, LogsQueryResult

from tests.cloud import CLIENT_ID, WORKSPACE_ID, Cloud, Fault
from tests.cloud.engine import engine, literal
from tests.support.caller import Caller
from tests.support.clients import sign_in_to

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)


def event(message: str, days: float = 1, recipient: str = "a@contoso.com", **more: Any) -> dict[str, Any]:
    """A mail event so many days old."""
    time = NOW - timedelta(days=days)
    return {
        "TimeGenerated": time,
        "Timestamp": time,
        "NetworkMessageId": message,
        "RecipientEmailAddress": recipient,
        "LatestDeliveryAction": "Hard delete",
        "Subject": f"about {message}",
        **more,
    }


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """A cloud with three mails: of an hour ago, two days ago and forty days ago."""
    with Cloud([event("n1", 1 / 24), event("n2", 2), event("n3", 40, "B@contoso.com")], clock=lambda: NOW) as made:
        yield made


@pytest.fixture
def client(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[LogsQueryClient]:
    """The real client with the real credential, only the addresses changed."""
    sign_in_to(cloud.environment, monkeypatch)
    with (
        ManagedIdentityCredential(client_id=CLIENT_ID) as credential,
        LogsQueryClient(
            credential,
            endpoint=cloud.environment["LOG_ANALYTICS_ENDPOINT"],
            audience="https://api.loganalytics.io",
            retry_policy=RetryPolicy.no_retries(),
        ) as made,
    ):
        yield made


def test_the_real_client_reads_the_answer(client: LogsQueryClient) -> None:
    """azure-monitor-query signs in, asks, and gets datetimes, numbers and JSON texts of lists."""
    result = client.query_workspace(
        WORKSPACE_ID,
        "EmailEvents | order by TimeGenerated asc | summarize Rows = count(), Newest = max(TimeGenerated),"
        " Messages = make_list(NetworkMessageId) by Address = tolower(RecipientEmailAddress) | order by Address asc",
        timespan=None,
        server_timeout=600,
        include_statistics=True,
    )
    assert isinstance(result, LogsQueryResult)
    (table,) = result.tables
    assert (table.columns, table.columns_types) == (
        ["Address", "Rows", "Newest", "Messages"],
        ["string", "long", "datetime", "dynamic"],
    )
    assert [list(row) for row in table.rows] == [
        ["a@contoso.com", 2, NOW - timedelta(hours=1), '["n2","n1"]'],
        ["b@contoso.com", 1, NOW - timedelta(days=40), '["n3"]'],
    ]
    assert result.statistics is not None


@pytest.mark.parametrize(
    ("timespan", "found"),
    [
        (None, 3),
        (timedelta(days=1), 1),
        (timedelta(days=90), 3),
        ((NOW - timedelta(days=50), NOW - timedelta(days=1)), 2),
        ((NOW - timedelta(days=3), timedelta(days=2)), 1),
    ],
)
def test_the_timespan_is_applied_beside_the_querys_own_filter(
    client: LogsQueryClient, timespan: Any, found: int
) -> None:
    """The request's timespan limits TimeGenerated of every table the query reads."""
    result = client.query_workspace(
        WORKSPACE_ID, "EmailEvents | where TimeGenerated > ago(90d) | count", timespan=timespan
    )
    assert isinstance(result, LogsQueryResult)
    assert result.tables[0].rows[0][0] == found


def test_a_bad_query_is_the_services_400(client: LogsQueryClient) -> None:
    """The client raises the service's error, its innermost message naming what is missing."""
    with pytest.raises(HttpResponseError) as raised:
        client.query_workspace(WORKSPACE_ID, "Nothing | count", timespan=None)
    assert raised.value.status_code == 400
    assert raised.value.model is not None
    assert raised.value.model.code == "BadArgumentError"
    assert "'Nothing' could not be found" in raised.value.model.message


def test_too_many_rows_are_a_partial_answer(client: LogsQueryClient, cloud: Cloud) -> None:
    """Beyond the limit of rows the answer is cut and carries E_QUERY_RESULT_SET_TOO_LARGE beside 200."""
    cloud.limits.rows = 2
    result = client.query_workspace(WORKSPACE_ID, "EmailEvents", timespan=None)
    assert isinstance(result, LogsQueryPartialResult)
    assert len(result.partial_data[0].rows) == 2
    assert result.partial_error is not None
    assert result.partial_error.code == "PartialError"
    assert "E_QUERY_RESULT_SET_TOO_LARGE" in str(result.partial_error.details)
    assert isinstance(client.query_workspace(WORKSPACE_ID, "EmailEvents | take 2", timespan=None), LogsQueryResult)


def test_too_many_bytes_are_a_partial_answer(client: LogsQueryClient, cloud: Cloud) -> None:
    """Beyond the limit of bytes it is the same, and what is left fits."""
    cloud.limits.bytes = 3_000
    cloud.load("EmailEvents", [event(f"n{number}", Subject="x" * 500) for number in range(10)])
    result = client.query_workspace(WORKSPACE_ID, "EmailEvents | project Subject", timespan=None)
    assert isinstance(result, LogsQueryPartialResult)
    assert 1 <= len(result.partial_data[0].rows) < 6


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"path": "/v1/workspaces/00000000-0000-0000-0000-000000000009/query"}, 404, "WorkspaceNotFoundError"),
        ({"path": f"/v2/workspaces/{WORKSPACE_ID}/query"}, 404, "PathNotFoundError"),
        ({"method": "GET"}, 405, "MethodNotAllowedError"),
        ({"data": "no json"}, 400, "BadArgumentError"),
        ({"json": {"query": ""}}, 400, "BadArgumentError"),
        ({"json": {"query": "print 1", "timespan": "a while"}}, 400, "BadArgumentError"),
        ({"json": {"query": "print 1", "workspaces": ["another"]}}, 400, "BadArgumentError"),
        ({"headers": {"Prefer": "wait=601"}}, 400, "BadArgumentError"),
        ({"headers": {"Prefer": "wait=600,include-statistics=true"}}, 200, ""),
    ],
)
def test_requests_are_checked(caller: Caller, change: dict[str, Any], status: int, code: str) -> None:
    """Path, workspace, method, body, timespan and Prefer are checked as the service does."""
    more = {"json": {"query": "print 1"}, **change}
    if "data" in more:
        del more["json"]
    url = caller.cloud.address("log_analytics") + more.pop("path", f"/v1/workspaces/{WORKSPACE_ID}/query")
    answer = caller.call(more.pop("method", "POST"), url, "log_analytics", **more)
    assert (answer.status_code, answer.json().get("error", {}).get("code", "")) == (status, code)


@pytest.mark.parametrize(
    "query",
    [
        "EmailEvents | summarize count()",
        "let Mail = EmailEvents | where true; Mail | distinct Subject",
        "EmailEvents | top 1 by TimeGenerated",
    ],
)
def test_a_table_on_the_basic_plan_cannot_be_summarised(caller: Caller, query: str) -> None:
    """On the Basic plan only filtering and projecting work; the refusal says so."""
    assert caller.query(query).status_code == 200
    caller.cloud.tables.set_basic("EmailEvents")
    refused = caller.query(query)
    assert refused.status_code == 400
    assert "Basic plan" in refused.text
    assert caller.query("EmailEvents | where Subject has 'n1' | project Subject").status_code == 200


def test_tables_can_look_as_documented_or_be_absent(caller: Caller) -> None:
    """EmailEvents comes with Timestamp or, as the reference has it, without; any table can be taken away."""
    with Cloud(timestamp=False) as documented, Caller(documented) as other:
        assert "'Timestamp'" in other.query("EmailEvents | project Timestamp").text
        assert other.rows('EmailEvents | extend x = column_ifexists("Timestamp", TimeGenerated) | count') == [[0]]
    assert caller.rows("EmailEvents | where isnotempty(Timestamp) | count") == [[3]]
    for table in ("EmailEvents", "EmailPostDeliveryEvents", "SecurityIncident"):
        assert caller.query(f"{table} | count").status_code == 200
        caller.cloud.remove(table)
        assert f"'{table}' could not be found" in caller.query(f"{table} | count").text


def test_rows_are_loaded_appended_and_replaced(caller: Caller, tmp_path: Path) -> None:
    """Rows come as dicts, NDJSON, Parquet or Arrow; a column that the table has not is named."""
    caller.cloud.append("EmailEvents", [event("n4")])
    assert caller.rows("EmailEvents | count") == [[4]]
    lines = tmp_path / "more.ndjson"
    lines.write_text('{"TimeGenerated": "2026-11-24T00:00:00Z", "NetworkMessageId": "n5", "To": ["a","b"]}\n', "utf-8")
    caller.cloud.append("EmailEvents", lines)
    for path, form in ((tmp_path / "more.parquet", "Parquet"), (tmp_path / "more.arrow", "ArrowStream")):
        engine().sql(
            f"INSERT INTO FUNCTION file({literal(str(path))}, {form}) SELECT 'n6' AS NetworkMessageId,"
            f" toDateTime64('{NOW:%F %T}', 6, 'UTC') AS TimeGenerated, 2 AS AttachmentCount"
        )
        caller.cloud.append("EmailEvents", path)
    kql = "EmailEvents | where NetworkMessageId > 'n4' | order by NetworkMessageId asc"
    assert caller.rows(f"{kql} | project NetworkMessageId, TimeGenerated, To, AttachmentCount, Subject") == [
        ["n5", "2026-11-24T00:00:00Z", '["a","b"]', None, ""],
        *[["n6", "2026-11-24T06:00:00Z", None, 2, ""]] * 2,
    ]
    caller.cloud.load("EmailEvents", [event("n7")])
    assert caller.rows("EmailEvents | project NetworkMessageId") == [["n7"]]
    with pytest.raises(ValueError, match="EmailEvents has no column Colour"):
        caller.cloud.append("EmailEvents", [{"Colour": "red"}])
    caller.cloud.define("AppTraces", {"TimeGenerated": "datetime", "Message": "string", "SeverityLevel": "int"})
    caller.cloud.load("AppTraces", [{"TimeGenerated": NOW, "Message": "m"}])
    assert caller.rows("AppTraces | summarize max(SeverityLevel), count()") == [[None, 1]]


def test_clouds_of_one_process_do_not_mix(caller: Caller) -> None:
    """Two clouds at once have the same tables with rows of their own."""
    with Cloud([event("other")], clock=lambda: NOW) as second, Caller(second) as other:
        assert other.rows("EmailEvents | project NetworkMessageId") == [["other"]]
        assert caller.rows("EmailEvents | count") == [[3]]


def test_queries_are_throttled_when_asked_for() -> None:
    """With rate limits on, the 201st query of a burst is a 429 with Retry-After."""
    with Cloud(throttle=1e-6) as cloud, Caller(cloud) as caller:
        cloud.faults.add(
            Fault(service="log_analytics", containing="spend", times=None, status=200, body={}, effect=True)
        )
        for _ in range(200):
            caller.query("spend")
        answer = caller.query("print 1")
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) > 0


class TestGraph:
    """Advanced hunting over Graph."""

    def test_the_table_is_defenders_own(self, caller: Caller) -> None:
        """There, EmailEvents has Timestamp and no TimeGenerated, and reaches back thirty days."""
        rows = caller.hunt("EmailEvents | order by Timestamp asc | project NetworkMessageId").json()["results"]
        assert rows == [{"NetworkMessageId": "n2"}, {"NetworkMessageId": "n1"}]
        refused = caller.hunt("EmailEvents | where TimeGenerated > ago(1d)")
        assert refused.status_code == 400
        assert "TimeGenerated" in refused.json()["error"]["message"]
        assert caller.hunt("EmailEvents | count", "P1D").json()["results"] == [{"Count": 1}]
        assert caller.hunt("SecurityIncident | count").status_code == 400

    def test_one_current_row_per_message_and_recipient(self, caller: Caller) -> None:
        """Of re-streamed rows the newest filled one is kept; where none is filled, the newest."""
        late = NOW - timedelta(hours=1)
        caller.cloud.load(
            "EmailEvents",
            [
                event("n1", 3, LatestDeliveryAction="Delivered"),
                event("n1", 3, LatestDeliveryAction="Soft delete", LastEventExecutionTime=late),
                event("n1", 1, recipient="A@contoso.com", LatestDeliveryAction=None),
                event("n1", 3, recipient="b@contoso.com"),
                event("n2", 3, LatestDeliveryAction=None, Subject="old"),
                event("n2", 2, LatestDeliveryAction="", Subject="new"),
            ],
        )
        found = caller.hunt(
            "EmailEvents | project NetworkMessageId, RecipientEmailAddress, LatestDeliveryAction, Subject"
            " | order by NetworkMessageId asc, RecipientEmailAddress asc"
        ).json()["results"]
        assert [tuple(row.values()) for row in found] == [
            ("n1", "a@contoso.com", "Soft delete", "about n1"),
            ("n1", "b@contoso.com", "Hard delete", "about n1"),
            ("n2", "a@contoso.com", "", "new"),
        ]
        caller.cloud.append("EmailEvents", [event("n3")])
        assert caller.hunt("EmailEvents | count").json()["results"] == [{"Count": 4}]

    def test_deliveries_too(self, caller: Caller) -> None:
        """EmailPostDeliveryEvents is there with Timestamp, as it is in the workspace."""
        caller.cloud.load("EmailPostDeliveryEvents", [{"TimeGenerated": NOW, "ActionType": "Phish ZAP"}])
        found = caller.hunt("EmailPostDeliveryEvents | project Timestamp, ActionType").json()["results"]
        assert found == [{"Timestamp": "2026-11-24T06:00:00Z", "ActionType": "Phish ZAP"}]

    def test_the_answers_shape(self, caller: Caller) -> None:
        """Schema and results come with keys in either casing, lists as text or as lists."""
        kql = "EmailEvents | summarize Rows = count(), L = make_list(Subject), Newest = max(Timestamp) by Some = 'x'"
        answer = caller.hunt(kql).json()
        assert answer["schema"] == [
            {"name": "Some", "type": "String"},
            {"name": "Rows", "type": "Int64"},
            {"name": "L", "type": "Object"},
            {"name": "Newest", "type": "DateTime"},
        ]
        assert answer["results"][0]["L"] == '["about n1","about n2"]'
        caller.cloud.graph.casing = "pascal"
        caller.cloud.graph.lists_as_text = False
        answer = caller.hunt(kql).json()
        assert answer["Schema"][0] == {"Name": "Some", "Type": "String"}
        assert answer["Results"][0]["L"] == ["about n1", "about n2"]

    def test_its_limits(self, caller: Caller) -> None:
        """Too many rows are a 400, too many calls a 429, another path a 404, no query a 400."""
        caller.cloud.limits.graph_rows = 1
        refused = caller.hunt("EmailEvents")
        assert refused.status_code == 400
        assert "exceeded the allowed result size" in refused.text
        assert caller.hunt("").status_code == 400
        url = caller.cloud.address("graph") + "/v1.0/security/other"
        assert caller.call("POST", url, "graph", json={}).status_code == 404
        with Cloud(throttle=1e-6) as cloud, Caller(cloud) as other:
            statuses = {other.hunt("").status_code for _ in range(45)}
            assert statuses == {400}
            assert other.hunt("").status_code == 429
