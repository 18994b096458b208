"""A world over the wire in which the deployed analytics rules make the incidents: rows, runs, alerts, merges."""

from __future__ import annotations

import itertools
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid5

from shared.model import Receipt
from tests.chaos.ledgers import KeptLedger
from tests.chaos.rule_scene import DEPLOYED
from tests.cloud import Fault, Request
from tests.cloud.faults import Wire
from tests.cloud.rule_definitions import load_rules
from tests.sweep.history.steps import RuleBefalls, Step, Sweep
from tests.sweep.history.wire import WireWorld
from tests.sweep.history.world import Upload

USUAL_DELAY = timedelta(minutes=3)
SLOW = timedelta(hours=3)
LATE = 60
"""Minutes."""
_FINDING = b'"Kind":"finding"'
_NAMES = UUID("4e1c7b52-93a0-4a0e-8f4d-2d3d0a8f6b11")


@dataclass(kw_only=True)
class RefusedUpload(Fault):
    """The ingestion service refuses the findings about some recipients. `refused`: see World."""

    refused: dict[tuple[str, str], bool]

    def fits(self, request: Request) -> bool:
        """See Fault."""
        if request.service != "ingestion" or _FINDING not in request.body:
            return False
        whole = [self.refused.get((row["Recipient"], "create")) for row in request.json]
        short = b"not listed here" in request.body
        return any(each is not None and (each or not short) for each in whole)


class WireRuleWorld(WireWorld):
    """The small Azure runs its rules as the clock goes."""

    def __init__(self, stack: ExitStack, place: KeptLedger, beside: KeptLedger) -> None:
        super().__init__(stack, place, beside)
        # The same history has the same names: a step picks an incident by their order.
        self.cloud.rules.ids = (str(uuid5(_NAMES, str(number))) for number in itertools.count())
        self.cloud.deploy_findings(*load_rules(DEPLOYED))
        self.settings |= self.cloud.rule_road
        self._made: dict[str, str] = {}
        self._alerts: dict[str, tuple[str, ...]] = {}
        self._looked_at = 0
        self._known_rows = 0
        self.by_itself.append(self._runs)

    def ours(self, name: str) -> str:
        """See World."""
        if name not in self._made:
            self._look()
        return self._made.get(name, name)

    def rows(self) -> object:
        """See World; those of the findings table as well."""
        return super().rows(), len(self.cloud.ingestion.rows)

    def run(self, step: Sweep) -> Receipt | None:
        """See World."""
        try:
            return super().run(step)
        finally:
            self._look()
            self._note_uploads()

    def befalls(self, step: Sweep) -> list[Fault]:
        """See WireWorld. What is wrong with Sentinel's writes is wrong with uploads of findings."""
        faults = super().befalls(step)
        if self.settings["RAISE_BY"] != "rule":
            return faults
        faults.append(RefusedUpload(status=400, times=None, refused=self.refused))
        if "sentinel refuses writes" in step.broken:
            faults.append(Fault(service="ingestion", status=403, times=None))
        if step.lost == "create":
            gone = Fault(service="ingestion", status=503, times=None)
            faults.append(
                Fault(
                    service="ingestion",
                    containing=_FINDING.decode(),
                    effect=step.done,
                    wire=Wire.DROP,
                    then=lambda _: self.cloud.faults.add(gone),
                )
            )
        return faults

    def apply(self, step: Step) -> None:
        """See World."""
        self._runs()
        if isinstance(step, RuleBefalls):
            self._befall(step.what)
        else:
            super().apply(step)

    def heal(self) -> None:
        """See World."""
        super().heal()
        self.cloud.rules.switch(True)
        self.cloud.ingestion.delay = USUAL_DELAY

    def _befall(self, what: str) -> None:
        rules = self.cloud.rules
        match what:
            case "on" | "off":
                rules.switch(what == "on")
            case "late":
                rules.late(LATE)
            case "skip":
                rules.skip()
            case "twice":
                rules.twice()
            case "slow ingestion":
                self.cloud.ingestion.delay = SLOW
            case "merge":
                self._merge()
            case _:
                self.settings["RAISE_BY"] = what.removeprefix("by ")

    def _merge(self) -> None:
        """The portal closes the first open incident of the rules, which was merged into another one."""
        names = [name for name in self._made if name in self.store.stored]
        still_open = [name for name in names if self.store.stored[name]["properties"]["status"] != "Closed"]
        if still_open:
            before = len(self.store.history)
            self.cloud.rules.merge(still_open[0], still_open[-1], alerts=False)
            self.by_analysts.update(range(before, len(self.store.history)))

    def _runs(self) -> None:
        """What is due by now happens."""
        self.cloud.rules.catch_up()
        self._look()

    def _look(self) -> None:
        """Whose the incidents are that the rules have made since the last look, by their first alert."""
        findings = {alert.id: alert.details["FindingId"][0] for alert in self.cloud.rules.alerts}
        for place in range(self._looked_at, len(self.store.history)):
            change = self.store.history[place]
            name = change.incident["name"].lower()
            if change.alerts and change.alerts != self._alerts.get(name):
                self._alerts[name] = change.alerts
                self._made.setdefault(name, findings[change.alerts[0]])
                self.by_analysts.add(place)
            self._looked_at = place + 1

    def _note_uploads(self) -> None:
        rows = self.cloud.ingestion.rows
        for row in rows[self._known_rows :]:
            if row["Kind"] == "finding":
                times = self.clock.now(), self.true_time()
                self.uploads.append(Upload(row["FindingId"], row["Attempt"], row["Severity"], *times))
        self._known_rows = len(rows)
