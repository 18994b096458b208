"""Rounds in one process: rows that are real, a queue that keeps the host's rules, and sweeps that do as a test says."""

from __future__ import annotations

import json
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from shared.errors import Call, Fault, Service, Unavailable
from shared.ledger import OrderedRows, open_rows, round_keys
from shared.ledger.changes import Change, Row
from shared.model import Cause, Receipt, RoundEntry, RoundTold, Verdict
from shared.rounds.messages import WorkMessage
from shared.rounds.parts import RoundParts
from shared.rounds.receive import receive
from shared.rounds.start import BegunRound, begin_round
from shared.rounds.store import RoundStore
from shared.settings import Settings
from shared.settings.clouds import CLOUDS
from shared.workspaces.entries import WorkspaceEntry, Workspaces
from shared.workspaces.round_settings import RoundSettings
from tests.support.clock import START, FakeClock
from tests.support.settings import REQUIRED

HIDDEN = timedelta(minutes=10)
"""host.json's visibilityTimeout."""
BUSY = Cause("sentinel_throttled", "busy", status=429)
REFUSED = Cause("sentinel_rejected", "refused", status=400)


class RoundKilled(BaseException):
    """The process ends here."""


@dataclass
class Queued:
    """A message on the queue."""

    text: str
    visible: datetime
    received: int = 0


class RoundFate:
    """Counts what is written, sent and posted. `at` one of them, something happens: just before it, or just after."""

    def __init__(self) -> None:
        self.count = 0
        self.at = -1
        self.after = False
        self.happens: Callable[[], object] = _killed

    def arm(self, at: int, *, after: bool = False, happens: Callable[[], object] | None = None) -> None:
        """At the effect with this number, from now on, let this happen: the process ends, if nothing is given."""
        self.count, self.at, self.after, self.happens = 0, at, after, happens or _killed

    @contextmanager
    def effect(self) -> Iterator[None]:
        """One effect."""
        self.count += 1
        now = self.count == self.at
        if now and not self.after:
            self.happens()
        yield
        if now and self.after:
            self.happens()


def _killed() -> None:
    raise RoundKilled


class HostQueue:
    """A queue as the host serves it: at least once; what raises is hidden for ten minutes. `sent`: all there were."""

    def __init__(self, clock: FakeClock, fate: RoundFate) -> None:
        self.clock = clock
        self.fate = fate
        self.messages: list[Queued] = []
        self.sent: list[str] = []

    def send(self, message: WorkMessage, hidden: timedelta = timedelta(0)) -> None:
        """See shared.rounds.parts.Sender."""
        with self.fate.effect():
            self.sent.append(message.as_text())
            self.messages.append(Queued(message.as_text(), self.clock.now() + hidden))

    def deliver(self, work: Callable[[str], None]) -> Exception | RoundKilled | None:
        """Hand over the first visible message, if there is one; what it raised. A worker's death is an end, too."""
        for message in self.messages:
            if message.visible <= self.clock.now():
                message.received += 1
                message.visible = self.clock.now() + HIDDEN
                try:
                    work(message.text)
                except (Exception, RoundKilled) as error:  # noqa: BLE001 - whatever it is, the message comes back
                    return error
                self.messages.remove(message)
                return None
        return None

    @property
    def visible(self) -> bool:
        """Whether a message can be received now."""
        return any(each.visible <= self.clock.now() for each in self.messages)


def receipt_of(verdict: str = "clean", *causes: Cause, **fields: Any) -> Receipt:
    """A receipt with this verdict; with causes, of a sweep that left something due or failed."""
    event = "sweep_failed" if verdict == "failed" else "sweep_incomplete" if causes else "sweep_completed"
    basis = Receipt(
        run_id="run",
        version="1",
        settings="",
        workspace="",
        started=START,
        seconds=1.0,
        event=event,
        verdict=Verdict(verdict),
        reasons=tuple(f"{each.id}: {each.text}" for each in causes),
        causes=causes,
    )
    return replace(basis, **fields)


SKIPPED = replace(receipt_of(), event="sweep_skipped", verdict=None)

Act = Receipt | BaseException | Callable[[], Receipt]
"""How a try goes: it ends with a receipt, or the worker dies, or what a call gives."""


class Channel:
    """The round's channel: takes what is posted, or fails as `plan` says, one after the other."""

    def __init__(self, fate: RoundFate) -> None:
        self.fate = fate
        self.posted: list[str] = []
        self.plan: list[Exception | None] = []

    def post(self, body: str) -> None:
        """See shared.teams.webhook.Webhook."""
        with self.fate.effect():
            self.posted.append(body)
            error = self.plan.pop(0) if self.plan else None
            if error:
                raise error


UNANSWERED = Unavailable("no answer", service=Service.TEAMS, call=Call.TELL, fault=Fault.LOST, maybe_done=True)
TEAMS_BUSY = Unavailable("busy", service=Service.TEAMS, call=Call.TELL, status=503)


class Counting:
    """Rows that count what is asked of them."""

    def __init__(self, rows: OrderedRows, fate: RoundFate) -> None:
        self._rows = rows
        self._fate = fate
        self.calls: Counter[str] = Counter()
        self.requests = self.retries = 0

    def scan(self, start: str, end: str) -> list[Row]:
        """See the port."""
        self.calls["scan"] += 1
        return self._rows.scan(start, end)

    def first(self, start: str, end: str) -> Row | None:
        """See the port."""
        self.calls["first"] += 1
        return self._rows.first(start, end)

    def get(self, key: str) -> Row | None:
        """See the port."""
        self.calls["get"] += 1
        return self._rows.get(key)

    def batches(self, changes: Sequence[Change]) -> Iterable[Sequence[Change]]:
        """See the port."""
        return self._rows.batches(changes)

    def apply(self, changes: Sequence[Change]) -> dict[str, str]:
        """See the port."""
        self.calls["apply"] += 1
        with self._fate.effect():
            return self._rows.apply(changes)

    def scrub(self) -> None:
        """See the port."""

    def close(self) -> None:
        """See the port."""
        self._rows.close()


@dataclass
class Deployment:
    """Everything that a round is about, on one clock. `names` are the entries; `acts` how their tries go, `clean`
    without one, or as the `real` sweep. `swept` and `told` are what was done.
    """

    clock: FakeClock
    fate: RoundFate
    rows: Counting
    names: list[str] = field(default_factory=lambda: ["ada", "bob", "eve"])
    acts: dict[str, list[Act]] = field(default_factory=lambda: defaultdict(list))
    overrides: dict[str, dict[str, str]] = field(default_factory=dict)
    swept: list[RoundEntry] = field(default_factory=list)
    told: list[RoundTold] = field(default_factory=list)
    alive: set[str] = field(default_factory=set)
    has_channel: bool = True
    heartbeat_days: int = 0
    real: Callable[[Settings, RoundEntry], Receipt] | None = None
    queue: HostQueue = field(init=False)
    channel: Channel = field(init=False)

    def __post_init__(self) -> None:
        """Its queue and its channel share its clock and its fate."""
        self.queue = HostQueue(self.clock, self.fate)
        self.channel = Channel(self.fate)

    @property
    def store(self) -> RoundStore:
        """The rows of rounds."""
        return RoundStore(self.rows)

    def workspaces(self) -> Workspaces:
        """The entries as they are now."""
        return Workspaces(tuple(self._entry(name) for name in self.names))

    def parts(self) -> RoundParts:
        """What a start or a message gets."""
        webhook: Any = self.channel if self.has_channel else None
        return RoundParts(
            settings=RoundSettings(
                webhook_url=SecretStr(""),
                deadline_minutes=120,
                heartbeat_days=self.heartbeat_days,
                schedule="0 0 6 * * *",
                ledger_url="",
                azure_client_id="",
                cloud=CLOUDS["AzureCloud"],
                mentions=(),
                runbook_url="",
                webhook_extra_hosts=(),
                queue_url="",
            ),
            clock=self.clock,
            store=self.store,
            queue=self.queue,
            webhook=webhook,
            workspaces=self.workspaces,
            sweep=self._sweep,
            at_work=lambda settings: settings.sentinel_workspace_resource_id.rsplit("/", 1)[-1] in self.alive,
            card=self._card,
        )

    def begin(self, slot: datetime | None = START) -> BegunRound:
        """The timer fires for this slot."""
        return begin_round(self.parts(), slot)

    def work(self, text: str) -> None:
        """The host hands a message over."""
        receive(self.parts(), text)

    def work_off(self, minutes: int = 0) -> list[Exception | RoundKilled]:
        """The host works until nothing is visible, and goes on so for these minutes; what was raised."""
        raised = []
        until = self.clock.now() + timedelta(minutes=minutes)
        while True:
            while self.queue.visible:
                error = self.queue.deliver(self.work)
                if error is not None:
                    raised.append(error)
            if self.clock.now() >= until:
                return raised
            self.clock.advance(minutes=1)

    def _entry(self, name: str) -> WorkspaceEntry:
        resource = f"/subscriptions/{'1' * 8}-2222-3333-4444-{'5' * 12}/resourceGroups/{name}/providers/"
        resource += f"Microsoft.OperationalInsights/workspaces/{name}"
        values = {**REQUIRED, "SENTINEL_WORKSPACE_RESOURCE_ID": resource, **self.overrides.get(name, {})}
        return WorkspaceEntry(name, values, workspace=resource.lower())

    def _sweep(self, settings: Settings, entry: RoundEntry) -> Receipt:
        self.swept.append(entry)
        if self.real is not None:
            return self.real(settings, entry)
        acts = self.acts[entry.name]
        act = acts.pop(0) if acts else receipt_of()
        if isinstance(act, BaseException):
            raise act
        return act if isinstance(act, Receipt) else act()

    def _card(self, told: RoundTold) -> str:
        self.told.append(told)
        return json.dumps({"round": told.round, "ends": {each.name: each.end.value for each in told.entries}})


def logged_of(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, Any]]:
    """The fields of each log line of this event."""
    found = (record.getMessage().partition(" ") for record in caplog.records if record.name == "sweep")
    return [json.loads(rest) for name, _, rest in found if name == event]


@contextmanager
def deployed_on(url: str, clock: FakeClock | None = None, credential: Any = None) -> Iterator[Deployment]:
    """A deployment whose rows are at this URL."""
    clock, fate = clock or FakeClock(), RoundFate()
    rows = Counting(open_rows(url, round_keys.PARTITION, credential, clock=clock), fate)
    logging.getLogger("sweep").setLevel(logging.INFO)
    try:
        yield Deployment(clock, fate, rows)
    finally:
        rows.close()


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    """A deployment of three entries, with its rows in a file."""
    with deployed_on(f"sqlite:///{tmp_path}/ledger.db") as made:
        yield made
