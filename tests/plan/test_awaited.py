"""Findings that were handed to the analytics rule: awaited, seen, due, handed over once more; merged incidents."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.model import Act, Counts, OurIncident, OwedCreation, Reason, Record, Severity
from shared.plan.awaited import (
    ALERT_PATIENCE,
    NO_INCIDENT,
    NOT_LOOKED_UP,
    PATIENCE,
    SILENT,
    handed_over,
    is_awaited,
    not_looked_up,
    waited,
)
from shared.plan.decide import decide_about
from shared.plan.owed import owing
from shared.plan.records import adopted, seen
from tests.plan.samples import (
    DATE,
    DAY,
    DOWN,
    MADE,
    NOW,
    REFUSAL,
    WHO,
    closed,
    comment,
    creation,
    escalation,
    found,
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

TICK = timedelta(microseconds=1)
HOUR = timedelta(hours=1)


def awaiting(uploaded: datetime | None = NOW - DAY, count: int = 12, **more: object) -> Record:
    """A record whose row was uploaded then (None: the next one is owed); its messages are reported."""
    owed = replace(creation(some(0, count), attempts=tried()), uploaded=uploaded)
    return record_of(count, ours(None), creation=replace(owed, **more), counts=soft(count))  # type: ignore[arg-type]


# -- handing over -----------------------------------------------------------------------------------------------------


def test_a_first_row() -> None:
    """The incident is awaited from now on; what it tells is reported and owed to a card; what went before lapses."""
    owed = replace(creation(some(5, 12), episode=1, attempts=tried(in_doubt=True, cause=DOWN)), maybe_sent=True)
    owed = replace(owed, severity=Severity.HIGH, reason=Reason.REOPENED)
    before = closed(
        5, creation=owed, escalation=escalation(), untold=some(0, 5).times, reminded_at=MADE, settled_at=MADE
    )
    after = handed_over(before, owed, policy(), NOW)
    assert after.incident == OurIncident(name_of(1), 1, Severity.HIGH, NOW)
    assert after.creation == replace(owed, uploaded=NOW, maybe_sent=False, attempts=tried())
    assert after.awaited == after.creation
    assert after.reported.keys() == reported_ones(17).keys()
    assert (after.tell, after.untold, after.counts) == (Reason.REOPENED, minutes(5, 12), soft(12))
    assert (after.escalation, after.reminded_at, after.settled_at) == (None, None, None)
    assert is_awaited(after)


def test_the_next_row_tells_what_is_new_and_stays_due() -> None:
    """The incident stays the one that is awaited; only what is new since is to be told, once it is over a threshold."""
    before = replace(awaiting(None, attempt=2), untold=minutes(0, 3), tell=None)
    owed = replace(creation(some(0, 20), attempts=tried(in_doubt=True)), attempt=2, severity=Severity.HIGH)
    few = handed_over(before, owed, policy(), NOW)
    assert few.untold == {**minutes(0, 3), **minutes(12, 8)}
    assert few.tell is Reason.GREW
    assert few.incident == replace(ours(None), severity=Severity.HIGH)
    assert few.creation == replace(owed, uploaded=NOW, attempts=tried(cause=SILENT))
    assert not is_awaited(few)
    assert handed_over(replace(before, untold={}), owed, policy(), NOW).tell is None
    assert handed_over(replace(before, tell=Reason.FIRST), owed, policy(), NOW).tell is Reason.FIRST
    exactly = replace(before, untold=minutes(0, 2))
    assert handed_over(exactly, owed, policy(), NOW).tell is None


def test_comments_whose_messages_are_in_the_row_are_no_longer_owed() -> None:
    """But for one in doubt, which stays whole."""
    doubtful = comment(some(0, 4), on=name_of(7), attempts=tried(in_doubt=True))
    before = replace(awaiting(None), comments=(comment(some(12, 3)), doubtful))
    after = handed_over(before, creation(some(0, 15)), policy(), NOW)
    assert after.comments == (doubtful,)


# -- waiting ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_rule", [True, False])
def test_for_two_periods_nothing_is_due(by_rule: bool) -> None:
    """A tick before it is awaited; then it is due."""
    record = awaiting(NOW)
    assert waited(record, None, NOW + PATIENCE - TICK, by_rule=by_rule) is record
    assert not is_awaited(waited(record, None, NOW + PATIENCE, by_rule=by_rule))


def test_the_next_row_comes_on_another_day() -> None:
    """On the same UTC day it is due and waits; on the next one the next row is owed."""
    evening = datetime.combine(DATE, datetime.min.time(), NOW.tzinfo) + 20 * HOUR
    same = waited(awaiting(evening), None, evening + 3 * HOUR, by_rule=True)
    assert same.creation == replace(awaiting(evening).creation or creation(some(0, 1)), attempts=tried(cause=SILENT))
    after = waited(same, None, evening + 4 * HOUR, by_rule=True)
    assert after.creation is not None
    assert (after.creation.uploaded, after.creation.attempt) == (None, 2)
    assert after.creation.attempts.cause == SILENT
    assert waited(after, None, evening + 9 * DAY, by_rule=True) is after


def test_without_the_rule_it_is_made_at_once() -> None:
    """Where incidents are made over ARM again, nothing waits for another day."""
    after = waited(awaiting(NOW), None, NOW + PATIENCE, by_rule=False).creation
    assert after is not None
    assert after.uploaded is None


@pytest.mark.parametrize("by_rule", [True, False])
def test_an_alert_without_an_incident(by_rule: bool) -> None:
    """Due for that; the next row comes after two days only, for it makes another alert."""
    record = awaiting(NOW)
    early = waited(record, NOW, NOW + ALERT_PATIENCE - TICK, by_rule=by_rule).creation
    assert early is not None
    assert (early.attempts.cause, early.uploaded, early.attempt) == (NO_INCIDENT, NOW, 1)
    late = waited(record, NOW, NOW + ALERT_PATIENCE, by_rule=by_rule).creation
    assert late is not None
    assert (late.attempts.cause, late.uploaded, late.attempt) == (NO_INCIDENT, None, 2)


def test_what_cannot_be_looked_up_is_due_by_then() -> None:
    """A cause that is known already stays."""
    record = awaiting(NOW)
    assert not_looked_up(record, NOW + PATIENCE - TICK) is record
    after = not_looked_up(record, NOW + PATIENCE)
    assert after.creation is not None
    assert after.creation.attempts.cause == NOT_LOOKED_UP
    silent = waited(record, None, NOW + 3 * HOUR, by_rule=True)
    assert not_looked_up(silent, NOW + 4 * HOUR) is silent
    assert not_looked_up(awaiting(None), NOW) == awaiting(None)


@pytest.mark.parametrize("record", [open_incident(12), Record(WHO), Record(WHO, creation=creation(some(0, 12)))])
def test_a_record_that_waits_for_nothing_is_left_alone(record: Record) -> None:
    """An open incident, none, or a creation that was not handed over."""
    assert record.awaited is None
    assert not is_awaited(record)
    assert waited(record, None, NOW + 9 * DAY, by_rule=True) is record
    assert not_looked_up(record, NOW + 9 * DAY) is record


# -- seen -------------------------------------------------------------------------------------------------------------


def test_once_it_is_seen_nothing_is_owed() -> None:
    """The incident is as the rule made it; when it was made is Sentinel's word."""
    incident = there(name="4a6d", created=NOW - HOUR)
    after = seen(awaiting(), incident)
    assert after.creation is None
    assert after.incident == ours(incident, made_at=NOW - HOUR)
    assert seen(awaiting(), there()).incident == ours(there())
    assert after.reported == awaiting().reported


@pytest.mark.parametrize(("episode", "kept"), [(0, False), (1, True)])
def test_an_adopted_incident_is_no_longer_owed(episode: int, kept: bool) -> None:
    """What is owed of another episode still is."""
    owed = creation(some(0, 12), episode=episode)
    record = adopted(WHO, found(12), there(created=NOW), 0, policy(), NOW, record=Record(WHO, creation=owed))
    assert record.creation == (owed if kept else None)


# -- deciding ---------------------------------------------------------------------------------------------------------


def decided(record: Record, count: int = 15, threshold: int = 10) -> tuple[Act, Reason, int]:
    """What is done about so many messages, and about how many of them."""
    action = decide_about(WHO, found(count), record, policy(threshold=threshold))
    return action.act, action.reason, len(action.messages)


def test_while_it_is_awaited_or_due_nothing_is_done() -> None:
    """What is new stays new until the incident is there."""
    assert decided(awaiting()) == (Act.NOTHING, Reason.AWAITED, 0)
    assert decide_about(WHO, found(15), awaiting(), policy()).incident_id == name_of()
    assert decided(waited(awaiting(NOW - 3 * HOUR), None, NOW, by_rule=True)) == (Act.NOTHING, Reason.AWAITED, 0)


def test_the_next_row_holds_the_last_ones_messages_and_what_is_new() -> None:
    """Of the same incident, for the same reason; with the highest count."""
    record = awaiting(None, attempt=2)
    action = decide_about(WHO, found(60), record, policy())
    assert (action.act, action.reason, action.episode, action.incident_id) == (
        Act.CREATE, Reason.FIRST, 0, name_of(),
    )  # fmt: skip
    assert (action.severity, action.total, len(action.messages), action.previous) == (Severity.HIGH, 60, 60, "")
    assert action.tell
    assert not decide_about(WHO, found(12 + 10), record, policy(threshold=10)).tell
    assert decide_about(WHO, found(12 + 11), record, policy(threshold=10)).tell
    nobody = decide_about(WHO, None, record, policy())
    assert (nobody.act, nobody.total, len(nobody.messages)) == (Act.CREATE, 12, 12)


def test_a_later_episode_names_the_one_before() -> None:
    """Also in its second row."""
    owed = replace(creation(some(0, 12), episode=2, attempts=tried(refused=True)), uploaded=None)
    record = record_of(12, ours(None, episode=2), creation=owed)
    action = decide_about(WHO, found(12), record, policy())
    assert (action.previous, action.refused, action.episode) == (name_of(1), True, 2)


def test_it_rests_like_anything_else() -> None:
    """Excluded, in doubt, or not over the threshold any more."""
    assert decide_about(WHO, found(15), awaiting(), policy(excluded=[WHO])).reason is Reason.EXCLUDED
    assert decided(awaiting(None), threshold=40)[1] is Reason.RESTING
    doubtful = awaiting(None, attempts=tried(in_doubt=True))
    assert decided(doubtful)[1] is Reason.IN_DOUBT


# -- what is owed -----------------------------------------------------------------------------------------------------


def test_nothing_that_is_decided_makes_an_awaited_creation_lapse() -> None:
    """It is kept as it is until the incident is seen."""
    record = awaiting()
    action = decide_about(WHO, found(15), record, policy())
    assert owing(record, action, NOW) is record


def test_a_row_that_may_be_on_its_way_keeps_its_number_only_with_the_same_messages() -> None:
    """Else the rule would pass over what the second one has more."""
    owed = replace(creation(some(0, 12), attempts=tried(cause=DOWN)), attempt=3, maybe_sent=True)
    record = Record(WHO, creation=owed)

    def again(count: int) -> OwedCreation:
        after = owing(record, decide_about(WHO, found(count), record, policy()), NOW).creation
        assert after is not None
        return after

    assert (again(12).attempt, again(12).maybe_sent) == (3, True)
    assert (again(13).attempt, again(13).maybe_sent) == (4, False)
    certain = Record(WHO, creation=replace(owed, maybe_sent=False))
    after = owing(certain, decide_about(WHO, found(13), certain, policy()), NOW).creation
    assert after is not None
    assert (after.attempt, after.maybe_sent, after.attempts.cause) == (3, False, DOWN)


@pytest.mark.parametrize(("attempt", "maybe_sent", "kept"), [(1, False, False), (1, True, True), (2, False, True)])
def test_later_rows_go_to_the_rule_of_the_first_one(attempt: int, maybe_sent: bool, kept: bool) -> None:
    """Each severity has a rule of its own, which would make a second incident: High follows once it is there."""
    owed = replace(creation(some(0, 12)), attempt=attempt, maybe_sent=maybe_sent)
    record = Record(WHO, creation=owed)
    action = decide_about(WHO, found(60), record, policy())
    assert action.severity is Severity.HIGH
    after = owing(record, action, NOW).creation
    assert after is not None
    assert after.severity is (Severity.MEDIUM if kept else Severity.HIGH)


def test_a_creation_of_another_episode_starts_anew() -> None:
    """Its first row is number 1, and nothing is known against it."""
    owed = replace(creation(some(0, 12), attempts=tried(cause=REFUSAL)), attempt=3, maybe_sent=True)
    record = closed(12, creation=owed)
    assert record.awaited is None
    after = owing(record, decide_about(WHO, found(40), record, policy()), NOW).creation
    assert after is not None
    assert (after.episode, after.attempt, after.maybe_sent, after.attempts.cause) == (1, 1, False, None)


# -- merged -----------------------------------------------------------------------------------------------------------


def test_a_merged_incident_counts_as_open_and_gets_only_what_is_new() -> None:
    """Comments, no severity; a closing that is an analyst's is one."""
    merged = ours(there("Closed", merged=True))
    record = record_of(12, merged)
    assert merged.open
    assert not merged.waiting
    assert decided(record, 12) == (Act.NOTHING, Reason.STANDING, 0)
    assert decided(record, 60) == (Act.COMMENT, Reason.GREW, 48)
    assert decided(record_of(12, ours(there("Closed"))), 60)[0] is Act.CREATE
    assert decided(record_of(12, ours(there())), 60)[0] is Act.ESCALATE


def test_the_counts_of_a_row_are_those_of_the_record() -> None:
    """A card that tells of it has its numbers."""
    counts = Counts(hard_delete=2, soft_delete=10)
    after = handed_over(Record(WHO), replace(creation(some(0, 12)), counts=counts), policy(), NOW)
    assert after.counts == counts
