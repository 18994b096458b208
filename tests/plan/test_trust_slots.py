"""What is wrong in the newest 24 hours, at the edges of every rule."""

from __future__ import annotations

import pytest

from shared.model.coverage import Slot
from shared.plan.slots import newest
from tests.plan.trust_samples import EMPTY, GOOD, NOW, causes_of, ending_now, like, trust_of, with_weekends

HISTORY = [GOOD] * 29
FALLEN, UNFILLED, FILL_FALLEN = ["coverage_fallen"], ["coverage_unfilled"], ["coverage_fill_fallen"]
UNKNOWN, REMOVALS = ["coverage_unknown_actions"], ["coverage_removals_fallen"]
NOBODY = ["coverage_unattributable"]
OFFICE = with_weekends(like(1_000), like(200), 35)  # Saturday and Sunday 200


def last_week_with(days: list[Slot], **messages: int) -> list[Slot]:
    """The last seven of these days with other volumes: by weekday, Tuesday to Monday."""
    names = ("tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "monday")
    last = [like(messages[name]) if name in messages else slot for name, slot in zip(names, days[-7:], strict=True)]
    return [*days[:-7], *last]


def weekdays(messages: int, **others: int) -> dict[str, int]:
    """The same volume on every weekday."""
    return {**dict.fromkeys(("tuesday", "wednesday", "thursday", "friday", "monday"), messages), **others}


@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        pytest.param([*HISTORY, like(333)], FALLEN, id="under a third of the weekday"),
        pytest.param([*HISTORY, like(334)], [], id="a third"),
        pytest.param([like(60)] * 29 + [like(19)], FALLEN, id="60 are enough"),
        pytest.param([like(59)] * 29 + [like(19)], [], id="59 fall by chance"),
        pytest.param([GOOD] * 21 + [like(100)], FALLEN, id="three of the same weekday"),
        pytest.param([GOOD] * 20 + [like(100)], [], id="two of the same weekday"),
        pytest.param(last_week_with(OFFICE, monday=99), FALLEN, id="under half of the lowest Sunday"),
        pytest.param(last_week_with(OFFICE, monday=100), [], id="a holiday has as much as half a Sunday"),
        pytest.param(
            last_week_with(OFFICE, **weekdays(290, saturday=60, sunday=60)), FALLEN, id="a week under a third"
        ),
        pytest.param(last_week_with(OFFICE, **weekdays(336, saturday=60, sunday=60)), [], id="a week of a third"),
        pytest.param(last_week_with(OFFICE, **weekdays(290, saturday=60, sunday=99)), FALLEN, id="both under half"),
        pytest.param(last_week_with(OFFICE, **weekdays(290, saturday=60)), FALLEN, id="all but one under half"),
        pytest.param(last_week_with(OFFICE, **weekdays(250)), [], id="a week of holidays leaves the weekend as it is"),
        pytest.param(
            with_weekends(like(40), EMPTY, 28) + with_weekends(like(12), EMPTY, 7),
            FALLEN,
            id="days with little mail are left",
        ),
        pytest.param([like(8)] * 28 + [like(2)] * 7, [], id="a week of less than 60"),
        pytest.param(with_weekends(like(12), EMPTY, 28) + with_weekends(like(3), EMPTY, 7), FALLEN, id="a week of 60"),
        pytest.param([like(999)] * 29 + [like(333)], [], id="just a third"),
        pytest.param(
            with_weekends(like(100), like(10), 28) + with_weekends(like(20), like(10), 7), [], id="ten is a busy day"
        ),
        pytest.param(
            last_week_with(with_weekends(like(100), like(4), 35), **weekdays(20, tuesday=50, wednesday=50)),
            [],
            id="two days of just a half are not under it",
        ),
    ],
)
def test_volume(slots: list[Slot], expected: list[str]) -> None:
    """A day far below its weekday and the quietest day, or a whole week under a third."""
    assert causes_of(trust_of(*slots)) == expected


@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        pytest.param([*HISTORY, like(1_000, filled=584)], FILL_FALLEN, id="under 65 % of the usual"),
        pytest.param([*HISTORY, like(1_000, filled=586)], [], id="65 % of the usual"),
        pytest.param([*HISTORY, like(1_000, filled=0, removals=0)], UNFILLED, id="none, so no removal either"),
        pytest.param([like(10)] * 20 + [like(8, filled=0)], UNFILLED, id="none of eight"),
        pytest.param([like(10)] * 20 + [like(7, filled=0)], [], id="none of seven"),
        pytest.param([like(10, filled=5)] * 20 + [like(17, filled=0)], UNFILLED, id="none, and not by chance"),
        pytest.param([like(10, filled=5)] * 20 + [like(16, filled=0)], [], id="none, perhaps by chance"),
        pytest.param([like(10, filled=10)] * 20 + [like(8, filled=0)], UNFILLED, id="none, usually all"),
        pytest.param([like(10, filled=3)] * 20 + [like(100, filled=9)], FILL_FALLEN, id="under a third of thirty"),
        pytest.param([like(10, filled=3)] * 20 + [like(100, filled=11)], [], id="more than a third of thirty"),
        pytest.param([like(10)] * 20 + [like(5, filled=0)] * 2, UNFILLED, id="two days together"),
        pytest.param([like(100, filled=30)] * 20 + [like(570, filled=111)], FILL_FALLEN, id="low share, enough mail"),
        pytest.param([like(100, filled=30)] * 20 + [like(300, filled=57)], [], id="low share, chance"),
        pytest.param(
            [*[like(1_000, filled=700)] * 60, *[like(1_000)] * 28, like(1_000, filled=560)],
            FILL_FALLEN,
            id="what was before 28 days is no measure",
        ),
        pytest.param([like(100, filled=4)], UNFILLED, id="first day, under 5 % of 100"),
        pytest.param([like(100, filled=5)], UNFILLED, id="first day, 5 % of 100"),
        pytest.param([like(100, filled=6)], [], id="first day, 6 % of 100"),
        pytest.param([like(99, filled=1)], [], id="first day, 99"),
        pytest.param([like(1, filled=0)], UNFILLED, id="the only message"),
        pytest.param([like(1, filled=0), EMPTY], UNFILLED, id="the only message, a day ago"),
        pytest.param([like(5, filled=0), like(5)], [], id="a first day without"),
    ],
)
def test_fill(slots: list[Slot], expected: list[str]) -> None:
    """The share of filled actions against the usual share; without history against 5 %."""
    assert causes_of(trust_of(*slots)) == expected


@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        pytest.param([*HISTORY, like(1_000, unknown=451)], UNKNOWN, id="more than half of the filled"),
        pytest.param([*HISTORY, like(1_000, unknown=450)], [], id="half of the filled"),
        pytest.param([like(40, filled=30, unknown=16)], UNKNOWN, id="thirty filled, on the first day"),
        pytest.param([like(40, filled=29, unknown=28)], [], id="fewer are not judged"),
        pytest.param([like(40, filled=29, unknown=29)], UNKNOWN, id="unless all are unknown"),
        pytest.param([GOOD, like(8, filled=8, unknown=8)], UNKNOWN, id="eight, all of them"),
        pytest.param([GOOD, like(8, filled=8, unknown=7)], [], id="eight, but one"),
        pytest.param([GOOD, like(7, filled=7, unknown=7)], [], id="seven, all of them"),
        pytest.param([like(7, filled=7, unknown=7)], UNKNOWN, id="seven, and there are no others"),
        pytest.param([like(20, filled=20), like(22, filled=22, unknown=21), EMPTY], [], id="two days together, half"),
        pytest.param(
            [like(20, filled=20), like(24, filled=24, unknown=23), EMPTY], UNKNOWN, id="two days, more than half"
        ),
        pytest.param([*HISTORY, EMPTY, EMPTY], [*FALLEN], id="an empty day has no words"),
    ],
)
def test_words(slots: list[Slot], expected: list[str]) -> None:
    """Most words are unknown: no history is needed."""
    assert causes_of(trust_of(*slots)) == expected


@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        pytest.param([*HISTORY, like(1_000, removals=0)], REMOVALS, id="none of forty"),
        pytest.param([*HISTORY, like(1_000, removals=1)], [], id="one of forty"),
        pytest.param([*HISTORY, like(1_000, removals=0, unknown=900)], UNKNOWN, id="unknown words explain it"),
        pytest.param([*HISTORY, like(1_000, removals=0, unattributable=900)], NOBODY, id="no recipient explains it"),
        pytest.param([like(1_000, removals=29)] * 29 + [like(1_000, removals=0)], [], id="none of 29"),
        pytest.param([like(1_000, removals=30)] * 29 + [like(1_000, removals=0)], REMOVALS, id="none of 30"),
        pytest.param([like(1_000, removals=16)] * 28 + [like(1_000, removals=0)] * 2, REMOVALS, id="none in two days"),
        pytest.param(
            [like(1_000, removals=1)] * 25 + [like(1_000, removals=900)] * 4 + [like(1_000, removals=0)],
            [],
            id="four campaigns in a month are not usual",
        ),
        pytest.param([like(1_000, removals=0)] * 30, [], id="never any"),
    ],
)
def test_removals(slots: list[Slot], expected: list[str]) -> None:
    """No removal where thirty are usual."""
    assert causes_of(trust_of(*slots)) == expected


@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        pytest.param([*HISTORY, like(1_000, unattributable=501)], NOBODY, id="more than half"),
        pytest.param([*HISTORY, like(1_000, unattributable=101)], NOBODY, id="over 10 %, usually none"),
        pytest.param([*HISTORY, like(1_000, unattributable=100)], [], id="10 %"),
        pytest.param(
            [like(1_000, unattributable=80)] * 29 + [like(1_000, unattributable=160)], [], id="twice the usual"
        ),
        pytest.param([like(1_000, unattributable=80)] * 29 + [like(1_000, unattributable=161)], NOBODY, id="more"),
        pytest.param([like(30, unattributable=16)], NOBODY, id="thirty on the first day, more than half"),
        pytest.param([like(30, unattributable=15)], [], id="thirty on the first day, half"),
        pytest.param([like(29, unattributable=28)], [], id="fewer are not judged"),
        pytest.param([like(29, unattributable=29)], NOBODY, id="unless it is all"),
        pytest.param([like(10)] * 29 + [like(99, unattributable=10)], [], id="with the day before"),
        pytest.param([like(200)] * 29 + [like(200, unattributable=30)], NOBODY, id="thirty"),
        pytest.param([like(200)] * 29 + [like(200, unattributable=29)], [], id="over 10 %, fewer than thirty"),
    ],
)
def test_unattributable(slots: list[Slot], expected: list[str]) -> None:
    """Messages without a recipient or an id."""
    assert causes_of(trust_of(*slots)) == expected


@pytest.mark.parametrize(
    "bad",
    [
        like(1_000, filled=450),
        like(1_000, filled=0),
        like(1_000, unknown=900),
        like(1_000, removals=0),
        like(1_000, unattributable=300),
        like(100),
    ],
)
def test_a_fault_that_lasts_stays_one(bad: Slot) -> None:
    """Weeks later the days with the fault are no measure, and the same reason is there."""
    first = causes_of(trust_of(*HISTORY, bad))
    assert first
    assert all(causes_of(trust_of(*[GOOD] * 29, *[bad] * days)) == first for days in (2, 7, 8, 21, 35, 70))


def test_a_day_of_the_fault_that_looks_better_is_no_measure() -> None:
    """Of the days that are judged together, each below the middle between the limit and the usual is out."""
    good, better = like(100, filled=60), like(10, filled=4)
    trust = trust_of(*[good] * 29, better, like(150, filled=40))
    assert causes_of(trust) == FILL_FALLEN
    assert {slot.filled for slot in trust.measure} == {60}


@pytest.mark.parametrize("days", [1, 2, 5, 20])
def test_a_slow_fault_is_no_measure_either(days: int) -> None:
    """Days that only together are a fault are no measure afterwards: one more is a fault at once."""
    few = [like(10)] * 30
    bad = like(5, filled=0)
    assert causes_of(trust_of(*few, bad)) == []
    assert all(slot.filled for slot in trust_of(*few, bad, bad).measure)
    assert causes_of(trust_of(*few, *[bad] * (2 + days))) == UNFILLED


def test_newest() -> None:
    """As many of the newest slots as are needed, none when there are not so many messages."""
    slots = ending_now(NOW, like(5), like(0), like(3))
    assert newest(slots, 3) == slots[2:]
    assert newest(slots, 4) == slots
    assert newest(slots, 9) == ()
    assert newest(slots, 2, lambda slot: slot.filled) == slots[2:]
