"""Coverages for tests: a window of ordinary days, with whatever a test wants otherwise."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from shared.model import Coverage, Slot

DAY = timedelta(days=1)


def ordinary(
    end: datetime, *, messages: int = 100, days: int = 30, filled: int | None = None, **other: Any
) -> Coverage:
    """So many days of so many messages up to `end`; each has an action, or so many of each day have."""
    filled = messages if filled is None else filled
    slots = [Slot(end - (days - place) * DAY, messages, filled, 0, 0, 0) for place in range(days)]
    given = {"rows": sum(slot.messages for slot in slots), "newest": end - timedelta(hours=1), "slots": tuple(slots)}
    return Coverage(**{**given, **other})
