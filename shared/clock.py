"""The one source of time, passed in everywhere: only the entry points read the machine's clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time, and waits. `now` is aware and in UTC; `monotonic` and `sleep` are in seconds."""

    def now(self) -> datetime:
        """The wall clock."""
        ...

    def monotonic(self) -> float:
        """A clock that never goes back; only differences between its values mean something."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return after so many seconds; at once for 0 or less."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The wall clock."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """A clock that never goes back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Return after so many seconds."""
        if seconds > 0:
            time.sleep(seconds)
