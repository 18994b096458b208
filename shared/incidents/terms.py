"""What an incident's words depend on beside the action: settings as values, the window, doubts about the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shared.model import Window


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms under which a recipient was flagged.

    `threshold`, `high_threshold`: of `Sum_case`, exceeded for Medium and for High. `benign_factor`: so many thresholds
    of new messages raise an incident again that was closed as benign. `hunt_source` says in which tables an analyst
    sees the messages. `doubts` are the reasons why the sweep's data is not trusted, as sentences.
    """

    threshold: int
    high_threshold: int
    benign_factor: int
    deduplicate: bool
    hunt_source: Literal["sentinel", "defender"]
    window: Window
    doubts: tuple[str, ...] = ()
