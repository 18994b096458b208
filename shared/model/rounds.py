"""A sweep as one of many: whose workspace it is, and which round it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class RoundEntry:
    """As which entry of `workspaces.json` a sweep runs.

    `name` is the entry's, "" where there are no entries. `round` is the id of the round, "" outside of one. `since`:
    when the first try of this entry in this round began, by our clock; what was done since then was done by this round.
    `shares_channel`: another entry posts to the same webhook, so notices and heartbeats go on the round's card.
    """

    name: str = ""
    round: str = ""
    since: datetime | None = None
    shares_channel: bool = False

    @property
    def in_round(self) -> bool:
        """Whether it is part of a round."""
        return bool(self.round)


ALONE = RoundEntry()
"""The one workspace of a deployment that has no entries."""
