"""A CSV header: the delimiter it is written with, and the columns of `EmailEvents` it names."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from tests.cloud.events.mistakes import EXPECTED, EventsInvalid, at, shown
from tests.cloud.events.source import Source
from tests.cloud.schemas import EMAIL_EVENTS

DELIMITERS = (",", ";", "\t", "|")
KNOWN = {name.lower(): name for name in EMAIL_EVENTS}
_TITLE = re.compile(r"\s*(?P<name>\w+)\s*(?:\[(?P<zone>[^\]]*)\])?\s*")
_UTC = ("", "utc", "etc/utc", "coordinated universal time")
_WANTED = ("NetworkMessageId", "RecipientEmailAddress")


@dataclass(frozen=True, slots=True)
class Header:
    """How a CSV file is delimited; the titles as they are; the columns they name, "" where EmailEvents has none."""

    delimiter: str
    titles: tuple[str, ...]
    columns: tuple[str, ...]


def read_header(source: Source, line: int, text: str) -> Header:
    """The header of this text. A delimiter is taken when the columns that must be there are named with it.

    Raises:
        EventsInvalid: it is no header of EmailEvents, a column comes twice, or times are not in UTC.
    """
    for delimiter in DELIMITERS:
        titles = _split(text, delimiter)
        columns = tuple(column_named(title)[0] for title in titles)
        if all(name in columns for name in _WANTED) and {"TimeGenerated", "Timestamp"} & set(columns):
            _check(source, line, titles, columns)
            return Header(delimiter, tuple(titles), columns)
    words = "expected a header with NetworkMessageId, RecipientEmailAddress and TimeGenerated or Timestamp"
    raise EventsInvalid(at(source.path, line, f"{words}; found {shown(_split(text, ','))}. Expected {EXPECTED}"))


def _split(text: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
    except csv.Error:
        return []


@lru_cache(1024)
def column_named(title: str) -> tuple[str, str]:
    """The column that a title (such as `TimeGenerated [UTC]`) names, and what is wrong with its zone; "" for none."""
    found = _TITLE.fullmatch(title)
    name = KNOWN.get(found["name"].lower(), "") if found else ""
    zone = (found["zone"] or "").strip() if found else ""
    if not name or EMAIL_EVENTS[name] != "datetime" or zone.lower() in _UTC:
        return name, ""
    todo = (
        f"set the portal's time zone to UTC, or add | extend {name} = tostring({name}) to the query, and export again"
    )
    return name, f"{name} is in {zone[:40]!r}; expected an export in UTC ({todo})"


def _check(source: Source, line: int, titles: Sequence[str], columns: Sequence[str]) -> None:
    for place, name in enumerate(columns):
        if name and name in columns[:place]:
            raise EventsInvalid(at(source.path, line, f"{name} comes twice; expected each column once"))
        if wrong := column_named(titles[place])[1]:
            raise EventsInvalid(at(source.path, line, wrong))
