"""Beginning a round: its row, its log lines, its messages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.clock import Clock


@dataclass(frozen=True, slots=True)
class BegunRound:
    """A round that was begun, or begun again. `sent`: so many entries' messages were sent by this start."""

    id: str
    names: tuple[str, ...]
    sent: int
    by_hand: bool


def begin(next_slot: datetime | None, clock: Clock | None = None) -> BegunRound:
    """Begin the round of this slot of the schedule (`ScheduleStatus.Next` of the timer), or one by hand."""
    raise NotImplementedError
