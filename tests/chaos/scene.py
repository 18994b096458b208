"""A tenant in the middle of its history: set up once by sweeps, and put back as it was as often as wanted."""

from __future__ import annotations

import copy
import itertools
import json
import re
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from shared.incidents.description import MOST_LISTED
from shared.ledger import Loaded
from shared.model import Record, incident_id
from tests.chaos.clock import SharedClock
from tests.chaos.ledgers import KeptLedger
from tests.chaos.order import Moment, Order, Outcome
from tests.chaos.sweeper import Running, Sweeper
from tests.cloud import WORKSPACE_RESOURCE_ID, Cloud, Fault
from tests.cloud.mail import SOFT, Mail
from tests.cloud.mirror import SECURITY_INCIDENT, Mirror

SETTINGS = {"SUM_CASE_THRESHOLD": "2", "HIGH_SEVERITY_THRESHOLD": "8", "REMIND_AFTER_DAYS": "1"}
_SAID = re.compile(r"(\S+@contoso\.com): ([^.]*\. [^.]*)\.")
_CARD = re.compile(r"Card ([0-9a-f-]{36})")


class Scene:
    """A small Azure, a shared clock and a ledger, and sweeps over them in processes of their own.

    `keep` remembers all three, `restore` puts them back. `lease` is LEASE_SECONDS.
    """

    def __init__(
        self, sweeper: Sweeper, cloud: Cloud, clock: SharedClock | None, place: KeptLedger, folder: Path
    ) -> None:
        self.folder = folder
        self.cloud = cloud
        self.place = place
        # Renewals come by the machine's clock: where waiting costs nothing, a long lease keeps them out of the way.
        self.lease = 60 if clock else 5
        self._sweeper = sweeper
        self._clock = clock
        self._seeds = itertools.count(1)
        self.road: dict[str, str] = {}
        self.unnamed: set[str] = set()
        self._kept: dict[str, Any] = {}
        self._since = 0.0

    # -- what happens -------------------------------------------------------------------------------------------------

    def mail(self, **remediated: int) -> set[str]:
        """So many new messages were remediated for each of these people; the ids of all of them.

        Of each person's those beyond what an incident's description names are older, and are `unnamed`.
        """
        mail = Mail(self.cloud.clock(), seed=next(self._seeds))
        mail.add("quiet@contoso.com", "Delivered", mail.ago(0.05))
        rows = []
        for who, many in remediated.items():
            rows += mail.remediated(address(who), min(many, MOST_LISTED), days=0.5)
            older = [mail.add(address(who), SOFT, mail.ago(0.6)) for _ in range(many - MOST_LISTED)]
            self.unnamed |= {row["NetworkMessageId"] for row in older}
            rows += older
        self.cloud.append("EmailEvents", mail.events)
        return {row["NetworkMessageId"] for row in rows}

    def advance(self, **amount: float) -> None:
        """Let a `timedelta(**amount)` pass on the clock that only sleeping moves."""
        assert self._clock is not None
        self._clock.advance(**amount)

    def begin(self, moment: Moment | None = None, hold: Path | None = None) -> Running:
        """Start a sweep; see Order for `moment` and `hold`."""
        ours = {"LEDGER_URL": self.place.url, "LEASE_SECONDS": str(self.lease)}
        environment = {**self.cloud.environment, **SETTINGS, **self.road, **ours}
        clock = str(self._clock.path) if self._clock else ""
        return self._sweeper.begin(
            Order(environment, clock, self.place.tables, self.place.table, moment, str(hold or ""))
        )

    def sweep(self, kill: Moment | Fault | None = None) -> Outcome:
        """One sweep, from its beginning to its end, which may be at a ledger's moment, or by a fault."""
        if not isinstance(kill, Fault):
            return self.begin(kill).end()
        pid: Future[int] = Future()
        self.cloud.faults.add(replace(kill, kill=lambda: pid.result(10)))
        running = self.begin()
        pid.set_result(running.pid)
        outcome = running.end()
        self.cloud.faults.clear()
        return outcome

    def settle(self) -> list[Outcome]:
        """Let happen what comes of a sweep by itself, and the sweeps that take it in."""
        return []

    @contextmanager
    def held(self, moment: Moment) -> Iterator[Running]:
        """A sweep that has come to this moment, and goes on when the context ends."""
        hold = self.folder / "hold"
        running = self.begin(moment, hold)
        try:
            for _ in range(6_000):
                if hold.exists():
                    break
                time.sleep(0.005)
            else:
                raise AssertionError("the moment did not come")
            yield running
        finally:
            hold.unlink(missing_ok=True)

    def overtake(self, moment: Moment) -> tuple[Outcome, Outcome]:
        """Freeze a sweep at this moment until another has taken over and is done: how it ended then, and the other."""
        with self.held(moment) as frozen:
            self.freeze(frozen)
            self.advance(seconds=self.lease)
            other = self.sweep()
            frozen.thaw()
        return frozen.end(), other

    def freeze(self, running: Running) -> None:
        """Take a sweep's processor away, at a moment at which it does not keep the ledger locked."""
        running.freeze()
        time.sleep(0.05)  # until the last of its threads has come out of the kernel
        while not self.place.free():
            running.thaw()
            time.sleep(0.01)
            running.freeze()
            time.sleep(0.05)

    # -- and again ----------------------------------------------------------------------------------------------------

    def keep(self) -> None:
        """Remember how things stand; no sweep may be at work."""
        store = vars(self.cloud.store)
        self._kept = {name: copy.deepcopy(value) for name, value in store.items() if name not in ("lock", "clock")}
        self._since = self._clock.monotonic() if self._clock else 0.0
        self.place.keep()
        self.restore()

    def restore(self) -> None:
        """Make everything what it was when it was kept; the log and the cards begin anew."""
        vars(self.cloud.store).update(copy.deepcopy(self._kept))
        self.cloud.define("SecurityIncident", SECURITY_INCIDENT)
        self.cloud.tables.refresh["SecurityIncident"] = Mirror(self.cloud.store).rows
        self.cloud.faults.clear()
        self.cloud.log.clear()
        self.cloud.cards.clear()
        if self._clock:
            self._clock.set(self._since)
        self.place.restore()

    # -- what came of it ----------------------------------------------------------------------------------------------

    def ledger(self) -> Loaded:
        """What the ledger holds."""
        ledger = self.place.open()
        try:
            return ledger.load()
        finally:
            ledger.close()

    def ours(self, name: str) -> str:
        """Our id of the incident that Sentinel calls so."""
        return name

    def open_incidents(self, who: str) -> list[str]:
        """Sentinel's names of the incidents about somebody that are not closed."""
        ids = {incident_id(WORKSPACE_RESOURCE_ID, address(who), episode) for episode in range(5)}
        found = self.cloud.incidents.items()
        return [name for name, each in found if self.ours(name) in ids and each["properties"]["status"] != "Closed"]

    def severities(self) -> dict[str, list[str]]:
        """The severities that each incident ever had, in order."""
        seen: dict[str, list[str]] = {}
        for change in self.cloud.store.history:
            incident = change.incident
            seen.setdefault(incident["name"], []).append(incident["properties"]["severity"])
        return seen

    def places(self, message: str) -> list[str]:
        """Where in Sentinel a message is reported: an entry for each description and each comment it is in."""
        texts = [(name, each["properties"].get("description", "")) for name, each in self.cloud.incidents.items()]
        for name, comments in self.cloud.comments.items():
            texts += [(f"{name}/{each['name']}", each["properties"]["message"]) for each in comments]
        return [place for place, text in texts if message in text]

    def cards(self) -> list[tuple[str, str]]:
        """Id of each card that Teams took, and what it says about whom, oldest first."""
        return [(_CARD.findall(json.dumps(card))[0], str(_SAID.findall(card["summary"]))) for card in self.cloud.cards]

    def told(self) -> dict[str, set[str]]:
        """What was said about each address on the cards, each thing once, reminders left out: one may come at once
        after a card that a killed sweep had sent, or a day later."""
        said: dict[str, set[str]] = {}
        for card in self.cloud.cards:
            for who, what in _SAID.findall(card["summary"]):
                if "Waiting since" not in what:
                    said.setdefault(who, set()).add(what)
        return said

    def remains(self) -> dict[str, Any]:
        """What the sweeps left in Sentinel, in Teams and in the ledger, without times and repetitions: the same,
        whichever way they went."""
        ledger = self.ledger()
        return {
            "told": self.told(),
            "incidents": {self.ours(name): _remains(each["properties"]) for name, each in self.cloud.incidents.items()},
            "comments": {
                self.ours(name): sorted(each["name"] for each in comments)
                for name, comments in self.cloud.comments.items()
            },
            "records": {who: _remembered(each) for who, each in ledger.records.items()},
            "cards": sorted(ledger.cards),
        }


def address(who: str) -> str:
    """Somebody's address."""
    return f"{who}@contoso.com"


def _remembered(record: Record) -> tuple[Any, ...]:
    ours = record.incident
    incident = (ours.episode, ours.severity, ours.deleted) if ours else None
    owed = [(type(each).__name__, each.incident_id) for each in record.owed]
    return incident, sorted(record.reported), sorted(record.untold), record.tell, owed


def _remains(properties: Mapping[str, Any]) -> tuple[Any, ...]:
    labels = [label["labelName"] for label in properties["labels"]]
    return properties["title"], properties["severity"], properties["status"], labels


@contextmanager
def scene(
    sweeper: Sweeper,
    folder: Path,
    place: KeptLedger | None = None,
    *,
    real_time: bool = False,
    kind: type[Scene] = Scene,
) -> Iterator[Scene]:
    """A tenant without any mail, on a clock that only sleeping moves, or on the machine's own."""
    with ExitStack() as stack:
        clock = None if real_time else SharedClock(folder / "clock")
        if clock is not None:
            stack.callback(clock.close)
        cloud = stack.enter_context(Cloud(clock=clock))
        yield kind(sweeper, cloud, clock, place or KeptLedger(folder), folder)
