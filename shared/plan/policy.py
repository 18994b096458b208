"""The settings by which everything about a recipient is decided, as values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.model import Severity, incident_id


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings that decide. `excluded` says whether EXCLUDED_RECIPIENTS names a recipient today."""

    workspace_resource_id: str
    threshold: int
    high_threshold: int
    benign_factor: int
    max_new: int
    lookback_days: int
    excluded: Callable[[str], bool]

    def severity(self, total: int) -> Severity:
        """High when `Sum_case` exceeds the high threshold, else Medium."""
        return Severity.HIGH if total > self.high_threshold else Severity.MEDIUM

    def incident_id(self, recipient: str, episode: int) -> str:
        """The derived id of a recipient's episode."""
        return incident_id(self.workspace_resource_id, recipient, episode)
