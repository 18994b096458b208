"""What goes on today's cards."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from shared.model import (
    CardNote,
    Reason,
    Record,
    ToldDue,
    ToldFinding,
    WorkspaceState,
)
from shared.plan.news import (
    News,
    NotDone,
    doubtful_posts,
    findings_to_tell,
    outdated,
    without_told,
)
from tests.plan.samples import (
    DATE,
    DAY,
    DOWN,
    NOW,
    WHO,
    YESTERDAY,
    escalation,
    name_of,
    noted_card,
    open_incident,
    ours,
    record_of,
    there,
    tried,
)


def told_of(episode: int = 0, who: str = WHO) -> ToldFinding:
    """A finding on a card."""
    return ToldFinding(who, name_of(episode), episode, Reason.FIRST)


def test_there_is_news_when_any_is() -> None:
    """One kind of news is enough."""
    known = open_incident(11)
    assert not News()
    assert News(findings=(known,))
    assert News(unanswered=(known,))
    assert News(due=(NotDone(known, escalation(), DOWN),))
    assert News(deletions=(known,))
    assert News(reminders=(known,))


def test_posts_that_may_have_arrived_are_counted_over_all_cards() -> None:
    """By incident for findings, by day and thing for all else; what was accepted, or only named in a line, is none."""
    due = ToldDue(WHO, name_of(3), "x")
    cards = [
        noted_card(1, doubtful=2, findings=(told_of(0), told_of(1)), reminders=("r@x",)),
        noted_card(2, findings=(told_of(0),), deletions=("d@x",), causes=("c1", "c2"), day=YESTERDAY),
        noted_card(3, doubtful=5, findings=(told_of(0),), reminders=("r@x",), accepted=True),
        noted_card(4, findings=(told_of(1),), due=(due,), unanswered=(told_of(2),)),
        noted_card(5, doubtful=2, due=(due,)),
    ]
    assert doubtful_posts(cards) == {
        name_of(0): 3,
        name_of(1): 3,
        f"{DATE.isoformat()}/reminder/r@x": 2,
        f"{YESTERDAY.isoformat()}/deletion/d@x": 1,
        f"{YESTERDAY.isoformat()}/cause/c1": 1,
        f"{YESTERDAY.isoformat()}/cause/c2": 1,
        f"{DATE.isoformat()}/due/{WHO}/{name_of(3)}": 3,
    }


@pytest.mark.parametrize(
    ("cards", "finding", "line"),
    [
        ([], True, False),
        ([noted_card(doubtful=2, findings=(told_of(),))], True, False),
        ([noted_card(doubtful=3, findings=(told_of(),))], False, True),
        (
            [noted_card(1, doubtful=2, findings=(told_of(),)), noted_card(2, findings=(told_of(),), day=YESTERDAY)],
            False,
            True,
        ),
        ([noted_card(doubtful=4, findings=(told_of(1),))], True, False),
        ([noted_card(doubtful=3, findings=(told_of(),)), noted_card(2, unanswered=(told_of(),))], False, False),
        (
            [noted_card(doubtful=3, findings=(told_of(),)), noted_card(2, unanswered=(told_of(),), day=YESTERDAY)],
            False,
            True,
        ),
        ([noted_card(doubtful=3, findings=(told_of(),)), noted_card(2, unanswered=(told_of(1),))], False, True),
        ([noted_card(doubtful=2, findings=(told_of(),)), noted_card(2, unanswered=(told_of(),))], True, False),
    ],
)
def test_a_finding_is_on_three_doubtful_posts_at_most(cards: list[CardNote], finding: bool, line: bool) -> None:
    """After three that Teams may have taken it is named in a line, once a day, until one is accepted."""
    known = open_incident(11, tell=Reason.FIRST)
    expected = ((known,) if finding else (), (known,) if line else ())
    assert findings_to_tell([known], cards, DATE) == expected


def test_only_what_is_to_be_told_is() -> None:
    """Records with nothing to tell, and those without an incident, are on no card and hide no other."""
    silent, without = open_incident(11), record_of(11, None, tell=Reason.FIRST)
    known = open_incident(11, tell=Reason.GREW)
    assert findings_to_tell([silent, without, known], [], DATE) == ((known,), ())


# -- earlier cards ----------------------------------------------------------------------------------------------------


def test_what_was_told_leaves_earlier_cards() -> None:
    """Findings that were told are taken off cards without an answer; a card with nothing left is dropped."""
    due = ToldDue(WHO, name_of(5), "x")
    cards = [
        noted_card(1, findings=(told_of(0),)),
        noted_card(2, findings=(told_of(0), told_of(1)), doubtful=2),
        noted_card(3, unanswered=(told_of(0), told_of(1))),
        noted_card(4, unanswered=(told_of(0),)),
        noted_card(5, findings=(told_of(1),)),
        noted_card(6),
        noted_card(7, findings=(told_of(0),), reminders=("r@x",)),
        noted_card(8, findings=(told_of(0),), deletions=("d@x",)),
        noted_card(9, findings=(told_of(0),), due=(due,)),
        noted_card(10, findings=(told_of(0),), causes=("c",)),
        noted_card(11, findings=(told_of(0),), unanswered=(told_of(1),)),
        noted_card(12, findings=(told_of(1),), unanswered=(told_of(0),)),
    ]
    assert without_told(cards, [told_of(0), told_of(3)]) == (
        (
            noted_card(2, findings=(told_of(1),), doubtful=2),
            noted_card(3, unanswered=(told_of(1),)),
            noted_card(7, reminders=("r@x",)),
            noted_card(8, deletions=("d@x",)),
            noted_card(9, due=(due,)),
            noted_card(10, causes=("c",)),
            noted_card(11, unanswered=(told_of(1),)),
            noted_card(12, findings=(told_of(1),)),
        ),
        ("card-1", "card-4"),
    )


WAITING = open_incident(11, tell=Reason.FIRST)


@pytest.mark.parametrize(
    ("about", "known", "gone"),
    [
        (noted_card(day=YESTERDAY, findings=(told_of(),)), WAITING, False),
        (noted_card(day=YESTERDAY, unanswered=(told_of(),)), WAITING, False),
        (noted_card(day=YESTERDAY, findings=(told_of(1), told_of(0))), WAITING, False),
        (noted_card(day=YESTERDAY, findings=(told_of(1),)), WAITING, True),
        (noted_card(day=YESTERDAY, findings=(told_of(),)), open_incident(11), True),
        (noted_card(day=YESTERDAY, findings=(told_of(),)), record_of(11, None, tell=Reason.FIRST), True),
        (noted_card(day=YESTERDAY, findings=(told_of(0, "gone@x"),)), WAITING, True),
        (noted_card(day=YESTERDAY, reminders=(WHO,)), WAITING, True),
        (noted_card(day=YESTERDAY), WAITING, True),
        (noted_card(day=DATE), WAITING, False),
        (noted_card(day=DATE, findings=(told_of(),)), WAITING, False),
        (noted_card(day=DATE, findings=(told_of(),)), open_incident(11), True),
        (noted_card(day=DATE, findings=(told_of(),), causes=("told",)), open_incident(11), True),
        (noted_card(day=DATE, findings=(told_of(),), causes=("told", "new")), open_incident(11), False),
        (noted_card(day=DATE, reminders=(WHO,)), open_incident(11, reminded_at=NOW), True),
        (noted_card(day=DATE, reminders=(WHO,)), open_incident(11, reminded_at=NOW - DAY), False),
        (noted_card(day=DATE, reminders=(WHO,)), open_incident(11), False),
        (noted_card(day=DATE + DAY), WAITING, False),
        (noted_card(day=YESTERDAY, accepted=True), WAITING, False),
    ],
)
def test_which_earlier_cards_no_longer_matter(about: CardNote, known: Record, gone: bool) -> None:
    """Those not accepted, with nothing on them that is still to be told of the same incident: of earlier days, and of
    today when all that they name was told by another card.
    """
    last = noted_card(9, day=DATE - timedelta(days=40))
    assert outdated([about, last], {WHO: known}, WorkspaceState(causes_day=DATE, causes_told=("told",)), DATE) == (
        (about.id, last.id) if gone else (last.id,)
    )


DUE = (ToldDue(WHO, name_of(), "x"),)


@pytest.mark.parametrize(
    ("owed_on", "told", "gone"),
    [
        (name_of(), DATE, True),
        (name_of(), None, False),
        (name_of(), YESTERDAY, False),
        (name_of(1), None, True),
        (name_of(1), YESTERDAY, True),
        (name_of(1), DATE, True),
    ],
)
def test_a_card_of_today_matters_while_what_is_due_was_not_named(owed_on: str, told: date | None, gone: bool) -> None:
    """What is owed on the very incident that the card names, and was named by no card of its day; nothing else."""
    known = open_incident(60, escalation=escalation(on=owed_on, attempts=tried(told=told)))
    about = noted_card(day=DATE, due=DUE)
    assert outdated([about], {WHO: known}, WorkspaceState(), DATE) == ((about.id,) if gone else ())


@pytest.mark.parametrize("told", [False, True])
def test_a_card_of_today_matters_while_a_deletion_was_not_told(told: bool) -> None:
    """It is told once, on any day; who is no longer known, or has no incident, is not waited for."""
    about = noted_card(day=DATE, deletions=(WHO,))
    known = record_of(11, ours(there(), deleted=True, deletion_told=told))
    assert outdated([about], {WHO: known}, WorkspaceState(), DATE) == ((about.id,) if told else ())
    assert outdated([about], {WHO: record_of(11, None)}, WorkspaceState(), DATE) == (about.id,)
    assert outdated([about], {}, WorkspaceState(), DATE) == (about.id,)


def test_a_cause_told_on_another_day_is_to_be_told_again() -> None:
    """What is noted as told counts for the day on which it was told."""
    about = noted_card(day=DATE, causes=("hunt_failed",))
    for day, gone in ((DATE, (about.id,)), (YESTERDAY, ()), (None, ())):
        assert outdated([about], {}, WorkspaceState(causes_day=day, causes_told=("hunt_failed",)), DATE) == gone
