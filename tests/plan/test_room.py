"""The fuse: how many creations are tried, and how many are remembered."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.model import Act, Action, Attempts, Counts, OurIncident, OwedCreation, Reason, Record, Severity
from shared.plan.room import REMEMBERED, Room, made_since, remembered
from tests.plan.samples import DAY, NOW, WHO, action, some


@pytest.mark.parametrize(
    ("limit", "taken", "tried", "next_round"),
    [
        (3, 0, 0, 3),
        (3, 1, 3, 2),
        (3, 0, 3, 3),
        (3, 0, 5, 1),
        (3, 2, 5, 1),
        (3, 0, 6, 0),
        (3, 3, 3, 0),
        (3, 4, 4, 0),
        (3, 1, 7, 0),
        (0, 0, 0, 0),
    ],
)
def test_how_many_may_be_tried_next(limit: int, taken: int, tried: int, next_round: int) -> None:
    """As many as are not made or perhaps made, and no more than twice MAX_NEW_INCIDENTS in all."""
    assert Room(limit, taken, tried).next == next_round


def test_a_round_takes_room() -> None:
    """Those tried and those taken add up."""
    assert Room(5, 1, 2).after(tried=3, taken=2) == Room(5, 3, 5)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 40), st.lists(st.booleans(), max_size=100))
def test_room_is_never_exceeded(limit: int, ends: list[bool]) -> None:
    """Whatever fails: at most MAX_NEW_INCIDENTS are made, at most twice as many tried, and no room is left unused."""
    room, left = Room(limit), list(ends)
    while left and room.next:
        turn, left = left[: room.next], left[room.next :]
        room = room.after(len(turn), sum(turn))
    assert room.taken <= limit
    assert room.tried <= 2 * limit
    assert not left or room.taken == limit or room.tried == 2 * limit


def _many(number: int, refused_from: int) -> list[Action]:
    """So many creations, in the order of their turns."""
    one = action(Act.CREATE, some(0, 1), reason=Reason.FIRST)
    return [replace(one, recipient=f"{place}@contoso.com", refused=place >= refused_from) for place in range(number)]


@pytest.mark.parametrize(
    ("number", "refused", "limit", "kept"),
    [
        (REMEMBERED, 0, 100, REMEMBERED),
        (REMEMBERED + 1, 0, 100, REMEMBERED),
        (REMEMBERED + 7, 3, 100, REMEMBERED + 3),
        (REMEMBERED + 7, 0, 2_503, REMEMBERED + 6),
        (0, 0, 100, 0),
    ],
)
def test_how_many_are_remembered(number: int, refused: int, limit: int, kept: int) -> None:
    """The first 5,000, or all that may be tried today; and all that were refused. The others are counted."""
    creations = _many(number, number - refused)
    first = creations[: kept - refused]
    assert remembered(creations, limit) == ((*first, *creations[number - refused :]), number - kept)


def test_what_was_noted_before_stays_remembered() -> None:
    """A flood of higher ones takes no place from those an earlier sweep has noted: they are not counted as lost."""
    creations = _many(REMEMBERED + 9, REMEMBERED + 9)
    noted = {each.recipient for each in creations[-6:]}
    kept, left_out = remembered(creations, 100, noted)
    assert kept == (*creations[: REMEMBERED - 6], *creations[-6:])
    assert left_out == 9
    everyone = {each.recipient for each in creations[200:]}
    assert remembered(creations, 100, everyone) == (tuple(creations), 0)


@pytest.mark.parametrize(
    ("owed", "made", "counted"),
    [
        ({}, None, 0),
        ({}, NOW, 1),
        ({}, NOW - timedelta(seconds=1), 0),
        ({"uploaded": NOW}, None, 1),
        ({"uploaded": NOW - DAY}, NOW - DAY, 0),
        ({"uploaded": NOW}, NOW - DAY, 1),
        ({"marked": NOW}, None, 1),
        ({"marked": NOW - DAY}, None, 0),
        ({"marked": NOW, "uploaded": NOW}, NOW, 1),
    ],
)
def test_what_was_made_since_then(owed: dict[str, datetime], made: datetime | None, counted: int) -> None:
    """An incident made, one handed to the rule, one that may have been made: each recipient once, of this time only."""
    attempts = Attempts(NOW - DAY, marked=owed.get("marked"))
    creation = OwedCreation("i", 0, Reason.FIRST, Severity.HIGH, Counts(1), some(0, 1), attempts, owed.get("uploaded"))
    ours = OurIncident("i", 0, Severity.HIGH, made) if made else None
    record = Record(WHO, incident=ours, creation=creation if owed else None)
    assert made_since([record, Record("another@contoso.com")], NOW) == counted
