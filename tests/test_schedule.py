"""A schedule means what the Functions host means by it: `tests/data/ncrontab.csv` is that host's own verdict."""

import csv
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.schedule import NotASchedule, Schedule, as_the_host_reads, parse

ROOT = Path(__file__).resolve().parent.parent
START = datetime(2026, 11, 26, tzinfo=UTC)
with (ROOT / "tests/data/ncrontab.csv").open(encoding="utf-8", newline="") as file:
    ROWS = [(row["expression"], row["host"], row["next_after_2026_11_26"]) for row in csv.DictReader(file)]
ACCEPTED = [(expression, due) for expression, host, due in ROWS if host == "accepts"]
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
NAMES = {name: number for number, name in enumerate(MONTHS, 1)}
NAMES |= {name: number for number, name in enumerate(("su", "mo", "tu", "we", "th", "fr", "sa"))}


def order(end: str) -> int:
    """The number that an end of a range stands for."""
    if end.isdecimal():
        return int(end)
    return next(number for name, number in NAMES.items() if end.lower().startswith(name))


def reversed_ranges(expression: str) -> list[str]:
    """The ranges that run backwards, found without the code under test."""
    found = re.findall(r"(\w+)-(\w+)", re.sub(r"/\S?\d+", "", expression))
    return [f"{first}-{last}" for first, last in found if order(first) > order(last)]


def _mistakes(expression: str) -> tuple[str, ...]:
    """What is said about an expression; nothing when it can be used."""
    try:
        parse(expression)
    except NotASchedule as wrong:
        return wrong.mistakes
    return ()


@pytest.mark.parametrize(("expression", "host", "due"), ROWS)
def test_the_host_decides(expression: str, host: str, due: str) -> None:
    """What the host refuses is refused; what it accepts is read as it reads it, to the second."""
    if host == "refuses":
        assert _mistakes(expression)
        with pytest.raises(NotASchedule):
            as_the_host_reads(expression)
        return
    found = as_the_host_reads(expression).next_after(START)
    assert (f"{found:%Y-%m-%dT%H:%M:%SZ}" if found else "never") == due


@pytest.mark.parametrize(("expression", "due"), ACCEPTED)
def test_only_two_things_that_the_host_accepts_are_refused(expression: str, due: str) -> None:
    """Refused are what never comes and ranges that run backwards, and nothing else."""
    assert bool(_mistakes(expression)) == (due == "never" or bool(reversed_ranges(expression)))


def test_the_rows_show_every_rule() -> None:
    """The data has rows of each kind; without them the two tests above would show little."""
    assert len(ROWS) == 198
    assert sum(host == "refuses" for _, host, _ in ROWS) > 80
    assert sum(due == "never" for _, due in ACCEPTED) == 3
    assert sum(bool(reversed_ranges(expression)) for expression, _ in ACCEPTED) > 40
    assert sum(not _mistakes(expression) for expression, _ in ACCEPTED) > 40


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("0 0 6 * * FRI-MON", "day of week: Friday to Monday runs backwards, the host reads it as Monday to Friday"),
        ("0 0 22-4 * * *", "hour: 22 to 4 runs backwards, the host reads it as 4 to 22"),
        ("0 0 6 * Nov-Feb *", "month: November to February runs backwards, the host reads it as February to November"),
        ("0 0 6 30 2 *", "none of its months has such a day: the host accepts it and never fires"),
        ("0 0 6 31 2,4,jun *", "none of its months has such a day: the host accepts it and never fires"),
        ("0 6 * * *", "it has five fields, which the host reads as minute first; write six, with 0 as the second"),
        ("@daily", "it has 1 fields, not six"),
        ("0 0 6 * * * *", "it has 7 fields, not six"),
        ("0\t0 6 * * *", "it holds a tab, a line break or another blank; the host accepts spaces only"),
        ("0 0 6 * * *\n", "it holds a tab, a line break or another blank; the host accepts spaces only"),
        ("0 0 6 *\u00a0* *", "it holds a tab, a line break or another blank; the host accepts spaces only"),
        ("0 0 24 * * *", "hour: expected 0 to 23, with *, lists (1,5), ranges (1-5) or steps (*/2)"),
    ],
)
def test_a_mistake_is_a_sentence(expression: str, says: str) -> None:
    """Each mistake says what is expected, or what the host would do instead."""
    assert _mistakes(expression) == (says,)


def test_every_field_that_is_wrong_is_named() -> None:
    """All mistakes come at once, one a field, and none repeats what was typed."""
    found = _mistakes("a 60 24 0 13 SECRET")
    assert [text.split(":")[0] for text in found] == [
        "second", "minute", "hour", "day of month", "month", "day of week",
    ]  # fmt: skip
    assert "SECRET" not in " ".join(found)


@pytest.mark.parametrize("digit", ["٣", "３", "²", "①", "৩"])
def test_only_ascii_digits_are_digits(digit: str) -> None:
    """Whatever Python takes for a digit, the host takes 0 to 9: as a value, an end of a range and a step."""
    for second in (digit, f"0-{digit}", f"*/{digit}", f"1,{digit}"):
        assert _mistakes(f"{second} 0 6 * * *")


@pytest.mark.parametrize("name", ["ſun", "ſunday", "SUNDAYS", "FRı", "M0N", "MON\u200d", ""])
def test_only_names_are_names(name: str) -> None:
    """A look-alike of a day's name, or more than its name, is none."""
    assert _mistakes(f"0 0 6 * * {name},1")


@pytest.mark.parametrize("step", ["1" * 10, "99999999999999999999", "1_0", "1.5", "0x2", "--1", "+"])
def test_steps_that_break_the_host_are_refused(step: str) -> None:
    """A step is a whole number that the host can count with."""
    assert _mistakes(f"0 0 */{step} * * *")


@pytest.mark.parametrize(
    ("expression", "hours"),
    [
        ("0 0 6 * * *", 24),
        ("0 0 6,18 * * *", 12),
        ("0 0 6,7 * * *", 23),
        ("0 30 9-17/2 * * *", 16),
        ("0 0 */7 * * *", 7),
        ("0 0 6 * * MON-FRI", 72),
        ("0 0 6,18 * * MON-SAT", 36),
        ("0 0 6 */2 * *", 48),
        ("0 0 6 1 * *", 31 * 24),
        ("0 0 6 31 * *", 61 * 24),  # a 31 July is a month before, a 31 January two months before
        ("0 0 6 29 2 *", 2921 * 24),  # 2096 to 2104
        ("0 0 6 29 2 MON", 14609 * 24),  # 40 years, where a century has no 29 February
        ("0 0 6 24 12 *", 366 * 24),
        ("0 * * * * *", 1 / 60),
        ("* * * * * *", 1 / 3600),
    ],
)
def test_the_longest_gap(expression: str, hours: float) -> None:
    """The longest time between two firings, over short months, leap years and centuries."""
    assert parse(expression).longest_gap() == timedelta(seconds=round(hours * 3600))


def test_what_never_comes_has_no_gap() -> None:
    """Without a firing there is neither a next one nor a gap."""
    schedule = as_the_host_reads("0 0 6 30 2 *")
    assert schedule.never
    assert schedule.longest_gap() is None
    assert schedule.next_times(START, 3) == []


def test_no_time_before_the_next_29_february_is_lost() -> None:
    """The wait that is looked through is long enough: over 2100, on a given day of the week, 40 years."""
    schedule = parse("0 0 6 29 2 SUN")
    assert schedule.next_after(datetime(2088, 3, 1, tzinfo=UTC)) == datetime(2128, 2, 29, 6, tzinfo=UTC)
    assert schedule.next_after(datetime(9990, 1, 1, tzinfo=UTC)) is None


def test_other_time_zones_are_read_as_utc() -> None:
    """A moment elsewhere is the same moment."""
    there = datetime(2026, 11, 26, 7, 30, tzinfo=timezone(timedelta(hours=2)))
    assert parse("0 0 6 * * *").next_after(there) == datetime(2026, 11, 26, 6, tzinfo=UTC)


def _field(smallest: int, largest: int) -> st.SearchStrategy[str]:
    value = st.integers(smallest, largest)
    pair = st.tuples(value, value).map(sorted)
    part = st.one_of(
        st.just("*"),
        value.map(str),
        pair.map(lambda ends: f"{ends[0]}-{ends[1]}"),
        st.integers(1, 9).map(lambda step: f"*/{step}"),
    )
    return st.lists(part, min_size=1, max_size=3).map(",".join)


SCHEDULES = st.tuples(
    st.integers(0, 59).map(str), _field(0, 59), _field(0, 23), _field(1, 28), _field(1, 12), _field(0, 6)
).map(" ".join)


def _held(schedule: Schedule, moment: datetime) -> bool:
    """Whether all six fields hold at a moment, told without the calendar's arithmetic."""
    return (
        moment.second in schedule.seconds
        and moment.minute in schedule.minutes
        and moment.hour in schedule.hours
        and moment.day in schedule.days
        and moment.month in schedule.months
        and int(f"{moment:%w}") in schedule.weekdays
    )


@settings(max_examples=60, deadline=None)
@given(SCHEDULES, st.datetimes(datetime(2023, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_next_times_hold_and_no_gap_is_longer(expression: str, moment: datetime) -> None:
    """The next times are later, hold in every field, and no two in a row are further apart than the longest gap."""
    schedule = parse(expression)
    times = schedule.next_times(moment, 20)
    longest = schedule.longest_gap()
    assert len(times) == 20
    assert longest is not None
    assert all(_held(schedule, time) for time in times)
    for earlier, later in pairwise([moment, *times]):
        assert earlier < later
    assert max(later - earlier for earlier, later in pairwise(times)) <= longest


@settings(max_examples=25, deadline=None)
@given(st.tuples(_field(0, 59), _field(0, 23)).map(" ".join))
def test_no_time_is_left_out(minutes_and_hours: str) -> None:
    """Counted minute by minute over a day, the same times come out."""
    schedule = parse(f"0 {minutes_and_hours} * * *")
    minutes = [START + timedelta(minutes=minute) for minute in range(24 * 60)]
    by_hand = [minute for minute in minutes if _held(schedule, minute)]
    assert schedule.next_times(START - timedelta(seconds=1), len(by_hand)) == by_hand


@pytest.mark.timeout(60)
def test_it_needs_nothing_installed() -> None:
    """The deployment's hooks import it with a Python that has no packages, from any folder."""
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from shared.schedule import parse; parse('0 0 6 * * *')"
    ran = subprocess.run([sys.executable, "-I", "-S", "-c", code], cwd="/", capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
