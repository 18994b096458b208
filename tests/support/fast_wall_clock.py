"""A wall clock that runs many times as fast as the machine's, the same in every process that is told of it.

Only the time of day is fast: durations (leases, budgets, waits) are the machine's own.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

_NAME = "TESTS_WALL_CLOCK"


@dataclass(frozen=True, slots=True)
class FastWallClock:
    """From `began` (seconds of the epoch) on it runs `haste` times as fast."""

    haste: int
    began: float = field(default_factory=time.time)

    def now(self) -> datetime:
        """What time it is."""
        return datetime.fromtimestamp(self.began + (time.time() - self.began) * self.haste, UTC)

    @property
    def environment(self) -> dict[str, str]:
        """What tells a worker's process of it."""
        return {_NAME: f"{self.haste} {self.began}"}


def take_over() -> None:
    """Let the app in this process go by the clock that its environment names, if it names one."""
    haste, _, began = os.environ.get(_NAME, "").partition(" ")
    if haste:
        from shared.clock import SystemClock

        clock = FastWallClock(int(haste), float(began))
        clocks: type = SystemClock
        setattr(clocks, "now", lambda _: clock.now())  # noqa: B010 (a method, for all that make one)
