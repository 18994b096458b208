"""What became of the findings that were handed to the analytics rule: rows, alerts and incidents, by finding."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.hunt.incidents import PastIncident


@dataclass(frozen=True, slots=True)
class Followed:
    """A finding that was handed to the rule, as the workspace shows it. `id` is the finding's, lower-cased.

    `attempt` is the highest number of a row that the findings table holds (0: none), `uploaded` when that row came.
    `alerted` is when the rule last made an alert of the finding, None when SecurityAlert knows none. `incident` is the
    incident with that alert: of several the latest that is not merged.
    """

    id: str
    recipient: str
    episode: int
    attempt: int = 0
    uploaded: datetime | None = None
    alerted: datetime | None = None
    incident: PastIncident | None = None
