"""What every step of a sweep works with: the settings as values, the clients, the ledger, and when to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.clock import Clock
from shared.errors import Forbidden, SweepError
from shared.http.client import Http
from shared.hunt import Hunt
from shared.hunt.followed import Followed
from shared.hunt.incidents import PastIncident
from shared.incidents.drafts import ArmDrafts
from shared.incidents.port import Drafts, Incidents
from shared.ledger.cache import LedgerCache
from shared.ledger.lease import Held
from shared.ledger.port import Ledger
from shared.model import ALONE, Cause, RoundEntry, Window
from shared.plan.policy import Policy
from shared.settings import Settings
from shared.sweep.breaker import Breaker
from shared.sweep.tally import Tally
from shared.teams.webhook import Webhook

MOST_ROWS = 50
"""Rows for one run of the analytics rule: of more, the service drops the name and the description of every alert."""
TELLING_RESERVE = 60.0  # seconds of the budget, a fifth at most, kept for telling


@dataclass(frozen=True, slots=True)
class Parts:
    """What a sweep is made from; the app makes it, tests pass their own. `begun` is the clock's monotonic().

    `app_resource_id` is the function app that the sweep runs in, "" elsewhere. `drafts` writes what `incidents` sends.
    `entry`: as which of many workspaces it runs.
    """

    settings: Settings
    clock: Clock
    ledger: Ledger
    http: Http
    hunt: Hunt
    incidents: Incidents
    webhook: Webhook
    run_id: str
    started: datetime
    begun: float
    progress: Callable[[str], None] = lambda _: None
    app_resource_id: str = ""
    drafts: Drafts = field(default_factory=ArmDrafts)
    entry: RoundEntry = ALONE

    @property
    def window(self) -> Window:
        """The look-back of this sweep."""
        return Window(self.started - timedelta(days=self.settings.lookback_days), self.started)

    def seconds(self) -> float:
        """Since it began."""
        return self.clock.monotonic() - self.begun


class History:
    """What the workspace remembers of our incidents (SecurityIncident), asked at most once, when somebody needs it.

    `workspace` is its ARM id where findings may have been handed to the analytics rule, "" where they never were.
    `by_rule`: they surely were. Elsewhere, who may not ask what became of them has handed none over. What it learns of
    Sentinel's names for our incidents goes to `incidents`.
    """

    def __init__(self, hunt: Hunt, incidents: Incidents, workspace: str, *, by_rule: bool) -> None:
        self.error: SweepError | None = None
        self._hunt = hunt
        self._incidents = incidents
        self._workspace = workspace
        self.rule_used = by_rule
        self._known: Mapping[str, PastIncident] | None = None
        self._followed: Mapping[str, Followed] | None = None
        self._lock = threading.Lock()

    def known(self) -> Mapping[str, PastIncident] | None:
        """Our incidents by id, deleted ones too, whoever made them; None when a query failed."""
        with self._lock:
            followed = self._ask_followed()
            if self._known is None and followed is not None and self.error is None:
                by_rule = {each.id: each.incident for each in followed.values() if each.incident}
                try:
                    self._known = {**self._hunt.known_incidents(), **by_rule}
                except SweepError as error:
                    self.error = error
            return self._known

    def followed(self) -> Mapping[str, Followed] | None:
        """What became of the findings that were handed to the analytics rule, by id; None when the query failed."""
        with self._lock:
            return self._ask_followed()

    @property
    def followed_so_far(self) -> Mapping[str, Followed] | None:
        """The same, None also when nobody has asked."""
        return self._followed

    def _ask_followed(self) -> Mapping[str, Followed] | None:
        if self._followed is None and self.error is None:
            try:
                self._followed = self._hunt.followed(self._workspace) if self._workspace else {}
                named = [each.incident for each in self._followed.values() if each.incident]
                self._incidents.follow({incident.id: incident.name for incident in named})
            except SweepError as error:
                if self.rule_used or not isinstance(error, Forbidden):
                    self.error = error
                else:
                    self._followed = {}
        return self._followed

    @property
    def answered(self) -> bool:
        """Whether it was asked, and has answered."""
        return self._known is not None


@dataclass(frozen=True, slots=True)
class Context:
    """One sweep at work. `lease` is None in a dry run."""

    parts: Parts
    ledger: LedgerCache
    lease: Held | None
    policy: Policy
    breaker: Breaker = field(default_factory=Breaker)
    tally: Tally = field(default_factory=Tally)
    history: History = field(init=False)

    def __post_init__(self) -> None:
        """The history belongs to this sweep alone."""
        # A ledger that is new, or was lost, does not know whether the rule was ever used.
        used = True if self.settings.raise_by == "rule" else self.ledger.state.rule_used
        workspace = "" if used is False else self.settings.sentinel_workspace_resource_id
        history = History(self.parts.hunt, self.parts.incidents, workspace, by_rule=bool(used))
        object.__setattr__(self, "history", history)

    @property
    def settings(self) -> Settings:
        """The settings of this sweep."""
        return self.parts.settings

    def now(self) -> datetime:
        """The wall clock."""
        return self.parts.clock.now()

    def stopped(self) -> Cause | None:
        """Why no new effect may begin in Sentinel, None when it may.

        Raises:
            LeaseLost: another sweep is at work by now.
        """
        budget = self.settings.sweep_budget_seconds
        if self.parts.seconds() > budget - min(TELLING_RESERVE, budget / 5):
            return Cause("budget_ended", "the sweep's time budget (SWEEP_BUDGET_SECONDS) ended; the next sweep goes on")
        if self.breaker.open is not None:
            return self.breaker.open
        if self.lease is not None:
            self.lease.check()
        return None

    def prove_lease(self) -> None:
        """Before a note and before a card: nothing is left behind by a sweep that was overtaken. Raises LeaseLost."""
        if self.lease is not None:
            self.lease.prove()


def policy_of(settings: Settings, started: datetime) -> Policy:
    """The settings that decide, as of the day on which the sweep started."""
    today = started.date()
    excluded = [each for each in settings.excluded_recipients if each.until >= today]
    return Policy(
        workspace_resource_id=settings.sentinel_workspace_resource_id,
        threshold=settings.sum_case_threshold,
        high_threshold=settings.high_severity_threshold,
        benign_factor=settings.benign_reopen_factor,
        max_new=min(settings.max_new_incidents, MOST_ROWS)
        if settings.raise_by == "rule"
        else settings.max_new_incidents,
        lookback_days=settings.lookback_days,
        excluded=lambda recipient: any(each.matches(recipient) for each in excluded),
    )
