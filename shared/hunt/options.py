"""What the caller of the hunt decides: where to look, how far back, and what counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shared.query.endpoint import Endpoint


@dataclass(frozen=True, slots=True)
class HuntOptions:
    """The options of one hunt, already checked. The README says what the setting of each name means.

    `source` is HUNT_SOURCE, `threshold` SUM_CASE_THRESHOLD, `workspace_id` the workspace's GUID. With `arm` and
    `resource_id` the workspace may also be asked by its path there. `in_round`: many workspaces are asked at once.
    """

    source: Literal["sentinel", "defender"]
    workspace_id: str
    log_analytics: Endpoint
    graph: Endpoint
    threshold: int
    deduplicate: bool
    lookback_days: int
    max_data_age_hours: int
    arm: Endpoint | None = None
    resource_id: str = ""
    in_round: bool = False
