"""A fault stays a fault however often is swept, and however short the window is: hourly, every few hours, late."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from shared.model.coverage import Slot
from shared.plan.trust import judge
from tests.plan.trust_samples import DAY, GOOD, NOW, OPTIONS, causes_of, covered, like

HOUR = timedelta(hours=1)
FAULTS = {
    "fewer actions": like(1_000, filled=300, removals=12),
    "all delivered": like(1_000, removals=0),
    "a tenth": like(100),
    "nobody's": like(1_000, unattributable=300),
}
GOOD_DAYS, BAD_DAYS = 36, 34


def slot_of(first: int, bad: Slot) -> Slot:
    """The 24 hours from this hour on, of a table whose mail is `bad` after the good days."""
    hours = min(24, max(0, first + 24 - 24 * GOOD_DAYS))
    good = 24 - hours
    return Slot(
        NOW + first * HOUR,
        (GOOD.messages * good + bad.messages * hours) // 24,
        (GOOD.filled * good + bad.filled * hours) // 24,
        (GOOD.unknown * good + bad.unknown * hours) // 24,
        (GOOD.unattributable * good + bad.unattributable * hours) // 24,
        (GOOD.removals * good + bad.removals * hours) // 24,
    )


def said_each_time(
    bad: Slot, lookback: int, every: int, late: timedelta = timedelta()
) -> Iterator[tuple[int, list[str]]]:
    """The hour and the causes of each sweep, every so many hours; every second one begins late."""
    measure: tuple[Slot, ...] = ()
    for number, end in enumerate(range(24 * lookback, 24 * (GOOD_DAYS + BAD_DAYS), every)):
        shift = late * (number % 2)
        slots = [slot_of(end - 24 * back, bad) for back in range(lookback, 0, -1)]
        slots = [Slot(each.start + shift, *figures_of(each)) for each in slots]
        now = NOW + end * HOUR + shift
        trust = judge(covered(slots, now), OPTIONS, now, measure)
        measure = trust.measure
        yield end, causes_of(trust)


def figures_of(slot: Slot) -> tuple[int, int, int, int, int]:
    """All but its start."""
    return slot.messages, slot.filled, slot.unknown, slot.unattributable, slot.removals


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("lookback", "every"), [(1, 1), (1, 24), (7, 5), (30, 6), (30, 24)])
def test_a_lasting_fault_on_every_schedule(fault: str, lookback: int, every: int) -> None:
    """No reason while all is well; from a whole day of the fault on always one, also when the window holds no other."""
    said = [*said_each_time(FAULTS[fault], lookback, every)]
    assert [hour for hour, reasons in said if reasons and hour <= 24 * GOOD_DAYS] == []
    whole = 24 * (GOOD_DAYS + 1) + (23 if every == 5 else 0)  # its days began at other hours than the fault
    assert [hour for hour, reasons in said if not reasons and hour >= whole] == []


def test_a_sweep_that_begins_a_minute_late() -> None:
    """Its days overlap with those of the sweeps before and after it by a minute: none of them is lost."""
    said = [*said_each_time(FAULTS["fewer actions"], 1, 24, timedelta(minutes=1))]
    assert [hour for hour, reasons in said if not reasons and hour > 24 * GOOD_DAYS] == []
    measure: tuple[Slot, ...] = ()
    for day in range(35):
        now = NOW + day * DAY + timedelta(minutes=day % 2)
        measure = judge(covered([Slot(now - DAY, *figures_of(GOOD))], now), OPTIONS, now, measure).measure
    assert len(measure) == 35
