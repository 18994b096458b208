"""What both roads to an incident have in common: the port, held over ARM and over an uploaded row and its rule."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from shared.errors import Forbidden, PartialData, Unavailable
from shared.incidents.port import Ended
from shared.model import Severity
from tests.cloud import WORKSPACE_ID, Fault, Wire
from tests.support.roads import TERMS, WHO, RoadUnderTest, action_about, open_road

COMMENT_ID = "7" * 8 + "-0000-4000-8000-000000000000"


@pytest.fixture(params=["api", "rule"])
def road(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[RoadUnderTest]:
    """Each of the two roads."""
    with open_road(request.param, monkeypatch) as made:
        yield made


def _break(road: RoadUnderTest, **fault: Any) -> None:
    road.azure.cloud.faults.add(Fault(**{**road.creates, **fault}))


def test_a_creation_becomes_one_incident_with_our_id(road: RoadUnderTest) -> None:
    """It is there once, New, with the plan's severity, the recipient in its title, and reads under our id."""
    name = road.made(severity=Severity.HIGH)
    found = road.incidents.read(name)
    assert found is not None
    assert (found.id, found.status, found.severity, found.open) == (name, "New", Severity.HIGH, True)
    assert (found.about, found.number, found.name in ("", road.stored_name())) == (WHO, 1, True)
    text = road.stored()["properties"]["description"]
    assert text.startswith("11 messages to `kim@contoso.com` were remediated in 30 days. More than 10 is unusual.")


def test_what_is_there_is_found(road: RoadUnderTest) -> None:
    """A second creation, of whatever attempt, writes nothing and says what it found."""
    name = road.made()
    again = road.create(attempt=2)
    assert (again.ended, again.incident and again.incident.id) == (Ended.FOUND, name)
    assert not road.azure.sent(road.service, road.creates["method"])


def test_what_is_not_there_is_not_there(road: RoadUnderTest) -> None:
    """An incident that nobody has made reads as None, and takes no comment and no severity."""
    name = action_about().incident_id
    assert road.incidents.read(name) is None
    assert road.comment().ended is Ended.GONE
    assert road.incidents.escalate(name, Severity.MEDIUM, Severity.HIGH).ended is Ended.GONE
    assert road.azure.cloud.incidents == {}


def test_a_comment_is_added_once(road: RoadUnderTest) -> None:
    """It is on the incident with the draft's text; a second time it is found; its time is Sentinel's."""
    name = road.made()
    done, again = road.comment(), road.comment()
    assert (done.ended, again.ended) == (Ended.DONE, Ended.FOUND)
    assert done.made == again.made == road.incidents.find_comment(name, COMMENT_ID)
    assert done.made is not None
    [comment] = road.azure.cloud.comments[road.stored_name()]
    assert comment["properties"]["message"].startswith("2 new messages remediated for `kim@contoso.com`")
    assert road.incidents.find_comment(name, COMMENT_ID[::-1]) is None


def test_an_incident_is_escalated_once(road: RoadUnderTest) -> None:
    """The severity is raised with its label, all else stays; a second time, or after an analyst lowered it, FOUND."""
    name = road.made()
    before = road.stored()["properties"]
    done = road.incidents.escalate(name, Severity.MEDIUM, Severity.HIGH)
    assert (done.ended, done.incident and done.incident.id) == (Ended.DONE, name)
    after = road.stored()["properties"]
    assert (after["severity"], after["title"]) == ("High", before["title"])
    road.azure.cloud.analyst.set_severity(road.stored_name(), "Low")
    again = road.incidents.escalate(name, Severity.MEDIUM, Severity.HIGH)
    assert again.ended is Ended.FOUND
    assert again.incident is not None
    assert (again.incident.severity, again.incident.escalated_to) == (Severity.LOW, Severity.HIGH)


def test_an_analyst_s_word_is_read_and_kept(road: RoadUnderTest) -> None:
    """Closed, owned, another severity: it is read as it is, and no severity is written over it."""
    name = road.made()
    road.azure.cloud.analyst.assign(road.stored_name())
    road.azure.cloud.analyst.set_severity(road.stored_name(), "Low")
    assert road.incidents.escalate(name, Severity.MEDIUM, Severity.HIGH).ended is Ended.CHANGED
    road.azure.cloud.analyst.close(road.stored_name(), "BenignPositive")
    assert road.incidents.escalate(name, Severity.LOW, Severity.HIGH).ended is Ended.CHANGED
    found = road.incidents.read(name)
    assert found is not None
    assert (found.id, found.open, found.classification, found.owned) == (name, False, "BenignPositive", True)
    assert road.create().ended is Ended.FOUND


def test_a_deleted_incident_is_gone(road: RoadUnderTest) -> None:
    """It reads as None, twice asked; a comment and an escalation end GONE."""
    name = road.made()
    road.azure.cloud.analyst.delete(road.stored_name())
    assert road.incidents.read(name) is None
    assert road.comment().ended is Ended.GONE
    assert road.incidents.escalate(name, Severity.MEDIUM, Severity.HIGH).ended is Ended.GONE


@pytest.mark.parametrize("status", [400, 413])
def test_a_refusal_of_what_is_sent_lets_the_minimal_form_be_tried(road: RoadUnderTest, status: int) -> None:
    """REFUSED, with the error; the minimal form is taken."""
    _break(road, status=status, body={"error": {"code": "InvalidPayload", "message": "no"}})
    refused = road.create()
    assert (refused.ended, refused.in_doubt) == (Ended.REFUSED, False)
    assert road.create(minimal=True).ended is road.done
    road.wait()
    assert road.incidents.read(action_about().incident_id) is not None


@pytest.mark.parametrize("fault", [{"wire": Wire.DROP}, {"status": 504}], ids=str)
@pytest.mark.parametrize("effect", [True, False])
def test_a_lost_answer_makes_no_second_incident(road: RoadUnderTest, fault: dict[str, Any], effect: bool) -> None:
    """Whether it was done or not: the attempt ends well, and there is one incident."""
    _break(road, effect=effect, **fault)
    assert road.create().ended is road.done
    road.wait()
    assert road.stored()["properties"]["title"].endswith(WHO)


def test_an_answer_that_stays_lost_is_in_doubt(road: RoadUnderTest) -> None:
    """DUE and in doubt; when it was done after all, there is one incident, and a repetition makes no second one."""
    _break(road, wire=Wire.DROP, effect=True, times=None)
    if road.name == "api":  # else its own GET settles it
        road.azure.cloud.faults.add(Fault(service="sentinel", method="GET", wire=Wire.DROP, after=1, times=None))
    lost = road.create()
    assert (lost.ended, lost.in_doubt) == (Ended.DUE, True)
    road.azure.cloud.faults.clear()
    assert road.create().ended in (road.done, Ended.FOUND)
    road.wait()
    assert road.stored()["properties"]["title"].endswith(WHO)


@pytest.mark.parametrize(
    ("fault", "kind", "doubt"),
    [({"status": 403}, Forbidden, False), ({"status": 503}, Unavailable, True), ({"status": 429}, None, False)],
    ids=str,
)
def test_what_lasts_is_due(road: RoadUnderTest, fault: dict[str, Any], kind: type | None, doubt: bool) -> None:
    """DUE with the error, which says whether it may have been done; the effect raises nothing."""
    _break(road, times=None, **fault)
    due = road.create()
    assert (due.ended, due.in_doubt) == (Ended.DUE, doubt)
    assert due.error is not None
    assert kind is None or type(due.error) is kind
    road.azure.cloud.faults.clear()
    road.wait()
    assert road.azure.cloud.incidents == {}


def test_nothing_is_written_unless_it_is_known_what_is_there(road: RoadUnderTest) -> None:
    """When the incident cannot be read, a creation is due and no request writes."""
    road.azure.cloud.faults.add(Fault(service="sentinel", method="GET", status=503, times=None))
    due = road.create()
    assert (due.ended, due.in_doubt) == (Ended.DUE, False)
    assert not road.azure.sent(road.service, road.creates["method"])
    with pytest.raises(Unavailable):
        road.incidents.read(action_about().incident_id)


def test_a_web_page_is_no_answer(road: RoadUnderTest) -> None:
    """A proxy's page under 200 is believed by no road: the creation is due, and the page is not quoted."""
    _break(road, status=200, body="<html>Sign in</html>", headers={"Content-Type": "text/html"}, times=None)
    due = road.create()
    assert due.ended is Ended.DUE
    assert isinstance(due.error, PartialData)
    assert "Sign in" not in str(due.error)


def test_each_road_reads_only_its_own_drafts(road: RoadUnderTest) -> None:
    """A draft is JSON, the same for the same action, and the minimal one holds less."""
    action = action_about()
    full, again = road.drafts.creation(action, TERMS), road.drafts.creation(action, TERMS)
    assert full == again
    assert len(road.drafts.creation(action, TERMS, minimal=True)) < len(full)
    assert json.loads(road.drafts.comment(action, TERMS))


def test_the_workspace_its_clock_and_its_permissions_are_sentinel_s(road: RoadUnderTest) -> None:
    """What is not about one incident is ARM's on both roads."""
    assert road.incidents.time() is None
    assert road.incidents.workspace_guid() == WORKSPACE_ID
    assert road.incidents.time() is not None
    assert road.incidents.skew() is not None
