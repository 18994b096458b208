"""A severity is escalated once, with its label, changing nothing else, and never against an analyst's decision."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from shared.errors import Conflict, PartialData
from shared.incidents.port import Attempt, Ended
from shared.model import LABEL, Severity
from tests.cloud import Fault, Wire
from tests.support.clients import INCIDENT, Clients, connected, incident_body

OURS = "raised-to:High"


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """A small Azure with an incident, and its clients."""
    with connected(monkeypatch) as clients:
        _made(clients)
        yield clients


def _made(azure: Clients, **properties: Any) -> None:
    """Have the incident there, made anew with these properties."""
    azure.cloud.analyst.delete(INCIDENT)
    assert azure.sentinel.create(INCIDENT, incident_body(**properties)).ended is Ended.DONE
    azure.cloud.log.clear()


def _stored(azure: Clients) -> dict[str, Any]:
    """The incident's properties as they are stored."""
    properties: dict[str, Any] = azure.cloud.incidents[INCIDENT]["properties"]
    return properties


def labels(azure: Clients) -> list[str]:
    """The names of its labels as they are stored."""
    return [label["labelName"] for label in _stored(azure)["labels"]]


def escalate(azure: Clients) -> Attempt:
    """Escalate it from Medium to High."""
    return azure.sentinel.escalate(INCIDENT, Severity.MEDIUM, Severity.HIGH)


def test_the_severity_and_its_label_go_in_one_put(azure: Clients) -> None:
    """The incident has severity and label, the other labels stay, and the answer says so."""
    attempt = escalate(azure)
    assert attempt.ended is Ended.DONE
    assert attempt.incident is not None
    assert (attempt.incident.severity, attempt.incident.escalated_to) == (Severity.HIGH, Severity.HIGH)
    assert _stored(azure)["severity"] == "High"
    assert labels(azure) == [LABEL, "episode:0", OURS]
    assert azure.methods() == "GET PUT"


def test_an_escalation_changes_nothing_else(azure: Clients) -> None:
    """Every field that an analyst may have set comes through as it was; only severity and labels change."""
    _made(azure, description="what the sweep wrote", firstActivityTimeUtc="2026-11-01T00:00:00Z")
    azure.cloud.analyst.assign(INCIDENT)
    azure.cloud.analyst.edit(
        INCIDENT,
        title="renamed \ud83d",
        description="rewritten",
        classificationComment="looking into it",
        labels=[{"labelName": "mine", "labelType": "User"}],
    )
    before = json.loads(json.dumps(_stored(azure)))
    assert escalate(azure).ended is Ended.DONE
    after = _stored(azure)
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    assert changed == {"severity", "labels", "lastModifiedTimeUtc"}
    assert labels(azure) == ["mine", OURS]


def test_an_escalation_sends_back_what_it_read(azure: Clients) -> None:
    """The PUT holds every writable property as read and the etag, and nothing that Sentinel keeps itself."""
    azure.cloud.analyst.edit(INCIDENT, somethingNew="an analyst's")
    etag = azure.cloud.incidents[INCIDENT]["etag"]
    escalate(azure)
    sent = azure.sent("sentinel", "PUT")[0].json
    assert sent["etag"] == etag
    assert set(sent["properties"]) == {"title", "severity", "status", "owner", "labels", "somethingNew"}


@pytest.mark.parametrize("severity", ["High", "Medium"])
def test_a_closed_incident_is_not_escalated(azure: Clients, severity: str) -> None:
    """A closed incident is CHANGED, whatever its severity, and not touched."""
    _made(azure, severity=severity)
    azure.cloud.analyst.close(INCIDENT)
    attempt = escalate(azure)
    assert attempt.ended is Ended.CHANGED
    assert attempt.incident is not None
    assert azure.methods() == "GET"


@pytest.mark.parametrize("severity", ["High", "Low", "Informational"])
def test_a_severity_that_an_analyst_set_stands(azure: Clients, severity: str) -> None:
    """A severity other than the expected one, High included, is CHANGED, and not touched."""
    azure.cloud.analyst.set_severity(INCIDENT, severity)
    assert escalate(azure).ended is Ended.CHANGED
    assert _stored(azure)["severity"] == severity
    assert OURS not in labels(azure)


@pytest.mark.parametrize("wire", [Wire.DROP, Wire.TRUNCATE])
def test_a_lost_answer_is_looked_up(azure: Clients, wire: Wire) -> None:
    """Where the PUT was carried out and its answer lost, the label tells that it is done, by this call."""
    azure.cloud.faults.add(Fault(service="sentinel", method="PUT", wire=wire, effect=True))
    assert escalate(azure).ended is Ended.DONE
    assert azure.methods() == "GET PUT GET"
    assert labels(azure).count(OURS) == 1


@pytest.mark.parametrize("change", ["High", "Medium", "Low", "closed"])
def test_what_was_escalated_before_is_not_escalated_again(azure: Clients, change: str) -> None:
    """A label that was there is FOUND, whatever was done to the incident since: also when it was lowered to Medium."""
    escalate(azure)
    if change == "closed":
        azure.cloud.analyst.close(INCIDENT)
    else:
        azure.cloud.analyst.set_severity(INCIDENT, change)
    azure.cloud.log.clear()
    before = json.dumps(_stored(azure))
    assert escalate(azure).ended is Ended.FOUND
    assert json.dumps(_stored(azure)) == before
    assert azure.methods() == "GET"


def test_an_analyst_who_lowers_it_while_the_answer_is_lost_wins(azure: Clients) -> None:
    """The PUT arrives, its answer does not, an analyst sets Medium: the label tells, and Medium stays."""
    azure.cloud.faults.add(
        Fault(
            service="sentinel",
            method="PUT",
            wire=Wire.DROP,
            effect=True,
            then=lambda _: azure.cloud.analyst.set_severity(INCIDENT, "Medium"),
        )
    )
    assert escalate(azure).ended is Ended.DONE
    assert _stored(azure)["severity"] == "Medium"


def test_an_edit_between_read_and_write_is_kept(azure: Clients) -> None:
    """An analyst who edits between GET and PUT wins: the 409 leads to a new reading, and the edit stays."""
    azure.cloud.faults.add(
        Fault(service="sentinel", method="GET", effect=True, then=lambda _: azure.cloud.analyst.assign(INCIDENT))
    )
    assert escalate(azure).ended is Ended.DONE
    assert azure.methods() == "GET PUT GET PUT"
    assert _stored(azure)["owner"]["assignedTo"] == "Ana Lyst"


def test_an_analyst_who_sets_it_between_read_and_write_wins(azure: Clients) -> None:
    """When the conflict is about the severity itself, the new reading says CHANGED."""
    azure.cloud.faults.add(
        Fault(
            service="sentinel",
            method="GET",
            effect=True,
            then=lambda _: azure.cloud.analyst.set_severity(INCIDENT, "Low"),
        )
    )
    assert escalate(azure).ended is Ended.CHANGED
    assert _stored(azure)["severity"] == "Low"


@pytest.mark.parametrize("status", [409, 412])
def test_three_conflicts_are_enough(azure: Clients, status: int) -> None:
    """An incident that changes under every attempt is decided anew three times, then left due."""
    azure.cloud.faults.add(Fault(service="sentinel", method="PUT", status=status, times=None))
    attempt = escalate(azure)
    assert attempt.ended is Ended.DUE
    assert isinstance(attempt.error, Conflict)
    assert azure.methods() == " ".join(["GET PUT"] * 4)


def test_a_deleted_incident_cannot_be_escalated(azure: Clients) -> None:
    """GONE when its GET says 404, also when it is deleted between GET and PUT."""
    azure.cloud.faults.add(
        Fault(service="sentinel", method="GET", effect=True, then=lambda _: azure.cloud.analyst.delete(INCIDENT))
    )
    assert escalate(azure).ended is Ended.GONE
    assert INCIDENT not in azure.cloud.incidents
    assert escalate(azure).ended is Ended.GONE


@pytest.mark.parametrize("broken", [{"etag": None}, {"labels": "x"}], ids=repr)
def test_an_incident_that_could_be_overwritten_is_left_alone(azure: Clients, broken: dict[str, Any]) -> None:
    """Without its etag, or with labels that are no list, an update could lose what is there: it is left due."""
    properties = {"title": "t", "severity": "Medium", "status": "New", "labels": broken.get("labels", [])}
    body = {"name": INCIDENT, "etag": broken.get("etag", '"1"'), "properties": properties}
    azure.cloud.faults.add(Fault(service="sentinel", method="GET", status=200, body=body, times=None))
    attempt = escalate(azure)
    assert attempt.ended is Ended.DUE
    assert isinstance(attempt.error, PartialData)
    assert not azure.sent("sentinel", "PUT")


def test_a_refused_escalation_says_so(azure: Clients) -> None:
    """An incident that takes no further label is REFUSED, and stays as it is."""
    azure.cloud.analyst.edit(INCIDENT, labels=[{"labelName": str(number)} for number in range(50)])
    attempt = escalate(azure)
    assert attempt.ended is Ended.REFUSED
    assert _stored(azure)["severity"] == "Medium"
