"""ARM in the small Azure: the workspace, and Sentinel's incidents and comments with their rules and limits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.cloud import WORKSPACE_ID, WORKSPACE_RESOURCE_ID, Cloud, Fault
from tests.cloud.bucket import Bucket
from tests.support.caller import BODY, SENTINEL, Caller

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        """What time it is."""
        return self.time


@pytest.fixture
def clock() -> Clock:
    """A clock at 2026-11-24T06:00Z."""
    return Clock()


@pytest.fixture
def cloud(clock: Clock) -> Iterator[Cloud]:
    """A cloud that goes by the clock."""
    with Cloud(clock=clock) as made:
        yield made


@pytest.fixture
def caller(cloud: Cloud) -> Iterator[Caller]:
    """A caller of the cloud."""
    with Caller(cloud) as made:
        yield made


def _code(answer: Any) -> tuple[int, str]:
    """An error's status and code."""
    return answer.status_code, answer.json()["error"]["code"]


def _properties(answer: Any) -> dict[str, Any]:
    """An answer's properties."""
    found: dict[str, Any] = answer.json()["properties"]
    return found


class TestWorkspace:
    """The workspace resource."""

    @pytest.mark.parametrize(
        ("old", "new", "expected"),
        [
            ("", "", ""),
            ("workspaces/", "workspaces/x", "ResourceNotFound"),
            ("resourceGroups/", "resourceGroups/x", "ResourceGroupNotFound"),
            ("subscriptions/d", "subscriptions/e", "SubscriptionNotFound"),
            ("workspaces", "Workspaces", ""),
            ("workspaces", "solutions", "InvalidResourceType"),
            ("2023-09-01", "2019-09-01", "InvalidApiVersionParameter"),
            ("api-version", "version", "MissingApiVersionParameter"),
        ],
    )
    def test_is_found_by_its_id_and_a_known_version(self, caller: Caller, old: str, new: str, expected: str) -> None:
        """Its customerId is the workspace's GUID; another name or version is refused as ARM does."""
        target = f"{WORKSPACE_RESOURCE_ID}?api-version=2023-09-01".replace(old, new)
        answer = caller.call("GET", caller.cloud.address("sentinel") + target, "sentinel")
        if expected:
            assert _code(answer) == (400 if "Version" in expected else 404, expected)
        else:
            assert _properties(answer)["customerId"] == WORKSPACE_ID

    def test_cannot_be_changed(self, caller: Caller) -> None:
        """It is only there to be read."""
        url = f"{caller.cloud.address('sentinel')}{WORKSPACE_RESOURCE_ID}?api-version=2023-09-01"
        assert caller.call("DELETE", url, "sentinel").status_code == 405


class TestIncidents:
    """Creating, reading, replacing."""

    def test_is_made_and_read(self, caller: Caller) -> None:
        """A PUT of what is not there makes it (201); read-only properties are the service's own."""
        answer = caller.put(
            "A1",
            labels=[{"labelName": "x"}],
            incidentNumber=99,
            providerName="me",
            description="d",
            lastModifiedTimeUtc="x",
        )
        assert answer.status_code == 201
        made = answer.json()
        assert made["id"] == f"{SENTINEL}/incidents/A1"
        assert made["etag"].startswith('"')
        assert made["properties"]["incidentNumber"] == 1
        assert made["properties"]["providerName"] == "Azure Sentinel"
        assert made["properties"]["labels"] == [{"labelName": "x", "labelType": "User"}]
        assert made["properties"]["createdTimeUtc"] == "2026-11-24T06:00:00Z"
        assert made["properties"]["owner"]["objectId"] is None
        assert caller.arm("GET", "/a1").json() == made
        assert _code(caller.arm("GET", "/a2")) == (404, "NotFound")

    @pytest.mark.parametrize("version", ["2025-09-01", "2025-12-01", "2024-01-01", ""])
    def test_versions(self, caller: Caller, version: str) -> None:
        """Only the two api-versions that are known to work are taken."""
        answer = caller.arm("GET", "/a", version=version)
        assert answer.status_code == (404 if version.startswith("2025") else 400)

    @pytest.mark.parametrize("etag", [None, '"0300bf09-0000-0000-0000-5c37296e0001"', ""])
    def test_a_stale_or_missing_etag_conflicts(self, caller: Caller, etag: str | None) -> None:
        """An existing incident is replaced only with its present etag; nothing is changed otherwise."""
        first = caller.put("a").json()
        answer = caller.put("a", etag, title="Other")
        assert _code(answer) == (409, "Conflict")
        assert "Newer version of resource 'a' exists. Data was not saved" in answer.text
        second = caller.put("a", first["etag"], title="Other")
        assert (second.status_code, _properties(second)["title"]) == (200, "Other")
        assert _code(caller.put("a", first["etag"])) == (409, "Conflict")

    def test_a_put_replaces_the_whole(self, caller: Caller, clock: Clock) -> None:
        """What a PUT leaves out is gone; number, creation time and URL stay; the modification time moves."""
        first = caller.put("a", description="d", labels=[{"labelName": "x"}], classification="TruePositive").json()
        clock.time += timedelta(hours=1)
        now = _properties(caller.put("a", first["etag"], severity="High"))
        assert "description" not in now
        assert "classification" not in now
        assert now["labels"] == []
        assert now["severity"] == "High"
        for kept in ("incidentNumber", "createdTimeUtc", "incidentUrl"):
            assert now[kept] == first["properties"][kept]
        assert now["lastModifiedTimeUtc"] == "2026-11-24T07:00:00Z"

    def test_an_etag_of_what_is_gone_is_not_found(self, caller: Caller) -> None:
        """A PUT with an etag never makes anew what was deleted."""
        etag = caller.put("a").json()["etag"]
        caller.cloud.analyst.delete("a")
        assert _code(caller.put("a", etag)) == (404, "NotFound")

    def test_overwriting_can_be_switched_on(self) -> None:
        """A cloud may overwrite on a stale etag instead of answering 409, as it is not settled which is so."""
        with Cloud(overwrites=True) as cloud, Caller(cloud) as caller:
            caller.put("a")
            assert _properties(caller.put("a", "stale", title="Other"))["title"] == "Other"

    @pytest.mark.parametrize(
        ("change", "fine"),
        [
            ({"title": None}, False),
            ({"title": " "}, False),
            ({"severity": None}, False),
            ({"severity": "high"}, False),
            ({"status": "Open"}, False),
            ({"classification": "Bad"}, False),
            ({"classification": "BenignPositive", "classificationReason": "SuspiciousButExpected"}, True),
            ({"classificationReason": "Because"}, False),
            ({"description": "x" * 5_000}, True),
            ({"description": "x" * 5_001}, False),
            ({"description": "\U0001f600" * 2_501}, False),
            ({"title": "x" * 150}, True),
            ({"title": "x" * 151}, False),
            ({"labels": [{"labelName": ""}]}, False),
            ({"labels": "x"}, False),
            ({"owner": "me"}, False),
            ({"owner": {"objectId": 7}}, False),
            ({"owner": {"assignedTo": "me"}}, True),
            ({"firstActivityTimeUtc": "2026-11-01T00:00:00.1234567Z"}, True),
            ({"lastActivityTimeUtc": "yesterday"}, False),
        ],
    )
    def test_properties_are_checked(self, caller: Caller, change: dict[str, Any], fine: bool) -> None:
        """Required properties, their values and limits (in UTF-16 units) are checked; what is refused is not stored."""
        answer = caller.put("a", **change)
        assert answer.status_code == (201 if fine else 400), answer.text
        assert bool(caller.cloud.incidents) == fine

    @pytest.mark.parametrize(
        ("more", "expected"),
        [
            ({"data": "{", "headers": {"Content-Type": "application/json"}}, (400, "InvalidRequestContent")),
            ({"json": ["x"]}, (400, "BadRequest")),
            ({"json": dict(BODY)}, (400, "BadRequest")),
            ({"data": "x"}, (415, "UnsupportedMediaType")),
        ],
    )
    def test_bodies_are_checked(self, caller: Caller, more: dict[str, Any], expected: tuple[int, str]) -> None:
        """A body must be JSON, say so, and hold properties."""
        url = f"{caller.cloud.address('sentinel')}{SENTINEL}/incidents/a?api-version=2025-09-01"
        assert _code(caller.call("PUT", url, "sentinel", **more)) == expected

    def test_deleting_is_real_and_logged(self, caller: Caller) -> None:
        """DELETE answers 200, then 204; whoever sends one is seen in the log."""
        caller.put("a")
        assert [caller.arm("DELETE", "/a").status_code for _ in range(2)] == [200, 204]
        assert [request.method for request in caller.cloud.log] == ["PUT", "DELETE", "DELETE"]
        assert caller.arm("POST", "/a").status_code == 405


class TestComments:
    """Comments of an incident."""

    def comment(self, caller: Caller, name: str, message: str | None = "hello", etag: str | None = None) -> Any:
        """Write a comment on incident `a`."""
        body: dict[str, Any] = {"properties": {"message": message}}
        if etag is not None:
            body["etag"] = etag
        return caller.arm("PUT", f"/a/comments/{name}", json=body)

    def test_a_comment_changes_its_incident(self, caller: Caller, clock: Clock) -> None:
        """A comment is stored, and changes the incident's etag, count of comments and modification time."""
        before = caller.put("a").json()
        clock.time += timedelta(minutes=5)
        made = self.comment(caller, "c1")
        assert made.status_code == 201
        assert _properties(made)["createdTimeUtc"] == "2026-11-24T06:05:00Z"
        after = caller.arm("GET", "/a").json()
        assert after["etag"] != before["etag"]
        assert after["properties"]["additionalData"]["commentsCount"] == 1
        assert after["properties"]["lastModifiedTimeUtc"] > before["properties"]["lastModifiedTimeUtc"]
        assert _code(caller.put("a", before["etag"])) == (409, "Conflict")
        assert caller.arm("GET", "/a/comments/C1").json() == made.json()
        assert [found["name"] for found in caller.arm("GET", "/a/comments").json()["value"]] == ["c1"]
        assert caller.cloud.comments["a"][0]["properties"]["message"] == "hello"

    def test_what_is_not_there_is_not_found(self, caller: Caller) -> None:
        """Neither an absent comment nor one of an absent incident is found, and none is made there."""
        assert _code(self.comment(caller, "c1")) == (404, "NotFound")
        assert _code(caller.arm("GET", "/a/comments")) == (404, "NotFound")
        caller.put("a")
        assert _code(caller.arm("GET", "/a/comments/c1")) == (404, "NotFound")

    def test_an_existing_comment_needs_its_etag(self, caller: Caller) -> None:
        """Written again, a comment conflicts unless its etag is given."""
        caller.put("a")
        etag = self.comment(caller, "c1").json()["etag"]
        assert _code(self.comment(caller, "c1", "again")) == (409, "Conflict")
        assert _properties(self.comment(caller, "c1", "again", etag))["message"] == "again"

    def test_limits(self, caller: Caller) -> None:
        """A message has 1 to 30,000 characters; the 101st comment of an incident is refused."""
        caller.put("a")
        for message in (None, "", "x" * 30_001):
            assert _code(self.comment(caller, "c", message)) == (400, "BadRequest")
        assert self.comment(caller, "c0", "x" * 30_000).status_code == 201
        for number in range(1, 100):
            assert self.comment(caller, f"c{number}").status_code == 201
        assert _code(self.comment(caller, "c100")) == (400, "BadRequest")
        names = []
        answer = caller.arm("GET", "/a/comments", **{"$top": "60"}).json()
        while True:
            names += [found["name"] for found in answer["value"]]
            if "nextLink" not in answer:
                break
            answer = caller.call("GET", answer["nextLink"], "sentinel").json()
        assert names == [f"c{number}" for number in range(99, -1, -1)]


class TestLists:
    """The paged, filtered, ordered list."""

    @pytest.fixture
    def filled(self, caller: Caller, clock: Clock) -> Caller:
        """Seven incidents, an hour apart; the even ones carry our label."""
        for number in range(7):
            clock.time = NOW + timedelta(hours=number)
            labels = [{"labelName": "our's" if number % 2 == 0 else "other"}]
            caller.put(f"i{number}", labels=labels, severity="High" if number > 4 else "Low")
        return caller

    def listed(self, caller: Caller, **query: str) -> list[str]:
        """The names of all pages."""
        answer = caller.arm("GET", **query)
        names: list[str] = []
        while True:
            assert answer.status_code == 200, answer.text
            names += [found["name"] for found in answer.json()["value"]]
            if "nextLink" not in answer.json():
                return names
            answer = caller.call("GET", answer.json()["nextLink"], "sentinel")

    @pytest.mark.parametrize("top", ["1", "2", "3", "7", "1000"])
    @pytest.mark.parametrize("order", ["desc", "asc"])
    def test_pages_join_to_the_whole(self, filled: Caller, top: str, order: str) -> None:
        """Following nextLink gives every incident once, in order, whatever the page's size."""
        names = self.listed(filled, **{"$top": top, "$orderby": f"properties/lastModifiedTimeUtc {order}"})
        assert names == sorted((f"i{number}" for number in range(7)), reverse=order == "desc")

    def test_an_incident_modified_meanwhile_moves(self, filled: Caller, clock: Clock) -> None:
        """Pages go on behind the last one seen: what moved to the front is missed, what is left is not lost."""
        order = {"$orderby": "properties/lastModifiedTimeUtc desc", "$top": "2"}
        first = filled.arm("GET", **order).json()
        clock.time += timedelta(days=1)
        filled.cloud.analyst.close("i4")
        second = filled.call("GET", first["nextLink"], "sentinel").json()
        assert [found["name"] for found in second["value"]] == ["i3", "i2"]

    @pytest.mark.parametrize(
        ("text", "names"),
        [
            ("properties/labels/any(l: l/labelName eq 'our''s')", "i6 i4 i2 i0"),
            ("properties/labels/any(x:x/labelName eq 'other') and properties/severity eq 'High'", "i5"),
            (
                (
                    "properties/labels/any(l: l/labelName eq 'our''s')"
                    " and properties/lastModifiedTimeUtc ge 2026-11-24T10:00:00.0000000Z"
                ),
                "i6 i4",
            ),
            ("properties/lastModifiedTimeUtc gt 2026-11-24T10:00:00Z", "i6 i5"),
            ("properties/createdTimeUtc lt 2026-11-24T07:00:00Z or properties/incidentNumber eq 7", "i6 i0"),
            ("(properties/severity ne 'Low') and properties/status eq 'New'", "i6 i5"),
            ("properties/createdTimeUtc le 2026-11-24T09:00:00+02:00", "i1 i0"),
        ],
    )
    def test_filters(self, filled: Caller, text: str, names: str) -> None:
        """Labels, times, texts and numbers filter, alone and joined."""
        query = {"$filter": text, "$orderby": "properties/createdTimeUtc desc"}
        assert self.listed(filled, **query) == names.split()

    @pytest.mark.parametrize(
        "query",
        [
            {"$filter": "properties/severity eq 'High' and properties/labels/any(l: l/labelName eq 'x')"},
            {"$filter": "properties/labels/any(l: l/labelName ne 'x')"},
            {"$filter": "properties/labels/any(l: m/labelName eq 'x')"},
            {"$filter": "properties/lastModifiedTimeUtc ge 'yesterday'"},
            {"$filter": "properties/lastModifiedTimeUtc ge 2026-13-45T00:00:00Z"},
            {"$filter": "properties/colour eq 'red'"},
            {"$filter": "severity eq 'High'"},
            {"$filter": "properties/severity is 'High'"},
            {"$filter": "properties/severity eq 'High' properties"},
            {"$filter": "properties/severity eq"},
            {"$filter": "properties/severity eq 'High"},
            {"$filter": ""},
            {"$orderby": "properties/colour desc"},
            {"$orderby": "properties/severity down"},
            {"$top": "1001"},
            {"$top": "0"},
            {"$top": "many"},
            {"$skipToken": "nonsense"},
            {"$expand": "x"},
        ],
    )
    def test_what_the_list_refuses(self, filled: Caller, query: dict[str, str]) -> None:
        """A label's test that does not come first, an unknown property, a page over 1,000, a made-up token: 400."""
        assert _code(filled.arm("GET", **query)) == (400, "BadRequest")

    def test_a_list_may_lag_behind(self, filled: Caller) -> None:
        """An incident that is hidden is missing from the list, and still found by its own GET."""
        filled.cloud.store.hidden.add("i3")
        assert "i3" not in self.listed(filled)
        assert filled.arm("GET", "/i3").status_code == 200


class TestAnalyst:
    """What an analyst does between two sweeps."""

    def test_each_thing_an_analyst_does_shows(self, caller: Caller) -> None:
        """Closing, reopening, assigning, editing, commenting, deleting change what is read, and the etag every time."""
        caller.put("a")
        analyst, etags = caller.cloud.analyst, {caller.cloud.incidents["a"]["etag"]}

        def now() -> dict[str, Any]:
            found = caller.arm("GET", "/a").json()
            assert found["etag"] not in etags
            etags.add(found["etag"])
            return dict(found["properties"])

        analyst.close("a", "FalsePositive", "nothing")
        closed = now()
        assert (closed["status"], closed["classification"]) == ("Closed", "FalsePositive")
        assert closed["classificationComment"] == "nothing"
        analyst.reopen("a")
        reopened = now()
        assert reopened["status"] == "Active"
        assert "classification" not in reopened
        analyst.close("a", None)
        assert "classification" not in now()
        analyst.assign("a", "Somebody")
        assert now()["owner"]["assignedTo"] == "Somebody"
        analyst.set_severity("a", "Low")
        assert now()["severity"] == "Low"
        analyst.edit("a", title="Mine", labels=[])
        assert now()["title"] == "Mine"
        analyst.comment("a", "looked at it")
        assert now()["additionalData"]["commentsCount"] == 1
        assert caller.cloud.comments["a"][0]["properties"]["author"]["name"] == "Ana Lyst"
        analyst.delete("a")
        assert caller.arm("GET", "/a").status_code == 404
        assert not caller.cloud.comments


class TestMirror:
    """The SecurityIncident table."""

    def test_a_row_for_each_change(self, caller: Caller, clock: Clock) -> None:
        """Each change adds a row as it was then; a deletion adds none."""
        caller.put("A", labels=[{"labelName": "ours"}], description="d")
        assert caller.rows("SecurityIncident | count") == [[1]]
        clock.time += timedelta(hours=1)
        caller.cloud.analyst.close("a")
        caller.cloud.analyst.delete("a")
        rows = caller.rows(
            "SecurityIncident | order by TimeGenerated asc"
            " | project IncidentName, Title, Status, Classification, Labels,"
            " LastModifiedTime, CreatedTime, IncidentNumber"
        )
        label = '[{"labelName":"ours","type":"User"}]'
        created = "2026-11-24T06:00:00Z"
        assert rows == [
            ["A", "Unusual", "New", "", label, created, created, 1],
            ["A", "Unusual", "Closed", "TruePositive", label, "2026-11-24T07:00:00Z", created, 1],
        ]
        latest = "SecurityIncident | summarize arg_max(TimeGenerated, *) by IncidentName | project Status, ClosedTime"
        assert caller.rows(latest) == [["Closed", "2026-11-24T07:00:00Z"]]
        assert caller.rows("SecurityIncident | where tostring(Labels) has 'ours' | count") == [[2]]

    def test_a_closed_incident_keeps_its_closing_time(self, caller: Caller, clock: Clock) -> None:
        """What is changed of a closed incident does not move it; opened and closed again, it has a new one."""
        caller.put("a")
        times = []
        for change in ("close", "comment", "reopen", "close"):
            clock.time += timedelta(hours=1)
            {
                "close": lambda: caller.cloud.analyst.close("a"),
                "comment": lambda: caller.cloud.analyst.edit("a", classificationComment="c"),
                "reopen": lambda: caller.cloud.analyst.reopen("a"),
            }[change]()
            times.append(caller.rows("SecurityIncident | top 1 by TimeGenerated desc | project ClosedTime")[0][0])
        assert times == ["2026-11-24T07:00:00Z", "2026-11-24T07:00:00Z", None, "2026-11-24T10:00:00Z"]


class TestDate:
    """The time that answers carry."""

    def test_every_answer_is_dated_by_the_cloud_s_clock(self, caller: Caller, clock: Clock) -> None:
        """A resource, a refusal and a fault say when they were answered, to the second; a fault may say otherwise."""
        clock.time += timedelta(seconds=7, milliseconds=900)
        now = "Tue, 24 Nov 2026 06:00:07 GMT"
        assert caller.put("a").headers["Date"] == now
        assert caller.arm("GET", "/none").headers["Date"] == now
        caller.cloud.faults.add(Fault(service="sentinel", status=503), Fault(status=503, headers={"Date": "soon"}))
        assert caller.arm("GET", "/a").headers["Date"] == now
        assert caller.arm("GET", "/a").headers["Date"] == "soon"


class TestBuckets:
    """ARM's rate limits."""

    def test_a_burst_then_a_rate(self) -> None:
        """A bucket lets its burst pass, then its rate; coming too early restarts the wait."""
        bucket = Bucket(3, 10, speed=2)
        assert [bucket.take() for _ in range(3)] == [0, 0, 0]
        assert bucket.take() == 1
        assert bucket.refused == 1
        time.sleep(0.06)
        assert bucket.take() == 0

    def test_writes_and_reads_are_counted_apart(self) -> None:
        """The 201st write of a burst is a 429 that says when to come again; what is left is in a header."""
        with Cloud(throttle=1e-6) as cloud, Caller(cloud) as caller:
            assert caller.put("a").headers["x-ms-ratelimit-remaining-subscription-writes"] == "199"
            assert caller.arm("GET", "/a").headers["x-ms-ratelimit-remaining-subscription-reads"] == "249"
            for _ in range(199):
                caller.arm("DELETE", "/b")
            refused = caller.put("c")
            assert _code(refused) == (429, "TooManyRequests")
            assert int(refused.headers["Retry-After"]) > 0
            assert refused.headers["x-ms-ratelimit-remaining-subscription-writes"] == "0"
            assert caller.arm("GET", "/a").status_code == 200
            assert list(cloud.incidents) == ["a"]
