"""Sentinel's scheduled analytics rules: they run on their schedule as the clock goes, and make alerts and incidents."""

from __future__ import annotations

import copy
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

from tests.cloud import answer as kusto
from tests.cloud.alerts import Alert, RunOfRule, Values, alert_row
from tests.cloud.engine import engine
from tests.cloud.incidents import Incidents
from tests.cloud.kql.errors import KqlError
from tests.cloud.kql.lower import lower
from tests.cloud.rule_definitions import Rule, rule_of
from tests.cloud.rule_incidents import GroupedIncidents
from tests.cloud.tables import Tables

BUILT_IN_DELAY = timedelta(minutes=5)
_MOMENT = timedelta(microseconds=1)
Sees = Literal["gapless", "overlap", "gap"]
Ask = Callable[[str, datetime, tuple[datetime, datetime], datetime], list[Values]]
"""A query, what now() means in it, the span of TimeGenerated, and by when what it reads was ingested; its rows."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a rule: when it was to be and was, how many rows and alerts came of it, or why it failed."""

    rule: str
    scheduled: datetime
    at: datetime
    rows: int = 0
    alerts: int = 0
    failed: str = ""


@dataclass
class RuleDelays:
    """How long it takes until a row of SecurityAlert and one of SecurityIncident (of a rule's incident) is readable."""

    alert_rows: timedelta = timedelta(minutes=3)
    incident_rows: timedelta = timedelta(minutes=5)


@dataclass
class _Installed:
    """A rule at work: its next turn, the last moment it ran at, and what is to go wrong with its next runs."""

    rule: Rule
    turn: datetime
    enabled: bool
    ran: datetime
    muted: datetime | None = None
    upset: list[tuple[str, timedelta]] = field(default_factory=list)

    def next_run(self) -> datetime:
        """When the next turn comes to run; never before the one before."""
        late = self.upset[0][1] if self.upset else timedelta(0)
        return max(self.turn + BUILT_IN_DELAY + late, self.ran)


class AnalyticsRules:
    """The rules of one workspace. Nothing happens by itself: `advance` and `catch_up` let what is due happen, in order.

    `sees` says what a run sees, which Microsoft leaves open: `gapless`: now() is when it runs, and so is the end of its
    window. `overlap`: both are five minutes earlier, as scheduled, however late it runs; what was generated before and
    ingested since is found by two runs. `gap`: the window ends as scheduled, now() is when it runs; what was generated
    since is found by none, where the query goes by ingestion_time(). `skips_idle` leaves out runs whose query asks for
    new rows when there are none.
    """

    def __init__(self, tables: Tables, store: Incidents, workspace: str, workspace_id: str, ask: Ask | None = None):
        self.sees: Sees = "gapless"
        self.skips_idle = True
        self.details_as_object = False
        self.delays = RuleDelays()
        self.ids: Iterator[str] = iter(lambda: str(uuid4()), "")
        self.incidents = GroupedIncidents(store, iter(lambda: next(self.ids), ""))
        self.runs: list[Run] = []
        self.alerts: list[Alert] = []
        self._tables = tables
        self._store = store
        self._workspace = workspace, workspace_id
        self._ask = ask or self._ask_engine
        self._asks_engine = ask is None
        self._rules: dict[str, _Installed] = {}
        self._told = 0
        self._lock = threading.RLock()

    # --- what a test does

    def install(self, *definitions: Mapping[str, Any], start: datetime | None = None) -> list[Rule]:
        """Add rules by their properties, first due at `start` (now, when it is left out).

        Raises:
            KqlError: a query is not understood.
            ValueError: Sentinel would refuse a rule, or it is not understood.
        """
        now = self._store.clock()
        rules = [rule_of(definition) for definition in definitions]
        if self._asks_engine:
            for rule in rules:
                engine().columns(lower(rule.query, self._tables, now, (now - rule.period, now)).text)
        with self._lock:
            self.catch_up()
            for rule in rules:
                self._rules[rule.name] = _Installed(rule, start or now, rule.enabled, start or now)
        return rules

    def remove_all(self) -> None:
        """Delete the rules; what they made stays."""
        with self._lock:
            self._rules.clear()

    def switch(self, on: bool, name: str = "") -> None:
        """Switch the rules on or off: all, or the one with this display name or GUID."""
        for each in self._chosen(name):
            each.enabled = on

    def late(self, minutes: float, times: int = 1, name: str = "") -> None:
        """Let the next runs be so many minutes late."""
        self._upset("late", timedelta(minutes=minutes), times, name)

    def skip(self, times: int = 1, name: str = "") -> None:
        """Let the next runs not take place."""
        self._upset("skip", timedelta(0), times, name)

    def twice(self, times: int = 1, name: str = "") -> None:
        """Let the next runs take place twice."""
        self._upset("twice", timedelta(0), times, name)

    def merge(self, incident: str, into: str, *, alerts: bool = True, keeps: bool = True) -> None:
        """Merge an incident into another one; see `GroupedIncidents.merge`."""
        self.catch_up()
        self.incidents.merge(incident, into, alerts=alerts, keeps=keeps)

    def catch_up(self) -> None:
        """Let happen what is due by now."""
        if self._rules:
            self.advance(self._store.clock())

    def advance(self, until: datetime) -> None:
        """Let every run take place that is due by then, in the order of their times."""
        with self._lock:
            while due := [each for each in self._rules.values() if each.next_run() <= until]:
                self._turn(min(due, key=_Installed.next_run))

    # --- what SecurityAlert shows

    def alert_rows(self) -> Iterator[dict[str, Any]]:
        """The rows of SecurityAlert that have become readable since the last call."""
        by = self._store.clock() - self.delays.alert_rows
        start = self._told
        while self._told < len(self.alerts) and self.alerts[self._told].made <= by:
            self._told += 1
        news = self.alerts[start : self._told]
        return (alert_row(alert, *self._workspace, self.details_as_object) for alert in news)

    # --- to try the same again

    def kept(self) -> dict[str, Any]:
        """All that there is now, for `restore`; the tables and the store are kept by whoever owns them."""
        with self._lock:
            groups = self.incidents.groups
            return copy.deepcopy({"rules": self._rules, "groups": groups, "alerts": self.alerts, "runs": self.runs})

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Make the rules what they were. SecurityAlert is to be defined anew, empty: it is told all alerts again."""
        with self._lock:
            fresh = copy.deepcopy(dict(kept))
            self._rules, self.alerts, self.runs, self._told = fresh["rules"], fresh["alerts"], fresh["runs"], 0
            self.incidents.groups = fresh["groups"]

    # --- running

    def _chosen(self, name: str) -> list[_Installed]:
        with self._lock:
            self.catch_up()
            rules = [each for each in self._rules.values() if name in ("", each.rule.name, each.rule.display_name)]
        if not rules:
            raise LookupError(f"there is no rule '{name}'")
        return rules

    def _upset(self, kind: str, late: timedelta, times: int, name: str) -> None:
        for each in self._chosen(name):
            each.upset += [(kind, late)] * times

    def _turn(self, installed: _Installed) -> None:
        """One turn of a rule, whatever becomes of it."""
        scheduled, at = installed.turn, installed.next_run()
        kind = installed.upset.pop(0)[0] if installed.upset else ""
        installed.turn += installed.rule.frequency
        installed.ran = at
        muted = installed.muted is not None and at < installed.muted
        if not installed.enabled or kind == "skip" or muted:
            return
        for _ in range(2 if kind == "twice" else 1):
            if self._run(installed.rule, scheduled, at) and installed.rule.suppression is not None:
                installed.muted = at + installed.rule.suppression

    def _run(self, rule: Rule, scheduled: datetime, at: datetime) -> int:
        """Run it; how many alerts it made."""
        now = scheduled if self.sees == "overlap" else at
        end = at if self.sees == "gapless" else scheduled
        window = (end - rule.period, end)
        if self.skips_idle and self._idle(rule, now, at):
            return 0
        try:
            rows = self._ask(rule.query, now, window, at)
        except KqlError as error:
            self.runs.append(Run(rule.name, scheduled, at, failed=error.message))
            return 0
        made = RunOfRule(rule, at, window).alerts(rows, self.ids) if rule.fires(len(rows)) else []
        self.runs.append(Run(rule.name, scheduled, at, len(rows), len(made)))
        self.alerts += made
        for alert in made:
            self.incidents.add(alert)
        return len(made)

    def _idle(self, rule: Rule, now: datetime, at: datetime) -> bool:
        """Whether nothing has come in that the query asks for: known only of queries for new rows of timed tables."""
        if rule.reach is None or rule.operator != "GreaterThan":
            return False
        read = [self._tables.stored(name) for name in set(re.findall(r"\w+", rule.query))]
        timed = [table for table in read if table is not None and table.timed]
        return bool(timed) and not any(table.was_fed(now - rule.reach - _MOMENT, at) for table in timed)

    def _ask_engine(self, query: str, now: datetime, window: tuple[datetime, datetime], seen: datetime) -> list[Values]:
        lowered = lower(query, self._tables, now, window, seen)
        columns, rows = kusto.result_rows(engine().query(lowered.text, lowered.rows))
        names = [column["name"] for column in columns]
        return [dict(zip(names, map(_text, row), strict=True)) for row in rows]


def _text(value: Any) -> str:
    """A cell as an alert shows it."""
    if value is None:
        return ""
    return value if isinstance(value, str) else str(value)


def as_texts(rows: Sequence[Mapping[str, Any]]) -> list[Values]:
    """Rows as an `Ask` gives them, from Python values."""
    return [{name: _text(value) for name, value in row.items()} for row in rows]
