"""Uploads to the findings table: batches that the service takes, errors with what to do, repeated without harm."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from shared.errors import Forbidden, NotFound, PartialData, Rejected, SignInFailed, SweepError, Throttled, Unavailable
from shared.http.rate_limit import standard_rate_limits
from shared.incidents.road import is_refused, of_the_road
from shared.incidents.upload import CALL_BYTES, FIELD_BYTES, FindingUploads, batches
from tests.cloud import Fault, Wire
from tests.cloud.ingestion import RULE_ID, STREAM
from tests.support.clients import Clients, connected
from tests.support.clock import FakeClock
from tests.support.examples import examples_of


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """A small Azure with the findings table and its collection rule."""
    with connected(monkeypatch) as made:
        made.cloud.deploy_findings()
        yield made


def uploads(azure: Clients, rule: str = RULE_ID, stream: str = STREAM) -> FindingUploads:
    """The client of its Logs Ingestion API."""
    audience = azure.settings.cloud.ingestion_audience
    return FindingUploads(azure.http, azure.cloud.address("ingestion"), audience, rule, stream)


def _row(number: int, size: int = 0) -> dict[str, Any]:
    return {"RowId": str(number), "Kind": "finding", "Description": "x" * size}


def _there(azure: Clients) -> list[str]:
    return [row["RowId"] for row in azure.cloud.ingestion.rows]


def _large(count: int = 40) -> list[dict[str, Any]]:
    """Rows of 60,000 bytes: 16 of them fit a call."""
    return [_row(number, 60_000) for number in range(count)]


def test_rows_arrive_with_the_time_of_their_upload(azure: Clients) -> None:
    """One POST for what fits, in order, with our token for the cloud's monitor; the time is now."""
    uploads(azure).upload([_row(1), _row(2)])
    [request] = azure.sent("ingestion")
    assert (request.method, request.status) == ("POST", 204)
    assert request.headers["content-type"] == "application/json"
    assert _there(azure) == ["1", "2"]
    assert [row["TimeGenerated"] for row in request.json] == ["2026-11-24T06:00:00.000Z"] * 2


def test_no_row_is_no_request(azure: Clients) -> None:
    """Nothing to upload, nothing sent."""
    uploads(azure).upload([])
    assert not azure.sent("ingestion")


def test_many_rows_go_in_calls_that_the_service_takes(azure: Clients) -> None:
    """No call is larger than 1 MB, brackets and commas counted, and no row is lost or out of order."""
    uploads(azure).upload(_large())
    assert _there(azure) == [str(number) for number in range(40)]
    sizes = [len(request.body) for request in azure.sent("ingestion")]
    assert len(sizes) == 3
    assert max(sizes) <= CALL_BYTES < 2**20


@pytest.mark.examples
@examples(max_examples=examples_of(60), deadline=None)
@given(st.lists(st.integers(0, 1_000), max_size=40), st.integers(120, 1_300))
def test_batches_are_as_large_as_they_may_be(sizes: list[int], limit: int) -> None:
    """Every batch is JSON within the limit; no two neighbours would have fit into one; all rows are there in order."""
    rows = [{"a": "ü" * (size // 2)} for size in sizes]
    if max((_length([row]) for row in rows), default=0) > limit:
        with pytest.raises(Rejected):
            list(batches(rows, limit))
        return
    made = list(batches(rows, limit))
    assert [row for batch in made for row in json.loads(batch)] == rows
    assert all(len(batch) <= limit for batch in made)
    for one, other in pairwise(made):
        assert len(one) + 1 + _length(json.loads(other)[0]) > limit


def test_a_call_is_full_to_the_byte() -> None:
    """Two rows that fit a call exactly go in one, brackets and the comma counted; with a byte less in two."""
    rows: list[dict[str, Any]] = [{"a": 1}, {"b": "ü"}]
    exact = _length(rows)
    assert [len(batch) for batch in batches(rows, exact)] == [exact]
    assert len(list(batches(rows, exact - 1))) == 2
    with pytest.raises(Rejected, match="a row has 12 bytes"):
        list(batches(rows, 11))


def _length(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (_row(1, FIELD_BYTES + 1), "the column Description has 65,537 bytes, more than the 65,536 of a field"),
        ({"Description": "ü" * 32_769}, "the column Description has 65,538 bytes"),
        ({"MessageHashes": ["a" * 16] * 4_000}, "the column MessageHashes has"),
        ({f"c{place}": "x" * 60_000 for place in range(17)}, "a row has 1,020"),
    ],
)
def test_what_is_too_large_is_not_sent(azure: Clients, row: dict[str, Any], words: str) -> None:
    """The service would cut a field without a word: it is refused here before any row goes, for a smaller form."""
    with pytest.raises(Rejected, match=words) as caught:
        uploads(azure).upload([_row(0), row])
    assert is_refused(caught.value)
    assert not of_the_road(caught.value)
    assert not azure.sent("ingestion")


def test_a_field_of_just_the_limit_is_whole(azure: Clients) -> None:
    """65,536 bytes are taken, and arrive."""
    uploads(azure).upload([_row(1, FIELD_BYTES)])
    assert len(azure.cloud.ingestion.rows[0]["Description"]) == FIELD_BYTES


# --- what goes wrong


@pytest.mark.parametrize(
    ("fault", "requests"),
    [
        ({"status": 429, "headers": {"Retry-After": "7"}}, 2),
        ({"status": 503}, 2),
        ({"status": 500, "effect": True}, 2),
        ({"status": 408}, 2),
        ({"status": 502}, 2),
        ({"status": 401}, 2),
        ({"wire": Wire.DROP}, 2),
        ({"wire": Wire.DROP, "effect": True}, 2),
        ({"status": 200, "body": "<html>blocked</html>"}, 2),
        ({"status": 200, "body": b""}, 1),
        ({"status": 202, "body": {"a": 1}}, 1),
    ],
    ids=str,
)
def test_a_passing_fault_is_retried(azure: Clients, fault: dict[str, Any], requests: int) -> None:
    """An upload is safe to repeat: whatever passes is tried again, a lost answer too; the row is there in the end."""
    azure.cloud.faults.add(Fault(service="ingestion", **fault))
    uploads(azure).upload([_row(1)])
    assert len(azure.sent("ingestion")) == requests
    if requests == 2:
        assert set(_there(azure)) == {"1"}
    if "Retry-After" in fault.get("headers", {}):
        assert azure.clock.monotonic() >= 7


@pytest.mark.parametrize(
    ("fault", "kind", "words", "maybe"),
    [
        ({"status": 403}, Forbidden, "Monitoring Metrics Publisher on the data collection rule", False),
        ({"status": 404}, NotFound, "FINDINGS_ENDPOINT, FINDINGS_RULE_ID and FINDINGS_STREAM", False),
        ({"status": 401}, SignInFailed, "check AZURE_CLOUD", False),
        ({"status": 429}, Throttled, "nothing to do", False),
        ({"status": 503}, Unavailable, "the next sweep tries again", True),
        ({"wire": Wire.DROP}, Unavailable, "no complete response", True),
        ({"status": 200, "body": "<html>blocked</html>"}, PartialData, "answered 200 with a web page", False),
        ({"status": 302, "headers": {"Location": "/"}}, Rejected, "redirects are not followed", False),
    ],
    ids=str,
)  # fmt: skip
def test_what_lasts_says_what_to_do(
    azure: Clients, fault: dict[str, Any], kind: type[SweepError], words: str, maybe: bool
) -> None:
    """An error that lasts is of every upload, names its role or setting, and says whether the rows may be there."""
    azure.cloud.faults.add(Fault(service="ingestion", times=None, **fault))
    with pytest.raises(kind, match=words) as caught:
        uploads(azure).upload([_row(1)])
    error = caught.value
    assert str(error).startswith("The Logs Ingestion API ")
    assert (error.maybe_done, error.cause) == (maybe, f"ingestion_{error.kind}")
    assert of_the_road(error)
    assert not is_refused(error)


@pytest.mark.parametrize(
    ("status", "code", "message", "refused"),
    [
        (413, "ContentLengthLimitExceeded", "Maximum allowed content length: 1048576 bytes (1 MB).", True),
        (413, "", "", True),
        (400, "InvalidPayload", "The request body is not valid JSON.", True),
        (422, "Unprocessable", "A value is not taken.", True),
        (400, "InvalidStream", "The stream Custom-X was not configured in the rule", False),
        (400, "OperationFailed", "Data collection rule with immutable Id 'dcr-1' is not ready", False),
        (400, "", "", False),
    ],
)
def test_a_refusal_of_what_rows_hold_is_told_from_one_of_the_address(
    azure: Clients, status: int, code: str, message: str, refused: bool
) -> None:
    """Only what is about the rows is tried in another form; what is about the rule or the stream meets every upload."""
    body = {"error": {"code": code, "message": message}} if code else b"no"
    azure.cloud.faults.add(Fault(service="ingestion", status=status, body=body, times=None))
    with pytest.raises(Rejected) as caught:
        uploads(azure).upload([_row(1)])
    assert (is_refused(caught.value), of_the_road(caught.value)) == (refused, not refused)
    assert len(azure.sent("ingestion")) == 1


@pytest.mark.parametrize(("rule", "stream"), [("dcr-" + "0" * 32, STREAM), (RULE_ID, STREAM + "2")])
def test_a_wrong_rule_or_stream_is_named(azure: Clients, rule: str, stream: str) -> None:
    """The service's own 404 is about the settings."""
    with pytest.raises(NotFound, match="FINDINGS_RULE_ID and FINDINGS_STREAM") as caught:
        uploads(azure, rule, stream).upload([_row(1)])
    assert of_the_road(caught.value)


def test_what_is_quoted_holds_nothing_of_the_mail(azure: Clients) -> None:
    """A refusal may quote what it refuses, which is an attacker's subject."""
    body = {"error": {"code": "InvalidPayload", "message": "The value 'Pay this invoice now' of Subject1 is not taken"}}
    azure.cloud.faults.add(Fault(service="ingestion", status=400, body=body))
    with pytest.raises(Rejected) as caught:
        uploads(azure).upload([_row(1)])
    assert "invoice" not in str(caught.value)


@pytest.mark.parametrize("fails", [0, 1, 2])
def test_a_partial_failure_sends_nothing_twice(azure: Clients, fails: int) -> None:
    """When a batch fails for good, those before it are there once, and none after it is sent."""
    azure.cloud.faults.add(Fault(service="ingestion", status=403, after=fails, times=None))
    with pytest.raises(Forbidden):
        uploads(azure).upload(_large())
    assert _there(azure) == [str(number) for number in range(16 * fails)]
    assert len(azure.sent("ingestion")) == fails + 1


def test_a_batch_that_passes_later_is_there_once(azure: Clients) -> None:
    """A fault of the second batch repeats that batch alone."""
    azure.cloud.faults.add(Fault(service="ingestion", status=503, after=1))
    uploads(azure).upload(_large())
    assert _there(azure) == [str(number) for number in range(40)]
    assert len(azure.sent("ingestion")) == 4


def test_uploads_keep_to_their_own_rate_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are slowed down ahead of time, and a 429 to one of them slows no request to ARM."""
    clock = FakeClock()
    with connected(monkeypatch, clock=clock, rate_limits=standard_rate_limits(clock)) as azure:
        azure.cloud.deploy_findings()
        client = uploads(azure)
        for number in range(60):
            client.upload([_row(number)])
        assert 0 < clock.monotonic() < 2
        azure.cloud.faults.add(Fault(service="ingestion", status=429, headers={"Retry-After": "100"}))
        client.upload([_row(99)])
        before = clock.monotonic()
        assert before > 100
        assert azure.sentinel.workspace_guid()
        assert clock.monotonic() == before


def test_the_check_uploads_no_row(azure: Clients) -> None:
    """Whether uploads are taken shows without a row."""
    uploads(azure).check()
    assert len(azure.sent("ingestion")) == 1
    assert _there(azure) == []
    azure.cloud.ingestion.granted = False
    with pytest.raises(Forbidden, match="Monitoring Metrics Publisher"):
        uploads(azure).check()
