"""Whom to remind on-call about."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.model import Incident, Reason, Record
from shared.plan.reminders import EARLY, reminders
from tests.plan.samples import DAY, NOW, WHO, open_incident, ours, record_of, there

MOMENT = timedelta(microseconds=1)


def _made(age: timedelta, seen: Incident | None = None, **more: Any) -> Record:
    """The record of an incident of that age: New and unowned, unless another is given."""
    return Record(WHO, ours(seen or there(), made_at=NOW - age), **more)


@pytest.mark.parametrize(
    ("known", "days", "due"),
    [
        (_made(3 * DAY), 3, True),
        (_made(3 * DAY - EARLY), 3, True),
        (_made(3 * DAY - EARLY - MOMENT), 3, False),
        (_made(DAY), 1, True),
        (_made(DAY - EARLY), 1, True),
        (_made(DAY - EARLY - MOMENT), 1, False),
        (_made(30 * DAY), 0, False),
        (_made(30 * DAY), -1, False),
        (_made(5 * DAY, there(owned=True)), 3, False),
        (_made(5 * DAY, there("Active")), 3, False),
        (_made(5 * DAY, there("Closed")), 3, False),
        (record_of(11, ours(there(), deleted=True)), 3, False),
        (record_of(11, ours(None)), 3, False),
        (record_of(11, None), 3, False),
        (_made(5 * DAY, tell=Reason.GREW), 3, False),
        (_made(5 * DAY, forgotten=True), 3, False),
        (_made(5 * DAY, reminded_at=NOW - 3 * DAY), 3, True),
        (_made(5 * DAY, reminded_at=NOW - 3 * DAY + EARLY), 3, True),
        (_made(5 * DAY, reminded_at=NOW - 3 * DAY + EARLY + MOMENT), 3, False),
        (_made(2 * DAY, reminded_at=NOW - 9 * DAY), 3, False),
        (_made(DAY, reminded_at=NOW - DAY), 1, True),
        (_made(5 * DAY, told_at=NOW - timedelta(hours=6)), 3, False),
        (_made(5 * DAY, told_at=NOW - timedelta(hours=6) - MOMENT), 3, True),
        (_made(5 * DAY, told_at=NOW), 1, False),
    ],
)
def test_who_is_reminded_of(known: Record, days: int, due: bool) -> None:
    """A New, unowned incident of that age, and every so many days after; not on a day on which it was told."""
    assert reminders([known], days, NOW) == ([known] if due else [])


def test_the_oldest_comes_first() -> None:
    """By age, then by name; whoever is not to be reminded of hides nobody."""

    def of(name: str, age: int) -> Record:
        return replace(_made(age * DAY), recipient=name)

    without = record_of(11, None)
    named = [without, of("b@x", 4), of("young@x", 1), of("a@x", 4), replace(of("t@x", 9), told_at=NOW), of("old@x", 8)]
    assert [each.recipient for each in reminders(named, 3, NOW)] == ["old@x", "a@x", "b@x"]


def test_two_of_the_same_age_and_name_are_no_error() -> None:
    """Records themselves are never compared."""
    twins = [open_incident(11), open_incident(9)]
    assert reminders(twins, 3, NOW) == twins
