"""What a data collection rule makes of an uploaded object: the columns it knows, their types, their size."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Dates:
    """A TimeGenerated before `oldest`, after `newest`, or missing becomes `arrived`."""

    oldest: datetime
    newest: datetime
    arrived: datetime


def stored_row(item: Mapping[str, Any], columns: Mapping[str, str], dates: Dates, limit: int) -> dict[str, Any]:
    """The row as the table stores it: unknown columns are dropped, values of a wrong type are missing.

    A text, or a dynamic value as JSON, of more than `limit` bytes is cut.
    """
    row = {name: _READ[kind](item.get(name)) for name, kind in columns.items()}
    for name, kind in columns.items():
        if kind in ("string", "dynamic") and row[name] is not None:
            row[name] = _cut(row[name], limit)
    time = row.get("TimeGenerated")
    if time is None or not dates.oldest <= time <= dates.newest:
        row["TimeGenerated"] = dates.arrived
    return row


def _cut(text: str, limit: int) -> str:
    raw = text.encode("utf-8", "surrogatepass")
    return text if len(raw) <= limit else raw[:limit].decode("utf-8", "ignore")


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else _dynamic(value) or ""


def _dynamic(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _whole(most: int) -> Callable[[Any], int | None]:
    def read(value: Any) -> int | None:
        number = _real(value)
        if number is None:
            return None
        whole = value if isinstance(value, int) else int(number)
        return whole if -most - 1 <= whole <= most else None

    return read


def _real(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _bool(value: Any) -> bool | None:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None


def _time(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


_READ: Mapping[str, Callable[[Any], Any]] = {
    "string": _text,
    "dynamic": _dynamic,
    "int": _whole(2**31 - 1),
    "long": _whole(2**63 - 1),
    "real": _real,
    "bool": _bool,
    "datetime": _time,
}
