"""Day first or month first: settled from whole columns, or not at all.

A browser writes all times of an export in one way. So one value above 12 settles the order for all of them; where no
value does, the files of the same header may; `AM` and `PM` in capitals are en-US, unless something speaks against it.
Anything else is refused, unless the operator says the order.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field

from tests.cloud.engine import engine, quoted
from tests.cloud.events.moments import Shape, shape, slashed

ORDERS = {"": None, "day-first": True, "month-first": False}
"""What DATES may say."""
NOT_SAID = (
    "which number is the day? No value of this export settles it. Say it with DATES=day-first or DATES=month-first; or"
    " export with | extend TimeGenerated = tostring(TimeGenerated) in the query (the same for Timestamp and"
    " LastEventExecutionTime), which writes 2026-11-23T07:55:45Z"
)


@dataclass(frozen=True, slots=True)
class Spot:
    """A value: which record of a file, which column."""

    record: int
    column: str


@dataclass(slots=True)
class Tally:
    """What the dates of one shape in one file say: a first value for each, None where there is none."""

    day: Spot | None = None
    month: Spot | None = None
    open: Spot | None = None

    @property
    def day_first(self) -> bool | None:
        """The order that these dates prove."""
        return None if self.day is None and self.month is None else self.day is not None


@dataclass(frozen=True, slots=True)
class Unsettled(Exception):
    """A file's dates that are not read: the values that show why, and what to say of them."""

    source: int
    spots: tuple[Spot, ...]
    words: str


@dataclass(slots=True)
class File:
    """The dates of one file by shape; files of one `group` have the same header."""

    group: Hashable
    tallies: dict[Shape, Tally] = field(default_factory=dict)


def tally(table: str, columns: Iterable[str]) -> dict[int, dict[Shape, Tally]]:
    """The dates with slashes or dashes in these columns of the staged table, by file and shape."""
    found: dict[int, dict[Shape, Tally]] = {}
    for column in columns:
        text = quoted(column)
        doubtful, numbers = slashed(text)
        answer = engine().sql(
            "SELECT _source, shape, minOrNullIf(_record, a > 12 AND b <= 12), minOrNullIf(_record, b > 12 AND a <= 12),"
            " minOrNullIf(_record, a != b AND a <= 12 AND b <= 12) FROM (SELECT _source, _record,"
            f" toUInt8OrZero(g[1]) AS a, toUInt8OrZero(g[2]) AS b, {shape('text')} AS shape"
            f" FROM (SELECT _source, _record, {text} AS text, {numbers} AS g FROM {table} WHERE {doubtful}))"
            " GROUP BY _source, shape",
            "JSONCompactEachRow",
        )
        for line in answer.splitlines():
            source, name, *records = json.loads(line)
            kept = found.setdefault(int(source), {}).setdefault(Shape(name), Tally())
            day, month, undecided = (None if each is None else Spot(int(each), column) for each in records)
            kept.day, kept.month, kept.open = kept.day or day, kept.month or month, kept.open or undecided
    return found


def settle(files: Mapping[int, File], given: bool | None) -> dict[int, dict[Shape, bool]]:
    """For each file and shape whether the day comes first. `given` is what the operator set, None when nothing is set.

    Raises:
        Unsettled: nothing settles it, or the values contradict each other or the operator.
    """
    for source, file in files.items():
        for each in file.tallies.values():
            _agree(source, each, given)
    return {
        source: {kind: _order(source, files, kind, given) for kind in file.tallies} for source, file in files.items()
    }


def assumed(files: Mapping[int, File], given: bool | None) -> set[int]:
    """The files that `settle` reads month first for no other reason than AM or PM."""
    return {
        source
        for source, file in files.items()
        if given is None
        and (each := file.tallies.get(Shape.UPPER))
        and each.open
        and each.day_first is None
        and not _proven(source, files, Shape.UPPER)
    }


def _alike(source: int, files: Mapping[int, File]) -> list[File]:
    return [file for file in files.values() if file.group == files[source].group]


def _proven(source: int, files: Mapping[int, File], kind: Shape) -> set[bool | None]:
    """The orders that files of the same header prove."""
    return {file.tallies[kind].day_first for file in _alike(source, files) if kind in file.tallies} - {None}


def _agree(source: int, each: Tally, given: bool | None) -> None:
    if each.day and each.month:
        words = "the day is the first number in one and the second in the other; expected one order in a file"
        raise Unsettled(source, (each.day, each.month), words)
    against = each.month if given else each.day
    if given is not None and against:
        words = f"DATES={'day' if given else 'month'}-first, but this is {'month' if given else 'day'} first"
        raise Unsettled(source, (against,), words)


def _order(source: int, files: Mapping[int, File], kind: Shape, given: bool | None) -> bool:
    each = files[source].tallies[kind]
    if each.day_first is not None:
        return each.day_first
    if each.open is None:
        return True  # only such as 11/11: the same either way
    proven = _proven(source, files, kind)
    if len(proven) == 1:
        return proven == {True}
    if given is not None and not proven:
        return given
    day_first_elsewhere = any(other.day_first for file in _alike(source, files) for other in file.tallies.values())
    if kind is Shape.UPPER and not day_first_elsewhere:
        return False
    raise Unsettled(source, (each.open,), NOT_SAID)
