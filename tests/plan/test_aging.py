"""What time does to a record: a longer look-back, messages seen again, thinned, forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.model import (
    Finding,
    Reason,
    Record,
    Seen,
    WorkspaceState,
    minute_number,
)
from shared.plan.aging import (
    forgettable,
    lengthened,
    refreshed,
    thinned,
)
from tests.plan.samples import (
    DAY,
    NOW,
    TODAY,
    WHO,
    comment,
    creation,
    escalation,
    found,
    key,
    mail,
    open_incident,
    ours,
    policy,
    record_of,
    reported_ones,
    some,
    there,
    tried,
)

MOMENT = timedelta(microseconds=1)
EDGE = NOW - 3 * DAY
IN_DOUBT = tried(in_doubt=True)


def test_a_longer_lookback_reports_nothing_old_as_new() -> None:
    """Messages that arrived before the last sweep's window began count as reported, on a later day as well; but none
    that was remediated since.
    """
    edge = NOW - 30 * DAY
    state = WorkspaceState(unseen_before=edge, lengthened_at=NOW)
    rows = (
        mail(0, NOW, generated=edge - MOMENT),
        mail(1, edge - DAY, generated=edge),
        mail(2, NOW),
        mail(3, NOW + MOMENT, generated=edge - MOMENT),
    )
    after = lengthened(Finding.of(WHO, rows), open_incident(0), state, NOW + 5 * DAY)
    assert after == replace(open_incident(0), reported={key(0): Seen(minute_number(NOW), TODAY + 5)})
    assert lengthened(Finding.of(WHO, rows[1:]), after, state, NOW) is after
    assert lengthened(Finding.of(WHO, rows), open_incident(0), WorkspaceState(), NOW) == open_incident(0)


def test_a_longer_lookback_takes_nothing_that_is_owed() -> None:
    """What is owed, or counted to be told, was seen by an earlier sweep, although its window has moved on since."""
    edge = NOW - 30 * DAY
    finding = found(30, when=edge - DAY)
    known = open_incident(
        0,
        creation=creation(some(0, 5), episode=1),
        comments=(comment(some(5, 5)), comment(some(10, 5), attempts=IN_DOUBT)),
        untold=some(15, 5).times,
    )
    state = WorkspaceState(unseen_before=edge, lengthened_at=NOW)
    assert lengthened(finding, known, state, NOW).reported.keys() == some(20, 10).times.keys()


def test_days_are_written_anew_only_when_they_are_old() -> None:
    """A message seen today has its day written once it is ten days old; the others keep theirs."""
    known = record_of(0, ours(there()))
    known = replace(known, reported={key(n): Seen(7, TODAY - age) for n, age in enumerate((9, 10, 11, 11))})
    after = refreshed(found(3), known, NOW)
    assert after == replace(
        known,
        reported={
            key(0): Seen(7, TODAY - 9),
            key(1): Seen(7, TODAY),
            key(2): Seen(7, TODAY),
            key(3): Seen(7, TODAY - 11),
        },
    )
    assert refreshed(found(3), after, NOW) is after


def test_what_is_remembered_by_time_is_then_remembered_by_id() -> None:
    """A message before `reported_before` that is seen is remembered by its id; later and unreported ones are not."""
    rows = (mail(0, EDGE - MOMENT), mail(1, EDGE))
    known = open_incident(0, reported_before=EDGE)
    assert refreshed(Finding.of(WHO, rows), known, NOW) == replace(
        known, reported={key(0): Seen(minute_number(EDGE - MOMENT), TODAY)}
    )
    assert refreshed(Finding.of(WHO, rows), open_incident(0), NOW) == open_incident(0)
    newer = Finding.of(WHO, (mail(1, EDGE), mail(0, EDGE - MOMENT)))
    assert refreshed(newer, known, NOW).reported.keys() == {key(0)}


OLD = TODAY - 30 - 40  # the look-back, 30 days beyond it, and the days for which a day is not written anew


@pytest.mark.parametrize(("lookback_days", "oldest"), [(30, OLD), (31, OLD - 1), (90, OLD - 60)])
def test_messages_are_thinned(lookback_days: int, oldest: int) -> None:
    """A message is forgotten once it is unseen for the look-back plus 30 days, and not a day before."""
    days = {key(0): Seen(7, oldest), key(1): Seen(7, oldest - 1), key(2): Seen(7, TODAY)}
    known = replace(open_incident(0), reported=days)
    kept = thinned(known, policy(lookback_days=lookback_days), NOW)
    assert kept == replace(known, reported={key(0): days[key(0)], key(2): days[key(2)]})
    assert thinned(kept, policy(lookback_days=lookback_days), NOW) is kept


LONG_AGO = NOW - 71 * DAY
LAST_DAY = NOW - 70 * DAY


def old(**changes: object) -> Record:
    """A record that nothing keeps, but for these changes."""
    gone = Record(WHO, ours(there("Closed"), made_at=LONG_AGO), reported_ones(3, OLD - 1), LONG_AGO)
    return replace(gone, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("known", "goes"),
    [
        (old(), True),
        (old(incident=None), True),
        (old(reported={}), True),
        (old(incident=ours(there(), made_at=LONG_AGO, deleted=True)), True),
        (old(reported_before=None), True),
        (old(tell=Reason.GREW), False),
        (old(comments=(comment(some(0, 1)),)), False),
        (old(creation=creation(some(0, 1))), False),
        (old(escalation=escalation()), False),
        (old(incident=ours(there(), made_at=LONG_AGO)), False),
        (old(incident=ours(there("Active"), made_at=LONG_AGO)), False),
        (old(incident=ours(None, made_at=LONG_AGO)), False),
        (old(incident=ours(there("Closed"), made_at=LAST_DAY)), False),
        (old(reported={**reported_ones(3, OLD - 1), key(2): Seen(7, OLD)}), False),
        (old(reported_before=LAST_DAY), False),
    ],
)
def test_whose_record_can_go(known: Record, goes: bool) -> None:
    """Finished, nothing owed or to be told, and nothing seen, made or reported for the look-back plus 30 days."""
    assert forgettable([known], policy(), NOW) == ([WHO] if goes else [])
    others = [replace(old(), recipient="a@x"), known, replace(old(), recipient="b@x")]
    assert forgettable(others, policy(), NOW) == (["a@x", WHO, "b@x"] if goes else ["a@x", "b@x"])
