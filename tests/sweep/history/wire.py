"""A world over the wire: the small Azure, the real clients, a ledger in a file or in a table."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest

from shared.app import opened_parts
from shared.model import Receipt
from shared.settings import from_values
from shared.sweep.run import run
from tests.chaos.ledgers import KeptLedger
from tests.cloud import Cloud, Fault, Request
from tests.cloud.faults import Wire
from tests.cloud.incidents import Incidents
from tests.cloud.mail import Mail, stamp
from tests.support.clients import sign_in_to
from tests.support.clock import FakeClock
from tests.sweep.history.steps import Sweep
from tests.sweep.history.world import OWNERS, Killed, Post, World

_INCIDENT = re.compile(r"/incidents/([0-9a-f-]{36})", re.IGNORECASE)


class MortalClock:
    """The clock of one sweep, which dies at a call of its clock; from then on every call ends its thread."""

    def __init__(self, clock: FakeClock, killed: int) -> None:
        self._clock = clock
        self._left = killed or -1

    def now(self) -> datetime:
        """See Clock."""
        self._live()
        return self._clock.now()

    def monotonic(self) -> float:
        """See Clock."""
        self._live()
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        """See Clock."""
        self._live()
        self._clock.sleep(seconds)

    def _live(self) -> None:
        self._left -= 1 if self._left > 0 else 0
        if self._left == 0:
            raise Killed


@dataclass(kw_only=True)
class Refusal(Fault):
    """Sentinel refuses some writes of some recipients. `refused`, `ours`: see World."""

    refused: dict[tuple[str, str], bool]
    ours: Callable[[str], str]

    def fits(self, request: Request) -> bool:
        """See Fault."""
        found = _INCIDENT.search(request.path)
        if request.service != "sentinel" or request.method != "PUT" or found is None:
            return False
        kind = (
            "comment" if "/comments/" in request.path.lower() else "escalate" if b'"etag"' in request.body else "create"
        )
        whole = self.refused.get((OWNERS[self.ours(found[1].lower())][0], kind))
        return whole is not None and (whole or b"not listed here" not in request.body)


class WireWorld(World):
    """`stack` closes what it opens. `place` keeps the ledger; the one beside it is a file of its own."""

    def __init__(self, stack: ExitStack, place: KeptLedger, beside: KeptLedger) -> None:
        super().__init__()
        self.cloud = stack.enter_context(Cloud(clock=self.true_time))
        sign_in_to(self.cloud.environment, stack.enter_context(pytest.MonkeyPatch.context()))
        self._place = place
        self._beside = beside
        self._seeds = itertools.count(1)
        self._arriving: list[dict[str, Any]] = []  # appended together: each time costs as much as a row
        self._sent = 0

    @property
    def store(self) -> Incidents:
        """See World."""
        return self.cloud.store

    def ledger(self, what: str) -> None:
        """See World."""
        {"keep": self._place.keep, "lose": self._place.lose, "restore": self._place.restore}[what]()

    def rows(self) -> object:
        """See World."""
        ledger = self._place.open()
        try:
            return ledger.load()
        finally:
            ledger.close()

    def arrived(self, recipient: str, name: str, action: str | None) -> None:
        """See World."""
        now = self.true_time()
        mail = Mail(now, seed=next(self._seeds))
        row = mail.add(recipient, action, now, message=name, state=now)
        row["TimeGenerated"] = row["LastEventExecutionTime"] = stamp(now)
        self._arriving += mail.events

    def run(self, step: Sweep) -> Receipt | None:
        """See World."""
        self.arrived("quiet@contoso.com", "quiet", "Delivered")
        self.cloud.append("EmailEvents", self._arriving)
        self._arriving = []
        self.clock.advance(seconds=1)
        self.cloud.faults.clear()
        self.cloud.faults.add(*self.befalls(step))
        try:
            return self._swept(step, MortalClock(self.clock, step.killed))
        except Killed:
            return None
        finally:
            self.cloud.faults.clear()
            self._read_posts(step)

    def _swept(self, step: Sweep, clock: MortalClock) -> Receipt:
        settings = from_values({**self.cloud.environment, "LEDGER_URL": self._place.url, **self.values(step)})
        ledger = (self._beside if step.beside else self._place).open()
        with closing(ledger), opened_parts(settings, f"run-{self.sweeps}", clock) as parts:
            return run(replace(parts, ledger=ledger)).receipt

    def befalls(self, step: Sweep) -> list[Fault]:
        """What is broken in this sweep."""
        faults: list[Fault] = [Refusal(status=400, times=None, refused=self.refused, ours=self.ours)]
        if step.meanwhile:
            after, then = step.at - 1, self._acting(step.meanwhile)
            faults.append(Fault(service="sentinel", method="GET", match="/incidents/", after=after, then=then))
        faults += [fault for each in step.broken if (fault := _broken(each, done=step.done))]
        if step.lost == "card":
            faults.append(Fault(service="teams", effect=step.done, wire=Wire.DROP, times=2))
        elif step.lost:
            gone = Fault(service="sentinel", status=503, times=None)
            faults.append(_lost(step, lambda _: self.cloud.faults.add(gone)))
        return faults

    def _acting(self, what: str) -> Callable[[Request], None]:
        def act(request: Request) -> None:
            if found := _INCIDENT.search(request.path):
                self.act(what, found[1].lower())

        return act

    def _read_posts(self, step: Sweep) -> None:
        sent = [each for each in self.cloud.log if each.service == "teams"]
        for place, request in enumerate(sent[self._sent :]):
            body = request.body.decode()
            refused = "teams refuses cards" in step.broken and "r0@" in body
            if refused or "teams down" in step.broken or "teams refuses" in step.broken:
                continue
            lost = "teams does not answer" in step.broken or (step.lost == "card" and place < 2)
            self.posts.append(Post(self.sweeps, json.loads(body)["summary"], not lost or step.done, not lost))
        self._sent = len(sent)


def _lost(step: Sweep, then: Callable[[Request], None]) -> Fault:
    """The answer to the first effect of a kind is lost, and nothing more is heard of Sentinel."""
    match = "omments" if step.lost == "comment" else "/incidents/"
    containing = {"create": '"status":"New"', "escalate": '"etag"'}.get(step.lost, "")
    return Fault(
        service="sentinel",
        method="PUT",
        match=match,
        containing=containing,
        effect=step.done,
        wire=Wire.DROP,
        then=then,
    )


def _broken(what: str, *, done: bool) -> Fault | None:
    sentinel = {
        "sentinel down": Fault(service="sentinel", status=503, times=None),
        "sentinel refuses writes": Fault(service="sentinel", method="PUT", status=403, times=None),
        "reads fail": Fault(service="sentinel", method="GET", match="/incidents/", status=503, times=None),
        "the list fails": Fault(service="sentinel", method="GET", match="/incidents?", status=503, times=None),
        "comments throttled": Fault(
            service="sentinel", method="PUT", match="omments", status=429, headers={"Retry-After": "9999"}, times=None
        ),
        "history fails": Fault(service="log_analytics", containing="SecurityIncident", status=500, times=None),
        "the hunt fails": Fault(service="log_analytics", containing="EmailEvents", status=500, times=None),
        "teams down": Fault(service="teams", status=503, times=None),
        "teams refuses": Fault(service="teams", status=404, times=None),
        "teams refuses cards": Fault(service="teams", containing="r0@", status=400, times=None),
        "teams does not answer": Fault(service="teams", effect=done, wire=Wire.DROP, times=None),
    }
    return sentinel.get(what)
