"""Token buckets: how ARM, Teams and Graph count requests."""

from __future__ import annotations

import math
import threading
import time


class Bucket:
    """`burst` requests at once, then `rate` a second, everything `speed` times as fast.

    A request on an empty bucket must wait for the next token; another one before that restarts the wait.
    """

    def __init__(self, burst: int, rate: float, speed: float = 1.0) -> None:
        self._burst = burst
        self._rate = rate * speed
        self._level = float(burst)
        self._at = time.monotonic()
        self._barred_until = 0.0
        self._lock = threading.Lock()
        self.refused = 0

    def take(self) -> int:
        """0 when the request may pass, else the whole seconds to wait before the next."""
        with self._lock:
            now = time.monotonic()
            self._level = min(self._burst, self._level + (now - self._at) * self._rate)
            self._at = now
            if now >= self._barred_until and self._level >= 1:
                self._level -= 1
                return 0
            wait = max(1 / self._rate, (1 - self._level) / self._rate)
            self._barred_until = now + wait
            self.refused += 1
            return math.ceil(wait)

    @property
    def remaining(self) -> int:
        """Whole tokens left."""
        return max(0, int(self._level))


def limits_of(speed: float | None) -> dict[str, Bucket | None]:
    """The buckets of the services, `speed` times as fast as the real ones; None lifts all limits."""
    if speed is None:
        return dict.fromkeys(("reads", "writes", "teams", "graph", "logs"))
    return {
        "reads": Bucket(250, 25, speed),
        "writes": Bucket(200, 10, speed),
        "teams": Bucket(4, 4, speed),
        "graph": Bucket(45, 45 / 60, speed),
        "logs": Bucket(200, 200 / 30, speed),
    }
