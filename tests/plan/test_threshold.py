"""Which threshold suits a tenant: the curve against plain counting, the bend, the suggestion."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model import Removals
from shared.plan.threshold import HIGHEST, curve, knee_of, step_at, suggested

BY = st.tuples(*[st.integers(0, 9)] * 4)


def people(totals: Sequence[int]) -> list[Removals]:
    """Recipients with so many removals."""
    return [Removals(f"user{place}@contoso.com", total) for place, total in enumerate(totals)]


def noise(low: int, high: int) -> list[Removals]:
    """Many with very few removals, fewer with a few: half as many at each step; and some with a lot."""
    totals = [count for count in range(2, 9) for _ in range(low // 2 ** (count - 2))]
    return people([*totals, *(40 + 7 * place for place in range(high))])


@given(st.lists(st.tuples(st.integers(2, 60), BY), max_size=40))
def test_each_threshold_flags_whoever_has_more(some: list[tuple[int, tuple[int, int, int, int]]]) -> None:
    """Each step counts the recipients over it, their messages, and who remediated them; the last flags nobody."""
    found = [Removals(f"u{place}@contoso.com", total + sum(by), by) for place, (total, by) in enumerate(some)]
    steps = curve(found)
    assert [step.threshold for step in steps] == list(range(1, max([each.total for each in found], default=1) + 1))
    assert steps[-1].flagged == 0
    for step in steps:
        over = [each for each in found if each.total > step.threshold]
        assert (step.flagged, step.messages) == (len(over), sum(each.total for each in over))
        assert list(step.by) == [sum(each.by[place] for each in over) for place in range(4)]


def test_the_curve_ends_at_the_highest_setting() -> None:
    """Beyond what can be set there is no step, whoever is over it; a step after the end is as the end."""
    steps = curve(people([9_000, 3_000, 5]))
    assert (steps[-1].threshold, steps[-1].flagged) == (HIGHEST, 2)
    assert step_at(steps, 4).flagged == 3
    assert step_at(steps, HIGHEST).flagged == 2
    short = curve(people([5, 4]))
    assert [step_at(short, threshold).flagged for threshold in (0, 1, 3, 4, 5, 50)] == [2, 2, 2, 1, 0, 0]


@pytest.mark.parametrize("scale", [1, 3, 20])
def test_the_bend_is_where_the_noise_ends(scale: int) -> None:
    """With noise that halves at each step and a few far above it, the bend is where little of the noise is left,
    however large the tenant is."""
    steps = curve(noise(64 * scale, 3 * scale))
    knee = knee_of(steps)
    assert knee is not None
    assert 3 <= knee <= 8
    assert step_at(steps, knee).flagged <= 0.2 * steps[0].flagged


def test_the_bend_is_farthest_from_the_line() -> None:
    """No other threshold's point lies farther below the straight line between the ends."""
    from math import log

    chance = random.Random(4)
    steps = curve(people([round(chance.lognormvariate(1.5, 1)) + 2 for _ in range(300)]))
    knee, last = knee_of(steps), steps[-1].threshold

    def height(threshold: int) -> float:
        return step_at(steps, threshold).flagged / steps[0].flagged + log(threshold) / log(last)

    assert knee is not None
    assert min(range(1, last + 1), key=height) == knee


def test_a_curve_without_a_shape_has_no_bend() -> None:
    """Nobody, a handful, and everybody with the same count: today's threshold is kept, and why is said."""
    for totals, why in (([], "only 0 recipients"), ([30] * 9, "only 9 recipients"), ([30] * 50, "no bend")):
        steps = curve(people(totals))
        suggestion = suggested(steps, 10)
        assert (suggestion.threshold, suggestion.knee) == (10, None)
        assert suggestion.reason.startswith("keep 10: ")
        assert why in suggestion.reason


def test_a_threshold_that_is_as_good_is_kept() -> None:
    """Between the bend and the first of those far above it each threshold flags the same: it stays as it is set."""
    steps = curve(people([2] * 60 + [3] * 30 + [40, 47, 54, 61, 68]))
    assert knee_of(steps) == 3
    kept = suggested(steps, 20)
    assert (kept.threshold, kept.knee) == (20, 3)
    assert kept.reason.endswith("; 20 flags 5, which is as good")
    assert suggested(steps, 3).reason.endswith("; it is there")
    for other in (2, 45):
        changed = suggested(steps, other)
        assert changed.threshold == changed.knee == 3
        assert changed.reason == (
            "the curve bends at 3: it flags 5 recipients, 30 fewer than 2, while 4 flags 0 fewer still;"
            f" today's {other} flags {step_at(steps, other).flagged}"
        )
