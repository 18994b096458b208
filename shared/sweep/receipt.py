"""The receipt as it is written down: one JSON object on one log line, one ledger row, the shell's `--json`.

Counts, never addresses: whatever a service quoted, no person is named in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from shared.model import Coverage, Receipt, Window, in_last_day, in_window
from shared.redaction import without_addresses

COUNTS = (
    "flagged",
    "created",
    "commented",
    "escalated",
    "standing",
    "grown",
    "settled",
    "excluded",
    "held",
    "held_unremembered",
    "awaited",
    "due",
    "told",
    "reminded",
)


def impersonal(receipt: Receipt) -> Receipt:
    """The receipt without a person's address in any of its words."""
    coverage = receipt.coverage
    if coverage is not None:
        coverage = replace(
            coverage,
            actions=_impersonal_keys(coverage.actions),
            unknown_actions=_impersonal_keys(coverage.unknown_actions),
            suspicious=_impersonal_keys(coverage.suspicious),
        )
    return replace(
        receipt,
        coverage=coverage,
        reasons=tuple(map(without_addresses, receipt.reasons)),
        notes=tuple(map(without_addresses, receipt.notes)),
    )


def _impersonal_keys(counts: Mapping[str, int]) -> Mapping[str, int]:
    found: Counter[str] = Counter()
    for word, count in counts.items():
        found[without_addresses(word)] += count
    return found


def as_json(receipt: Receipt) -> dict[str, Any]:
    """The receipt's fields in a stable order, JSON types only: times are ISO 8601 in UTC with a `Z`, null = unknown.

    No person's address is in it.
    """
    receipt = impersonal(receipt)
    of_many = {"round": receipt.round, "workspace_name": receipt.workspace_name} if receipt.workspace_name else {}
    return {
        "event": receipt.event,
        "verdict": receipt.verdict and receipt.verdict.value,
        "reasons": list(receipt.reasons),
        "dry_run": receipt.dry_run,
        "run_id": receipt.run_id,
        "version": receipt.version,
        "settings": receipt.settings,
        "workspace": receipt.workspace,
        **of_many,
        "started": _time(receipt.started),
        "seconds": round(receipt.seconds, 3),
        "window": _window(receipt.window),
        "coverage": _coverage(receipt.coverage, receipt.history_days),
        **{name: getattr(receipt, name) for name in COUNTS},
        "card_id": receipt.card_id,
        "requests": dict(receipt.requests),
        "retries": receipt.retries,
        "clock_skew_seconds": None if receipt.clock_skew_seconds is None else round(receipt.clock_skew_seconds, 1),
        "notes": list(receipt.notes),
    }


def _time(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _window(window: Window | None) -> Mapping[str, Any] | None:
    return None if window is None else {"start": _time(window.start), "end": _time(window.end)}


def _coverage(coverage: Coverage | None, history_days: int | None) -> Mapping[str, Any] | None:
    """`filled` and the shares of `last_day` are of distinct messages; `unknown` is of those that have an action."""
    if coverage is None:
        return None
    window, last, witness = in_window(coverage), in_last_day(coverage), coverage.witness
    return {
        "rows": coverage.rows,
        "newest": _time(coverage.newest),
        "filled": round(window.filled, 4),
        "unknown_actions": dict(coverage.unknown_actions),
        "last_day": {
            "rows": last.messages,
            "filled": round(last.filled, 4),
            "unknown": round(last.unknown, 4),
            "unattributable": round(last.unattributable, 4),
            "removals": last.removals,
        },
        "removals_seen": witness and witness.seen,
        "removals_shown": witness and witness.shown,
        "history_days": history_days,
        "suspicious": dict(coverage.suspicious),
        "messages": window.messages,
        "without_recipient": coverage.without_recipient,
        "actions": dict(coverage.actions),
        "last_rows": _time(coverage.last_rows),
    }
