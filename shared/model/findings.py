"""What the hunt finds: recipients, and the messages remediated for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Remedy(StrEnum):
    """The four `LatestDeliveryAction` values the rule counts, as the table spells them."""

    HARD_DELETE = "Hard delete"
    SOFT_DELETE = "Soft delete"
    MOVE_TO_JUNK = "Moved to junk folder"
    MOVE_TO_DELETE = "Moved to deleted items"


@dataclass(frozen=True, slots=True)
class Window:
    """The look-back: `start` (inclusive) to `end`, by `TimeGenerated`."""

    start: datetime
    end: datetime

    @property
    def days(self) -> int:
        """Whole days from start to end."""
        return round((self.end - self.start).total_seconds() / 86_400)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One remediated message of a finding. `subject` is an attacker's text, at most 256 characters."""

    message_id: str
    time: datetime
    subject: str
    remedy: Remedy
    state_time: datetime
    generated: datetime


@dataclass(frozen=True, slots=True)
class Counts:
    """How many messages each of the four actions was counted for; exact, even where lists are cut."""

    hard_delete: int = 0
    soft_delete: int = 0
    move_to_junk: int = 0
    move_to_delete: int = 0

    @property
    def total(self) -> int:
        """`Sum_case`."""
        return self.hard_delete + self.soft_delete + self.move_to_junk + self.move_to_delete


@dataclass(frozen=True, slots=True)
class Finding:
    """A recipient over the threshold. `recipient` is lower-cased.

    `cells` are the hunt's undecoded list columns; `decode` turns them into evidence, so that a large answer takes
    memory only for the findings that are being looked at.
    """

    recipient: str
    counts: Counts
    cells: Any = field(repr=False)
    decode: Callable[[Any], tuple[Evidence, ...]] = field(repr=False, compare=False)

    @property
    def total(self) -> int:
        """`Sum_case`."""
        return self.counts.total

    def evidence(self) -> tuple[Evidence, ...]:
        """The messages, newest state time first; decoded anew at each call. At most 5,000 per action.

        Raises:
            PartialData: a malformed cell.
        """
        return self.decode(self.cells)

    @classmethod
    def of(cls, recipient: str, evidence: tuple[Evidence, ...]) -> Finding:
        """A finding made of decoded evidence, its counts being those of the evidence."""
        seen = Counter(item.remedy for item in evidence)
        counts = Counts(*(seen[remedy] for remedy in Remedy))
        return cls(recipient, counts, evidence, tuple)
