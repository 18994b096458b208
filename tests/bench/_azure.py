"""A small Azure in a process of its own, so that it and the client it measures do not share one interpreter."""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection

from tests.cloud import Cloud, Fault
from tests.cloud.mail import crowd


@dataclass(frozen=True, slots=True)
class Seen:
    """What the small Azure saw. `requests` are counted by service, method and status; `begun` is when it read the
    first PUT, in seconds of the machine's monotonic clock, which all its processes share."""

    requests: Counter[tuple[str, str, int]]
    begun: float
    incidents: int
    cards: int

    def sentinel(self, method: str = "", status: int = 0) -> int:
        """How many requests Sentinel saw, of this method and answered by this status (unsaid: any)."""
        return sum(
            count
            for (service, how, answered), count in self.requests.items()
            if service == "sentinel" and method in ("", how) and status in (0, answered)
        )


@dataclass(frozen=True, slots=True)
class Apart:
    """The small Azure as its client's process knows it."""

    environment: dict[str, str]
    end: Connection

    def seen(self) -> Seen:
        """What it saw so far."""
        self.end.send("seen")
        seen: Seen = self.end.recv()
        return seen


@contextmanager
def apart(*, recipients: int, speed: float, latency: float = 0.0) -> Iterator[Apart]:
    """A small Azure with so many recipients of three remediated messages each, and every rate limit `speed` times as
    fast as the real one. Sentinel answers `latency` seconds after it did what it was asked."""
    context = multiprocessing.get_context("spawn")
    end, other = context.Pipe()
    process = context.Process(target=_serve, args=(other, recipients, speed, latency), daemon=True)
    process.start()
    other.close()
    try:
        yield Apart(end.recv(), end)
    finally:
        end.close()  # it ends by this
        process.join()
    if process.exitcode:
        raise RuntimeError("the small Azure failed: see what it printed")


def _serve(end: Connection, recipients: int, speed: float, latency: float) -> None:
    with Cloud(throttle=speed) as cloud:
        cloud.load("EmailEvents", crowd(cloud.clock(), recipients=recipients, messages=3))
        if latency:
            cloud.faults.add(Fault(service="sentinel", times=None, then=lambda _: time.sleep(latency)))
        end.send(cloud.environment)
        while True:
            try:
                end.recv()
            except EOFError:
                return
            log = list(cloud.log)
            puts = [each.at for each in log if each.service == "sentinel" and each.method == "PUT"]
            requests = Counter((each.service, each.method, each.status) for each in log)
            end.send(Seen(requests, min(puts, default=0.0), len(cloud.incidents), len(cloud.cards)))
