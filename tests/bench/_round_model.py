"""A round in a model: instances that sweep one workspace at a time, and one identity with the limits of its queries."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from random import Random

AT_ONCE = 5
PLACES = 200
WAIT_SECONDS = 180.0
BURST, PER_SECOND = 200.0, 200.0 / 30
COMES_BACK = 600.0
TRIES = 3

SweepSteps = Generator[tuple[str, float], str, None]
"""A sweep: it yields what it does next, and is sent how that went."""


@dataclass(frozen=True, slots=True)
class SweepKind:
    """A sweep: so many queries, one after the other, and the seconds of everything else that it does."""

    queries: int
    beside: float


@dataclass(frozen=True, slots=True)
class RoundCase:
    """What is simulated. `budget` is SWEEP_BUDGET_SECONDS; `again` the seconds that a sweep waits after a 429."""

    tenants: int
    instances: int
    query_seconds: float
    quiet: SweepKind
    flagged: SweepKind
    share: float = 0.1  # of the workspaces have something new
    budget: float = 1500.0
    again: float = 30.0
    start_seconds: float = 5.0  # an instance's start, once

    @property
    def queries(self) -> float:
        """All queries of a round, as they are expected."""
        return self.tenants * (self.share * self.flagged.queries + (1 - self.share) * self.quiet.queries)

    @property
    def bound(self) -> float:
        """Seconds below which no round can end: five queries at once, and 200 in 30 seconds."""
        return max(self.queries * self.query_seconds / AT_ONCE, (self.queries - BURST) / PER_SECOND)


@dataclass(slots=True)
class RoundLength:
    """What came of it. `refused` counts 429s, `unfinished` tries whose budget ended, `failed` workspaces."""

    seconds: float = 0.0
    refused: int = 0
    unfinished: int = 0
    failed: int = 0


@dataclass(slots=True)
class RoundModel:
    """One round, event by event."""

    case: RoundCase
    seed: int = 1
    found: RoundLength = field(default_factory=RoundLength)
    _events: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _count: itertools.count[int] = field(default_factory=itertools.count)
    _now: float = 0.0
    _running: int = 0
    _line: deque[list[Callable[[str], None]]] = field(default_factory=deque)
    _level: float = BURST
    _filled: float = 0.0
    _messages: deque[tuple[int, int]] = field(default_factory=deque)
    _idle: int = 0

    def run(self) -> RoundLength:
        """The round's length, from its first message to its last end."""
        chance = Random(self.seed)
        kinds = [chance.random() < self.case.share for _ in range(self.case.tenants)]
        self._messages.extend((name, 1) for name in range(self.case.tenants))
        for _ in range(min(self.case.instances, self.case.tenants)):
            self._at(self.case.start_seconds, lambda: self._next(kinds, chance))
        while self._events:
            self._now, _, act = heapq.heappop(self._events)
            act()
        return self.found

    def _at(self, seconds: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self._now + seconds, next(self._count), act))

    def _next(self, kinds: list[bool], chance: Random) -> None:
        """An instance takes the next message, or waits for one."""
        if not self._messages:
            self._idle += 1
            return
        name, tries = self._messages.popleft()
        kind = self.case.flagged if kinds[name] else self.case.quiet
        self._go_on(self._sweep(kind, name, tries, kinds, chance), "", kinds, chance)

    def _sweep(self, kind: SweepKind, name: int, tries: int, kinds: list[bool], chance: Random) -> SweepSteps:
        ends, asked = self._now + self.case.budget, 0
        while asked < kind.queries:
            answer = yield "query", self.case.query_seconds * chance.uniform(0.5, 1.5)
            if answer == "answered":
                asked += 1
            else:
                self.found.refused += 1
                yield "wait", self.case.again * chance.uniform(0.5, 1.5)
            if self._now >= ends:
                self.found.unfinished += 1
                if tries < TRIES:
                    self._at(COMES_BACK, lambda: self._send(name, tries + 1, kinds, chance))
                else:
                    self.found.failed += 1
                return
        yield "wait", kind.beside * chance.uniform(0.7, 1.3)
        self.found.seconds = max(self.found.seconds, self._now)

    def _send(self, name: int, tries: int, kinds: list[bool], chance: Random) -> None:
        self._messages.append((name, tries))
        if self._idle:
            self._idle -= 1
            self._next(kinds, chance)

    def _go_on(self, sweep: SweepSteps, how: str, kinds: list[bool], chance: Random) -> None:
        try:
            what, seconds = sweep.send(how) if how else next(sweep)
        except StopIteration:
            self._next(kinds, chance)
            return
        if what == "wait":
            self._at(seconds, lambda: self._go_on(sweep, "waited", kinds, chance))
        else:
            self._ask(seconds, lambda answer: self._go_on(sweep, answer, kinds, chance))

    # --- the query API

    def _ask(self, seconds: float, answered: Callable[[str], None]) -> None:
        self._level = min(BURST, self._level + (self._now - self._filled) * PER_SECOND)
        self._filled = self._now
        if self._level < 1 or len(self._line) >= PLACES:
            self._at(0.1, lambda: answered("refused"))
            return
        self._level -= 1
        place: list[Callable[[str], None]] = [answered]

        def begin() -> None:
            self._running += 1
            self._at(seconds, lambda: self._answered(place))

        if self._running < AT_ONCE and not self._line:
            begin()
            return
        self._line.append([lambda _: begin()])
        waiting = self._line[-1]
        self._at(WAIT_SECONDS, lambda: self._gave_up(waiting, answered))

    def _gave_up(self, waiting: list[Callable[[str], None]], answered: Callable[[str], None]) -> None:
        if waiting in self._line:
            self._line.remove(waiting)
            answered("refused")

    def _answered(self, place: list[Callable[[str], None]]) -> None:
        self._running -= 1
        if self._line:
            self._line.popleft()[0]("")
        place[0]("answered")
