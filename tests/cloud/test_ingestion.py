"""The small Azure's Logs Ingestion API: who may upload, what is refused, what is stored and when it can be read."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import requests

from tests.cloud import Cloud, Fault, Wire
from tests.cloud.ingestion import RULE_ID, STREAM, IngestionLimits
from tests.support.caller import Caller
from tests.support.clock import START, FakeClock

ROW = {"Kind": "finding", "FindingId": "f", "Attempt": 1, "TimeGenerated": START.isoformat()}
ALL = "EmailRemediationFindings_CL | project FindingId, Attempt, TimeGenerated, ingested = ingestion_time()"


class Uploads:
    """Uploads to one small Azure, and queries of what it stored."""

    def __init__(self, caller: Caller, clock: FakeClock) -> None:
        self.caller, self.cloud, self.clock = caller, caller.cloud, clock

    def send(
        self,
        body: Any,
        rule: str = RULE_ID,
        stream: str = STREAM,
        version: str = "2023-01-01",
        service: str = "ingestion",
        **headers: str,
    ) -> requests.Response:
        """One upload of bytes, or of what JSON can hold."""
        url = f"{self.cloud.address('ingestion')}/dataCollectionRules/{rule}/streams/{stream}"
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {
            "Content-Type": "application/json",
            **{name.replace("_", "-"): each for name, each in headers.items()},
        }
        return self.caller.call("POST", url, service, data=data, headers=headers, params={"api-version": version})

    def stored(self, *columns: str) -> list[list[Any]]:
        """These columns of all rows that can be read tomorrow."""
        self.clock.advance(days=1)
        return self.caller.rows(f"EmailRemediationFindings_CL | order by RowId asc | project {', '.join(columns)}")


@pytest.fixture
def uploads(clock: FakeClock) -> Iterator[Uploads]:
    """A small Azure with the table and its data collection rule."""
    with Cloud(clock=clock.now) as cloud, Caller(cloud) as caller:
        cloud.deploy_findings()
        yield Uploads(caller, clock)


def refusal_of(answer: requests.Response) -> tuple[int, str]:
    """An error's status and code, which stands in a header as well."""
    code = answer.json()["error"]["code"]
    assert answer.headers["x-ms-error-code"] == code
    return answer.status_code, code


def test_rows_can_be_read_some_minutes_later_the_first_ones_later_still(uploads: Uploads) -> None:
    """204 without a body; ingestion_time() is when a row can be read from."""
    answer = uploads.send([ROW])
    assert (answer.status_code, answer.content) == (204, b"")
    uploads.clock.advance(minutes=11.9)
    assert uploads.caller.rows(ALL) == []
    uploads.clock.advance(minutes=0.1)
    (row,) = uploads.caller.rows(ALL)
    assert row == ["f", 1, "2026-11-24T06:00:00Z", "2026-11-24T06:12:00Z"]
    uploads.send([{**ROW, "FindingId": "g"}])
    uploads.clock.advance(minutes=2.9)
    assert len(uploads.caller.rows(ALL)) == 1
    uploads.clock.advance(minutes=0.1)
    assert [row[0] for row in uploads.caller.rows(f"{ALL} | order by ingested asc")] == ["f", "g"]
    uploads.cloud.ingestion.delay = timedelta(hours=7)
    uploads.send([{**ROW, "FindingId": "late"}])
    uploads.clock.advance(hours=6.9)
    assert len(uploads.caller.rows(ALL)) == 2
    uploads.clock.advance(hours=0.2)
    assert len(uploads.caller.rows(ALL)) == 3


def test_without_a_deployment_there_is_neither_table_nor_rule(clock: FakeClock) -> None:
    """Until `deploy_findings` the table is missing and the data collection rule is not found."""
    with Cloud(clock=clock.now) as cloud, Caller(cloud) as caller:
        assert refusal_of(Uploads(caller, clock).send([ROW])) == (404, "NotFound")
        assert caller.query("EmailRemediationFindings_CL").status_code == 400
        assert caller.rows("SecurityAlert") == []


REFUSED: dict[str, tuple[dict[str, Any], tuple[int, str]]] = {
    "another rule": ({"rule": "dcr-" + "0" * 32}, (404, "NotFound")),
    "another stream": ({"stream": "Custom-Other_CL"}, (404, "NotFound")),
    "another version": ({"version": "2020-01-01"}, (400, "UnsupportedApiVersion")),
    "a token for ARM": ({"service": "sentinel"}, (401, "InvalidToken")),
    "no token": ({"service": ""}, (401, "MissingToken")),
    "no JSON": ({"body": b'[{"a":1}'}, (400, "InvalidPayload")),
    "not UTF-8": ({"body": b'[{"a":"\xff"}]'}, (400, "InvalidPayload")),
    "NaN": ({"body": b'[{"Attempt":NaN}]'}, (400, "InvalidPayload")),
    "an object": ({"body": ROW}, (400, "InvalidPayload")),
    "a text": ({"body": "finding"}, (400, "InvalidPayload")),
    "an array of texts": ({"body": [ROW, "finding"]}, (400, "InvalidPayload")),
    "no gzip": ({"body": [ROW], "Content_Encoding": "gzip"}, (400, "InvalidContentEncoding")),
    "half a gzip": ({"body": gzip.compress(b"[{}]")[:-9], "Content_Encoding": "gzip"}, (400, "InvalidContentEncoding")),
    "deflated": ({"body": [ROW], "Content_Encoding": "deflate"}, (415, "UnsupportedContentEncoding")),
    "plain text": ({"body": [ROW], "Content_Type": "text/plain"}, (415, "UnsupportedMediaType")),
    "over 1 MB": ({"body": b"[" + b" " * 1_048_575 + b"]"}, (413, "ContentLengthLimitExceeded")),
    "over 1 MB unpacked": (
        {"body": gzip.compress(b"[" + b" " * 1_048_575 + b"]"), "Content_Encoding": "gzip"},
        (413, "ContentLengthLimitExceeded"),
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused_stores_nothing(uploads: Uploads, what: str) -> None:
    """Each refusal has the service's status and code, and no row comes of it."""
    given, expected = REFUSED[what]
    answer = uploads.send(**{"body": [ROW], **given})
    if expected[0] == 401:
        assert (answer.status_code, answer.json()["error"]["code"]) == expected
        assert "error" in answer.headers["WWW-Authenticate"]
    else:
        assert refusal_of(answer) == expected
    assert uploads.cloud.ingestion.rows == []


def test_the_limit_is_a_megabyte_to_the_byte(uploads: Uploads) -> None:
    """1,048,576 bytes are taken, packed or not; an empty body is a 500 without a word."""
    body = b"[" + b" " * 1_048_574 + b"]"
    assert uploads.send(body).status_code == 204
    assert uploads.send(gzip.compress(body), Content_Encoding="gzip").status_code == 204
    empty = uploads.send(b"")
    assert (empty.status_code, empty.content) == (500, b"")


def test_without_the_role_nothing_is_taken(uploads: Uploads) -> None:
    """403 until the role is granted."""
    uploads.cloud.ingestion.granted = False
    assert refusal_of(uploads.send([ROW])) == (403, "OperationFailed")
    uploads.cloud.ingestion.granted = True
    assert uploads.send([ROW]).status_code == 204
    assert len(uploads.cloud.ingestion.rows) == 1


@pytest.mark.parametrize("limits", [IngestionLimits(calls_a_minute=2), IngestionLimits(bytes_a_minute=200)])
def test_too_much_in_a_minute_must_wait(uploads: Uploads, limits: IngestionLimits) -> None:
    """429 says until when: the next minute, by the small Azure's clock."""
    uploads.cloud.ingestion.limits = limits
    uploads.clock.advance(seconds=18.5)
    assert [uploads.send([ROW]).status_code for _ in range(2)] == [204, 204]
    refused = uploads.send([ROW])
    assert (refusal_of(refused), refused.headers["Retry-After"]) == ((429, "TooManyRequests"), "42")
    uploads.clock.advance(seconds=41.4)
    assert uploads.send([ROW]).headers["Retry-After"] == "1"
    uploads.clock.advance(seconds=0.2)
    assert uploads.send([ROW]).status_code == 204
    assert len(uploads.cloud.ingestion.rows) == 3


def test_a_field_over_64_kb_is_cut(uploads: Uploads) -> None:
    """A text is cut after 65,536 bytes and no half character stays; a list is cut as its JSON."""
    exact, long = "ä" * 32_768, "x" + "ä" * 32_768
    rows = [
        {"RowId": "1", "Description": exact},
        {"RowId": "2", "Description": long, "MessageHashes": ["h" * 9] * 9000},
    ]
    assert uploads.send(rows).status_code == 204
    first, second = uploads.stored("Description", "MessageHashes")
    assert first == [exact, None]
    assert second[0] == "x" + "ä" * 32_767
    assert len(second[1]) == 65_536


def test_only_known_columns_of_the_right_type_are_stored(uploads: Uploads) -> None:
    """Unknown columns are dropped, what does not fit a column's type is missing, a number may come as text."""
    rows = [
        {"RowId": "1", "Unknown": 1, "findingid": "x", "Attempt": "3", "Episode": 2**31, "Sum_case": 4.9, "Reason": 5},
        {"RowId": "2", "Attempt": True, "Episode": "none", "Reason": {"a": [1]}, "NewestMessages": [{"Subject": "ß"}]},
        {"RowId": "3", "Attempt": -(2**31), "Reason": None, "Sum_case": "1e400", "MessageHashes": "a text"},
    ]
    assert uploads.send(rows).status_code == 204
    columns = ("FindingId", "Attempt", "Episode", "Sum_case", "Reason", "NewestMessages", "MessageHashes")
    assert uploads.stored(*columns) == [
        ["", 3, None, 4, "5", None, None],
        ["", None, None, None, '{"a":[1]}', '[{"Subject":"ß"}]', None],
        ["", -(2**31), None, None, "", None, '"a text"'],
    ]


def test_a_time_that_is_too_old_becomes_the_time_of_arrival(uploads: Uploads) -> None:
    """TimeGenerated may be two days old and a day ahead; another column's time stays as it is."""
    old, edge = START - timedelta(days=2, seconds=1), START - timedelta(days=2)
    times = [old.isoformat(), edge.isoformat(), (START + timedelta(days=1, seconds=1)).isoformat(), "yesterday", None]
    uploads.send([{"RowId": str(place), "TimeGenerated": time, "FoundAt": time} for place, time in enumerate(times)])
    found = uploads.stored("TimeGenerated", "FoundAt")
    now = "2026-11-24T06:00:00Z"
    assert [row[0] for row in found] == [now, "2026-11-22T06:00:00Z", now, now, now]
    assert [row[1] for row in found] == [
        "2026-11-22T05:59:59Z",
        "2026-11-22T06:00:00Z",
        "2026-11-25T06:00:01Z",
        None,
        None,
    ]


def test_answers_are_lost_and_parts_fail_as_elsewhere(uploads: Uploads) -> None:
    """A lost answer leaves the row stored, a refused part is not, a 204 may come of nothing."""
    lost = Fault(service="ingestion", wire=Wire.DROP, effect=True)
    uploads.cloud.faults.add(lost)
    with pytest.raises(requests.ConnectionError):
        uploads.send([{"RowId": "1"}])
    uploads.cloud.faults.add(Fault(service="ingestion", containing='"2"', status=503, headers={"Retry-After": "1"}))
    uploads.cloud.faults.add(Fault(service="ingestion", containing='"3"', status=204))
    assert [uploads.send([{"RowId": each}]).status_code for each in "234"] == [503, 204, 204]
    assert uploads.stored("RowId") == [["1"], ["4"]]
    uploads.cloud.faults.add(Fault(service="ingestion", status=403))
    assert uploads.send([ROW]).json()["error"]["code"] == "OperationFailed"


def test_many_threads_may_upload_and_nothing_is_lost(uploads: Uploads) -> None:
    """Each row of forty concurrent uploads is there once; what was kept can be restored."""
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda place: uploads.send([{"RowId": f"{place:02}"}]).status_code, range(40)))
    assert answers == [204] * 40
    kept = uploads.cloud.ingestion.kept()
    expected = [[f"{place:02}"] for place in range(40)]
    assert uploads.stored("RowId") == expected
    uploads.send([ROW])
    assert len(uploads.stored("RowId")) == 41
    uploads.cloud.ingestion.restore(kept)
    assert uploads.stored("RowId") == expected


def test_each_cloud_has_an_audience_of_its_own() -> None:
    """The token's audience is the cloud's monitor."""
    ends = {"AzureCloud": "com", "AzureUSGovernment": "us", "AzureChinaCloud": "cn"}
    for name, end in ends.items():
        with Cloud(cloud=name) as cloud, Caller(cloud) as caller:
            cloud.deploy_findings()
            assert cloud.identity.audiences.ingestion == f"https://monitor.azure.{end}"
            answer = caller.call(
                "GET",
                f"{cloud.address('identity')}/msi/token",
                headers={"X-IDENTITY-HEADER": cloud.identity.header},
                params={
                    "api-version": "2019-08-01",
                    "resource": f"https://monitor.azure.{end}/",
                    "client_id": cloud.identity.client_id,
                },
            )
            token = answer.json()["access_token"]
            road = cloud.rule_road
            assert (road["RAISE_BY"], road["FINDINGS_STREAM"]) == ("rule", STREAM)
            url = f"{road['FINDINGS_ENDPOINT']}/dataCollectionRules/{road['FINDINGS_RULE_ID']}/streams/{STREAM}"
            sent = caller.call(
                "POST",
                url,
                json=[ROW],
                params={"api-version": "2023-01-01"},
                headers={"Authorization": f"Bearer {token}"},
            )
            assert sent.status_code == 204
