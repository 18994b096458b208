"""The fuse: how many creations are tried and how many are remembered. It counts incidents made, not attempts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.model import Action

REMEMBERED = 5_000
"""Creations that are written down while they wait. Beyond that it is a flood, and the threshold is too low."""


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


def remembered(creations: Sequence[Action], limit: int) -> tuple[tuple[Action, ...], int]:
    """The creations to be written down, and how many are not.

    The first ones, by their turn; and all that were refused: those have been named on cards.
    """
    most = max(REMEMBERED, 2 * limit)
    kept = [action for place, action in enumerate(creations) if place < most or action.refused]
    return tuple(kept), len(creations) - len(kept)
