"""A schedule as the Functions host reads it: six NCRONTAB fields in UTC, what is valid, and when it fires.

The host's parser is NCrontab (3.3.2). It differs from cron: day of month *and* day of week must both hold, a reversed
range is reversed, a name may be shortened (`MO`), `n/step` runs to the field's end, a step below one counts as one.
Needs only the standard library: the deployment's hooks use this file before anything is installed.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

EXAMPLE = "0 0 6 * * *"
LONGEST_WATCHED = timedelta(hours=45)  # the absence alarm looks back 48 hours at most, and a sweep needs time to report

_CYCLE = 400  # years after which the calendar repeats, days of the week included
_LONGEST_WAIT = 40  # years, from one 29 February on some day of the week to the next, over a century without one
_STEP = re.compile(r"[+-]?[0-9]{1,9}")  # the host accepts a sign; numbers of ten digits overflow there
_NUMBER = re.compile(r"[0-9]{1,9}")
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


class NotASchedule(ValueError):
    """The expression cannot be used. `mistakes` holds one sentence for each; none repeats what was typed."""

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("; ".join(self.mistakes))


@dataclass(frozen=True, slots=True)
class _Field:
    """What a field may hold; `names` begin at the smallest value."""

    name: str
    smallest: int
    largest: int
    names: tuple[str, ...] = ()

    @property
    def expected(self) -> str:
        """What the field accepts."""
        named = f", or a name such as {self.names[0]} or {self.names[0][:3].upper()}" if self.names else ""
        return f"{self.smallest} to {self.largest}{named}"

    def shown(self, value: int) -> str:
        """The value in words, such as Monday."""
        return self.names[value - self.smallest] if self.names else str(value)


_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 6, _WEEKDAYS),
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When the host fires: the sorted values of each field. `surprises` says what it reads differently."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    surprises: tuple[str, ...] = ()

    @property
    def never(self) -> bool:
        """Whether none of its months has any of its days. (Every date falls on each day of the week in some year.)"""
        return all(self.days[0] > monthrange(2000, month)[1] for month in self.months)

    def next_after(self, moment: datetime) -> datetime | None:
        """The host's next firing after an aware moment, in UTC; None when it never fires (or not before year 10000)."""
        base = moment.astimezone(UTC)
        today = (base.year, base.month, base.day)
        for day in self._dates(base.year, min(base.year + _LONGEST_WAIT, 9999)):
            if day == today and (time := self._later_today(base)):
                return datetime(*day, *time, tzinfo=UTC)
            if day > today:
                return datetime(*day, self.hours[0], self.minutes[0], self.seconds[0], tzinfo=UTC)
        return None

    def next_times(self, moment: datetime, count: int) -> list[datetime]:
        """The first `count` times after an aware moment, in UTC; fewer when there are no more."""
        found: list[datetime] = []
        while len(found) < count and (due := self.next_after(found[-1] if found else moment)):
            found.append(due)
        return found

    def longest_gap(self) -> timedelta | None:
        """The longest time between two firings in a row, whatever the year; None when it never fires."""
        return self._gap(max)

    def shortest_gap(self) -> timedelta | None:
        """The shortest time between two firings in a row, whatever the year; None when it never fires."""
        return self._gap(min)

    def _gap(self, pick: Callable[[Iterable[int]], int]) -> timedelta | None:
        if self.never:
            return None
        # Within a minute, an hour, a day, and over the days: from the last time in one to the first in the next.
        first = last = 0
        found = []
        for values, unit in ((self.seconds, 1), (self.minutes, 60), (self.hours, 3600), (self._day_numbers(), 86_400)):
            if steps := [later - earlier for earlier, later in pairwise(values)]:
                found.append(pick(steps) * unit - (last - first))
            first, last = first + values[0] * unit, last + values[-1] * unit
        return timedelta(seconds=pick(found))

    def _dates(self, first: int, last: int) -> Iterator[tuple[int, int, int]]:
        for year in range(first, last + 1):
            for month in self.months:
                first_weekday, length = monthrange(year, month)  # Monday is 0 here, Sunday is 0 in a schedule
                for day in self.days:
                    if day <= length and (first_weekday + day) % 7 in self.weekdays:
                        yield year, month, day

    def _later_today(self, base: datetime) -> tuple[int, int, int] | None:
        """Hour, minute and second of the next firing on the same day.

        As in the host, the second continues from its value when the minute or the hour changes: after 06:00:00 the next
        of `* 5 * * * *` is 06:05:01. Between two firings that makes no difference.
        """
        second = _first_from(base.second + 1, self.seconds)
        minute = _first_from(base.minute + (second is None), self.minutes)
        hour = _first_from(base.hour + (minute is None), self.hours)
        if hour is None:
            return None
        if minute is None or hour > base.hour:
            minute = self.minutes[0]
        return hour, minute, self.seconds[0] if second is None else second

    def _day_numbers(self) -> tuple[int, ...]:
        """Its days as numbers, over one cycle of the calendar and on to the first day after it."""
        if len(self.days) == 31 and len(self.months) == 12 and len(self.weekdays) == 7:
            return (0, 1)
        numbers = [date(*day).toordinal() for day in self._dates(2000, 2000 + _CYCLE - 1)]
        cycle = date(2000 + _CYCLE, 1, 1).toordinal() - date(2000, 1, 1).toordinal()
        return (*numbers, numbers[0] + cycle)


def _first_from(smallest: int, values: tuple[int, ...]) -> int | None:
    return next((value for value in values if value >= smallest), None)


def as_the_host_reads(expression: str) -> Schedule:
    """The schedule that the host reads in six fields, surprises included.

    Raises:
        NotASchedule: the host refuses it, or it does not have six fields.
    """
    if re.search(r"[^\S ]", expression):
        raise NotASchedule(["it holds a tab, a line break or another blank; the host accepts spaces only"])
    parts = [part for part in expression.split(" ") if part]
    if len(parts) == len(_FIELDS) - 1:
        raise NotASchedule(
            ["it has five fields, which the host reads as minute first; write six, with 0 as the second"]
        )
    if len(parts) != len(_FIELDS):
        raise NotASchedule([f"it has {len(parts)} fields, not six"])
    read = [_field(part, field) for part, field in zip(parts, _FIELDS, strict=True)]
    mistakes = [text for values, text in read if text and values is None]
    if mistakes:
        raise NotASchedule(mistakes)
    seconds, minutes, hours, days, months, weekdays = (tuple(sorted(values or ())) for values, _ in read)
    surprises = tuple(text for _, text in read if text)
    return Schedule(seconds, minutes, hours, days, months, weekdays, surprises)


def parse(expression: str) -> Schedule:
    """The schedule, if the host fires it as written.

    Raises:
        NotASchedule: the host refuses it, never fires it, or reads a range of it reversed.
    """
    schedule = as_the_host_reads(expression)
    if schedule.surprises:
        raise NotASchedule(schedule.surprises)
    if schedule.never:
        raise NotASchedule(["none of its months has such a day: the host accepts it and never fires"])
    return schedule


def _field(text: str, field: _Field) -> tuple[set[int] | None, str]:
    """The values of a field and what is surprising about it; None and the mistake when the host refuses it."""
    values: set[int] = set()
    turned = []
    for part in text.split(","):
        try:
            start, end, step = _part(part, field)
        except ValueError:
            return None, f"{field.name}: expected {field.expected}, with *, lists (1,5), ranges (1-5) or steps (*/2)"
        if start > end:
            start, end = end, start
            first, last = field.shown(start), field.shown(end)
            turned.append(f"{last} to {first} runs backwards, the host reads it as {first} to {last}")
        values.update(range(start, end + 1, step))
    return values, f"{field.name}: {'; '.join(turned)}" if turned else ""


def _part(text: str, field: _Field) -> tuple[int, int, int]:
    """Start, end and step of one of a field's comma-separated parts; a reversed range stays as written.

    Raises:
        ValueError: the host refuses it.
    """
    span, slash, steps = text.partition("/")
    if slash and not _STEP.fullmatch(steps):
        raise ValueError("step")
    step = int(steps) if slash else 1
    if span == "*":
        start, end = field.smallest, field.largest
    elif "-" in span:
        first, _, last = span.partition("-")
        start, end = _value(first, field), _value(last, field)
    else:
        start = _value(span, field)
        end = start if step == 1 else field.largest  # the host: 5/1 is 5 alone, 5/2 is 5, 7, 9 …
    if min(start, end) < field.smallest or max(start, end) > field.largest:
        raise ValueError("range")
    return start, end, max(step, 1)


def _value(text: str, field: _Field) -> int:
    """A number, or the first name that begins so.

    Raises:
        ValueError: it is neither.
    """
    if _NUMBER.fullmatch(text):
        return int(text)
    if text.isascii() and text.isalpha():
        for number, name in enumerate(field.names, field.smallest):
            if name.upper().startswith(text.upper()):
                return number
    raise ValueError("value")
