"""No day ends without a reason on which the figures could not have shown a removal, whatever came before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.model.coverage import Slot
from shared.plan.trust import judge
from tests.plan.trust_samples import DAY, EMPTY, GOOD, NOW, OPTIONS, causes_of, covered
from tests.support.examples import examples_of

BLIND: dict[str, Callable[[Slot], Slot]] = {
    "dead": lambda slot: replace(EMPTY, start=slot.start),
    "unfilled": lambda slot: replace(slot, filled=0, unknown=0, removals=0),
    "unknown words": lambda slot: replace(slot, unknown=slot.filled, removals=0),
    "nobody's": lambda slot: replace(slot, unattributable=slot.messages, removals=0),
    "all delivered": lambda slot: replace(slot, removals=0),
    "a twentieth": lambda slot: replace(slot, messages=slot.messages // 20, filled=slot.filled // 20, removals=0),
}
"""What a day becomes when its figures cannot show a removal. With the last one most of the mail is not there."""
SEEN_AT_ONCE = ("unfilled", "unknown words", "nobody's")
"""Needs no history."""

kinds = st.sampled_from(["good", *BLIND])
runs = st.lists(st.tuples(kinds, st.integers(1, 40)), min_size=1, max_size=12)


def slots_of_days(days: list[str], seed: int) -> list[Slot]:
    """A slot a day, oldest first, with weekends and chance; each is what its kind makes of a good one."""
    chance = Random(seed)
    slots = []
    for place, kind in enumerate(days):
        start = NOW + place * DAY
        messages = int((400 if start.weekday() >= 5 else 2_000) * chance.uniform(0.8, 1.25))
        filled, removals = int(messages * chance.uniform(0.85, 0.95)), int(messages * chance.uniform(0.09, 0.11))
        slot = replace(GOOD, start=start, messages=messages, filled=filled, removals=removals)
        slots.append(slot if kind == "good" else BLIND[kind](slot))
    return slots


def said_each_day(slots: list[Slot], lookback: int, every: int = 1) -> list[list[str]]:
    """The causes of each sweep from the first whole day on, every so many days."""
    measure: tuple[Slot, ...] = ()
    said = []
    for end in range(1, len(slots) + 1, every):
        window = slots[max(0, end - lookback) : end]
        now = window[-1].start + DAY
        alive = [slot.start + DAY for slot in window if slot.messages]
        newest = alive[-1] - timedelta(minutes=9) if alive else None
        trust = judge(covered(window, now, newest=newest), OPTIONS, now, measure)
        measure = trust.measure
        said.append(causes_of(trust))
    return said


@given(runs, st.integers(0, 9), st.sampled_from([30, 30, 7, 90, 1]))
@example([("dead", 51), ("good", 18), ("a twentieth", 1)], 0, 90)
@example([(kind, 40) for kind in BLIND], 0, 30)
@example([pair for kind in BLIND for pair in ((kind, 1), ("good", 1))], 0, 30)
@pytest.mark.examples
@settings(max_examples=examples_of(200), deadline=None)
def test_a_blind_day_is_never_clean(later: list[tuple[str, int]], seed: int, lookback: int) -> None:
    """After four good weeks any run of days, for as long as it lasts, whatever came between."""
    days = ["good"] * 28 + [kind for kind, number in later for _ in range(number)]
    said = said_each_day(slots_of_days(days, seed), lookback)
    clean = [(place, kind) for place, (kind, causes) in enumerate(zip(days, said, strict=True)) if not causes]
    assert [each for each in clean if each[1] != "good"] == []
    assert len(clean) >= 28


@given(runs, st.integers(0, 9))
@pytest.mark.examples
@settings(max_examples=examples_of(100), deadline=None)
def test_floors_need_no_history(runs_of_days: list[tuple[str, int]], seed: int) -> None:
    """From the first day on: no action, no known action, nobody's mail."""
    days = [kind for kind, number in runs_of_days for _ in range(number)]
    said = said_each_day(slots_of_days(days, seed), 30)
    assert [kind for kind, causes in zip(days, said, strict=True) if not causes and kind in SEEN_AT_ONCE] == []


@given(st.lists(st.sampled_from(["good", "good", "good", "dead", "unfilled"]), max_size=20), st.integers(0, 9))
@pytest.mark.examples
@settings(max_examples=examples_of(60), deadline=None)
def test_good_days_are_clean_again(later: list[str], seed: int) -> None:
    """Two days after the last bad one there is no reason, unless the figures of a whole week lack."""
    days = ["good"] * 35 + later + ["good"] * 7
    assert said_each_day(slots_of_days(days, seed), 30)[-1] == []


@given(runs, st.integers(0, 9), st.sampled_from([1, 2, 7]))
@pytest.mark.examples
@settings(max_examples=examples_of(60), deadline=None)
def test_any_schedule(later: list[tuple[str, int]], seed: int, every: int) -> None:
    """Swept every day, every other day or once a week: the day of the sweep is never blind and clean."""
    days = ["good"] * 36 + [kind for kind, number in later for _ in range(number)]
    said = said_each_day(slots_of_days(days, seed), 30, every)
    assert [kind for kind, causes in zip(days[::every], said, strict=True) if not causes and kind != "good"] == []
