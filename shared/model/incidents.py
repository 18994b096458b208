"""An incident as Sentinel has it, and what identifies ours: the rule, the label, the derived id."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid5

RULE_ID = UUID("99713387-9d61-49eb-8edc-f51153d8bb01")
RULE_NAME = "Listing Email Remediation Actions via Explorer"
RULE_TACTIC = "InitialAccess"
RULE_TECHNIQUE = "T1566"
LABEL = "email-remediation-sweep"
ESCALATED_LABEL = "raised-to:"
"""What the label begins with that is set together with a severity: `raised-to:High`."""


class Severity(StrEnum):
    """Sentinel's four severities, as its API spells them; the sweep sets Medium or High only."""

    INFORMATIONAL = "Informational"
    LOW = "Low"
    MEDIUM = "Medium"
    HIGH = "High"

    @property
    def rank(self) -> int:
        """0 for Informational up to 3 for High."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Incident:
    """A Sentinel incident as last read. `classification` is "" while it is not closed with one.

    `escalated_to`: the severity that the sweep has raised it to, by its label.
    """

    id: str
    status: str
    severity: Severity
    classification: str = ""
    owned: bool = False
    number: int | None = None
    url: str = ""
    created: datetime | None = None
    modified: datetime | None = None
    comments: int = 0
    episode: int | None = None
    escalated_to: Severity | None = None
    title: str = field(default="", compare=False)

    @property
    def open(self) -> bool:
        """New or Active."""
        return self.status != "Closed"


def incident_id(workspace_resource_id: str, recipient: str, episode: int) -> str:
    """The incident's id, derived from what it is about, so that a second attempt meets the first."""
    return str(uuid5(RULE_ID, f"{workspace_resource_id.lower()}|{recipient}|{episode}"))
