"""Coverages for tests: a window of ordinary days, with whatever a test wants otherwise."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared.model import Coverage, Slot

DAY = timedelta(days=1)


def ordinary(end: datetime, *, messages: int = 100, days: int = 30, last: Slot | None = None, **other: Any) -> Coverage:
    """So many days of so many messages, each with an action, up to `end`; the last day may be another one."""
    slots = [Slot(end - (days - place) * DAY, messages, messages, 0, 0, 0) for place in range(days)]
    if last is not None:
        slots[-1] = replace(last, start=end - DAY)
    given = {"rows": sum(slot.messages for slot in slots), "newest": end - timedelta(hours=1), "slots": tuple(slots)}
    return Coverage(**{**given, **other})
