"""What an incident's words depend on beside the action: settings as values, the window, doubts, the mail's origin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shared.model import Campaign, Origin, Window


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms under which a recipient was flagged.

    `threshold`, `high_threshold`: of `Sum_case`, exceeded for Medium and for High. `benign_factor`: so many thresholds
    of new messages raise an incident again that was closed as benign. `hunt_source` says in which tables an analyst
    sees the messages. `doubts` are the reasons why the sweep's data is not trusted, as sentences. `portal` and
    `defender` are the addresses of the Azure portal and of the Defender portal, `workspace` the workspace's ARM id;
    where one is "" there are no links to it.
    """

    threshold: int
    high_threshold: int
    benign_factor: int
    deduplicate: bool
    hunt_source: Literal["sentinel", "defender"]
    window: Window
    doubts: tuple[str, ...] = ()
    portal: str = ""
    workspace: str = ""
    defender: str = ""


@dataclass(frozen=True, slots=True)
class Background:
    """What was looked up about one recipient's mail: who remediated it, in a line; from whom it came; its campaigns.

    `origin` is None when it was not looked up, and empty when the messages have left the window.
    """

    remediators: str = ""
    origin: Origin | None = None
    campaigns: tuple[Campaign, ...] = ()


NO_BACKGROUND = Background()
