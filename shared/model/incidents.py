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
MERGED_TAG = "Redirected"
"""What the Defender portal tags an incident with that it closes because its alerts are in another one now."""
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

    `id` is ours, derived from what it is about; `name` is Sentinel's where that is another, which it is for incidents
    that an analytics rule has made. `about` is its recipient, where that is known. `escalated_to`: the severity that
    the sweep has raised it to, by its label. `merged`: it was closed because its alerts are in another incident now;
    that is no analyst's word.
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
    name: str = ""
    about: str = field(default="", compare=False)
    merged: bool = False

    @property
    def open(self) -> bool:
        """New or Active, or merged into another one."""
        return self.status != "Closed" or self.merged


def incident_id(workspace_resource_id: str, recipient: str, episode: int) -> str:
    """The incident's id, derived from what it is about, so that a second attempt meets the first."""
    return str(uuid5(RULE_ID, f"{workspace_resource_id.lower()}|{recipient}|{episode}"))
