"""What is kept of a round: the rows of the partition of rounds, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class RoundsState:
    """Which rounds there are. `newest` is the newest scheduled one, `last` the one that began last, "" before any.

    `kept`: rounds whose rows are still there, in the order of their begin. `untold`: those of them that are not told to
    the end. `card_at`: when Teams last took a round's card.
    """

    newest: str = ""
    last: str = ""
    kept: tuple[str, ...] = ()
    untold: tuple[str, ...] = ()
    card_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RoundBegun:
    """What a round is about; written once. `new` and `gone` are as in RoundTold."""

    id: str
    began: datetime
    names: tuple[str, ...]
    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    by_hand: bool = False


@dataclass(frozen=True, slots=True)
class RoundProgress:
    """How far a round is. Every step is marked here, so that whoever comes next goes on from it.

    `announced`: its log lines are written. `own_at`: when the round's own message comes back next, None before the
    first is sent. `listed` and `sent`: so many entries, in the order of the names, have a row, and their message
    was sent. `claimed_at`: when somebody (`claimed_by`) last began to tell it; from then on no entry is tried any more.
    `logged`: its last line is written. `told`: nothing is left to do.
    """

    announced: bool = False
    own_at: datetime | None = None
    listed: int = 0
    sent: int = 0
    claimed_at: datetime | None = None
    claimed_by: str = ""
    logged: bool = False
    told: bool = False

    @property
    def over(self) -> bool:
        """Whether the round has ended: somebody tells it, or has told it."""
        return self.claimed_at is not None or self.told


@dataclass(frozen=True, slots=True)
class EntryTries:
    """An entry that has not ended. `tries` have begun; `since` is when the first one did.

    `created`, `told` and `seconds` are the sums of the tries that ended.
    """

    name: str
    tries: int = 0
    since: datetime | None = None
    created: int = 0
    told: int = 0
    seconds: float = 0.0
