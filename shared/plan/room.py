"""The fuse: how many creations are tried and how many are remembered. It counts incidents made, not attempts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.model import Action, Record

REMEMBERED = 5_000
"""Creations that are written down while they wait. More than that means that the threshold is too low."""


@dataclass(frozen=True, slots=True)
class Room:
    """What MAX_NEW_INCIDENTS leaves: of `limit`, `taken` are made, or may have been; `tried` were attempted."""

    limit: int
    taken: int = 0
    tried: int = 0

    @property
    def next(self) -> int:
        """How many creations may be tried in the next round; 0 when there is no more room."""
        return max(min(self.limit - self.taken, 2 * self.limit - self.tried), 0)

    def after(self, tried: int, taken: int) -> Room:
        """The room after a round."""
        return Room(self.limit, self.taken + taken, self.tried + tried)


def made_since(records: Iterable[Record], since: datetime) -> int:
    """For how many recipients an incident was made since then, or handed to the rule, or may have been made."""
    return sum(any(at >= since for at in _made_at(record)) for record in records)


def _made_at(record: Record) -> list[datetime]:
    owed = record.creation
    times = (record.incident and record.incident.made_at, owed and owed.uploaded, owed and owed.attempts.marked)
    return [at for at in times if at]


def remembered(creations: Sequence[Action], limit: int, noted: Collection[str] = ()) -> tuple[tuple[Action, ...], int]:
    """The creations to be written down, and how many are not.

    Those that may be tried now, those of the recipients `noted` by an earlier sweep, and the refused ones: always, for
    they have been named on cards. Then the others, by their turn, while there are places.
    """
    certain = {
        action.recipient: action.refused
        for turn, action in enumerate(creations)
        if turn < 2 * limit or action.refused or action.recipient in noted
    }
    places = max(REMEMBERED, 2 * limit) - sum(not refused for refused in certain.values())
    others = [action.recipient for action in creations if action.recipient not in certain]
    chosen = certain.keys() | set(others[: max(places, 0)])
    kept = tuple(action for action in creations if action.recipient in chosen)
    return kept, len(creations) - len(kept)
