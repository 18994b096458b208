"""Which threshold suits a tenant: each rule of the curve, the bend and the suggestion at its edge."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from shared.model import Removals
from shared.plan.threshold import HIGHEST, Step, curve, knee_of, step_at, suggested


def points(*flagged: int, first: int = 1) -> tuple[Step, ...]:
    """A curve that flags so many at the first threshold, so many at the next, and so on."""
    return tuple(Step(first + place, many) for place, many in enumerate(flagged))


def curve_of(totals: Sequence[int], lowest: int = 1) -> tuple[Step, ...]:
    """The curve of recipients with so many removals."""
    return curve([Removals(f"user{place}@contoso.com", total) for place, total in enumerate(totals)], lowest)


def test_counts_by_fewer_actors_are_an_error() -> None:
    """A recipient whose counts are by three actors instead of four stops the curve: no sum is cut short."""
    short = Removals("ann@contoso.com", 5, (1, 2, 2))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="shorter"):
        curve([short])


def test_a_step_is_the_asked_one() -> None:
    """On the curve a threshold's step is its own, at either end, too; below the curve it is the first."""
    steps = points(7, 5, 2, 0)
    assert [step_at(steps, threshold) for threshold in (1, 2, 3, 4)] == list(steps)
    assert step_at(steps, 0) == steps[0]


def test_beyond_an_end_that_flags_nobody_nobody_is_flagged() -> None:
    """A threshold above the highest count flags nobody, and its step says which threshold that is."""
    steps = points(7, 5, 0)
    assert [step_at(steps, threshold) for threshold in (4, 90)] == [Step(4, 0), Step(90, 0)]


def test_beyond_an_end_that_flags_somebody_is_the_end() -> None:
    """A curve that ends at the highest setting still flags some there: a higher threshold is taken for that one."""
    steps = curve_of([9_000, 3_000, 5])
    end = Step(HIGHEST, 2, 12_000)
    assert [step_at(steps, HIGHEST), step_at(steps, HIGHEST + 1)] == [end, end]
    assert step_at(points(5, 4, 1), 9) == Step(3, 1)


@pytest.mark.parametrize(("low", "bend"), [(8, None), (9, 2)])
def test_ten_recipients_make_a_shape(low: int, bend: int | None) -> None:
    """With nine recipients on it a curve has no bend, however steep it is; with ten it has one."""
    assert knee_of(curve_of([2] * low + [40])) == bend


def test_a_curve_to_3_has_a_bend() -> None:
    """Three thresholds are enough for a bend: the middle one lies below the line between the others."""
    assert knee_of(points(21, 1, 0)) == 2
    assert knee_of(points(21, 0)) is None


def test_the_line_ends_where_the_curve_does() -> None:
    """Where the highest setting still flags many, the line goes down to these, and not to nobody."""
    assert knee_of(points(30, 12, 11, 10)) == 2
    assert knee_of(points(20, 20, 20, 10)) is None


def test_the_lower_of_two_bends_is_the_bend() -> None:
    """2 and 4 lie equally far below the line (a quarter and a half of the way to 16): the lower flags more."""
    assert knee_of(points(16, 8, 8, *[4] * 12, 0)) == 2


def test_a_curve_from_0_bends_at_1() -> None:
    """0 has no logarithm and is taken for 1: so 1 is the bend where it flags far fewer than 0, also where 2 flags one
    fewer still. The reason has no word of its neighbours.
    """
    steps = curve_of([1] * 30 + [2, 6, 7], lowest=0)
    assert knee_of(steps) == 1
    suggestion = suggested(steps, 0)
    assert (suggestion.threshold, suggestion.knee) == (1, 1)
    assert suggestion.reason == "the curve bends at 1: it flags 3 recipients; today's 0 flags 33"


def test_why_too_few_recipients_say_nothing() -> None:
    """With nine recipients today's threshold is kept, and the whole reason is said; with ten there is a suggestion."""
    assert suggested(curve_of([2] * 8 + [40]), 7).reason == (
        "keep 7: only 9 recipients had more than one message remediated, too few to say what is usual here"
    )
    assert suggested(curve_of([40]), 7).reason.startswith("keep 7: only 1 recipient had more")
    assert suggested(curve_of([2] * 9 + [40]), 1).threshold == 2


def test_why_says_what_the_neighbours_flag() -> None:
    """The reason compares the bend with the threshold below it and the one above it, also for a bend at 2."""
    steps = points(100, 10, 8, 3, 2, 1, 0)
    assert suggested(steps, 1).reason == (
        "the curve bends at 2: it flags 10 recipients, 90 fewer than 1, while 3 flags 2 fewer still;"
        " today's 1 flags 100"
    )


def test_a_tenth_fewer_is_as_good() -> None:
    """A threshold that flags exactly a tenth fewer than the bend is kept; one that flags fewer than that is not."""
    steps = points(200, 20, 19, 18, 17, 16, *[15] * 20)
    assert knee_of(steps) == 2
    assert [suggested(steps, today).threshold for today in (3, 4, 5)] == [3, 4, 2]
    assert suggested(points(100, 10, 9, 8, 0), 3).threshold == 3


def test_one_recipient_is_no_plural() -> None:
    """The reason says "1 recipient" and "2 recipients"."""
    assert "it flags 1 recipient, 20 fewer than 1," in suggested(points(21, 1, 0), 1).reason
    assert "it flags 2 recipients, 19 fewer than 1," in suggested(points(21, 2, 0), 1).reason
