"""The clock of tests: time passes at once, and only when somebody sleeps or the test says so."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 24, 6, tzinfo=UTC)
"""What time it is when a test begins."""


class FakeClock:
    """A `shared.clock.Clock` whose time passes only by sleeping, or when a test advances it."""

    def __init__(self, now: datetime = START) -> None:
        self.sleeps: list[float] = []
        """How long each sleep was, in seconds."""
        self._now = now
        self._passed = 0.0
        self._lock = threading.Lock()

    @property
    def slept(self) -> float:
        """Seconds that were slept so far."""
        return sum(self.sleeps)

    def now(self) -> datetime:
        """The wall clock."""
        return self._now

    def monotonic(self) -> float:
        """Seconds passed since it was made."""
        return self._passed

    def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        self.sleeps.append(seconds)
        self._pass(max(seconds, 0))

    def advance(self, **amount: float) -> None:
        """Let a `timedelta(**amount)` pass."""
        self._pass(timedelta(**amount).total_seconds())

    def jump(self, **amount: float) -> None:
        """Set the wall clock on (or back) by a `timedelta(**amount)`, although no time has passed."""
        self._now += timedelta(**amount)

    def _pass(self, seconds: float) -> None:
        with self._lock:
            self._now += timedelta(seconds=seconds)
            self._passed += seconds
