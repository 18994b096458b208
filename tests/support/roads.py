"""Both roads to an incident on the small Azure: over ARM, and by an uploaded row of which analytics rules make one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Literal

import pytest

from shared.incidents.arm import ArmIncidents
from shared.incidents.drafts import ArmDrafts
from shared.incidents.finding_rows import RuleDrafts
from shared.incidents.port import Attempt, Drafts, Ended, Incidents
from shared.incidents.rule import RuleIncidents
from shared.incidents.terms import Terms
from shared.incidents.upload import FindingUploads
from shared.model import Act, Action, Counts, Messages, Reason, Severity, Window, incident_id
from tests.cloud import WORKSPACE_RESOURCE_ID
from tests.cloud.findings_rules import findings_rules
from tests.cloud.ingestion import RULE_ID, STREAM
from tests.support.clients import Clients, connected
from tests.support.clock import START

WHO = "kim@contoso.com"
TERMS = Terms(10, 50, 2, True, "sentinel", Window(START - timedelta(days=30), START))


@dataclass
class RoadUnderTest:
    """One road of a small Azure. `service` is what its creations are sent to."""

    name: Literal["api", "rule"]
    azure: Clients
    incidents: Incidents
    drafts: Drafts

    @property
    def service(self) -> str:
        """Where a creation is written."""
        return "sentinel" if self.name == "api" else "ingestion"

    @property
    def creates(self) -> dict[str, Any]:
        """What of a Fault says that it is about the write of a creation."""
        return {"service": self.service, "method": "PUT" if self.name == "api" else "POST"}

    @property
    def done(self) -> Ended:
        """How a creation ends that went well."""
        return Ended.DONE if self.name == "api" else Ended.UPLOADED

    def create(self, recipient: str = WHO, *, attempt: int = 1, minimal: bool = False, **more: Any) -> Attempt:
        """Create the recipient's incident."""
        action = action_about(recipient, **more)
        body = self.drafts.creation(action, TERMS, attempt=attempt, minimal=minimal)
        return self.incidents.create(action.incident_id, body)

    def comment(self, recipient: str = WHO, name: str = "7" * 8 + "-0000-4000-8000-000000000000") -> Attempt:
        """Comment on it."""
        action = action_about(recipient, act=Act.COMMENT, reason=Reason.GREW)
        return self.incidents.comment(action.incident_id, name, self.drafts.comment(action, TERMS))

    def made(self, recipient: str = WHO, **more: Any) -> str:
        """Create the incident and have it there, followed by its name; its id, which is ours."""
        assert self.create(recipient, **more).ended is self.done
        self.wait()
        self.azure.cloud.log.clear()
        return action_about(recipient).incident_id

    def wait(self, *, ask: bool = False) -> None:
        """Let the rules run, and follow what they have made: as a sweep does when it asks (which takes longer)."""
        self.azure.clock.advance(hours=3)
        if self.name == "api":
            return
        if ask:
            found = self.azure.hunt().followed(WORKSPACE_RESOURCE_ID)
            self.incidents.follow({each.id: each.incident.name for each in found.values() if each.incident})
            return
        cloud = self.azure.cloud
        names = {alert: name for name in cloud.incidents for alert in cloud.store.alerts.get(name, ())}
        self.incidents.follow({
            alert.details["FindingId"][0]: names[alert.id] for alert in cloud.rules.alerts if alert.id in names
        })  # fmt: skip

    def stored(self) -> dict[str, Any]:
        """The one incident's resource, as it is stored."""
        [resource] = self.azure.cloud.incidents.values()
        return resource

    def stored_name(self) -> str:
        """The one incident's name in Sentinel."""
        return str(self.stored()["name"]).lower()


def action_about(recipient: str = WHO, **more: Any) -> Action:
    """The plan's word about a recipient."""
    name = incident_id(WORKSPACE_RESOURCE_ID, recipient, 0)
    messages = Messages({1: 1, 2: 1})
    made = Action(Act.CREATE, Reason.FIRST, recipient, 0, name, Severity.MEDIUM, Counts(6, 5), messages)
    return replace(made, **more)


def rule_incidents(azure: Clients) -> RuleIncidents:
    """The rule road's client."""
    http, settings = azure.http, azure.settings
    arm = ArmIncidents(http, settings.arm, settings.cloud.arm_audience, WORKSPACE_RESOURCE_ID)
    address, audience = azure.cloud.address("ingestion"), settings.cloud.ingestion_audience
    return RuleIncidents(arm, FindingUploads(http, address, audience, RULE_ID, STREAM))


@contextmanager
def open_road(name: Literal["api", "rule"], patch: pytest.MonkeyPatch) -> Iterator[RoadUnderTest]:
    """A road on a small Azure of its own, with the findings table and its rules."""
    with connected(patch) as azure:
        azure.cloud.deploy_findings(*findings_rules())
        if name == "api":
            yield RoadUnderTest(name, azure, azure.sentinel, ArmDrafts())
        else:
            yield RoadUnderTest(name, azure, rule_incidents(azure), RuleDrafts("run", "1", START))
