"""A record of `EmailEvents` as exports write it: known columns only, each of its own type, times in UTC."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.cloud.schemas import EMAIL_EVENTS

Row = dict[str, Any]

_KNOWN = {name.lower(): name for name in EMAIL_EVENTS}
_ISO = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,7})\d*)?\s*(Z|[+-]\d\d:?\d\d)?", re.IGNORECASE)
_PORTAL = re.compile(
    r"(?:(?P<month>\d{1,2})/(?P<day>\d{1,2})/|(?P<name>[A-Z][a-z]{2}) (?P<named_day>\d{1,2}), )(?P<year>\d{4}),? "
    r"(?P<hour>\d{1,2}):(?P<minute>\d\d):(?P<second>\d\d)(?:\.(?P<fraction>\d{1,7}))?(?:[ \u202f](?P<half>AM|PM))?"
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TIME = (
    'a time in UTC such as 2026-11-23T07:55:45.7357933Z or "11/23/2026, 7:55:45.735 AM" (month first, as the portal'
    " writes it in English)"
)


def read(record: Row) -> Row:
    """A record's own columns, typed; `TimeGenerated` is always there.

    Raises:
        ValueError: saying what is wrong and what was expected.
    """
    if isinstance(record.get("properties"), dict):
        category = str(record.get("category", ""))
        if category and not category.lower().endswith("-emailevents"):
            raise ValueError(f"a record of {category[:60]!r}; expected AdvancedHunting-EmailEvents")
        record = record["properties"]
    row: Row = {}
    for name, value in record.items():
        column = _KNOWN.get(name.lower())
        if column is not None:
            row[column] = _value(column, value)
    if "NetworkMessageId" not in row:  # every other column may be left out where it is null
        raise ValueError("no NetworkMessageId; expected a record of EmailEvents")
    # The Defender portal and the streaming export have Timestamp only; the workspace copies it.
    generated = row.get("TimeGenerated") or row.get("Timestamp")
    if not generated:
        raise ValueError(f"no TimeGenerated and no Timestamp; expected {_TIME}")
    row["TimeGenerated"] = generated
    return row


def _value(column: str, value: Any) -> Any:
    kind = EMAIL_EVENTS[column]
    if value is None or (value == "" and kind != "string"):
        return None
    try:
        return _READ[kind](value)
    except ValueError as error:
        raise ValueError(f"{column} is {str(value)[:60]!r}; expected {error}") from None


def _string(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _whole(value: Any) -> int:
    text = str(value).strip()
    if not re.fullmatch(r"[+-]?\d{1,19}(\.0+)?", text):
        raise ValueError("a whole number")
    return int(text.partition(".")[0])


def _bool(value: Any) -> bool:
    text = str(value).strip().lower()
    if text not in ("true", "false", "0", "1"):
        raise ValueError("true or false")
    return text in ("true", "1")


def _dynamic(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value  # dynamic holds plain text, too


def _time(value: Any) -> str:
    text = str(value).strip()
    try:
        if found := _ISO.fullmatch(text):
            day, clock, fraction, zone = found.groups()
            time = datetime.fromisoformat(f"{day}T{clock}{'+00:00' if zone in (None, 'Z', 'z') else zone}")
            return _stamp(time.astimezone(UTC), (fraction or "").ljust(7, "0"))
        if found := _PORTAL.fullmatch(text):
            return _portal(found)
    except ValueError:
        pass  # a day or an hour that no calendar has
    raise ValueError(_TIME)


def _portal(found: re.Match[str]) -> str:
    hour, half = int(found["hour"]), found["half"]
    if half and not 1 <= hour <= 12:
        raise ValueError
    if half:
        hour = hour % 12 + (12 if half == "PM" else 0)
    month = int(found["month"]) if found["month"] else _MONTHS.index(found["name"]) + 1
    day = int(found["day"] or found["named_day"])
    time = datetime(int(found["year"]), month, day, hour, int(found["minute"]), int(found["second"]), tzinfo=UTC)
    return _stamp(time, (found["fraction"] or "").ljust(7, "0"))


def _stamp(time: datetime, fraction: str) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S}.{fraction}Z"


_READ: dict[str, Callable[[Any], Any]] = {
    "string": _string,
    "int": _whole,
    "long": _whole,
    "bool": _bool,
    "dynamic": _dynamic,
    "datetime": _time,
}


def shift(rows: list[Row], to: datetime) -> None:
    """Move all times of all rows by one amount, so that the newest TimeGenerated is `to`; no digit is lost."""
    by = _ticks(to.astimezone(UTC)) - max(_read_ticks(row["TimeGenerated"]) for row in rows)
    times = [column for column, kind in EMAIL_EVENTS.items() if kind == "datetime"]
    for row in rows:
        for column in times:
            if row.get(column):
                row[column] = _from_ticks(_read_ticks(row[column]) + by)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _ticks(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(microseconds=1) * 10


def _read_ticks(text: str) -> int:
    return _ticks(datetime.fromisoformat(text[:19] + "+00:00")) + int(text[20:27])


def _from_ticks(ticks: int) -> str:
    seconds, fraction = divmod(ticks, 10_000_000)
    return _stamp(_EPOCH + timedelta(seconds=seconds), f"{fraction:07d}")
