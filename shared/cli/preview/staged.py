"""One sweep of made-up data through the real steps: what it would send, without a service, a setting or a clock."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from shared.app import hunt_options
from shared.cli.preview.captured import CapturedCards, CapturedIncidents, Preview
from shared.errors import Service, SignInFailed, SweepError
from shared.http.client import Http
from shared.hunt import Hunt
from shared.incidents.port import Attempt, Ended
from shared.incidents.road import is_refused
from shared.ledger import Loaded, SqliteLedger
from shared.ledger.cache import LedgerCache
from shared.model import Campaign, Cause, Coverage, Finding, Incident, Origin, Record, Slot, WorkspaceState
from shared.plan.decide import plan
from shared.query.answer import Answer
from shared.settings import from_values
from shared.sweep.context import Context, Parts, policy_of
from shared.sweep.deliver import deliver, note
from shared.sweep.describe import Words
from shared.sweep.gather import Hunted
from shared.sweep.notify import notify
from shared.sweep.reconcile import Reconciled

NOW = datetime(2026, 11, 24, 6, 1, tzinfo=UTC)
WORKSPACE = (
    "/subscriptions/d0cfe6b2-9ac0-4464-9919-dccaee2e48c0/resourceGroups/soc"
    "/providers/Microsoft.OperationalInsights/workspaces/contoso-soc"
)
_DAY = timedelta(days=1)
_SETTINGS = {
    "SENTINEL_WORKSPACE_ID": "5f3c1b9e-8a44-4c0e-9a57-2f6f6f1e0c11",
    "SENTINEL_WORKSPACE_RESOURCE_ID": WORKSPACE,
    "TEAMS_MENTIONS": '["oncall.soc@contoso.com"]',
}
_RUN_ID = "7c1f2a90-5e0b-4c7d-9a53-1c0a3f1f7d26"


@dataclass(frozen=True, slots=True)
class Stage:
    """What a sweep finds, knows and meets. `settings` are app settings beside the usual ones.

    `failure` is what Sentinel answers to every creation. `card_at`: when Teams last took a card, None for never.
    """

    findings: tuple[Finding, ...] = ()
    records: tuple[Record, ...] = ()
    origins: Mapping[str, Origin] = field(default_factory=dict)
    campaigns: tuple[Campaign, ...] = ()
    remediators: Mapping[str, str] = field(default_factory=dict)
    doubts: tuple[Cause, ...] = ()
    failed: Cause | None = None
    failure: SweepError | None = None
    coverage: Coverage | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    card_at: datetime | None = NOW - _DAY
    sweeps: int = 30


def usual_coverage(newest: datetime = NOW - timedelta(minutes=38)) -> Coverage:
    """Thirty ordinary days of a tenant of some thousand mailboxes."""
    days = [NOW - (30 - place) * _DAY for place in range(30)]
    quiet = {5, 6}
    slots = [Slot(day, *((9_410, 9_128) if day.weekday() in quiet else (43_117, 41_823)), 0, 0, 140) for day in days]
    return Coverage(sum(slot.messages for slot in slots) + 2_061, newest, tuple(slots))


def staged(name: str, about: str, stage: Stage) -> Preview:
    """The preview of that sweep: the same on every machine, at any time."""
    cards, incidents = CapturedCards(), _Refusing(_Sentinel(stage), lambda: NOW, stage.failure)
    settings = from_values({**_SETTINGS, **stage.settings}, webhook_needed=False)
    ledger = SqliteLedger(os.devnull, WORKSPACE, read_only=True)  # neither read nor written
    parts = Parts(
        settings=settings,
        clock=_Still(),
        ledger=ledger,
        http=Http(_Nobody()),
        hunt=Hunt(hunt_options(settings), _Nothing(), _Nothing()),
        incidents=incidents,
        webhook=cards,
        run_id=_RUN_ID,
        started=NOW,
        begun=0.0,
    )
    state = WorkspaceState(card_at=stage.card_at, lookback_days=30, looked_from=NOW - 31 * _DAY, history_known=True)
    loaded = Loaded({record.recipient: record for record in stage.records}, {}, state)
    context = Context(parts, LedgerCache(ledger, loaded, write=False), None, policy_of(settings, NOW))
    _steps(context, stage)
    parts.http.close()
    return Preview(name, about, tuple(cards.bodies), incidents.shown())


def _steps(context: Context, stage: Stage) -> None:
    """As in `shared.sweep.run`, from the plan on."""
    hunted = Hunted(
        {finding.recipient: finding for finding in stage.findings},
        None if stage.failed else stage.coverage or usual_coverage(),
        stage.doubts,
        stage.failed,
        sweeps=tuple((NOW - place * _DAY).isoformat() for place in range(stage.sweeps, 0, -1)),
    )
    planned = plan(hunted.findings, context.ledger.records, context.policy)
    words = Words(remediators=stage.remediators, origins=stage.origins, campaigns=stage.campaigns)
    forgotten = note(context, planned, {})
    delivered = deliver(context, planned, hunted, Reconciled(), words, forgotten)
    notify(context, hunted, Reconciled(), delivered, words)


class _Still:
    """A clock that stands still."""

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        return


class _Nobody:
    """Nobody is signed in, and nobody needs to be."""

    retries = 0

    def token(self, audience: str) -> str:
        raise SignInFailed("a sample asks no service")

    def generation(self) -> int:
        return 0

    def renew(self, generation: int) -> None:
        return


class _Nothing:
    """A query service whose tables are empty."""

    service = Service.LOG_ANALYTICS
    tables = "sentinel"

    def ask(self, kql: str) -> Answer | None:
        return None


class _Sentinel:
    """The incidents that the stage's records know, as they were last seen."""

    def __init__(self, stage: Stage) -> None:
        known = [record.incident.seen for record in stage.records if record.incident]
        self._there = {incident.id: incident for incident in known if incident}

    def workspace_guid(self) -> str:
        return _SETTINGS["SENTINEL_WORKSPACE_ID"]

    def changed(
        self, since: datetime | None, shown_before: Callable[[Incident], bool | None] = lambda _: False
    ) -> Iterator[Incident]:
        return iter(())

    def read(self, incident_id: str) -> Incident | None:
        return self._there.get(incident_id)

    def follow(self, names: Mapping[str, str]) -> None:
        pass

    def create(self, incident_id: str, body: str) -> Attempt:
        return Attempt(Ended.DONE)

    def comment(self, incident_id: str, comment_id: str, body: str) -> Attempt:
        return Attempt(Ended.DONE)

    def find_comment(self, incident_id: str, comment_id: str) -> datetime | None:
        return None

    def escalate(self, incident_id: str, expected: object, to: object) -> Attempt:
        return Attempt(Ended.DONE)

    def time(self) -> datetime | None:
        return NOW

    def skew(self) -> float | None:
        return 0.0


class _Refusing(CapturedIncidents):
    """Sentinel that answers every creation with the `failure`, if there is one."""

    def __init__(self, real: _Sentinel, now: Callable[[], datetime], failure: SweepError | None) -> None:
        super().__init__(real, now)
        self._failure = failure

    def create(self, incident_id: str, body: str) -> Attempt:
        if self._failure is None:
            return super().create(incident_id, body)
        return Attempt(Ended.REFUSED if is_refused(self._failure) else Ended.DUE, error=self._failure)
