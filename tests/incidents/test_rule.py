"""What is the rule road's own: rows and their order, names, the other road's incidents, growth before comments."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from shared.errors import Forbidden
from shared.incidents.drafts import ArmDrafts
from shared.incidents.finding_rows import MOST_HASHES
from shared.incidents.port import Ended
from shared.model import Messages, Severity
from tests.cloud import WORKSPACE_RESOURCE_ID, Fault
from tests.support.clock import START
from tests.support.roads import TERMS, WHO, RoadUnderTest, action_about, open_road


@pytest.fixture
def road(monkeypatch: pytest.MonkeyPatch) -> Iterator[RoadUnderTest]:
    """The rule road."""
    with open_road("rule", monkeypatch) as made:
        yield made


def _kinds(road: RoadUnderTest) -> list[str]:
    return [row["Kind"] for row in road.azure.cloud.ingestion.rows]


def test_a_creation_uploads_and_writes_nothing_to_arm(road: RoadUnderTest) -> None:
    """It is awaited: read, uploaded, and not there before the rule runs."""
    attempt = road.create()
    assert (attempt.ended, attempt.incident) == (Ended.UPLOADED, None)
    assert road.azure.methods() == "GET GET"  # a 404 is asked for twice
    assert road.azure.methods("ingestion") == "POST"
    assert road.incidents.read(action_about().incident_id) is None
    [row] = road.azure.cloud.ingestion.rows
    assert (row["Kind"], row["TimeGenerated"]) == ("finding", START)


def test_the_finding_goes_after_its_further_parts(road: RoadUnderTest) -> None:
    """The rule sees a finding only when all parts of its messages are there: what fails before leaves no alert."""
    many = Messages(dict.fromkeys(range(18 * MOST_HASHES), 1))  # more than a call takes
    road.azure.cloud.faults.add(Fault(service="ingestion", status=403, after=1))
    due = road.create(messages=many)
    assert (due.ended, type(due.error)) == (Ended.DUE, Forbidden)
    assert set(_kinds(road)) == {"messages"}
    road.wait()
    assert road.azure.cloud.incidents == {}
    assert road.create(messages=many).ended is Ended.UPLOADED
    rows = road.azure.cloud.ingestion.rows
    assert len(rows) > len({row["RowId"] for row in rows}) == 18  # what came twice is known as the same
    road.wait()
    assert len(road.azure.cloud.incidents) == 1


def test_a_row_twice_makes_one_alert(road: RoadUnderTest) -> None:
    """A repetition of an attempt, whatever its numbers are by now, makes no second alert."""
    road.made()
    [alert] = road.azure.cloud.rules.alerts
    assert road.azure.cloud.ingestion.rows
    road.azure.cloud.analyst.delete(road.stored_name())
    assert road.create().ended is Ended.UPLOADED
    road.wait()
    assert road.azure.cloud.rules.alerts == [alert]


def test_what_is_followed_is_addressed_by_its_name(road: RoadUnderTest) -> None:
    """Every request goes to Sentinel's name, which is not ours; lists show our id, too."""
    name = road.made()
    assert road.stored_name() != name
    road.comment()
    road.incidents.escalate(name, Severity.MEDIUM, Severity.HIGH)
    road.incidents.find_comment(name, "1")
    asked = {request.path.partition("/incidents/")[2][:36] for request in road.azure.sent("sentinel")}
    assert asked == {road.stored_name()}
    assert list(road.incidents.changed(None)) == []  # rules set no label of ours
    road.azure.cloud.analyst.edit(road.stored_name(), labels=[{"labelName": "email-remediation-sweep"}])
    [listed] = road.incidents.changed(None)
    assert (listed.id, listed.name) == (name, road.stored_name())


def test_the_other_road_s_incident_is_met(road: RoadUnderTest) -> None:
    """After a switch from `api` the incident that is there is found, commented and escalated; no row makes a second."""
    action = action_about()
    road.azure.sentinel.create(action.incident_id, ArmDrafts().creation(action, TERMS))
    found = road.create()
    assert (found.ended, found.incident and found.incident.name) == (Ended.FOUND, "")
    assert _kinds(road) == []
    assert road.comment().ended is Ended.DONE
    assert road.incidents.escalate(action.incident_id, Severity.MEDIUM, Severity.HIGH).ended is Ended.DONE
    road.wait()
    assert list(road.azure.cloud.incidents) == [action.incident_id]


def test_the_rule_s_incident_is_met_by_the_other_road(road: RoadUnderTest) -> None:
    """After a switch to `api` what is followed is found, so none is made beside it."""
    name = road.made()
    arm = road.azure.sentinel
    arm.follow({name: road.stored_name()})
    assert arm.create(name, ArmDrafts().creation(action_about(), TERMS)).ended is Ended.FOUND
    assert len(road.azure.cloud.incidents) == 1


def test_growth_is_uploaded_before_the_comment(road: RoadUnderTest) -> None:
    """Its rows are history that the rule passes over; when they are not taken, nothing is written to the incident."""
    name = road.made()
    road.azure.cloud.faults.add(Fault(service="ingestion", status=403))
    due = road.comment()
    assert (due.ended, type(due.error), due.in_doubt) == (Ended.DUE, Forbidden, False)
    assert road.azure.cloud.comments.get(road.stored_name(), []) == []
    assert not road.azure.sent("sentinel")
    assert road.comment().ended is Ended.DONE
    assert _kinds(road) == ["finding", "growth"]
    road.wait()
    assert len(road.azure.cloud.rules.alerts) == 1
    road.azure.cloud.faults.add(Fault(service="ingestion", status=413))
    assert road.comment(name="8" * 8 + "-0000-4000-8000-000000000000").ended is Ended.REFUSED
    assert road.incidents.find_comment(name, "8" * 8 + "-0000-4000-8000-000000000000") is None


def test_a_merged_incident_leads_to_the_one_that_took_its_alerts(road: RoadUnderTest) -> None:
    """A closing that came of a merge reads as open; then what took the alerts is followed in its place."""
    road.azure.cloud.rules.incidents.onboarded = True
    name = road.made()
    target = road.made("lee@contoso.com")
    mine, other = (road.azure.hunt().followed(WORKSPACE_RESOURCE_ID)[each].incident for each in (name, target))
    assert mine
    assert other
    road.azure.cloud.rules.merge(mine.name, other.name)
    merged = road.incidents.read(name)
    assert merged is not None
    assert (merged.status, merged.merged, merged.open, merged.classification) == ("Closed", True, True, "")
    road.wait(ask=True)
    found = road.incidents.read(name)
    assert found is not None
    assert (found.id, found.name, found.status) == (name, other.name, "New")


@pytest.mark.parametrize("recipient", ["o'brien+请求@例え.jp", 'a"b{{x}}\u202e@contoso.com', "nobody"])
def test_whoever_it_is_about_is_followed(road: RoadUnderTest, recipient: str) -> None:
    """Any recipient that a table holds comes back from the alert's custom details as the one that was uploaded."""
    road.create(recipient)
    road.wait(ask=True)
    name = action_about(recipient).incident_id
    found = road.incidents.read(name)
    assert found is not None
    assert found.name == road.stored_name()
    followed = road.azure.hunt().followed(WORKSPACE_RESOURCE_ID)[name]
    assert (followed.recipient, followed.attempt) == (recipient, 1)
    assert followed.uploaded == START
    assert followed.alerted is not None
    assert followed.alerted - START < timedelta(hours=2)
    assert road.azure.cloud.incidents[found.name]["properties"]["severity"] == "Medium"


def test_a_rule_that_is_off_leaves_the_attempt_to_be_seen(road: RoadUnderTest) -> None:
    """While rules are off a row is there without an alert; the next attempt makes the incident when they are on."""
    road.azure.cloud.rules.switch(False)
    road.create()
    road.wait()
    [waiting] = road.azure.hunt().followed(WORKSPACE_RESOURCE_ID).values()
    assert (waiting.attempt, waiting.alerted, waiting.incident) == (1, None, None)
    road.azure.cloud.rules.switch(True)
    road.azure.clock.advance(days=1)
    assert road.create(attempt=2).ended is Ended.UPLOADED
    road.wait()
    [seen] = road.azure.hunt().followed(WORKSPACE_RESOURCE_ID).values()
    assert (seen.attempt, seen.recipient, seen.incident is not None) == (2, WHO, True)
    assert len(road.azure.cloud.incidents) == 1


def test_the_draft_is_read_back_whole(road: RoadUnderTest) -> None:
    """The rows in the table are those of the draft, and the time of their upload."""
    road.create()
    [drafted] = json.loads(road.drafts.creation(action_about(), TERMS))
    [stored] = road.azure.cloud.ingestion.rows
    texts = [name for name, cell in drafted.items() if isinstance(cell, str) and name != "FoundAt"]
    assert {name: stored[name] for name in texts} == {name: drafted[name] for name in texts}
    assert json.loads(stored["MessageHashes"]) == drafted["MessageHashes"]
