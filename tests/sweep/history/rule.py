"""A world in memory in which an analytics rule makes the incidents: rows, runs of the rule, alerts, merges."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from shared.errors import Call, Service
from shared.http.statuses import from_status
from shared.hunt.followed import Followed
from shared.incidents.drafts import ArmDrafts
from shared.incidents.port import Attempt, Ended
from shared.incidents.terms import NO_BACKGROUND, Background, Terms
from shared.model import MERGED_TAG, Action
from shared.settings import Settings
from shared.sweep.context import Parts
from tests.cloud.incidents import Incidents as Store
from tests.sweep.history.fate import Fate
from tests.sweep.history.memory import MemoryWorld
from tests.sweep.history.ports import MemoryHunt, MemoryIncidents, past_incidents
from tests.sweep.history.steps import RuleBefalls, Step
from tests.sweep.history.world import OWNERS, Upload

PERIOD = timedelta(hours=1)
GROUPED = timedelta(days=7)
USUAL = {
    "RAISE_BY": "rule",
    "FINDINGS_ENDPOINT": "https://findings.westeurope-1.ingest.monitor.azure.com",
    "FINDINGS_RULE_ID": "dcr-" + "0" * 32,
    "FINDINGS_STREAM": "Custom-EmailRemediationFindings_CL",
}
_NAMES = UUID("a5c0a9f2-6c2e-4e0b-9a51-0f7f5c8f3d10")


@dataclass
class Uploaded:
    """A row in the findings table: when it was sent and came, and whether the rule has seen it."""

    finding: str
    attempt: int
    severity: str
    sent: datetime
    came: datetime
    seen: bool = False


@dataclass
class MemoryRule:
    """The analytics rule and what it reads. `names` maps Sentinel's names of its incidents to findings."""

    store: Store
    rows: list[Uploaded] = field(default_factory=list)
    alerts: dict[str, datetime] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    made_by: dict[str, str] = field(default_factory=dict)
    on: bool = True
    befalls: str = ""
    slow: timedelta = timedelta()
    _last: datetime | None = None

    def run(self, now: datetime) -> None:
        """All runs that are due by now. A row is seen by the run after it came, or by none."""
        last, befalls = self._last or now - PERIOD, self.befalls
        while last + PERIOD <= now:
            late = befalls == "late" and last + 2 * PERIOD <= now
            last += PERIOD * (2 if late or befalls == "skip" else 1)
            if last <= now:
                self._one_run(last, twice=befalls == "twice", late=late)
            befalls = ""
        self._last, self.befalls = last, befalls

    def _one_run(self, at: datetime, *, twice: bool, late: bool) -> None:
        first: dict[tuple[str, int], Uploaded] = {}
        for row in self.rows:
            first.setdefault((row.finding, row.attempt), row)
        fresh = [row for row in first.values() if at - PERIOD <= row.came < at]
        for row in fresh if self.on else ():
            for _ in range(2 if twice else 1):
                self._alert(row, at)

    def _alert(self, row: Uploaded, at: datetime) -> None:
        """Each rule groups its own alerts: there is one for each severity."""
        self.alerts[row.finding] = at
        for name, finding in self.names.items():
            there = self.store.stored.get(name)
            if finding == row.finding and there is not None and there["properties"]["status"] != "Closed":
                made = datetime.fromisoformat(there["properties"]["createdTimeUtc"])
                grouped = self.made_by[name] == row.severity and at - made < GROUPED
                assert grouped, f"a second open incident of {OWNERS[finding]}"
                return
        name = str(uuid5(_NAMES, f"{row.finding}|{len(self.names)}"))
        self.names[name] = row.finding
        self.made_by[name] = row.severity
        who, _ = OWNERS[row.finding]
        body = {
            "title": f"Unusual volume of remediated email: {who}",
            "severity": row.severity,
            "status": "New",
            "labels": [],
        }
        clock, self.store.clock = self.store.clock, lambda: at
        self.store.put(name, {"properties": body})
        self.store.clock = clock


class MemoryDrafts(ArmDrafts):
    """What is handed over: no more than the rule's double needs."""

    def creation(
        self,
        action: Action,
        terms: Terms,
        about: Background = NO_BACKGROUND,
        *,
        attempt: int = 1,
        minimal: bool = False,
    ) -> str:
        """See the port."""
        says = "not listed here" if minimal else ""
        return json.dumps({"attempt": attempt, "severity": action.severity.value, "says": says})


class MemoryRuleIncidents(MemoryIncidents):
    """The port by the rule's road."""

    def __init__(self, store: Store, fate: Fate, upload: Callable[[str, int, str], None]) -> None:
        super().__init__(store, fate)
        self._upload = upload

    def create(self, incident_id: str, body: str) -> Attempt:
        """See the port."""

        def put() -> Attempt:
            if incident_id in self._names and (there := self._stored(incident_id)):
                return Attempt(Ended.FOUND, self._ours(there))
            row = json.loads(body)
            self._upload(incident_id, row["attempt"], row["severity"])
            return Attempt(Ended.UPLOADED)

        return self._write("create", incident_id, body, put)


class MemoryRuleHunt(MemoryHunt):
    """The hunt, which can say what became of the rows."""

    def __init__(self, world: RuleWorld, fate: Fate, settings: Settings) -> None:
        super().__init__(world, fate, settings)
        self._rule = world.rule
        self._now = world.true_time

    def followed(self, workspace: str) -> Mapping[str, Followed]:
        """See Hunt."""
        with self._fate.call():
            if self._fate.broken("history fails"):
                raise from_status(Service.LOG_ANALYTICS, Call.QUERY, 500)
            past = past_incidents(self._rule.store)
            found: dict[str, Followed] = {}
            for row in self._rule.rows:
                if row.came <= self._now():
                    who, episode = OWNERS[row.finding]
                    alerted = self._rule.alerts.get(row.finding)
                    found[row.finding] = Followed(row.finding, who, episode, row.attempt, row.sent, alerted)
            for name, finding in self._rule.names.items():
                there, before = past[name], found[finding].incident
                merged = there.merged
                if before is None or not merged:
                    incident = replace(there, id=finding, name=name, recipient=found[finding].recipient)
                    incident = replace(incident, episode=found[finding].episode)
                    found[finding] = replace(found[finding], incident=incident)
            return found


class RuleWorld(MemoryWorld):
    """The rule runs each hour, on what has come by then."""

    def __init__(self) -> None:
        super().__init__()
        self.settings |= USUAL
        self.rule = MemoryRule(self.store)
        self.by_itself.append(self._runs)

    def ours(self, name: str) -> str:
        """See World."""
        return self.rule.names.get(name, name)

    def apply(self, step: Step) -> None:
        """See World."""
        if not isinstance(step, RuleBefalls):
            super().apply(step)
        elif step.what in ("on", "off"):
            self.rule.on = step.what == "on"
        elif step.what.startswith("by "):
            self.settings["RAISE_BY"] = step.what.removeprefix("by ")
        elif step.what == "slow ingestion":
            self.rule.slow = timedelta(hours=3)
        elif step.what == "merge":
            self._merge()
        else:
            self.rule.befalls = step.what

    def _runs(self) -> None:
        before = len(self.store.history)
        self.rule.run(self.true_time())
        self.by_analysts.update(range(before, len(self.store.history)))

    def heal(self) -> None:
        """See World."""
        super().heal()
        self.rule.on, self.rule.slow, self.rule.befalls = True, timedelta(), ""

    def parts_of(self, parts: Parts, fate: Fate) -> Parts:
        """See MemoryWorld."""
        hunt = MemoryRuleHunt(self, fate, parts.settings)
        incidents: MemoryIncidents = MemoryIncidents(self.store, fate)
        if parts.settings.raise_by == "api":
            return replace(parts, hunt=hunt, incidents=incidents)
        incidents = MemoryRuleIncidents(self.store, fate, self._uploaded)
        return replace(parts, hunt=hunt, incidents=incidents, drafts=MemoryDrafts())

    def _uploaded(self, finding: str, attempt: int, severity: str) -> None:
        sent = self.true_time()
        self.rule.rows.append(Uploaded(finding, attempt, severity, sent, sent + self.rule.slow))
        self.uploads.append(Upload(finding, attempt, severity, self.clock.now(), self.true_time()))

    def _merge(self) -> None:
        """The portal closes the first open incident of the rule, for its alerts are in another one now."""
        for name in self.rule.names:
            there = self.store.stored.get(name)
            if there is not None and there["properties"]["status"] != "Closed":
                properties = there["properties"]
                before = len(self.store.history)
                properties["status"] = "Closed"
                properties["labels"] = [*properties["labels"], {"labelName": MERGED_TAG}]
                self.store.changed(name)
                self.by_analysts.update(range(before, len(self.store.history)))
                return
