"""What one sweep has done so far. It is counted as it happens, so the receipt says it however the sweep ends.

It decides nothing about recipients, and knows none.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from shared.model import CardNote, Cause


@dataclass(slots=True)
class Tally:
    """Effects that Sentinel has accepted, and what came of the posts to Teams.

    Of the `told`, so many were only `mentioned`: a deletion, which is no finding. `card_id`: the last card that Teams
    has taken. `down`: the road to Teams is at fault, nothing more is posted. `causes`: why posts failed.
    """

    created: int = 0
    commented: int = 0
    escalated: int = 0
    told: int = 0
    mentioned: int = 0
    reminded: int = 0
    posts: int = 0
    card_id: str = ""
    down: bool = False
    causes: list[Cause] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def did(self, *, created: int = 0, commented: int = 0, escalated: int = 0) -> None:
        """Count effects. Safe for several threads."""
        with self._lock:
            self.created += created
            self.commented += commented
            self.escalated += escalated

    def took(self, card: CardNote) -> None:
        """Count what a card tells that Teams has taken."""
        self.card_id = card.id
        self.told += len(card.findings) + len(card.due) + len(card.unanswered) + len(card.deletions)
        self.mentioned += len(card.deletions)
        self.reminded += len(card.reminders)

    @property
    def about_findings(self) -> int:
        """How often something was raised or told that is about a finding."""
        return self.created + self.commented + self.escalated + self.told - self.mentioned
