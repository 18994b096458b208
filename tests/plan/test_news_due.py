"""What is due and why: what is named on today's cards."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from shared.model import (
    Attempts,
    CardNote,
    Cause,
    Messages,
    Owed,
    OwedCreation,
    OwedEscalation,
    Record,
    ToldDue,
    WorkspaceState,
)
from shared.plan.news import (
    NotDone,
    causes_to_tell,
    due_to_tell,
    named_as_due,
)
from tests.plan.samples import (
    DATE,
    DAY,
    DOWN,
    NO_ROLE,
    REFUSAL,
    WHO,
    YESTERDAY,
    comment,
    creation,
    escalation,
    name_of,
    noted_card,
    open_incident,
    some,
    tried,
)


@pytest.mark.parametrize(
    ("attempts", "named"),
    [
        (tried(), True),
        (tried(told=DATE, told_cause=DOWN.id), False),
        (tried(told=DATE, told_cause="another"), True),
        (tried(told=YESTERDAY, told_cause=DOWN.id), True),
        (tried(in_doubt=True), True),
        (tried(cause=NO_ROLE), True),
        (tried(refused=True), True),
        (tried(refused=True, told=DATE, told_cause="another"), False),
        (tried(refused=True, told=DATE - 6 * DAY), False),
        (tried(refused=True, told=DATE - 7 * DAY), True),
    ],
)
@pytest.mark.parametrize("kind", [creation(some(0, 11)), comment(some(0, 11)), escalation()])
def test_what_is_due_is_named(kind: Owed, attempts: Attempts, named: bool) -> None:
    """Once a day for each cause; what is refused for ever on the first day and then weekly, by its own cause."""
    owed = replace(kind, attempts=attempts)
    known = owing_all(owed)
    cause = REFUSAL if attempts.refused else DOWN
    expected = (NotDone(known, owed, cause),) if named else ()
    assert due_to_tell({WHO: DOWN}, {WHO: known}, [], 10, DATE) == expected


def owing_all(*owed: Owed) -> Record:
    """A record that owes these."""
    known = open_incident(0)
    for each in owed:
        if isinstance(each, OwedCreation):
            known = replace(known, creation=each)
        elif isinstance(each, OwedEscalation):
            known = replace(known, escalation=each)
        else:
            known = replace(known, comments=(*known.comments, each))
    return known


@pytest.mark.parametrize(
    ("untold", "messages", "refused", "named"),
    [
        (some(0, 5), some(5, 5), False, False),
        (some(0, 6), some(6, 5), False, True),
        (some(0, 6), some(5, 5), False, False),
        (some(0, 0), some(0, 10), False, False),
        (some(0, 0), some(0, 1), True, True),
    ],
)
def test_a_comment_that_would_not_be_told_is_not_named(
    untold: Messages, messages: Messages, refused: bool, named: bool
) -> None:
    """A comment is named when it and what is untold are more than a threshold, each message once; or if refused."""
    owed = comment(messages, attempts=tried(refused=refused))
    known = replace(owing_all(owed), untold=untold.times)
    assert bool(due_to_tell({WHO: DOWN}, {WHO: known}, [], 10, DATE)) is named


def test_a_refusal_without_a_cause_is_named_by_the_sweeps() -> None:
    """There is always a cause."""
    owed = creation(some(0, 11), attempts=replace(tried(refused=True), cause=None))
    assert due_to_tell({WHO: DOWN}, {WHO: owing_all(owed)}, [], 10, DATE)[0].cause is DOWN


def test_one_line_for_each_recipient_what_was_refused_first() -> None:
    """Among one's effects and among recipients, the refused come first; whoever owes nothing is left out."""
    refused = comment(some(0, 1), attempts=tried(refused=True))
    both = owing_all(escalation(), refused)
    plain = replace(owing_all(creation(some(0, 11)), escalation()), recipient="plain@x")
    nothing = replace(open_incident(0), recipient="nothing@x")
    records = {"plain@x": plain, "nothing@x": nothing, WHO: both}
    due = {"unknown@x": DOWN, "nothing@x": DOWN, "plain@x": NO_ROLE, WHO: DOWN}
    assert due_to_tell(due, records, [], 10, DATE) == (
        NotDone(both, refused, REFUSAL),
        NotDone(plain, creation(some(0, 11)), NO_ROLE),
    )
    named = replace(refused, attempts=tried(refused=True, told=YESTERDAY))
    assert due_to_tell({WHO: DOWN}, {WHO: owing_all(escalation(), named)}, [], 10, DATE)[0].owed == escalation()


@pytest.mark.parametrize(
    ("doubtful", "day", "on", "named"),
    [
        (2, DATE, name_of(), True),
        (3, DATE, name_of(), False),
        (4, DATE, name_of(), False),
        (3, YESTERDAY, name_of(), True),
        (3, DATE, name_of(1), True),
    ],
)
def test_what_is_due_is_on_three_doubtful_posts_a_day(doubtful: int, day: date, on: str, named: bool) -> None:
    """Like a finding, but each day anew."""
    cards = [noted_card(doubtful=doubtful, day=day, due=(ToldDue(WHO, on, DOWN.id),))]
    assert bool(due_to_tell({WHO: DOWN}, {WHO: owing_all(escalation())}, cards, 10, DATE)) is named


def test_what_a_card_has_named_is_remembered() -> None:
    """The day and the cause, for what is owed on that incident; what was refused by its own cause only."""
    elsewhere = comment(some(0, 1), on=name_of(1))
    refused = comment(some(1, 1), attempts=tried(refused=True))
    plain = comment(some(2, 1), attempts=tried(cause=NO_ROLE))
    known = owing_all(escalation(), elsewhere, refused, plain)

    def with_day(owed: Owed, cause: str) -> Owed:
        return replace(owed, attempts=replace(owed.attempts, told=DATE, told_cause=cause))

    assert named_as_due(known, name_of(), DOWN.id, DATE) == owing_all(
        with_day(escalation(), DOWN.id), elsewhere, refused, with_day(plain, DOWN.id)
    )
    assert named_as_due(known, name_of(), REFUSAL.id, DATE).comments[1] == with_day(refused, REFUSAL.id)
    made = owing_all(creation(some(0, 11)))
    assert named_as_due(made, name_of(), DOWN.id, DATE) == owing_all(with_day(creation(some(0, 11)), DOWN.id))
    assert named_as_due(made, name_of(1), DOWN.id, DATE) == made
    unknown = owing_all(comment(some(1, 1), attempts=replace(tried(refused=True), cause=None)))
    assert named_as_due(unknown, name_of(), DOWN.id, DATE).comments[0].attempts.told == DATE


@pytest.mark.parametrize(
    ("state", "cards", "told"),
    [
        (WorkspaceState(), [], (DOWN, NO_ROLE)),
        (WorkspaceState(causes_day=DATE, causes_told=(DOWN.id,)), [], (NO_ROLE,)),
        (WorkspaceState(causes_day=YESTERDAY, causes_told=(DOWN.id,)), [], (DOWN, NO_ROLE)),
        (WorkspaceState(), [noted_card(doubtful=3, causes=(DOWN.id,))], (NO_ROLE,)),
        (WorkspaceState(), [noted_card(doubtful=2, causes=(DOWN.id,))], (DOWN, NO_ROLE)),
        (WorkspaceState(), [noted_card(doubtful=3, causes=(DOWN.id,), day=YESTERDAY)], (DOWN, NO_ROLE)),
    ],
)
def test_a_cause_is_told_once_a_day(state: WorkspaceState, cards: list[CardNote], told: tuple[Cause, ...]) -> None:
    """Each cause once, however often it was met; not again on the day on which a card has told it."""
    assert causes_to_tell([DOWN, NO_ROLE, DOWN], state, cards, DATE) == told
