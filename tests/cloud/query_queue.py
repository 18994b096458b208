"""How the query API lets one identity's queries in: some run, more wait in a queue, who waits too long gets a 429."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cloud.logs import query_error
from tests.cloud.wire import Refused

AT_ONCE = 5
WAITING = 200
"""Places in the queue, by the newer page; an older notice says 40."""
WAIT_SECONDS = 180.0
"""How long one may wait there, by the newer page; an older notice says 150."""


class QueryQueue:
    """The queries of one identity, whichever workspaces they ask. First come, first served.

    Everything happens `speed` times as fast as in the service. `most` is how many ran at the same time at most,
    `refused` how many got a 429.
    """

    def __init__(
        self, speed: float = 1.0, *, at_once: int = AT_ONCE, waiting: int = WAITING, seconds: float = WAIT_SECONDS
    ) -> None:
        self.most = 0
        self.refused = 0
        self._at_once = at_once
        self._places = waiting
        self._seconds = seconds / speed
        self._running = 0
        self._line: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """While the query runs. Raises Refused when the queue is full, or when the turn does not come in time."""
        self._enter()
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def _enter(self) -> None:
        me = object()
        until = time.monotonic() + self._seconds
        with self._changed:
            if len(self._line) >= self._places:
                self._refuse("too many requests are waiting")
            self._line.append(me)
            try:
                while self._line[0] is not me or self._running >= self._at_once:
                    if not self._changed.wait(until - time.monotonic()) and time.monotonic() >= until:
                        self._refuse("the request has waited too long")
            finally:
                self._line.remove(me)
                self._changed.notify_all()
            self._running += 1
            self.most = max(self.most, self._running)

    def _refuse(self, why: str) -> None:
        self.refused += 1
        raise Refused(query_error(429, "ThrottledError", f"Too many concurrent requests of this identity: {why}"))
