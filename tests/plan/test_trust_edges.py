"""Where a rule of trust begins and ends: which days are a measure, which are compared, which of them are bad."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.model.coverage import Coverage, Slot
from shared.plan.earlier import JITTER, ended_before, kept_measure, left_out, same_day_among
from shared.plan.slots import Usual, judge_slots, usual_of, usual_volume
from shared.plan.trust import judge
from tests.plan.trust_samples import DAY, EMPTY, GOOD, NOW, OPTIONS, WITNESS, causes_of, ending_now, like, trust_of

HOUR = timedelta(hours=1)
HALF_DAY = timedelta(hours=12)


def on(day: float, slot: Slot = GOOD) -> Slot:
    """A slot that begins so many days after the first."""
    return replace(slot, start=NOW + day * DAY)


# -- which days earlier sweeps trusted ---------------------------------------------------------------------------------


def test_a_day_has_ended_when_it_ends_a_quarter_of_an_hour_late() -> None:
    """A daily sweep does not begin at the very same second each day."""
    assert ended_before(NOW + DAY, [on(0), replace(on(0), start=NOW + JITTER)]) == [on(0), on(0.25 / 24)]
    assert ended_before(NOW + DAY, [replace(on(0), start=NOW + JITTER + timedelta(seconds=1))]) == []


def test_half_a_day_apart_is_the_same_day() -> None:
    """Another sweep's days begin at other hours: up to half a day earlier or later it is the same one."""
    for apart, same in ((-0.51, False), (-0.5, True), (0.5, True), (0.51, False)):
        assert same_day_among(on(0), [on(apart)]) is same, apart


@pytest.mark.parametrize(
    ("known", "day", "out"),
    [([0, 2, 3], 1, True), ([0, 1, 3], 2, True), ([0, 2, 3], 2, False), ([1, 2], 0, False), ([0, 1], 2, False)],
)
def test_a_day_between_trusted_ones_was_left_out(known: list[int], day: int, out: bool) -> None:
    """Earlier sweeps trusted a day before it and one after it, and not the day itself."""
    assert left_out(on(day), [on(each) for each in known]) is out


def test_a_whole_day_renews_the_measure() -> None:
    """The window's days are kept once a day was added to the old ones, give or take the jitter of a daily sweep."""
    old, day = [on(0)], on(1)
    assert kept_measure(old, [replace(day, start=day.start - JITTER)], []) == (on(1 - 0.25 / 24),)
    assert kept_measure(old, [replace(day, start=day.start - JITTER - timedelta(seconds=1))], []) == (on(0),)


# -- what is usual -----------------------------------------------------------------------------------------------------


def test_nothing_is_usual_before_a_hundred_messages() -> None:
    """A share of fewer is chance."""
    assert usual_of(()) == Usual(0, None, None, None)
    assert usual_of([like(99)]) == Usual(99, None, None, None)
    assert usual_of([like(100)]) == Usual(100, 0.9, 0.04, 0)


def test_the_days_with_the_most_removals_are_not_usual() -> None:
    """The share of removals is that of the other days, however little mail they have."""
    days = [like(1, removals=1), *[EMPTY] * 5, like(200, removals=100)]
    assert usual_of(days).removals == 1


def test_a_volume_is_that_of_earlier_weeks() -> None:
    """Not that of the day itself. A day of an earlier week may have begun half a day later, or nearly so earlier."""
    weeks = [on(-21, like(30)), on(-14, like(50)), on(-7, like(40))]
    assert usual_volume(on(0), [*weeks, on(0, like(900))]) == 40
    for day, volume in ((-7.5, None), (-7.49, 40), (-6.5, 40), (-6.49, None)):
        assert usual_volume(on(0), [*weeks[:2], on(day, like(40))]) == volume, day


# -- which days of a window are a measure ------------------------------------------------------------------------------

FEW = like(5)


def test_a_day_with_too_little_mail_is_no_measure() -> None:
    """Beside the days before the window, one that cannot be judged counts only as the last, or when trusted before."""
    before = ending_now(NOW - 4 * DAY, *[like(50)] * 28)
    window = ending_now(NOW, FEW, FEW, like(50), FEW)
    assert judge_slots(window, before).trusted[28:] == window[2:]
    assert judge_slots(window, [*before, window[1]]).trusted[28:] == window[1:]
    assert judge_slots(window[:1], before).trusted[28:] == window[:1]
    assert judge_slots(window).trusted == window


def test_what_was_kept_of_the_window_itself_is_no_history() -> None:
    """Empty days before a table's first row are no outage, though earlier sweeps have trusted days after it."""
    trust = trust_of(*[EMPTY] * 10, *[GOOD] * 20, earlier=ending_now(NOW, *[GOOD] * 5))
    assert not any("cannot be trusted" in note for note in trust.notes)


def test_rows_beside_empty_days() -> None:
    """Rows that no day holds: the last day is all that is judged, and nothing is wrong with it."""
    trust = judge(Coverage(5, NOW - HOUR, ending_now(NOW, *[EMPTY] * 5), witness=WITNESS), OPTIONS, NOW)
    assert (causes_of(trust), trust.history_days, len(trust.measure)) == ([], 0, 1)


# -- which days of a doubt are bad -------------------------------------------------------------------------------------


def test_a_day_is_unfilled_up_to_the_middle_between_limit_and_usual() -> None:
    """Of the days judged together, one above the middle is well; an empty one holds nothing without an action."""
    at_the_middle, well, last = like(80, filled=33), like(10, filled=9), like(150, filled=28)
    usual = ending_now(NOW - 4 * DAY, *[like(100, filled=50)] * 28)
    window = ending_now(NOW, at_the_middle, well, EMPTY, last)
    (doubt,) = judge_slots(window, usual).doubts
    assert (doubt.cause, doubt.pool, doubt.usual) == ("coverage_fill_fallen", window, 0.5)
    assert doubt.bad == [window[0], window[3]]


def test_a_day_has_unknown_words_when_more_than_half_are() -> None:
    """Of the days judged together, one with half of its words known is well."""
    window = ending_now(NOW, like(20, filled=20, unknown=10), like(24, filled=24, unknown=23))
    (doubt,) = judge_slots(window).doubts
    assert (doubt.cause, doubt.bad) == ("coverage_unknown_actions", [window[1]])


def test_words_are_counted_and_not_messages() -> None:
    """Five words of a hundred messages are too few: the day before is judged with them."""
    assert causes_of(trust_of(GOOD, like(100, filled=5, unknown=5))) == ["coverage_fill_fallen"]


def test_a_day_is_nobodys_when_more_than_half_is() -> None:
    """Of the days judged together, one with half of its mail attributed is well."""
    window = ending_now(NOW, like(20, unattributable=10), like(20, unattributable=20))
    (doubt,) = judge_slots(window).doubts
    assert (doubt.cause, doubt.bad) == ("coverage_unattributable", [window[1]])


def test_the_only_message_is_nobodys() -> None:
    """One message, without a recipient: it is all there is."""
    assert causes_of(trust_of(like(1, filled=1, unattributable=1))) == ["coverage_unattributable"]
