"""Words in the data that look like a removal and are not counted: told on the first day that they appear."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from shared.model import Cause, Coverage, message_hash
from shared.plan.news import causes_to_tell
from shared.redaction import without_addresses
from shared.sweep.context import Context


def new_words(suspicious: Iterable[str], history: Iterable[Mapping[str, Any]], today: date) -> tuple[str, ...]:
    """Those of these words that no receipt of an earlier day names; what cannot be read in a receipt is left out."""
    known: set[str] = set()
    for receipt in history:
        coverage, started = receipt.get("coverage"), str(receipt.get("started", ""))
        named = coverage.get("suspicious") if isinstance(coverage, Mapping) else None
        if isinstance(named, Mapping) and started[:10] < today.isoformat():
            known.update(word.casefold() for word in named)
    return tuple(word for word in suspicious if without_addresses(word).casefold() not in known)


def words_to_tell(context: Context, words: Iterable[str], coverage: Coverage | None) -> tuple[Cause, ...]:
    """A cause to tell for each of these new words that no card of today has named; every full card names them."""
    rows = coverage.suspicious if coverage else {}
    causes = [Cause(f"word_{message_hash(word.casefold()):x}", f'"{word}" is in {rows[word]:,} rows') for word in words]
    return causes_to_tell(causes, context.ledger.state, context.ledger.cards.values(), context.now().date())
