"""What is owed to Sentinel: what a plan makes owed, and what each attempt leaves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.model import (
    NO_MESSAGES,
    Act,
    Action,
    Attempts,
    Counts,
    Owed,
    OwedComment,
    OwedCreation,
    OwedEscalation,
    Reason,
    Record,
    Severity,
)
from shared.plan.decide import decide_about
from shared.plan.owed import exchanged, failed, marked, owing
from tests.plan.samples import (
    DOWN,
    NOW,
    REFUSAL,
    WHO,
    action,
    closed,
    comment,
    creation,
    escalation,
    found,
    name_of,
    open_incident,
    ours,
    policy,
    record_of,
    soft,
    some,
    there,
    tried,
)

IN_DOUBT, REFUSED = tried(in_doubt=True), tried(refused=True)


def owed_by(known: Record | None, total: int) -> Record:
    """The record after today's decision about so many messages."""
    return owing(known, decide_about(WHO, found(total), known, policy()), NOW)


# -- what a plan makes owed -------------------------------------------------------------------------------------------


def test_a_creation_is_owed_with_all_that_was_decided() -> None:
    """A creation is noted with its facts: all messages by hash, the newest 20 in full, since now."""
    assert owed_by(None, 30) == Record(
        WHO,
        creation=OwedCreation(name_of(), 0, Reason.FIRST, Severity.MEDIUM, soft(30), some(0, 30).cut(), Attempts(NOW)),
    )


def test_the_next_episode_is_owed_beside_the_last() -> None:
    """What is known of the last incident stays; the creation is of the next episode."""
    known = closed(11)
    owed = OwedCreation(name_of(1), 1, Reason.REOPENED, Severity.HIGH, soft(60), some(11, 49).cut(), Attempts(NOW))
    assert owed_by(known, 60) == replace(known, creation=owed)


def test_an_owed_creation_grows_and_keeps_its_attempts() -> None:
    """What was tried before is remembered while the creation is decided anew; that of another episode is not."""
    before = tried(cause=DOWN)
    known = record_of(0, None, creation=creation(some(0, 12), attempts=before))
    grown = owed_by(known, 14).creation
    assert grown is not None
    assert (grown.counts, grown.messages, grown.attempts) == (soft(14), some(0, 14), before)
    other = closed(0, creation=creation(some(0, 12), episode=0, attempts=before))
    next_one = owed_by(other, 14).creation
    assert next_one is not None
    assert (next_one.episode, next_one.attempts) == (1, Attempts(NOW))


@pytest.mark.parametrize(
    "known", [None, record_of(0, None, creation=creation(some(0, 11), attempts=tried(cause=REFUSAL)))]
)
def test_why_it_cannot_be_tried_now_is_noted(known: Record | None) -> None:
    """A cause that is given takes the place of the last one; the rest of the attempts stays."""
    decided = decide_about(WHO, found(11), known, policy())
    owed = owing(known, decided, NOW, DOWN).creation
    assert owed is not None
    before = known.creation.attempts if known and known.creation else Attempts(NOW)
    assert owed.attempts == replace(before, cause=DOWN)


def test_a_creation_that_is_no_longer_wanted_is_dropped() -> None:
    """An incident that is there needs none; its messages go in a comment."""
    known = open_incident(11, creation=creation(some(11, 12)))
    after = owed_by(known, 11)
    assert after == replace(
        known, creation=None, comments=(OwedComment(name_of(), soft(12), some(11, 12), Attempts(NOW)),)
    )


@pytest.mark.parametrize("reason", [Reason.EXCLUDED, Reason.RESTING, Reason.IN_DOUBT])
def test_what_waits_is_left_as_it_is(reason: Reason) -> None:
    """Excluded today, not over today's threshold, or in doubt: everything owed stays untouched."""
    known = open_incident(
        0,
        creation=creation(some(0, 11), episode=1),
        comments=(comment(some(11, 2)), comment(some(13, 2), attempts=REFUSED)),
        escalation=escalation(),
    )
    waits = Action(Act.NOTHING, reason, WHO, 0, name_of(), Severity.MEDIUM, soft(11))
    assert owing(known, waits, NOW, DOWN) is known
    assert owing(None, waits, NOW) == Record(WHO)


@pytest.mark.parametrize("known", [open_incident(11), closed(11)])
def test_nothing_new_is_the_same_record(known: Record) -> None:
    """Where nothing changes, nothing is written."""
    assert owed_by(known, 11) is known


def test_new_messages_are_owed_as_a_comment() -> None:
    """A comment is owed with the new messages alone, the newest 20 in full."""
    known = open_incident(11)
    owed = OwedComment(name_of(), soft(40), some(11, 29).cut(), Attempts(NOW))
    assert owed_by(known, 40) == replace(known, comments=(owed,))
    assert len(owed.messages.newest) == 20


def test_an_owed_comment_grows_and_keeps_its_attempts() -> None:
    """A comment that was not made takes up newer messages; that of another incident is another comment."""
    before = tried(cause=DOWN)
    known = open_incident(11, comments=(comment(some(11, 2), attempts=before),))
    assert owed_by(known, 14).comments == (OwedComment(name_of(), soft(14), some(11, 3), before),)
    moved = record_of(11, ours(there(), episode=1), comments=(comment(some(11, 2), attempts=before),))
    assert owed_by(moved, 14).comments == (OwedComment(name_of(1), soft(14), some(11, 3), Attempts(NOW)),)


@pytest.mark.parametrize("attempts", [IN_DOUBT, REFUSED, tried(in_doubt=True, refused=True)])
def test_new_messages_go_in_a_comment_of_their_own(attempts: Attempts) -> None:
    """Messages of a comment in doubt, or refused, are in no other: new ones go in one of their own, after it."""
    fixed = comment(some(11, 2), attempts=attempts)
    after = owed_by(open_incident(11, comments=(fixed,)), 14)
    assert after.comments == (fixed, OwedComment(name_of(), soft(14), some(13, 1), Attempts(NOW)))
    assert owed_by(open_incident(11, comments=(fixed,)), 13).comments == (fixed,)
    assert owed_by(open_incident(11, comments=after.comments), 15).comments == (
        fixed,
        OwedComment(name_of(), soft(15), some(13, 2), Attempts(NOW)),
    )


def test_refused_comments_become_one() -> None:
    """They were certainly not made, so they can be tried together: the first one's attempts, the higher counts."""
    first = comment(some(11, 2), total=50, attempts=tried(refused=True, told=NOW.date(), told_cause="x"))
    doubtful = comment(some(13, 1), attempts=tried(in_doubt=True, refused=True))
    second = comment(some(14, 30), total=40, attempts=REFUSED)
    known = open_incident(11, comments=(first, doubtful, second))
    joined = replace(first, messages=some(11, 2).joined(some(14, 30)).cut())
    assert len(joined.messages.newest) == 20
    for decided in (action(Act.NOTHING, NO_MESSAGES, reason=Reason.STANDING), action(Act.COMMENT, some(44, 1))):
        after = owing(known, decided, NOW)
        assert after.comments[:2] == (doubtful, joined)
        assert [each.messages for each in after.comments[2:]] == ([decided.messages] if decided.messages else [])
    higher = open_incident(11, comments=(replace(first, counts=soft(30)), second))
    assert owing(higher, action(Act.NOTHING, NO_MESSAGES, reason=Reason.STANDING), NOW).comments[0].counts == soft(40)
    equal = open_incident(
        11, comments=(replace(first, counts=soft(40)), replace(second, counts=Counts(hard_delete=40)))
    )
    assert owing(equal, action(Act.NOTHING, NO_MESSAGES, reason=Reason.STANDING), NOW).comments[0].counts == soft(40)


def test_comments_of_a_closed_incident_become_the_next_episodes() -> None:
    """Refused or merely owed, their messages are in the creation; what is in doubt stays by itself."""
    doubtful = comment(some(30, 3), attempts=IN_DOUBT)
    known = closed(0, comments=(comment(some(0, 12)), comment(some(12, 3), attempts=REFUSED), doubtful))
    after = owing(known, decide_about(WHO, None, known, policy()), NOW)
    assert after.comments == (doubtful,)
    assert after.creation is not None
    assert after.creation.messages.times == some(0, 15).times


def test_an_escalation_is_owed_with_its_comment() -> None:
    """The severity and the new messages are two effects, each with its own attempts."""
    known = open_incident(40)
    after = owed_by(known, 60)
    assert after == replace(
        known,
        comments=(OwedComment(name_of(), soft(60), some(40, 20).cut(), Attempts(NOW)),),
        escalation=OwedEscalation(name_of(), Severity.HIGH, soft(60), Attempts(NOW)),
    )
    assert owed_by(open_incident(60), 60).comments == ()
    before = tried(cause=DOWN)
    again = owed_by(replace(known, escalation=escalation(attempts=before)), 60)
    assert again.escalation == OwedEscalation(name_of(), Severity.HIGH, soft(60), before)


def test_an_escalation_of_an_earlier_incident_is_another() -> None:
    """The attempts at an earlier incident's severity are not those at this one's."""
    known = record_of(60, ours(there(), episode=1), escalation=escalation(on=name_of(0), attempts=REFUSED))
    assert owed_by(known, 60).escalation == OwedEscalation(name_of(1), Severity.HIGH, soft(60), Attempts(NOW))


@pytest.mark.parametrize(("attempts", "kept"), [(Attempts(NOW), False), (REFUSED, False), (IN_DOUBT, True)])
def test_a_severity_that_lapsed_is_owed_only_while_in_doubt(attempts: Attempts, kept: bool) -> None:
    """What is no longer to be set is dropped, unless it may have been set: that is looked up first."""
    owed = escalation(attempts=attempts)
    lowered = record_of(60, ours(there(severity=Severity.LOW)), escalation=owed)
    assert owed_by(lowered, 60).escalation == (owed if kept else None)


FULL = ours(there(comments=91))


def test_messages_for_the_card_are_noted_until_they_are_counted() -> None:
    """Where no comment fits, new messages are owed all the same, until the record counts them as untold."""
    before = tried(cause=DOWN)
    known = record_of(11, FULL, comments=(comment(some(11, 2), attempts=before),))
    assert owed_by(known, 14).comments == (OwedComment(name_of(), soft(14), some(11, 3), before),)
    counted = record_of(11, FULL, untold=some(11, 3).times)
    assert owed_by(counted, 14) is counted
    assert owed_by(counted, 15).comments == (OwedComment(name_of(), soft(15), some(14, 1), Attempts(NOW)),)


# -- attempts ---------------------------------------------------------------------------------------------------------

EFFECTS: list[Owed] = [creation(some(0, 11)), comment(some(11, 2)), escalation()]


@pytest.mark.parametrize("owed", EFFECTS)
@pytest.mark.parametrize("others", [(), (comment(some(20, 1)),)])
def test_one_thing_owed_is_exchanged(owed: Owed, others: tuple[OwedComment, ...]) -> None:
    """It is replaced by what it has become, in its place, or no longer owed; all else stays."""
    comments = (*others, owed, *(replace(each, messages=some(30, 1)) for each in others))
    known = record_of(0, None, creation=EFFECTS[0], escalation=EFFECTS[2])
    known = replace(known, comments=tuple(each for each in comments if isinstance(each, OwedComment)))
    by = marked(owed, NOW)
    changed = exchanged(known, owed, by)
    assert [each for each in changed.owed if each != by] == [each for each in known.owed if each != owed]
    assert changed.owed.index(by) == known.owed.index(owed)
    gone = exchanged(known, owed, None)
    assert gone.owed == tuple(each for each in known.owed if each != owed)
    assert replace(gone, creation=known.creation, comments=known.comments, escalation=known.escalation) == known


@pytest.mark.parametrize("owed", EFFECTS)
def test_an_attempt_is_marked_before_it_is_made(owed: Owed) -> None:
    """The mark has Sentinel's time and counts the attempt; nothing else changes."""
    before = Attempts(NOW, 2, None, DOWN, told_cause="x")
    later = NOW + timedelta(minutes=1)
    after = marked(replace(owed, attempts=before), later)
    assert after == replace(owed, attempts=Attempts(NOW, 3, later, DOWN, told_cause="x"))
    assert after.attempts.in_doubt


@pytest.mark.parametrize("owed", EFFECTS)
@pytest.mark.parametrize(
    ("before", "in_doubt", "refused", "after"),
    [
        (IN_DOUBT, True, False, replace(IN_DOUBT, cause=DOWN)),
        (IN_DOUBT, False, False, tried(cause=DOWN)),
        (IN_DOUBT, False, True, tried(refused=True, cause=DOWN)),
        (REFUSED, False, False, tried(refused=True, cause=DOWN)),
        (tried(in_doubt=True, refused=True), True, False, tried(in_doubt=True, refused=True, cause=DOWN)),
    ],
)
def test_what_a_failed_attempt_leaves(
    owed: Owed, before: Attempts, in_doubt: bool, refused: bool, after: Attempts
) -> None:
    """In doubt or certainly not made, with its cause; once refused it stays so, for another failure proves nothing."""
    assert failed(replace(owed, attempts=before), DOWN, in_doubt=in_doubt, refused=refused) == replace(
        owed, attempts=after
    )


def test_an_attempt_is_not_refused_unless_said() -> None:
    """A failure that says nothing of a refusal is none."""
    assert not failed(EFFECTS[0], DOWN, in_doubt=False).attempts.refused
