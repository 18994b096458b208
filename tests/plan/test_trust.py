"""Whether "nothing found" can be trusted: the window as a whole, the first days, and what is said in any case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from shared.model.coverage import Coverage, Slot, Witness
from shared.plan.earlier import MEASURE
from shared.plan.trust import TrustOptions, judge
from tests.plan.trust_samples import (
    DAY,
    EMPTY,
    GOOD,
    NOW,
    OPTIONS,
    WITNESS,
    causes_of,
    covered,
    ending_now,
    like,
    trust_of,
    with_weekends,
)

HISTORY = [GOOD] * 29
DEFENDER = replace(OPTIONS, source="defender")
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def test_a_good_table_is_trusted() -> None:
    """No reason, nothing to say, and all days but the last are the history."""
    trust = trust_of(*HISTORY, GOOD)
    assert (trust.reasons, trust.notes, trust.history_days) == ((), (), 29)
    assert len(trust.measure) == 30


@pytest.mark.parametrize(
    ("changes", "options", "words"),
    [
        ({}, OPTIONS, "EmailEvents holds no row of the last 30 days, nor of the last 90. Check that the workspace's"),
        ({"last_rows": NOW - 45 * DAY}, OPTIONS, "its last row is of 2026-10-10 06:00 UTC, 45 days ago. Check"),
        ({}, replace(OPTIONS, lookback_days=90), "EmailEvents holds no row of the last 90 days. Check that the"),
        ({}, DEFENDER, "EmailEvents holds no row of the last 30 days. Check in Advanced hunting whether EmailEvents"),
    ],
)
def test_an_empty_table(changes: dict[str, Any], options: TrustOptions, words: str) -> None:
    """No row in the window is the only reason; the measure of earlier sweeps is kept."""
    earlier = ending_now(NOW - 30 * DAY, *HISTORY)
    trust = judge(Coverage(0, None, ending_now(NOW, *[EMPTY] * 30), **changes), options, NOW, earlier)
    assert causes_of(trust) == ["coverage_empty"]
    assert words in str(trust.reasons[0])
    assert (trust.notes, trust.history_days, trust.measure) == ((), 29, earlier)


CLOSED = with_weekends(like(1_000), EMPTY, 28)  # nothing on Saturday and Sunday
SHORT_SUNDAY = [*[like(1_000)] * 5, like(3), like(1_000)] * 4 + [*[like(1_000)] * 5, like(2), like(1_000)]


@pytest.mark.parametrize(
    ("slots", "age", "setting", "stale"),
    [
        ([*HISTORY, GOOD], 24, 24, False),
        ([*HISTORY, GOOD], 24.1, 24, True),
        ([*HISTORY, GOOD], 47, 48, False),
        ([*HISTORY, GOOD], 1.2, 1, True),
        (CLOSED, 96, 24, False),
        (CLOSED, 96.1, 24, True),
        (CLOSED, 107, 36, False),  # 1.5 times the weekend's 72 hours
        (CLOSED, 109, 36, True),
        ([*CLOSED, GOOD, EMPTY], 90, 24, False),
        ([like(4), EMPTY] * 14, 71, 24, False),  # with little mail any silence is natural
        ([like(4), EMPTY] * 14, 73, 24, True),
        ([like(118), EMPTY] * 14, 71, 24, False),  # 59 a day: still little
        ([like(120), EMPTY] * 14, 25, 24, True),
        (SHORT_SUNDAY, 25, 24, True),  # two messages where three are usual
        ([like(4), like(2)] * 14, 71, 24, False),  # so is a day with next to none
        ([like(4), like(3)] * 14, 25, 24, True),
        ([like(4), like(4), EMPTY, EMPTY], 25, 24, True),  # the silence that lasts is no measure
        ([*[GOOD] * 8, EMPTY, *[GOOD] * 20], 25, 24, True),  # an outage before there was a history is no measure
        ([*[GOOD] * 22, EMPTY, *[GOOD] * 7], 25, 24, True),
    ],
)
def test_stale(slots: Sequence[Slot], age: float, setting: int, stale: bool) -> None:
    """Older than MAX_DATA_AGE_HOURS, or than 1.5 times the longest natural silence; four times the setting at most."""
    options = replace(OPTIONS, max_data_age_hours=setting)
    trust = trust_of(*slots, options=options, newest=NOW - age * HOUR)
    assert ("coverage_stale" in causes_of(trust)) == stale
    assert "coverage_fallen" not in causes_of(trust) or not stale


@pytest.mark.parametrize(
    ("newest", "slots", "words"),
    [
        (None, HISTORY, "the newest row of EmailEvents has no time. Check that the workspace's Microsoft Defender XDR"),
        (NOW - 30 * HOUR, HISTORY, "is of 2026-11-23 00:00 UTC, 30 hours ago (MAX_DATA_AGE_HOURS is 24). Check"),
        (NOW - 100 * HOUR, CLOSED, "is of 2026-11-20 02:00 UTC, 100 hours ago (MAX_DATA_AGE_HOURS is 24; 96 are usual"),
    ],
)
def test_stale_in_words(newest: datetime | None, slots: list[Slot], words: str) -> None:
    """When the newest row is of, and what is allowed here."""
    (reason,) = trust_of(*slots, newest=newest).reasons
    assert words in str(reason)


def test_stale_says_the_fall_too() -> None:
    """A dead connector is one reason, not two; other reasons stay."""
    assert causes_of(trust_of(*HISTORY, EMPTY, newest=NOW - 25 * HOUR)) == ["coverage_stale"]
    assert causes_of(trust_of(*HISTORY, EMPTY)) == ["coverage_fallen"]
    both = trust_of(*[like(1_000, filled=0)] * 29, EMPTY, newest=NOW - 25 * HOUR)
    assert causes_of(both) == ["coverage_stale", "coverage_unfilled"]


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (like(300), "the last 24 hours brought 300 messages, under a third of the 1,000 that are usual on a Monday"),
        (like(1_000, filled=0), "0.0% of the 1,000 messages of the last 24 hours say what became of the mail"),
        (like(1_000, filled=300), "30.0% of the 1,000 messages of the last 24 hours say what became of the mail"),
        (
            like(1_000, filled=300),
            "(LatestDeliveryAction); 90.0% are usual. Compare the same messages in Advanced hunt",
        ),
        (like(1_000, unknown=800), "80.0% of the 1,000 messages of the last 24 hours have only actions that the sweep"),
        (like(1_000, unknown=800), "List the actions with the query in docs/hunt.md. If one of them is a removal"),
        (
            like(1_000, removals=0),
            "0.0% of the 1,000 messages of the last 24 hours were removed; 4.0% are usual: later",
        ),
        (like(1_000, unattributable=600), "60.0% of the 1,000 messages of the last 24 hours have no recipient or no"),
        (like(1_000, unattributable=600), "no message id; 0.0% are usual. Compare the same messages"),
    ],
)
def test_reasons_in_words(last: Slot, words: str) -> None:
    """Each says how many, of how many, and what is usual."""
    (reason,) = trust_of(*HISTORY, last).reasons
    assert words in str(reason)


def test_a_fallen_week_in_words() -> None:
    """A week says so."""
    days = [*with_weekends(like(1_000), like(200), 28), *with_weekends(like(290), like(60), 7)]
    (reason,) = trust_of(*days).reasons
    assert reason.words == "the last 7 days brought 1,570 messages, under a third of the 5,400 that are usual in 7 days"
    assert reason.check.startswith("Check whether that is a holiday; if not, the mail flow. Check that the workspace's")


@pytest.mark.parametrize(
    ("options", "check"),
    [
        (OPTIONS, "Advanced hunting: where they are complete there, set HUNT_SOURCE=defender"),
        (DEFENDER, "Compare the same messages in Explorer, and ask Microsoft if they differ"),
    ],
)
def test_the_check_knows_the_source(options: TrustOptions, check: str) -> None:
    """The other source is named only where there is one."""
    for trust in (
        trust_of(*HISTORY, like(1_000, filled=0), options=options),
        trust_of(*HISTORY, like(1_000, removals=0), options=options),
        trust_of(*HISTORY, like(1_000, unattributable=600), options=options),
        trust_of(*HISTORY, GOOD, options=options, witness=Witness(20, 0)),
    ):
        assert str(trust.reasons[0]).endswith(check)


def test_words_that_look_like_a_removal() -> None:
    """Named from the first row on; from five rows on there is no all-clear; said once."""
    few = trust_of(*HISTORY, GOOD, suspicious={"Zap removed": 3, "HardDelete": 1})
    assert few.reasons == ()
    named = "Zap removed (3), HardDelete (1)"
    assert few.notes == (f"an action that the sweep does not know looks like a removal: {named}",)
    assert len(trust_of(*HISTORY, GOOD, suspicious={"HardDelete": 1}).notes) == 1
    many = trust_of(*HISTORY, GOOD, suspicious={"Zap removed": 3, "HardDelete": 2})
    assert causes_of(many) == ["coverage_unknown_actions"]
    assert many.notes == ()
    words = "5 rows have an action that looks like a removal and that the sweep does not know: "
    assert many.reasons[0].words == f"{words}Zap removed (3), HardDelete (2)"
    assert many.reasons[0].check.startswith("List the actions")
    most = trust_of(*HISTORY, like(1_000, unknown=800), suspicious={"HardDelete": 800})
    assert causes_of(most) == ["coverage_unknown_actions"]
    seven = trust_of(GOOD, suspicious={f"Purged {place}": 9 for place in range(7)}).reasons[0].words
    assert "Purged 4 (9)" in seven
    assert "Purged 5" not in seven


@pytest.mark.parametrize(("seen", "shown", "found"), [(19, 0, 0), (20, 9, 1), (20, 10, 0), (1_000, 499, 1), (0, 0, 0)])
def test_the_second_witness(seen: int, shown: int, found: int) -> None:
    """It contradicts when EmailEvents shows under half of at least twenty removals."""
    trust = trust_of(*HISTORY, GOOD, witness=Witness(seen, shown))
    assert causes_of(trust) == ["coverage_contradicted"] * found
    assert trust.notes == ()
    words = (
        f"EmailPostDeliveryEvents shows {seen:,} removals of messages that EmailEvents has; EmailEvents shows {shown}"
    )
    assert all(words in reason.words for reason in trust.reasons)


@pytest.mark.parametrize(
    ("missing", "note"),
    [
        (True, "no second witness of removals: the table EmailPostDeliveryEvents is missing"),
        (False, "no second witness of removals: EmailPostDeliveryEvents could not be asked"),
    ],
)
def test_no_second_witness(missing: bool, note: str) -> None:
    """It is said, and is no reason."""
    trust = trust_of(*HISTORY, GOOD, witness=None, witness_missing=missing)
    assert (trust.reasons, trust.notes) == ((), (note,))


@pytest.mark.parametrize(
    ("slots", "days", "note"),
    [
        (
            [GOOD],
            0,
            "history of 0 days; not judged yet: a fall in volume, a fall in filled actions, an end of removals",
        ),
        ([GOOD] * 2, 1, "history of 1 day; not judged yet: a fall in volume"),
        ([EMPTY] * 25 + [GOOD] * 5, 4, "history of 4 days; not judged yet: a fall in volume"),
        ([GOOD] * 22, 21, "history of 21 days"),
        ([GOOD] * 28, 27, "history of 27 days"),
        ([like(3)] * 28, 27, "history of 27 days; not judged yet: a fall in filled actions, an end of removals"),
        ([GOOD] * 29, 28, ""),
    ],
)
def test_the_first_days(slots: list[Slot], days: int, note: str) -> None:
    """The first weeks are said as such, with what cannot be judged; days before the first row are no history."""
    trust = trust_of(*slots)
    assert (trust.reasons, trust.history_days) == ((), days)
    assert trust.notes == ((note,) if note else ())


@pytest.mark.parametrize(
    ("slots", "note"),
    [
        ([*[GOOD] * 22, EMPTY, GOOD], "1 day between 2026-11-22 and 2026-11-23"),
        ([*[GOOD] * 10, *[EMPTY] * 10, *[GOOD] * 20], "10 days between 2026-10-25 and 2026-11-04"),
        ([*[GOOD] * 3, *[EMPTY] * 3, *[GOOD] * 24], "3 days between 2026-10-28 and 2026-10-31"),
        ([*[GOOD] * 3, *[EMPTY] * 2, *[GOOD] * 25], ""),
        ([*[like(10)] * 3, *[EMPTY] * 3, *[like(10)] * 24], "3 days between"),
        ([*[like(9)] * 3, *[EMPTY] * 3, *[like(9)] * 24], ""),
        ([*[EMPTY] * 10, *[GOOD] * 30], ""),
        (CLOSED, ""),
        ([*[GOOD] * 20, like(1_000, filled=10), *[GOOD] * 9], "1 day between 2026-11-14 and 2026-11-15"),
    ],
)
def test_a_hole_is_a_note(slots: list[Slot], note: str) -> None:
    """Bad days in the middle of the window make counts too low; the last day decides whether it is trusted."""
    trust = trust_of(*slots)
    assert trust.reasons == ()
    holes = [one for one in trust.notes if "history" not in one]
    assert len(holes) == bool(note)
    assert all(hole.startswith(note) and hole.endswith("cannot be trusted: counts may be too low") for hole in holes)


def test_what_lasts_is_no_hole() -> None:
    """The bad days up to now are the reason's, those before a good day are a hole."""
    bad = like(1_000, filled=0, removals=0)
    trust = trust_of(*[GOOD] * 20, bad, bad, GOOD, bad)
    assert causes_of(trust) == ["coverage_unfilled"]
    assert [note for note in trust.notes if "history" not in note] == [
        "2 days between 2026-11-20 and 2026-11-22 cannot be trusted: counts may be too low"
    ]
    assert all("cannot be trusted" not in note for note in trust_of(*[GOOD] * 20, bad, bad).notes)


FEWER = like(1_000, filled=300, removals=12)


def test_the_measure_is_kept() -> None:
    """When every day of the window is bad, the trusted days of earlier sweeps are still the measure."""
    earlier = ending_now(NOW - 30 * DAY, *HISTORY)
    trust = trust_of(*[FEWER] * 30, earlier=earlier)
    assert causes_of(trust) == ["coverage_fill_fallen"]
    assert trust.measure == earlier
    assert trust.history_days == 29
    assert causes_of(trust_of(*[FEWER] * 30)) == []


def test_a_bad_weekend_does_not_become_the_measure() -> None:
    """As the window moves on, its first days are too few to be judged; what earlier sweeps left out stays out."""
    good, quiet = like(300, filled=180), like(20, filled=12)
    bad, bad_quiet = like(300, filled=100, removals=4), like(20, filled=7, removals=0)
    slots = [*with_weekends(good, quiet, 35), *with_weekends(bad, bad_quiet, 140)]
    slots = list(ending_now(NOW + 140 * DAY, *slots))
    measure: tuple[Slot, ...] = ()
    for end in range(30, len(slots) + 1):
        now = slots[end - 1].start + DAY
        trust = judge(covered(slots[end - 30 : end], now), OPTIONS, now, measure)
        measure = trust.measure
        if end > 38:
            assert causes_of(trust) == ["coverage_fill_fallen"]
    assert len(measure) >= 28
    assert [slot for slot in measure if slot.messages > 20 and slot.filled != 180] == []
    assert sum(slot.messages == 20 for slot in measure) >= 6


def test_the_measure_is_short_and_overlaps_nothing() -> None:
    """The newest 35 days; days that the window holds anew are taken from the window."""
    assert len(trust_of(*[GOOD] * 90).measure) == MEASURE
    old = ending_now(NOW - DAY, *[like(1_000, filled=500)] * 35)
    trust = trust_of(*[GOOD] * 10, earlier=old)
    assert [slot.filled for slot in trust.measure] == [500] * 25 + [900] * 10
    assert trust.history_days == 35
    for late in (-HOUR, -MINUTE, MINUTE):  # no sweep begins at the very same second as the one before
        shifted = [replace(slot, start=slot.start + late) for slot in old]
        assert [slot.filled for slot in trust_of(*[GOOD] * 10, earlier=shifted).measure] == [500] * 25 + [900] * 10
    later = tuple(replace(slot, start=slot.start + HOUR) for slot in old)
    trust = trust_of(*[GOOD] * 10, earlier=later)
    assert trust.measure == later  # less than a day was added
    assert trust.history_days == 34  # the window's first day is the newer one of the two


def test_a_clock_that_was_ahead_leaves_no_measure() -> None:
    """Days that are still to come are those of a wrong clock."""
    ahead = ending_now(NOW + 40 * DAY, *[like(10)] * 40)
    trust = trust_of(*[GOOD] * 30, earlier=ahead)
    assert (trust.reasons, trust.history_days, trust.measure) == ((), 29, ending_now(NOW, *[GOOD] * 30))


def test_an_empty_window_keeps_the_measure() -> None:
    """Also the days that the window holds: it holds nothing of them any more."""
    earlier = ending_now(NOW, *HISTORY)
    trust = judge(Coverage(0, None, ending_now(NOW, *[EMPTY] * 30)), OPTIONS, NOW, earlier)
    assert (causes_of(trust), trust.measure) == (["coverage_empty"], earlier)


def test_a_window_of_one_day() -> None:
    """With the measure of earlier sweeps even a window of a day is judged, and empty days before are an outage."""
    earlier = ending_now(NOW - DAY, *[GOOD] * 35)
    assert causes_of(trust_of(like(1_000, filled=0), earlier=earlier)) == ["coverage_unfilled"]
    assert trust_of(GOOD, earlier=earlier).notes == ()
    assert causes_of(trust_of(EMPTY, EMPTY, GOOD, earlier=ending_now(NOW - 3 * DAY, *[GOOD] * 35))) == []
    assert "2 days" in trust_of(EMPTY, EMPTY, GOOD, earlier=ending_now(NOW - 3 * DAY, *[GOOD] * 35)).notes[0]


def test_an_accepted_change() -> None:
    """Days before the accepted one are no measure; the floors stay."""
    slots = [*[GOOD] * 29, FEWER]
    accepted = replace(OPTIONS, accepted_since=NOW.date())
    assert causes_of(trust_of(*slots)) == ["coverage_fill_fallen"]
    trust = trust_of(*slots, options=accepted, earlier=ending_now(NOW - 30 * DAY, *HISTORY))
    assert (causes_of(trust), trust.history_days, len(trust.measure)) == ([], 0, 1)
    yesterday = replace(OPTIONS, accepted_since=date(2026, 11, 22))
    assert trust_of(*slots, FEWER, options=yesterday).history_days == 1
    assert causes_of(trust_of(*slots, options=replace(OPTIONS, accepted_since=date(2026, 11, 22)))) == [
        "coverage_fill_fallen"
    ]
    assert causes_of(trust_of(*[GOOD] * 29, like(1_000, filled=0), options=accepted)) == ["coverage_unfilled"]


def test_a_table_without_a_whole_day() -> None:
    """Rows, but no slot: what needs none is judged."""
    trust = judge(Coverage(5, NOW - HOUR, witness=WITNESS), OPTIONS, NOW)
    assert (causes_of(trust), trust.history_days, trust.measure) == ([], 0, ())
    assert causes_of(judge(Coverage(5, NOW - 25 * HOUR, witness=WITNESS), OPTIONS, NOW)) == ["coverage_stale"]
    known = ending_now(NOW - 5 * DAY, *HISTORY)
    assert judge(Coverage(5, NOW - HOUR, witness=WITNESS), OPTIONS, NOW, known).measure == known


@pytest.mark.parametrize("between", [timedelta(hours=1), DAY, 7 * DAY, timedelta(days=7, hours=5)])
def test_every_schedule(between: timedelta) -> None:
    """Hourly, daily, weekly, and now and then by hand: trusted while all is well, not after the column went empty."""
    good = covered(ending_now(NOW, *[GOOD] * 30))
    measure: tuple[Slot, ...] = ()
    for sweep in range(40):
        now = NOW + sweep * between
        trust = judge(replace(good, slots=ending_now(now, *[GOOD] * 30), newest=now), OPTIONS, now, measure)
        measure = trust.measure
        assert trust.reasons == ()
    for sweep in range(40, 80):
        now = NOW + sweep * between
        slots = ending_now(now, *[GOOD] * max(0, 69 - sweep), *[like(1_000, filled=0)] * min(30, sweep - 39))
        trust = judge(replace(good, slots=slots, newest=now), OPTIONS, now, measure)
        measure = trust.measure
        assert causes_of(trust) == ["coverage_unfilled"]
