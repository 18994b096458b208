"""Which sweeps are tried again within a round: those whose cause may pass in ten minutes. Pure.

Looked up by status first, where a request failed with one. What is refused, forbidden or missing stays so, and ends at
once, as what it is; so does a card that Teams may have taken.
"""

from __future__ import annotations

from shared.errors import Fault
from shared.model import Cause, Receipt

BUSY = (408, 429)
"""Statuses below 500 that pass."""

PASSING = frozenset(
    {
        "budget_ended",
        "incidents_unread",
        "lease_lost",
        "lease_not_free",
        "ledger_conflict",
        "ledger_unavailable",
        "sentinel_changing",
        "sentinel_interrupted",
        "sentinel_unknown",
    }
)
"""Causes without a status that pass: what was given up for want of time, or was not known yet."""

_PASSING_KINDS = ("_throttled", "_unavailable")
_NO_CONNECTION = (Fault.UNREACHED, Fault.LOST)


def is_tried_again(receipt: Receipt) -> bool:
    """Whether what this sweep left undone may succeed in ten minutes."""
    return receipt.event in ("sweep_failed", "sweep_incomplete") and any(map(_passes, receipt.causes))


def _passes(cause: Cause) -> bool:
    if cause.unanswered and cause.id.startswith("teams_"):
        return False  # the card may have arrived: it is not repeated in this round
    if cause.status is not None:
        return cause.status in BUSY or 500 <= cause.status <= 599
    if cause.fault:
        return cause.fault in _NO_CONNECTION
    return cause.id in PASSING or cause.id.endswith(_PASSING_KINDS)
