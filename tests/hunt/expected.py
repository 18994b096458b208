"""What tests of the hunt have in common: settings, and findings in the oracle's terms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from shared.model import Counts, Evidence, Finding, Remedy
from shared.settings import Settings, from_values
from tests.hunt.oracle import Flagged

REQUIRED = {
    "SENTINEL_WORKSPACE_ID": "11111111-2222-3333-4444-555555555555",
    "SENTINEL_WORKSPACE_RESOURCE_ID": (
        "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/soc"
        "/providers/Microsoft.OperationalInsights/workspaces/soc"
    ),
    "TEAMS_WEBHOOK_URL": "https://prod-01.westeurope.logic.azure.com/workflows/x/triggers/manual/paths/invoke?sig=s",
}

Plain = tuple[str, Counts, tuple[Evidence, ...]]


def settings_for(**values: Any) -> Settings:
    """The required settings and these, by field name."""
    return from_values({**REQUIRED, **{name.upper(): str(value) for name, value in values.items()}})


def plain(findings: Iterable[Finding]) -> list[Plain]:
    """Findings with their evidence decoded, comparable."""
    return [(finding.recipient, finding.counts, finding.evidence) for finding in findings]


def expected(flagged: Sequence[Flagged]) -> list[Plain]:
    """The oracle's answer as findings."""
    return [(one.recipient, Counts(*one.counts), _evidence(one)) for one in flagged]


def _evidence(one: Flagged) -> tuple[Evidence, ...]:
    found = [
        Evidence(
            message_id=item.message,
            time=datetime.fromisoformat(item.time),
            subject=item.subject,
            remedy=remedy,
            state_time=datetime.fromisoformat(item.state),
            generated=datetime.fromisoformat(item.generated),
        )
        for remedy, items in zip(Remedy, one.lists, strict=True)
        for item in items
    ]
    found.sort(key=lambda evidence: evidence.message_id)
    found.sort(key=lambda evidence: evidence.state_time, reverse=True)
    return tuple(found)
