"""Slows requests down ahead of time, so that a service does not answer 429.

This bucket never holds more tokens than the service's own. A request takes its token when it is sent, but a full bucket
starts to refill only when the request is answered; the service counts the request at some moment in between.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from shared.clock import Clock
from shared.errors import Call

_CUT = 0.7  # share of the rate that is left after a 429
_REGAIN = 300  # the full rate is back after the time that so many tokens take


class TurnTooLate(Exception):
    """The request would have to wait longer than the time it has left. `wait` is in seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__(f"the turn comes in {wait:.0f} s")
        self.wait = wait


class RateLimit:
    """A token bucket: `burst` requests at once, then `rate` a second. Safe for many threads; turns come in order."""

    def __init__(self, burst: float, rate: float, clock: Clock) -> None:
        self._burst = burst
        self._full = self._rate = rate
        self._clock = clock
        self._level = burst  # tokens if only answered requests had cost one
        self._at = clock.monotonic()
        self._sent = 0  # requests not yet answered
        self._blocked_until = self._at
        self._queue: deque[object] = deque()
        self._lock = threading.Lock()

    @contextmanager
    def turn(self, until: float) -> Iterator[None]:
        """Wait for a token, and hold it while the request is under way. `until` is in the clock's monotonic seconds.

        Raises:
            TurnTooLate: when the token would come after `until`; nothing was taken.
        """
        self._wait(until)
        try:
            yield
        finally:
            with self._lock:
                self._refill()
                self._level -= 1
                self._sent -= 1

    def _wait(self, until: float) -> None:
        ticket = object()
        with self._lock:
            self._queue.append(ticket)
        try:
            while (wait := self._try(ticket)) > 0:
                if self._clock.monotonic() + wait > until:
                    raise TurnTooLate(wait)
                self._clock.sleep(wait)
        finally:
            with self._lock:
                self._queue.remove(ticket)

    def _try(self, ticket: object) -> float:
        """0 and a token taken, or the seconds after which to try again."""
        with self._lock:
            now = self._refill()
            missing = 1 + self._queue.index(ticket) - (self._level - self._sent)
            wait = max(self._blocked_until - now, missing / self._rate)
            if wait <= 1e-9:  # less than a clock can tell
                self._sent += 1
                return 0.0
            return wait

    def _refill(self) -> float:
        now = self._clock.monotonic()
        passed = now - self._at
        self._level = min(self._burst, self._level + passed * self._rate)
        self._rate = min(self._full, self._rate + passed * self._full**2 / _REGAIN)
        self._at = now
        return now

    def remaining(self, left: int, took: float) -> None:
        """The service reported `left` requests left, at most `took` seconds ago."""
        with self._lock:
            self._refill()
            # Refilled since, and rounded down then: this many are there now at most. Fewer means that others use them.
            most = left + 1 + took * self._rate
            self._level = min(self._level, most + self._sent)

    def refused(self, wait: float | None) -> None:
        """The service answered 429: the bucket is empty, and no request is sent for `wait` seconds.

        Somebody else uses the same limit, so the rate is lowered, and rises again step by step.
        """
        with self._lock:
            now = self._refill()
            if now >= self._blocked_until:  # else it was sent before the last 429, and tells nothing new
                self._rate = max(self._rate * _CUT, self._full / 10)
            self._level = min(self._level, float(self._sent))
            self._blocked_until = max(self._blocked_until, now + (wait or 1 / self._full))


def standard_rate_limits(clock: Clock, speed: float = 1.0) -> dict[Call, RateLimit]:
    """ARM's token buckets for reads and writes, the four cards a second that Teams takes, and a quarter of the 200
    uploads a second that a collection rule takes (all times `speed`).
    """
    return {
        Call.READ: RateLimit(250, 25 * speed, clock),
        Call.WRITE: RateLimit(200, 10 * speed, clock),
        Call.TELL: RateLimit(1, 4 * speed, clock),
        Call.UPLOAD: RateLimit(50, 50 * speed, clock),
    }
