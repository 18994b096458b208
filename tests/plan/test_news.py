"""What goes on today's cards."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from shared.model import (
    Attempts,
    CardNote,
    Cause,
    Messages,
    Owed,
    OwedCreation,
    OwedEscalation,
    Reason,
    Record,
    ToldDue,
    ToldFinding,
    WorkspaceState,
)
from shared.plan.news import (
    News,
    NotDone,
    causes_to_tell,
    doubtful_posts,
    due_to_tell,
    findings_to_tell,
    named_as_due,
    outdated,
    without_told,
)
from tests.plan.samples import (
    DAY,
    DOWN,
    NOW,
    REFUSAL,
    WHO,
    comment,
    creation,
    escalation,
    name_of,
    opened,
    record,
    some,
    tried,
)

DATE = NOW.date()
YESTERDAY = DATE - DAY
OTHER = Cause("sentinel_forbidden", "no role")


def told_of(episode: int = 0, who: str = WHO) -> ToldFinding:
    """A finding on a card."""
    return ToldFinding(who, name_of(episode), episode, Reason.FIRST)


def card(number: int = 1, *, doubtful: int = 1, day: date = DATE, accepted: bool = False, **tells: object) -> CardNote:
    """A card that was posted, and not answered for unless accepted."""
    return CardNote(f"card-{number}", day, doubtful, accepted, **tells)  # type: ignore[arg-type]


def test_there_is_news_when_any_is() -> None:
    """One kind of news is enough."""
    known = opened(11)
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
        card(1, doubtful=2, findings=(told_of(0), told_of(1)), reminders=("r@x",)),
        card(2, findings=(told_of(0),), deletions=("d@x",), causes=("c1", "c2"), day=YESTERDAY),
        card(3, doubtful=5, findings=(told_of(0),), reminders=("r@x",), accepted=True),
        card(4, findings=(told_of(1),), due=(due,), unanswered=(told_of(2),)),
        card(5, doubtful=2, due=(due,)),
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
        ([card(doubtful=2, findings=(told_of(),))], True, False),
        ([card(doubtful=3, findings=(told_of(),))], False, True),
        ([card(1, doubtful=2, findings=(told_of(),)), card(2, findings=(told_of(),), day=YESTERDAY)], False, True),
        ([card(doubtful=4, findings=(told_of(1),))], True, False),
        ([card(doubtful=3, findings=(told_of(),)), card(2, unanswered=(told_of(),))], False, False),
        ([card(doubtful=3, findings=(told_of(),)), card(2, unanswered=(told_of(),), day=YESTERDAY)], False, True),
        ([card(doubtful=3, findings=(told_of(),)), card(2, unanswered=(told_of(1),))], False, True),
        ([card(doubtful=2, findings=(told_of(),)), card(2, unanswered=(told_of(),))], True, False),
    ],
)
def test_a_finding_is_on_three_doubtful_posts_at_most(cards: list[CardNote], finding: bool, line: bool) -> None:
    """After three that Teams may have taken it is named in a line, once a day, until one is accepted."""
    known = opened(11, tell=Reason.FIRST)
    expected = ((known,) if finding else (), (known,) if line else ())
    assert findings_to_tell([known], cards, DATE) == expected


def test_only_what_is_to_be_told_is() -> None:
    """Records with nothing to tell, and those without an incident, are on no card and hide no other."""
    silent, without = opened(11), record(11, None, tell=Reason.FIRST)
    known = opened(11, tell=Reason.GREW)
    assert findings_to_tell([silent, without, known], [], DATE) == ((known,), ())


# -- what is due ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attempts", "named"),
    [
        (tried(), True),
        (tried(told=DATE, told_cause=DOWN.id), False),
        (tried(told=DATE, told_cause="another"), True),
        (tried(told=YESTERDAY, told_cause=DOWN.id), True),
        (tried(in_doubt=True), True),
        (tried(cause=OTHER), True),
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
    known = opened(0)
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
    nothing = replace(opened(0), recipient="nothing@x")
    records = {"plain@x": plain, "nothing@x": nothing, WHO: both}
    due = {"unknown@x": DOWN, "nothing@x": DOWN, "plain@x": OTHER, WHO: DOWN}
    assert due_to_tell(due, records, [], 10, DATE) == (
        NotDone(both, refused, REFUSAL),
        NotDone(plain, creation(some(0, 11)), OTHER),
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
    cards = [card(doubtful=doubtful, day=day, due=(ToldDue(WHO, on, DOWN.id),))]
    assert bool(due_to_tell({WHO: DOWN}, {WHO: owing_all(escalation())}, cards, 10, DATE)) is named


def test_what_a_card_has_named_is_remembered() -> None:
    """The day and the cause, for what is owed on that incident; what was refused by its own cause only."""
    elsewhere = comment(some(0, 1), on=name_of(1))
    refused = comment(some(1, 1), attempts=tried(refused=True))
    plain = comment(some(2, 1), attempts=tried(cause=OTHER))
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
        (WorkspaceState(), [], (DOWN, OTHER)),
        (WorkspaceState(causes_day=DATE, causes_told=(DOWN.id,)), [], (OTHER,)),
        (WorkspaceState(causes_day=YESTERDAY, causes_told=(DOWN.id,)), [], (DOWN, OTHER)),
        (WorkspaceState(), [card(doubtful=3, causes=(DOWN.id,))], (OTHER,)),
        (WorkspaceState(), [card(doubtful=2, causes=(DOWN.id,))], (DOWN, OTHER)),
        (WorkspaceState(), [card(doubtful=3, causes=(DOWN.id,), day=YESTERDAY)], (DOWN, OTHER)),
    ],
)
def test_a_cause_is_told_once_a_day(state: WorkspaceState, cards: list[CardNote], told: tuple[Cause, ...]) -> None:
    """Each cause once, however often it was met; not again on the day on which a card has told it."""
    assert causes_to_tell([DOWN, OTHER, DOWN], state, cards, DATE) == told


# -- earlier cards ----------------------------------------------------------------------------------------------------


def test_what_was_told_leaves_earlier_cards() -> None:
    """Findings that were told are taken off cards without an answer; a card with nothing left is dropped."""
    due = ToldDue(WHO, name_of(5), "x")
    cards = [
        card(1, findings=(told_of(0),)),
        card(2, findings=(told_of(0), told_of(1)), doubtful=2),
        card(3, unanswered=(told_of(0), told_of(1))),
        card(4, unanswered=(told_of(0),)),
        card(5, findings=(told_of(1),)),
        card(6),
        card(7, findings=(told_of(0),), reminders=("r@x",)),
        card(8, findings=(told_of(0),), deletions=("d@x",)),
        card(9, findings=(told_of(0),), due=(due,)),
        card(10, findings=(told_of(0),), causes=("c",)),
        card(11, findings=(told_of(0),), unanswered=(told_of(1),)),
        card(12, findings=(told_of(1),), unanswered=(told_of(0),)),
    ]
    assert without_told(cards, [told_of(0), told_of(3)]) == (
        (
            card(2, findings=(told_of(1),), doubtful=2),
            card(3, unanswered=(told_of(1),)),
            card(7, reminders=("r@x",)),
            card(8, deletions=("d@x",)),
            card(9, due=(due,)),
            card(10, causes=("c",)),
            card(11, unanswered=(told_of(1),)),
            card(12, findings=(told_of(1),)),
        ),
        ("card-1", "card-4"),
    )


WAITING = opened(11, tell=Reason.FIRST)


@pytest.mark.parametrize(
    ("about", "known", "gone"),
    [
        (card(day=YESTERDAY, findings=(told_of(),)), WAITING, False),
        (card(day=YESTERDAY, unanswered=(told_of(),)), WAITING, False),
        (card(day=YESTERDAY, findings=(told_of(1), told_of(0))), WAITING, False),
        (card(day=YESTERDAY, findings=(told_of(1),)), WAITING, True),
        (card(day=YESTERDAY, findings=(told_of(),)), opened(11), True),
        (card(day=YESTERDAY, findings=(told_of(),)), record(11, None, tell=Reason.FIRST), True),
        (card(day=YESTERDAY, findings=(told_of(0, "gone@x"),)), WAITING, True),
        (card(day=YESTERDAY, reminders=(WHO,)), WAITING, True),
        (card(day=YESTERDAY), WAITING, True),
        (card(day=DATE), WAITING, False),
        (card(day=DATE + DAY), WAITING, False),
        (card(day=YESTERDAY, accepted=True), WAITING, False),
    ],
)
def test_which_earlier_cards_no_longer_matter(about: CardNote, known: Record, gone: bool) -> None:
    """Those of earlier days, not accepted, with nothing on them that is still to be told of the same incident."""
    last = card(9, day=DATE - timedelta(days=40))
    assert outdated([about, last], {WHO: known}, DATE) == ((about.id, last.id) if gone else (last.id,))
