"""Days that earlier sweeps trusted: which of them a sweep compares with, and which it keeps for the next one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from operator import attrgetter

from shared.model.coverage import Slot

MEASURE = 35  # trusted slots that are kept: five of each weekday
JITTER = timedelta(minutes=15)  # a daily sweep does not begin at the very same second each day

_DAY = timedelta(days=1)
_HALF_DAY = timedelta(hours=12)


def ended_before(time: datetime, slots: Iterable[Slot]) -> list[Slot]:
    """The slots that end before this time, or hardly later."""
    return [slot for slot in slots if slot.start + _DAY <= time + JITTER]


def same_day_among(slot: Slot, others: Sequence[Slot]) -> bool:
    """Whether one of the others (oldest first) is the same day: another sweep's slots begin at another time of it."""
    place = bisect_left(others, slot.start - _HALF_DAY, key=attrgetter("start"))
    return place < len(others) and others[place].start <= slot.start + _HALF_DAY


def left_out(slot: Slot, earlier: Sequence[Slot]) -> bool:
    """Whether earlier sweeps did not trust it, by what they trusted (oldest first): days before it and after it.

    They knew the days before it that have left the window since.
    """
    if not earlier or not earlier[0].start < slot.start < earlier[-1].start:
        return False
    return not same_day_among(slot, earlier)


def kept_measure(old: Sequence[Slot], trusted: Sequence[Slot], distrusted: Sequence[Slot]) -> tuple[Slot, ...]:
    """The trusted slots for later sweeps: the present ones when a whole day was added to the old ones, else the old.

    Between two sweeps of a day the slots begin at other hours. Were they cut anew each time, the oldest one, which the
    window holds in part, would be lost each time, and with it in the end all that was before a fault.
    """
    if not old or (trusted and trusted[-1].start - old[-1].start >= _DAY - JITTER):
        return tuple(trusted[-MEASURE:])
    return tuple(slot for slot in old if not same_day_among(slot, distrusted))[-MEASURE:]
