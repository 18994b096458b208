"""What the tests of trust are made of: a table that holds 1,000 messages a day, 900 with an action, 40 removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.model.coverage import Coverage, Slot, Witness
from shared.plan.trust import Trust, TrustOptions, judge

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)  # a Tuesday: the last slot is a Monday's
DAY = timedelta(days=1)
OPTIONS = TrustOptions("sentinel", 30, 24)
GOOD = Slot(NOW, 1_000, 900, 0, 0, 40)
EMPTY = Slot(NOW, 0, 0, 0, 0, 0)
WITNESS = Witness(0, 0)


def like(messages: int, **figures: int) -> Slot:
    """A good slot with that many messages, and what is given."""
    shares = {"filled": messages * 9 // 10, "removals": messages // 25, "unknown": 0, "unattributable": 0}
    return Slot(NOW, messages=messages, **{**shares, **figures})


def ending_now(now: datetime, *slots: Slot) -> tuple[Slot, ...]:
    """These slots, one after the other, so that the last one ends at that time."""
    return tuple(replace(slot, start=now - (len(slots) - place) * DAY) for place, slot in enumerate(slots))


def covered(slots: Sequence[Slot], now: datetime = NOW, **changes: Any) -> Coverage:
    """A fresh table with a second witness."""
    figures: dict[str, Any] = {"newest": now - timedelta(hours=1), "witness": WITNESS}
    return Coverage(**{"rows": sum(slot.messages for slot in slots), "slots": tuple(slots), **figures, **changes})


def trust_of(*slots: Slot, options: TrustOptions = OPTIONS, earlier: Sequence[Slot] = (), **changes: Any) -> Trust:
    """The judgement on a table of these slots, the last one ends now."""
    return judge(covered(ending_now(NOW, *slots), **changes), options, NOW, earlier)


def causes_of(trust: Trust) -> list[str]:
    """The causes of its reasons."""
    return [reason.cause for reason in trust.reasons]


def with_weekends(weekday: Slot, weekend: Slot, days: int = 28) -> list[Slot]:
    """So many days with weekends, the last of which ends now."""
    starts = [NOW - (days - place) * DAY for place in range(days)]
    return [weekend if start.weekday() >= 5 else weekday for start in starts]
