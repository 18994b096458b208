"""What a record is after something was done, told or read."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from shared.model import (
    Act,
    Counts,
    Incident,
    Messages,
    OurIncident,
    Reason,
    Record,
    Seen,
    Severity,
    minute_number,
)
from shared.plan.records import (
    commented,
    counted,
    created,
    escalated,
    reported,
    seen,
    told,
)
from tests.plan.samples import (
    DAY,
    MADE,
    NOW,
    TODAY,
    WHO,
    action,
    closed,
    comment,
    creation,
    escalation,
    key,
    minutes,
    name_of,
    open_incident,
    ours,
    policy,
    record_of,
    reported_ones,
    soft,
    some,
    there,
    tried,
)

HIGH, MEDIUM = Severity.HIGH, Severity.MEDIUM
IN_DOUBT = tried(in_doubt=True)


def known_as(messages: Messages, day: int = TODAY) -> dict[int, Seen]:
    """These, as reported and last seen on that day."""
    return {each: Seen(minute, day) for each, minute in messages.times.items()}


@pytest.mark.parametrize("made_at", [MADE, None])
def test_an_incident_that_is_made(made_at: datetime | None) -> None:
    """Its messages are reported and untold; it is told for its reason; the last incident's reminders count no more."""
    owed = replace(creation(some(5, 12), episode=1), severity=HIGH, reason=Reason.REOPENED)
    known = closed(5, creation=owed, escalation=escalation(), untold=some(0, 5).times, reminded_at=MADE, told_at=MADE)
    incident = there(severity=HIGH, id=name_of(1), created=made_at)
    assert created(known, owed, incident, NOW) == Record(
        WHO,
        OurIncident(name_of(1), 1, HIGH, made_at or NOW, incident),
        {**reported_ones(5), **known_as(some(5, 12))},
        counts=soft(12),
        tell=Reason.REOPENED,
        untold=minutes(5, 12),
        told_at=MADE,
    )


def test_an_incident_that_was_made_and_deleted() -> None:
    """Its messages are reported, and no card tells it as new: that it was deleted is mentioned."""
    owed = creation(some(0, 12))
    assert created(record_of(0, None, creation=owed, tell=Reason.GREW), owed, None, NOW) == Record(
        WHO,
        OurIncident(name_of(), 0, MEDIUM, NOW, None, deleted=True),
        known_as(some(0, 12)),
        counts=soft(12),
        untold=minutes(0, 12),
    )


def test_a_made_incident_leaves_owed_what_it_does_not_report() -> None:
    """Comments owed on the last incident keep what the new one does not hold; in doubt, they stay whole."""
    owed = creation(some(0, 12), episode=1)
    doubtful = comment(some(5, 2), attempts=IN_DOUBT)
    comments = (comment(some(0, 3)), comment(some(10, 4)), doubtful, comment(some(20, 1), attempts=tried(refused=True)))
    after = created(closed(0, creation=owed, comments=comments), owed, there(id=name_of(1)), NOW)
    assert after.comments == (replace(comments[1], messages=some(12, 2)), doubtful, comments[3])


@pytest.mark.parametrize(
    ("untold", "tell", "after"),
    [
        (8, None, None),
        (9, None, Reason.GREW),
        (9, Reason.ESCALATED, Reason.ESCALATED),
        (0, Reason.FIRST, Reason.FIRST),
    ],
)
def test_a_comment_that_is_made(untold: int, tell: Reason | None, after: Reason | None) -> None:
    """Its messages are reported, and a card tells them once more than a threshold is untold."""
    owed, other = comment(some(20, 2), total=22), comment(some(30, 1), attempts=IN_DOUBT)
    known = open_incident(20, comments=(other, owed), untold=some(0, untold).times, tell=tell, counts=soft(9))
    assert commented(known, owed, policy(), NOW) == replace(
        known,
        reported={**reported_ones(20), **known_as(some(20, 2))},
        comments=(other,),
        counts=soft(22),
        untold={**some(0, untold).times, **some(20, 2).times},
        tell=after,
    )


@pytest.mark.parametrize(
    ("tell", "after"),
    [
        (None, Reason.ESCALATED),
        (Reason.GREW, Reason.ESCALATED),
        (Reason.COMMENTS_FULL, Reason.ESCALATED),
        (Reason.ADOPTED, Reason.ESCALATED),
        (Reason.FIRST, Reason.FIRST),
        (Reason.REOPENED, Reason.REOPENED),
        (Reason.REOPENED_BENIGN, Reason.REOPENED_BENIGN),
        (Reason.RECREATED, Reason.RECREATED),
    ],
)
def test_a_severity_that_is_set(tell: Reason | None, after: Reason) -> None:
    """It is ours from now on, and told, unless a card is to tell the incident itself as new."""
    known = open_incident(20, escalation=escalation(), tell=tell, counts=soft(20))
    incident = there(severity=HIGH, escalated_to=HIGH)
    assert escalated(known, escalation(), incident) == replace(
        known, incident=ours(incident, severity=HIGH), escalation=None, counts=soft(51), tell=after
    )


def test_the_higher_counts_stay_after_an_escalation() -> None:
    """What a card tells is the higher Sum_case; of two equal ones the record's."""
    for counts in (soft(60), Counts(hard_delete=51)):
        assert escalated(open_incident(20, counts=counts), escalation(), there(severity=HIGH)).counts == counts


def test_a_severity_that_was_set_and_changed() -> None:
    """It is recorded as the one we set, so that it is never set again; nothing is told."""
    known = open_incident(20, escalation=escalation(), counts=soft(20))
    assert escalated(known, escalation(), None) == replace(
        known, incident=ours(there(), severity=HIGH), escalation=None
    )


@pytest.mark.parametrize("last", [None, ours(there(), episode=1)])
def test_a_severity_of_an_earlier_incident_changes_no_other(last: OurIncident | None) -> None:
    """It is no longer owed, and that is all."""
    known = record_of(20, last, escalation=escalation())
    assert escalated(known, escalation(), there(severity=HIGH)) == replace(known, escalation=None)


@pytest.mark.parametrize(
    ("untold", "tell", "after"),
    [(9, None, None), (10, None, Reason.COMMENTS_FULL), (10, Reason.GREW, Reason.GREW)],
)
def test_messages_that_no_comment_can_carry(untold: int, tell: Reason | None, after: Reason | None) -> None:
    """They are untold, not reported; told once they are more than a threshold; no comment is owed for them."""
    fixed = (comment(some(40, 1), attempts=IN_DOUBT), comment(some(41, 1), attempts=tried(refused=True)))
    known = open_incident(20, comments=(*fixed, comment(some(20, 1))), untold=some(0, untold).times, tell=tell)
    assert counted(known, action(Act.COUNT, some(20, 1), total=21), policy()) == replace(
        known, comments=fixed, counts=soft(21), untold={**some(0, untold).times, **some(20, 1).times}, tell=after
    )


def test_counting_again_changes_nothing() -> None:
    """The record stays the same while nothing is new, whatever the counts are; a lower threshold makes it told."""
    known = open_incident(20, untold=some(20, 5).times)
    again = action(Act.COUNT, some(20, 5), total=25)
    assert counted(known, again, policy()) is known
    assert counted(known, again, policy(threshold=4)).tell is Reason.COMMENTS_FULL
    assert counted(replace(known, comments=(comment(some(20, 5)),)), again, policy()).comments == ()


def test_what_was_told_counts_as_reported() -> None:
    """A card was accepted: nothing is left to tell, and messages that only it could carry are reported."""
    known = open_incident(20, untold=some(18, 5).times, tell=Reason.COMMENTS_FULL)
    later = NOW + DAY
    assert told(known, later) == replace(
        known,
        reported={**reported_ones(20), **known_as(some(20, 3), TODAY + 1)},
        untold={},
        tell=None,
        told_at=later,
    )


def test_what_is_reported_keeps_its_first_time() -> None:
    """A message that is remediated again stays as it was reported; nothing new is the same record."""
    known = open_incident(5)
    again = some(3, 3, when=NOW)
    assert reported(known, again, NOW + DAY).reported == {
        **reported_ones(5),
        key(5): Seen(minute_number(NOW), TODAY + 1),
    }
    assert reported(known, some(0, 5, when=NOW), NOW + DAY) is known


SEEN = [
    (open_incident(1), there(), None),
    (open_incident(1), there("Active"), ours(there("Active"))),
    (open_incident(1), there(comments=1), ours(there(comments=1))),
    (open_incident(1), None, ours(there(), deleted=True)),
    (record_of(1, ours(there(), deleted=True, deletion_told=True)), None, None),
    (record_of(1, ours(there(), deleted=True)), there(), ours(there())),
    (record_of(1, ours(None)), there(), ours(there())),
    (record_of(1, None), there(), None),
    (record_of(1, None), None, None),
]


@pytest.mark.parametrize(("known", "incident", "after"), SEEN)
def test_an_incident_as_just_read(known: Record, incident: Incident | None, after: OurIncident | None) -> None:
    """The record holds it as read, or as deleted; where nothing has changed it is the same record."""
    if after is None:
        assert seen(known, incident) is known
    else:
        assert seen(known, incident) == replace(known, incident=after)
