"""How a round ended: its last log line, and whether it goes on a card. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared.model import EntryEnd, EntryTold, RoundTold

EARLY = timedelta(minutes=30)
"""Rounds are told at a slightly different time each day: a heartbeat every 7 days is not to come on day 8."""
BAD = frozenset({EntryEnd.FAILED, EntryEnd.ABANDONED, EntryEnd.MISSING})
"""Ends with which a round is incomplete."""

_TOLD_OF = BAD | {EntryEnd.UNTRUSTED, EntryEnd.PLANNED, EntryEnd.REMOVED}


def left_due(entry: EntryTold) -> bool:
    """Whether its last sweep left something due; a dry run leaves what it finds."""
    return bool(entry.due) and not entry.dry_run


def is_complete(told: RoundTold) -> bool:
    """Whether every entry was swept to its end, and nothing is due."""
    return not any(entry.end in BAD or left_due(entry) for entry in told.entries)


def event_of(told: RoundTold) -> str:
    """The name of its last log line."""
    return "round_completed" if is_complete(told) else "round_incomplete"


def line_of(told: RoundTold) -> Mapping[str, Any]:
    """The fields of its last log line. An entry that was abandoned counts as failed."""
    counts = told.counts
    return {
        "round": told.round,
        "workspaces": len(told.entries),
        "clean": counts[EntryEnd.CLEAN],
        "flagged": counts[EntryEnd.FLAGGED],
        "untrusted": counts[EntryEnd.UNTRUSTED],
        "failed": counts[EntryEnd.FAILED] + counts[EntryEnd.ABANDONED],
        "planned": counts[EntryEnd.PLANNED],
        "missing": counts[EntryEnd.MISSING],
        "removed": counts[EntryEnd.REMOVED],
        "seconds": round(told.seconds, 3),
    }


def is_worth_a_card(told: RoundTold) -> bool:
    """Whether there is something to tell: more than what stands as it stood, and more than silence.

    A clean entry has reasons when its channel is shared, and a notice about it is this card's to tell.
    """
    changed = told.new or told.gone
    return bool(changed) or any(
        entry.end in _TOLD_OF or left_due(entry) or entry.created or entry.told or entry.reasons
        for entry in told.entries
    )


def to_be_posted(told: RoundTold, card_at: datetime | None, heartbeat_days: int) -> RoundTold | None:
    """What goes on the round's card, None when none is posted. `card_at`: when Teams last took one.

    Without anything to tell, a card is a sign of life: after so many days without one, and after the first round.
    """
    if is_worth_a_card(told):
        return told
    if not heartbeat_days or not is_complete(told):
        return None
    if card_at is not None and told.ended - card_at < timedelta(days=heartbeat_days) - EARLY:
        return None
    return replace(told, heartbeat=True, since=card_at)
