"""A tenant in which the deployed analytics rules make the incidents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.chaos.clock import SharedClock
from tests.chaos.ledgers import KeptLedger
from tests.chaos.order import Outcome
from tests.chaos.scene import Scene
from tests.chaos.sweeper import Sweeper
from tests.cloud import Cloud
from tests.cloud.alerts import SECURITY_ALERT
from tests.cloud.mirror import Mirror
from tests.cloud.rule_definitions import load_rules

DEPLOYED = Path(__file__).parents[2] / "infra/findings-rule.json"
SWEEPS = 3  # within which all that the rules have made is taken in


class RuleScene(Scene):
    """What a sweep uploads is an incident some time later: `settle` lets that time pass."""

    def __init__(
        self, sweeper: Sweeper, cloud: Cloud, clock: SharedClock | None, place: KeptLedger, folder: Path
    ) -> None:
        super().__init__(sweeper, cloud, clock, place, folder)
        cloud.deploy_findings(*load_rules(DEPLOYED))
        self.road = cloud.rule_road
        self._kept_rules: dict[str, Any] = {}
        self._kept_rows: Any = None
        self._whose: dict[str, str] = {}

    def settle(self) -> list[Outcome]:
        """See Scene. The rules run within two hours; then everything is seen, and nothing more is to be done."""
        self.advance(hours=2)
        ended: list[Outcome] = []
        while not (ended and ended[-1].green):
            assert len(ended) < SWEEPS, f"still not green: {ended[-1].receipt}"
            ended.append(self.sweep())
        assert not ended[-1].receipt.get("awaited"), f"the rules have made no incident: {ended[-1].receipt}"
        return ended

    def ours(self, name: str) -> str:
        """See Scene. An incident keeps whose it is when it is deleted."""
        alerts = self.cloud.store.alerts.get(name, ())
        findings = [each.details["FindingId"][0] for each in self.cloud.rules.alerts if each.id in alerts]
        return self._whose.setdefault(name, findings[0]) if findings else self._whose.get(name, name)

    def keep(self) -> None:
        """See Scene."""
        self._kept_rules = self.cloud.rules.kept()
        self._kept_rows = self.cloud.ingestion.kept()
        super().keep()

    def restore(self) -> None:
        """See Scene."""
        super().restore()
        rules = self.cloud.rules
        self.cloud.tables.refresh["SecurityIncident"] = Mirror(
            self.cloud.store, lambda: rules.delays.incident_rows
        ).rows
        self.cloud.define("SecurityAlert", SECURITY_ALERT)
        self.cloud.ingestion.restore(self._kept_rows)
        rules.restore(self._kept_rules)
