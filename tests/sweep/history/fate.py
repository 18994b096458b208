"""What befalls one sweep in memory: which calls fail, whose answers are lost, who acts meanwhile, where it dies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared.errors import Call, Fault, Service, SweepError
from shared.http.statuses import faulty, from_status
from tests.sweep.history.steps import Sweep
from tests.sweep.history.world import OWNERS, Killed

_REFUSED = {"error": {"code": "BadRequest", "message": "The request is not valid."}}


class Fate:
    """Counts the calls of one sweep, and says of each what becomes of it. `act` is what an analyst does meanwhile."""

    def __init__(self, step: Sweep, refused: dict[tuple[str, str], bool], act: Callable[[str, str], None]) -> None:
        self.step = step
        self._refused = refused
        self._act = act
        self._calls = 0
        self._effects = 0
        self._dead = False
        self._lost = 2  # answers that are lost

    @contextmanager
    def call(self) -> Iterator[None]:
        """One call: the sweep may die before it, or after it took effect."""
        self._alive()
        self._calls += 1
        at = self.step.killed
        self._die(bool(at) and at == 2 * self._calls - 1)
        yield
        self._die(bool(at) and at == 2 * self._calls)

    def broken(self, *what: str) -> bool:
        """Whether one of these is broken in this sweep."""
        return any(each in self.step.broken for each in what)

    def read(self, *what: str) -> None:
        """Raise when reading from Sentinel is broken."""
        if self.broken("sentinel down", *what):
            raise from_status(Service.SENTINEL, Call.READ, 503)

    def write(self, kind: str, name: str, *, minimal: bool) -> SweepError | None:
        """Why this effect on this incident fails for certain; None when it does not."""
        if self.broken("sentinel down"):
            return from_status(Service.SENTINEL, Call.READ, 503)
        if self.broken("sentinel refuses writes"):
            return from_status(Service.SENTINEL, Call.WRITE, 403, {"error": {"code": "AuthorizationFailed"}})
        if kind == "comment" and self.broken("comments throttled"):
            return from_status(Service.SENTINEL, Call.WRITE, 429)
        whole = self._refused.get((OWNERS[name][0], kind))
        if whole is not None and (whole or not minimal):
            return from_status(Service.SENTINEL, Call.WRITE, 400, _REFUSED)
        return None

    def meanwhile(self, name: str) -> None:
        """What happens right before an effect in Sentinel."""
        self._effects += 1
        if self.step.meanwhile and self._effects == self.step.at:
            self._act(self.step.meanwhile, name)

    def loses(self, kind: str) -> bool:
        """Whether the answer to this effect is lost."""
        if self.step.lost != kind or not self._lost:
            return False
        self._lost -= 1
        return True

    def lost(self, service: Service, call: Call) -> SweepError:
        """What a lost answer looks like."""
        return faulty(service, call, Fault.LOST)

    def _alive(self) -> None:
        if self._dead:
            raise Killed

    def _die(self, now: bool) -> None:
        if now:
            self._dead = True
            raise Killed
