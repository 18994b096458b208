"""What a scan of the ledger's rows finds. A row that cannot be read is set aside and named; it hides no other row."""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.ledger import keys
from shared.ledger.changes import Row
from shared.ledger.rows import RowDamaged, read, unpack
from shared.ledger.schema1 import OldIntent, taken_over
from shared.model import CardNote, Record, WorkspaceState

_log = logging.getLogger("sweep.ledger")


@dataclass(slots=True)
class Scanned:
    """Records by recipient, cards by id, the workspace's state; the version of each row, and the keys of damaged rows.

    `old` are the keys of intents of schema 1: `taken_over` says what they make of records and cards.
    """

    records: dict[str, Record] = field(default_factory=dict)
    cards: dict[str, CardNote] = field(default_factory=dict)
    state: WorkspaceState = field(default_factory=WorkspaceState)
    versions: dict[str, str] = field(default_factory=dict)
    damaged: set[str] = field(default_factory=set)
    _intents: list[tuple[int, str, OldIntent]] = field(default_factory=list)

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Scanned:
        """All that these rows hold. Raises LedgerNewer."""
        found = cls()
        for row in rows:
            found.versions[row.key] = row.version
            try:
                found._take(row.key, document_of(row))
            except RowDamaged as error:
                found.damaged.add(row.key)
                log_damaged(row.key, error)
        return found

    @property
    def old(self) -> tuple[str, ...]:
        """The keys of the intents of schema 1."""
        return tuple(key for _, key, _ in self._intents)

    def unreadable(self) -> tuple[str, ...]:
        """The keys of the damaged rows beside which no good row for the same thing stands."""
        good = {keys.base(key) for key in self.versions.keys() - self.damaged}
        return tuple(sorted(key for key in self.damaged if keys.base(key) not in good))

    def taken_over(self) -> tuple[dict[str, Record], dict[str, CardNote]]:
        """The records and cards that the intents of schema 1 change or add; an interrupted takeover is completed."""
        ordered = sorted(self._intents, key=lambda each: each[0])
        records, cards = taken_over(self.records, [intent for _, _, intent in ordered])
        return records, {name: card for name, card in cards.items() if name not in self.cards}

    def _take(self, key: str, document: Mapping[str, Any]) -> None:
        if key.startswith(keys.STATE):
            self.state = read(WorkspaceState, document, "state")
        elif key.startswith(keys.RECORD):
            record = read(Record, document, "record")
            self.records[record.recipient] = record
        elif key.startswith(keys.CARD):
            card = read(CardNote, document, "card")
            self.cards[card.id] = card
        elif key.startswith(keys.SCHEMA_1_INTENT):
            self._intents.append((read(int, document, "place"), key, _old_intent(document)))
        else:
            raise RowDamaged("is of no known kind")


def document_of(row: Row) -> dict[str, Any]:
    """The JSON object in a row. Raises RowDamaged, LedgerNewer."""
    if row.data is None:
        raise RowDamaged("has lost its data")
    return unpack(row.data)


def log_damaged(key: str, error: RowDamaged) -> None:
    """Say which row cannot be read, and why."""
    _log.warning("ledger_row_damaged row=%s why=%s", key, error)


def _old_intent(document: Mapping[str, Any]) -> OldIntent:
    intent = read(OldIntent, document, "intent")
    try:
        taken_over({}, [intent])  # what cannot be taken over is damaged, and must not end the load
    except (ValueError, struct.error, OverflowError) as error:
        raise RowDamaged(f"does not fit an intent ({type(error).__name__})") from None
    return intent
