"""What a record is when an incident of ours is found that the ledger does not know."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.model import (
    Act,
    Finding,
    Incident,
    Messages,
    OurIncident,
    Reason,
    Record,
    Seen,
    Severity,
    minute_number,
)
from shared.plan.decide import decide_about
from shared.plan.records import (
    adopted,
    made_before,
)
from tests.plan.samples import (
    DAY,
    MADE,
    NOW,
    TODAY,
    WHO,
    closed,
    comment,
    evidence_of,
    found,
    key,
    mail,
    name_of,
    ours,
    policy,
    record_of,
    soft,
    some,
    there,
    tried,
)

HIGH, MEDIUM, LOW = Severity.HIGH, Severity.MEDIUM, Severity.LOW
SECOND, MOMENT = timedelta(seconds=1), timedelta(microseconds=1)
IN_DOUBT = tried(in_doubt=True)
EARLY, LATE = NOW - 4 * DAY, NOW - DAY
CREATED = NOW - 3 * DAY
CHANGED = NOW - 2 * DAY


@pytest.mark.parametrize(
    ("made", "before"),
    [
        (MADE, False),
        (MADE - 5 * SECOND, False),
        (MADE - 5 * SECOND - MOMENT, True),
        (MADE + SECOND, False),
        (None, False),
    ],
)
def test_what_was_there_before_we_made_it(made: datetime | None, before: bool) -> None:
    """Made more than five seconds before the mark, it is another ledger's; without a time it is ours."""
    assert made_before(there(created=made), MADE) is before


def adopt(
    incident: Incident,
    finding: Finding | None,
    *,
    known: Record | None = None,
    ended: datetime | None = None,
    was_high: bool = False,
    deleted: bool = False,
) -> Record:
    """The record of an adopted incident."""
    return adopted(
        WHO, finding, incident, 0, policy(), NOW, record=known, ended=ended, was_high=was_high, deleted=deleted
    )


def four(edge: datetime) -> Finding:
    """A message before that time, one at it, and many after."""
    return Finding.of(WHO, (mail(0, edge - MOMENT), mail(1, edge), *evidence_of(2, 12, edge + MOMENT)))


EDGES = {
    "open: its creation": (there(created=CREATED, modified=CHANGED), None, False, CREATED),
    "open: not its end": (there("Active", created=CREATED, modified=CHANGED), CHANGED, False, CREATED),
    "open, of unknown age": (there(modified=CHANGED), None, False, NOW),
    "closed: when": (there("Closed", created=CREATED, modified=NOW), CHANGED, False, CHANGED),
    "closed: its last change": (there("Closed", created=CREATED, modified=CHANGED), None, False, CHANGED),
    "closed, nothing known": (there("Closed", created=CREATED), None, False, NOW),
    "deleted: when": (there(created=CREATED, modified=NOW), CHANGED, True, CHANGED),
    "deleted: its last change": (there(created=CREATED, modified=CHANGED), None, True, CHANGED),
    "deleted, nothing known": (there(created=CREATED), None, True, NOW),
}


@pytest.mark.parametrize("row", EDGES.values(), ids=EDGES.keys())
def test_what_counts_as_reported_by_adoption(row: tuple[Incident, datetime | None, bool, datetime]) -> None:
    """Closed or deleted: messages before its end, or else its last change. Open: those before its creation.

    They are remembered by their ids, and by that time for those that are not found today.
    """
    incident, ended, gone, edge = row
    made = adopt(incident, four(edge), ended=ended, deleted=gone)
    assert made.reported == {key(0): Seen(minute_number(edge - MOMENT), TODAY)}
    assert made.reported_before == edge
    unfound = adopt(incident, None, ended=ended, deleted=gone)
    assert (unfound.reported, unfound.reported_before) == ({}, edge)
    by_id = decide_about(WHO, four(edge), replace(made, reported_before=None), policy())
    by_time = decide_about(WHO, four(edge), replace(made, reported={}), policy())
    assert by_id.messages == by_time.messages == Messages.of(four(edge).evidence()[1:])


def test_an_adopted_incident_that_waits_is_told_again() -> None:
    """New and unowned: a card may have been missed. Its age is its own, its counts are today's."""
    incident = there(created=CREATED)
    assert adopt(incident, found(12, when=LATE)) == Record(
        WHO,
        OurIncident(name_of(), 0, MEDIUM, CREATED, incident),
        {},
        CREATED,
        soft(12),
        tell=Reason.ADOPTED,
    )
    assert adopted(WHO, None, there(), 3, policy(), NOW).incident == OurIncident(name_of(), 3, MEDIUM, NOW, there())


@pytest.mark.parametrize("incident", [there("Active"), there(owned=True), there("Closed")])
def test_an_adopted_incident_that_does_not_wait_is_not_told(incident: Incident) -> None:
    """Somebody has seen it."""
    assert adopt(incident, found(12)).tell is None


def test_an_adopted_deletion_is_no_news() -> None:
    """Somebody deleted it before this ledger began: no card tells or mentions it."""
    made = adopt(there(created=CREATED), None, deleted=True)
    assert made == Record(
        WHO,
        OurIncident(name_of(), 0, MEDIUM, CREATED, there(created=CREATED), deleted=True, deletion_told=True),
        reported_before=NOW,
    )
    assert adopt(there(created=CREATED), None).incident == OurIncident(
        name_of(), 0, MEDIUM, CREATED, there(created=CREATED)
    )


def test_adopting_a_closed_incident_does_not_raise_it_again() -> None:
    """Dealt with stays dealt with after the ledger is lost."""
    incident = there("Closed", classification="TruePositive", modified=NOW)
    assert decide_about(WHO, found(40), adopt(incident, found(40)), policy()).reason is Reason.SETTLED


@pytest.mark.parametrize(
    ("incident", "before", "was_high", "severity"),
    [
        (there(created=CREATED), 50, False, MEDIUM),
        (there(created=CREATED), 51, False, HIGH),
        (there(severity=LOW, created=CREATED), 50, False, MEDIUM),
        (there(severity=HIGH, created=CREATED), 0, False, HIGH),
        (there(created=CREATED, escalated_to=HIGH), 0, False, HIGH),
        (there(created=CREATED, escalated_to=MEDIUM), 0, False, MEDIUM),
        (there(created=CREATED), 0, True, HIGH),
        (there(), 51, False, MEDIUM),
    ],
)
def test_the_severity_that_we_set_on_an_adopted_incident(
    incident: Incident, before: int, was_high: bool, severity: Severity
) -> None:
    """High when it is, was or was raised to High, or was made of more messages than High needs; else Medium."""
    evidence = (*evidence_of(0, before, CREATED - MOMENT), *evidence_of(before, 60, CREATED))
    made = adopt(incident, Finding.of(WHO, evidence), was_high=was_high)
    assert made.incident is not None
    assert made.incident.severity is severity


def test_adoption_escalates_only_what_nobody_can_have_lowered() -> None:
    """An adopted Medium incident reaches High later when it was made as Medium, and never when it is another's."""
    evidence = Finding.of(WHO, (*evidence_of(0, 11, EARLY), *evidence_of(11, 45, LATE)))
    quiet = there(created=CREATED)
    assert decide_about(WHO, evidence, adopt(quiet, evidence), policy()).act is Act.ESCALATE
    assert decide_about(WHO, evidence, adopt(quiet, evidence, was_high=True), policy()).act is Act.COMMENT
    lowered = replace(quiet, severity=LOW)
    assert decide_about(WHO, evidence, adopt(lowered, evidence), policy()).act is Act.COMMENT


@pytest.mark.parametrize(("before", "edge"), [(EARLY, CREATED), (LATE, LATE), (CREATED, CREATED), (None, CREATED)])
def test_adoption_keeps_what_an_earlier_episode_reported(before: datetime | None, edge: datetime) -> None:
    """Ids, the later of both times, and what is owed and told elsewhere stay; the incident is the adopted one."""
    owed = comment(some(50, 2), on=name_of(7), attempts=IN_DOUBT)
    known = record_of(
        3, ours(there("Closed"), episode=0), reported_before=before, comments=(owed,), counts=soft(5),
        untold=some(0, 2).times, told_at=MADE, remediators="x", tell=Reason.GREW,
    )  # fmt: skip
    incident = there("Active", id=name_of(1), created=CREATED)
    made = adopted(WHO, None, incident, 1, policy(), NOW, record=known)
    assert made == replace(
        known, incident=OurIncident(name_of(1), 1, MEDIUM, CREATED, incident), reported_before=edge, tell=None
    )
    finding = Finding.of(WHO, (mail(60, edge - MOMENT), mail(61, edge)))
    with_finding = adopted(WHO, finding, incident, 1, policy(), NOW, record=known)
    assert with_finding.reported.keys() == {*known.reported, key(60)}
    assert with_finding.counts == soft(2)


def test_nothing_is_left_to_tell_of_a_finished_incident() -> None:
    """Closed or deleted: what was untold is dealt with."""
    known = closed(3, untold=some(0, 3).times)
    for incident, gone in ((there("Closed", id=name_of(1)), False), (there(id=name_of(1)), True)):
        assert adopted(WHO, None, incident, 1, policy(), NOW, record=known, deleted=gone).untold == {}
