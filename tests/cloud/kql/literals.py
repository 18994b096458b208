"""KQL's literals: times, time spans and texts, read and written in one canonical form."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from tests.cloud.kql.errors import semantic_error

TIMESPAN = re.compile(r"\d+(?:\.\d+)?[dhms]\b")
_SECONDS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}
_MOMENT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,7}))?)?)?\s*(Z|[+-]\d\d:\d\d)?", re.IGNORECASE
)


def datetime_literal(inside: str) -> str:
    """A datetime literal in its one canonical form, from what stands between its brackets.

    Raises:
        KqlError: it is no datetime.
    """
    inside = inside.strip("\"' ")
    if inside == "null":
        return "datetime(null)"
    found = _MOMENT.fullmatch(inside)
    try:
        if found is None:
            raise ValueError
        year, month, day, hour, minute, second, fraction, zone = found.groups()
        moment = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=UTC
        )
        if zone and zone.upper() != "Z":
            offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
            moment -= offset if zone[0] == "+" else -offset
    except ValueError:
        raise semantic_error(f"datetime({inside}) is not a valid datetime literal") from None
    return f"datetime({moment:%Y-%m-%dT%H:%M:%S}.{fraction or '':0<7}Z)"


def seconds(timespan: str) -> float:
    """How long a timespan token is."""
    return float(timespan[:-1]) * _SECONDS[timespan[-1]]


def quote(text: str) -> str:
    """A string literal that the embedded engine reads back to the letter."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r") + '"'
