"""The incidents client: each effect once, an analyst's word never overwritten, a lie never believed."""

import json
import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.errors import Forbidden, NotFound, PartialData, Rejected, Unavailable
from shared.incidents.arm import ArmIncidents
from shared.incidents.port import Ended
from shared.incidents.resource import incident_of
from shared.model import Incident, Severity
from tests.cloud import WORKSPACE_ID, WORKSPACE_RESOURCE_ID, Fault, Request, Wire
from tests.support.clients import COMMENT, INCIDENT, Clients, connected, incident_body
from tests.support.clock import START

WORDS = json.dumps({"properties": {"message": "Two more messages."}})


def _made(azure: Clients, **properties: Any) -> None:
    """Have the incident there already."""
    azure.sentinel.create(INCIDENT, incident_body(**properties))
    azure.cloud.log.clear()


def stored(azure: Clients) -> dict[str, Any]:
    """The incident's properties as they are stored."""
    properties: dict[str, Any] = azure.cloud.incidents[INCIDENT]["properties"]
    return properties


# --- the workspace


def test_the_workspace_says_its_guid(azure: Clients) -> None:
    """The workspace's customerId is read from its own resource."""
    assert azure.sentinel.workspace_guid() == WORKSPACE_ID


@pytest.mark.parametrize("body", [{}, {"properties": None}, {"properties": {"customerId": 7}}])
def test_a_workspace_without_a_guid_is_not_believed(azure: Clients, body: dict[str, Any]) -> None:
    """A workspace resource without its customerId is an answer that cannot be used."""
    azure.cloud.faults.add(Fault(service="sentinel", status=200, body=body))
    with pytest.raises(PartialData):
        azure.sentinel.workspace_guid()


def test_a_wrong_workspace_is_named(azure: Clients) -> None:
    """A workspace that does not exist is no missing incident: reading and creating fail, naming the setting."""
    elsewhere = ArmIncidents(
        azure.http, azure.settings.arm, "https://management.azure.com", WORKSPACE_RESOURCE_ID + "2"
    )
    for fails in (
        elsewhere.workspace_guid,
        lambda: elsewhere.read(INCIDENT),
        lambda: list(elsewhere.changed(None)),
    ):
        with pytest.raises(NotFound, match="SENTINEL_WORKSPACE_RESOURCE_ID"):
            fails()
    assert elsewhere.create(INCIDENT, incident_body()).ended is Ended.DUE
    assert elsewhere.comment(INCIDENT, COMMENT, WORDS).ended is Ended.DUE
    assert elsewhere.escalate(INCIDENT, Severity.MEDIUM, Severity.HIGH).ended is Ended.DUE
    assert not azure.sent("sentinel", "PUT")


# --- reading


def test_reading_an_incident(azure: Clients) -> None:
    """What is read is what is there, with everything that the sweep decides by."""
    _made(azure)
    azure.cloud.analyst.assign(INCIDENT)
    azure.cloud.analyst.comment(INCIDENT, "mine")
    azure.cloud.analyst.close(INCIDENT, "BenignPositive")
    found = azure.sentinel.read(INCIDENT)
    assert found is not None
    assert replace(found, modified=None, created=None) == Incident(
        id=INCIDENT,
        status="Closed",
        severity=Severity.MEDIUM,
        classification="BenignPositive",
        owned=True,
        number=1,
        url=stored(azure)["incidentUrl"],
        comments=1,
        episode=0,
    )
    assert found.title.endswith("a@contoso.com")
    assert found.created == START
    assert found.modified is not None
    assert found.modified > found.created
    assert not found.open


def test_only_its_own_404_says_that_it_is_gone(azure: Clients) -> None:
    """A deleted incident reads as None; a page of somebody else's under 404 does not."""
    _made(azure)
    azure.cloud.analyst.delete(INCIDENT)
    assert azure.sentinel.read(INCIDENT) is None
    azure.cloud.faults.add(Fault(service="sentinel", status=404, body="<html>not found</html>", times=None))
    with pytest.raises(PartialData):
        azure.sentinel.read(INCIDENT)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("SubscriptionNotFound", "x"),
        ("ResourceGroupNotFound", "x"),
        ("ParentResourceNotFound", "x"),
        ("ResourceNotFound", "The Resource 'Microsoft.OperationalInsights/workspaces/w' was not found."),
        ("InvalidResourceType", "x"),
    ],
)
def test_a_missing_parent_is_no_deleted_incident(azure: Clients, code: str, message: str) -> None:
    """A 404 about the subscription, the group or the workspace is an error, for every effect as for a reading."""
    body = {"error": {"code": code, "message": message}}
    azure.cloud.faults.add(Fault(service="sentinel", status=404, body=body, times=None))
    with pytest.raises(NotFound):
        azure.sentinel.read(INCIDENT)
    assert azure.sentinel.create(INCIDENT, incident_body()).ended is Ended.DUE
    assert azure.sentinel.comment(INCIDENT, COMMENT, WORDS).ended is Ended.DUE
    assert azure.sentinel.escalate(INCIDENT, Severity.MEDIUM, Severity.HIGH).ended is Ended.DUE
    assert not azure.sent("sentinel", "PUT")


LEAST = {"name": INCIDENT, "properties": {"status": "New", "severity": "Low"}}


def test_what_is_missing_is_unknown() -> None:
    """Of an incident only its name, status and severity must be there."""
    assert incident_of(LEAST) == Incident(id=INCIDENT, status="New", severity=Severity.LOW)


@pytest.mark.parametrize(
    "broken",
    [
        None,
        [],
        {},
        {"name": INCIDENT},
        {"name": INCIDENT, "properties": []},
        {"name": "", "properties": LEAST["properties"]},
        {"name": INCIDENT, "properties": {"status": "New"}},
        {"name": INCIDENT, "properties": {"status": "New", "severity": "Severe"}},
        {"name": INCIDENT, "properties": {"status": "New", "severity": ["High"]}},
        {"name": INCIDENT, "properties": {"status": None, "severity": "High"}},
    ],
)
def test_what_is_needed_must_be_there(broken: object) -> None:
    """An incident without its name, status or severity is not believed."""
    with pytest.raises(PartialData, match="cannot be used"):
        incident_of(broken)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-24T06:00:00Z", START),
        ("2026-11-24T06:00:00.5Z", START + timedelta(milliseconds=500)),
        ("2026-11-24T06:00:00.1234567Z", START + timedelta(microseconds=123_456)),
        ("2026-11-24T06:00:00.123+00:00", START + timedelta(milliseconds=123)),
        ("2026-11-24T06:00:00", START),
        ("2026-13-24T06:00:00Z", None),
        ("yesterday", None),
        (None, None),
        (1764000000, None),
    ],
)
def test_times_have_up_to_seven_digits(text: object, time: datetime | None) -> None:
    """A time is read with none to seven fractional digits, always in UTC; what is none is unknown."""
    properties = {**LEAST["properties"], "lastModifiedTimeUtc": text}  # type: ignore[dict-item]
    assert incident_of({**LEAST, "properties": properties}).modified == time


@pytest.mark.parametrize("key", ["objectId", "email", "userPrincipalName", "assignedTo"])
def test_any_mark_of_an_owner_counts(key: str) -> None:
    """An incident is owned when any of the four says by whom."""
    properties: dict[str, Any] = {"status": "New", "severity": "Low", "owner": {key: "x"}}
    assert incident_of({"name": "n", "properties": properties}).owned
    properties["owner"] = dict.fromkeys(("objectId", "email", "userPrincipalName", "assignedTo"))
    assert not incident_of({"name": "n", "properties": properties}).owned


@pytest.mark.parametrize(
    ("labels", "episode"),
    [
        ([{"labelName": "episode:12"}, {"labelName": "other"}], 12),
        ([{"labelName": "episode:1"}, {"labelName": "episode:3"}], 3),
        ([{"labelName": "episode:x"}, {"labelName": "Episode:1"}, {}, None, 7], None),
        ("episode:1", None),
        (None, None),
    ],
)
def test_the_episode_is_in_a_label(labels: object, episode: int | None) -> None:
    """The episode is the label `episode:{n}`, the highest where an analyst added one."""
    properties = {"status": "New", "severity": "Low", "labels": labels}
    assert incident_of({"name": "n", "properties": properties}).episode == episode


@pytest.mark.parametrize(
    ("names", "severity"),
    [
        (["raised-to:High"], Severity.HIGH),
        (["raised-to:Medium", "raised-to:High", "mine"], Severity.HIGH),
        (["raised-to:Medium"], Severity.MEDIUM),
        (["raised-to:", "raised-to:Severe", "raised-to:High!", "not raised-to:High"], None),
        ([], None),
    ],
)
def test_the_severity_that_the_sweep_set_is_in_a_label(names: list[str], severity: Severity | None) -> None:
    """It is the label `raised-to:{severity}`, the highest where there are several."""
    properties = {"status": "New", "severity": "Low", "labels": [{"labelName": name} for name in names]}
    assert incident_of({"name": "n", "properties": properties}).escalated_to is severity


@pytest.mark.parametrize("field", ["title", "incidentUrl", "classification"])
def test_half_a_character_ends_nothing(field: str) -> None:
    """A text cut in the middle of an emoji, which JSON can carry, is read as text that a ledger can hold."""
    answer = {"name": "n\ud83d", "properties": {"status": "New", "severity": "Low", field: "x\ud83d"}}
    incident = incident_of(answer)
    assert f"{incident.title}{incident.url}{incident.classification}{incident.id}".encode() == b"x?n?"


# --- the list


def fill(azure: Clients, count: int) -> list[str]:
    """So many incidents of ours, an hour apart; their ids, the newest modification first."""
    ids = [f"00000000-0000-0000-0000-{number:012}" for number in range(count)]
    for name in ids:
        azure.cloud.store.put(name, json.loads(incident_body()))
        azure.clock.advance(hours=1)
    return ids[::-1]


def test_the_list_is_paged_and_in_order(azure: Clients) -> None:
    """All our incidents come, over as many pages as there are, the newest modification first; others do not."""
    ids = fill(azure, 2_001)
    azure.cloud.store.put(INCIDENT, json.loads(incident_body(labels=[])))
    assert [incident.id for incident in azure.sentinel.changed(None)] == ids
    assert azure.methods() == "GET GET GET"


def test_the_list_begins_where_the_last_one_ended(azure: Clients) -> None:
    """With `since` only what was modified then or later comes."""
    ids = fill(azure, 5)
    since = START + timedelta(hours=3)
    assert [incident.id for incident in azure.sentinel.changed(since)] == ids[:2]
    azure.cloud.analyst.close(ids[4])
    assert [incident.id for incident in azure.sentinel.changed(since)] == [ids[4], *ids[:2]]
    assert "ge 2026-11-24T09:00:00Z" in azure.sent("sentinel")[0].query["$filter"]


@pytest.mark.parametrize(
    "link",
    [
        "https://elsewhere.example/next",
        "http://127.0.0.1/next",
        "//elsewhere.example/next",
        "https://elsewhere.example\\@{host}/next",
        "https://{host}\\@elsewhere.example/next",
        "https://{host}@elsewhere.example/next",
        "https://{host}.elsewhere.example/next",
        "https://user@{host}/next",
        "https://elsewhere.example#@{host}/next",
        " https://{host}/next",
        "/next",
        ["x"],
        7,
    ],
)
def test_the_list_is_not_followed_elsewhere(azure: Clients, link: object) -> None:
    """A nextLink to any other address would carry our token there: it is refused."""
    link = link.replace("{host}", azure.settings.arm.removeprefix("https://")) if isinstance(link, str) else link
    azure.cloud.faults.add(Fault(service="sentinel", status=200, body={"value": [], "nextLink": link}))
    with pytest.raises(PartialData, match="another address"):
        list(azure.sentinel.changed(None))
    assert len(azure.sent("sentinel")) == 1


def test_the_list_is_followed_as_the_service_writes_it(azure: Clients) -> None:
    """A nextLink may hold blanks and quotes unescaped, and its host in upper case: it is the same address."""
    link = azure.settings.arm.replace("https", "HTTPS") + "/next?$filter=a eq 'b'"
    azure.cloud.faults.add(Fault(service="sentinel", status=200, body={"value": [], "nextLink": link}))
    azure.cloud.faults.add(Fault(service="sentinel", status=200, body={"value": []}))
    assert list(azure.sentinel.changed(None)) == []
    assert len(azure.sent("sentinel")) == 2


def test_the_list_does_not_go_in_circles(azure: Clients) -> None:
    """A nextLink that was already followed ends in an error, not in an endless list."""
    link = azure.settings.arm + "/again?x=1"
    azure.cloud.faults.add(Fault(service="sentinel", status=200, times=None, body={"value": [], "nextLink": link}))
    with pytest.raises(PartialData, match="leads back"):
        list(azure.sentinel.changed(None))
    assert len(azure.sent("sentinel")) == 2


@pytest.mark.parametrize("body", [{}, {"value": None}, {"value": {}}, {"value": [{}]}, {"value": [7]}])
def test_a_page_that_lies_is_not_believed(azure: Clients, body: dict[str, Any]) -> None:
    """A page without its items, or with one that is no incident, is an error: it may hide what changed."""
    azure.cloud.faults.add(Fault(service="sentinel", status=200, body=body, times=None))
    with pytest.raises(PartialData):
        list(azure.sentinel.changed(None))


def test_no_incident_in_the_list_is_fine(azure: Clients) -> None:
    """An empty list, with or without a null nextLink, is just that."""
    assert list(azure.sentinel.changed(None)) == []
    azure.cloud.faults.add(Fault(service="sentinel", status=200, body={"value": [], "nextLink": None}))
    assert list(azure.sentinel.changed(None)) == []


# --- creating


def test_creating_reads_first(azure: Clients) -> None:
    """A new incident is a GET (404) and a PUT of the very body, without an etag."""
    body = incident_body(description="ä 🎣")
    attempt = azure.sentinel.create(INCIDENT, body)
    assert attempt.ended is Ended.DONE
    assert attempt.incident == azure.sentinel.read(INCIDENT)
    assert azure.methods() == "GET PUT GET"
    assert azure.sent("sentinel", "PUT")[0].body == body.encode()
    assert azure.sent("sentinel", "PUT")[0].query == {"api-version": "2025-09-01"}


def test_what_is_there_is_found(azure: Clients) -> None:
    """An incident that is there already is handed back and not touched."""
    _made(azure)
    azure.cloud.analyst.assign(INCIDENT)
    attempt = azure.sentinel.create(INCIDENT, incident_body())
    assert attempt.ended is Ended.FOUND
    assert attempt.incident is not None
    assert attempt.incident.owned
    assert azure.methods() == "GET"


@pytest.mark.parametrize("wire", [Wire.DROP, Wire.TRUNCATE])
def test_a_lost_answer_is_looked_up(azure: Clients, wire: Wire) -> None:
    """When the PUT was carried out and its answer lost, the GET finds it and nothing is sent again."""
    azure.cloud.faults.add(Fault(service="sentinel", method="PUT", wire=wire, effect=True))
    assert azure.sentinel.create(INCIDENT, incident_body()).ended is Ended.DONE
    assert azure.methods() == "GET PUT GET"


def test_somebody_was_faster(azure: Clients) -> None:
    """When the incident appears between GET and PUT, the 409 leads back to the GET, which finds it."""

    def race(_: Request) -> None:
        azure.cloud.store.put(INCIDENT, json.loads(incident_body(severity="Low")))

    azure.cloud.faults.add(Fault(service="sentinel", method="GET", effect=True, then=race))
    attempt = azure.sentinel.create(INCIDENT, incident_body())
    assert attempt.ended is Ended.FOUND
    assert azure.methods() == "GET PUT GET"
    assert stored(azure)["severity"] == "Low"


def test_a_body_that_sentinel_will_not_take_is_refused(azure: Clients) -> None:
    """It is tried once, and the error says why."""
    attempt = azure.sentinel.create(INCIDENT, incident_body(severity="Awful"))
    assert attempt.ended is Ended.REFUSED
    assert isinstance(attempt.error, Rejected)
    assert not attempt.in_doubt
    assert "'severity' is required" in str(attempt.error)
    assert azure.methods() == "GET PUT"


@pytest.mark.parametrize("status", [202, 204])
def test_a_202_proves_nothing(azure: Clients, status: int) -> None:
    """A good status that is not one of PUT's own is looked up: without effect, it is tried again."""
    azure.cloud.faults.add(Fault(service="sentinel", method="PUT", status=status, effect=False))
    assert azure.sentinel.create(INCIDENT, incident_body()).ended is Ended.DONE
    assert azure.methods() == "GET PUT GET PUT"


def test_an_answer_that_is_no_incident_is_looked_up(azure: Clients) -> None:
    """A 201 whose body is not an incident is not believed, the GET is."""
    azure.cloud.faults.add(Fault(service="sentinel", method="PUT", status=201, body={"ok": True}, effect=True))
    attempt = azure.sentinel.create(INCIDENT, incident_body())
    assert attempt.ended is Ended.DONE
    assert attempt.incident is not None
    assert azure.methods() == "GET PUT GET"


def test_what_may_have_happened_is_said(azure: Clients) -> None:
    """A creation that is due says whether it may have been done, whichever attempt that was."""
    azure.cloud.faults.add(Fault(service="sentinel", method="PUT", wire=Wire.DROP))
    azure.cloud.faults.add(Fault(service="sentinel", method="GET", status=503, after=1, times=None))
    attempt = azure.sentinel.create(INCIDENT, incident_body())
    assert attempt.ended is Ended.DUE
    assert isinstance(attempt.error, Unavailable)
    assert attempt.in_doubt


def test_no_role_is_named(azure: Clients) -> None:
    """Without the role a creation is due, and the error names the role."""
    azure.cloud.faults.add(Fault(service="sentinel", status=403, times=None))
    attempt = azure.sentinel.create(INCIDENT, incident_body())
    assert isinstance(attempt.error, Forbidden)
    assert "Microsoft Sentinel Responder" in str(attempt.error)
    assert azure.methods() == "GET"


# --- where writes conflict, or do not


def test_conflicts_on_every_second_write(azure: Clients) -> None:
    """Where every second PUT conflicts, each effect is done in the end."""
    _made(azure)
    azure.cloud.faults.add(Fault(service="sentinel", method="PUT", status=409, every=2, after=-1, times=None))
    assert azure.sentinel.escalate(INCIDENT, Severity.MEDIUM, Severity.HIGH).ended is Ended.DONE
    assert azure.sentinel.comment(INCIDENT, COMMENT, WORDS).ended is Ended.DONE
    assert azure.sentinel.create(COMMENT, incident_body()).ended is Ended.DONE


def test_a_service_that_overwrites_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a stale PUT overwrites instead of answering 409, no repeated effect undoes what an analyst did."""
    with connected(monkeypatch, overwrites=True) as azure:

        def analyst(_: Request) -> None:
            azure.cloud.analyst.assign(INCIDENT, name="Bo Ss")
            azure.cloud.analyst.edit(INCIDENT, title="renamed")

        def lose() -> None:
            azure.cloud.faults.add(Fault(service="sentinel", method="PUT", wire=Wire.DROP, effect=True, then=analyst))

        lose()
        assert azure.sentinel.create(INCIDENT, incident_body()).ended is Ended.DONE
        lose()
        assert azure.sentinel.comment(INCIDENT, COMMENT, WORDS).ended is Ended.DONE
        lose()
        assert azure.sentinel.escalate(INCIDENT, Severity.MEDIUM, Severity.HIGH).ended is Ended.DONE
        assert stored(azure)["owner"]["assignedTo"] == "Bo Ss"
        assert stored(azure)["title"] == "renamed"
        [comment] = azure.cloud.comments[INCIDENT]
        assert comment["properties"]["message"] == "Two more messages."


def test_ids_cannot_leave_their_place(azure: Clients) -> None:
    """An id is one path segment, whatever is in it."""
    with pytest.raises(NotFound):
        azure.sentinel.read("../../x?y#z")
    assert re.search(r"/incidents/\.\.%2F\.\.%2Fx%3Fy%23z\?", azure.sent("sentinel")[0].path)
