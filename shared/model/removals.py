"""How much of one recipient's mail was remediated, and by whom."""

from __future__ import annotations

from dataclasses import dataclass

ACTORS = ("admin", "automation", "zap", "other")
"""Who remediates: an administrator, automated investigation, the service's own zero-hour purge (ZAP), or others."""


@dataclass(frozen=True, slots=True)
class Removals:
    """What was counted for one recipient: `total` is `Sum_case`, `by` how many of them each of ACTORS remediated.

    The rest was remediated by nobody on record. `recipient` is lower-cased.
    """

    recipient: str
    total: int
    by: tuple[int, int, int, int] = (0, 0, 0, 0)

    @property
    def domain(self) -> str:
        """What follows the last @ of the address, "" without one."""
        return self.recipient.rpartition("@")[2] if "@" in self.recipient else ""
