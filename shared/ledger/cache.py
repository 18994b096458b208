"""The ledger during one sweep: read once, kept in memory; each change is written at once.

Several workers save at a time, each its own recipient's record; a lock keeps the copy in memory consistent. In a dry
run nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from threading import Lock
from typing import Any

from shared.ledger.port import Ledger, Loaded
from shared.model import CardNote, Record, WorkspaceState, pseudonym


class LedgerCache:
    """Records by recipient, noted cards by id, the workspace's state."""

    def __init__(self, ledger: Ledger, loaded: Loaded, *, write: bool) -> None:
        self.records: dict[str, Record] = dict(loaded.records)
        self.cards: dict[str, CardNote] = dict(loaded.cards)
        self.state: WorkspaceState = loaded.state
        self._ledger = ledger
        self._write = write
        self._lock = Lock()

    def save(
        self, records: Iterable[Record] = (), cards: Iterable[CardNote] = (), dropped_cards: Iterable[str] = ()
    ) -> None:
        """Write these records and cards, and forget the cards with these ids. An unchanged record is not
        written.
        """
        changed = [record for record in records if self.records.get(record.recipient) is not record]
        noted, dropped = list(cards), [each for each in dropped_cards if each in self.cards]
        if not changed and not noted and not dropped:
            return
        if self._write:
            self._ledger.save(changed, noted, dropped)
        with self._lock:
            self.records.update((record.recipient, record) for record in changed)
            self.cards.update((card.id, card) for card in noted)
            for each in dropped:
                self.cards.pop(each, None)

    def recognise(self, recipients: Iterable[str]) -> None:
        """Give the records of those who were forgotten their addresses back, in memory only. They are written down
        without, until something is owed about them again.
        """
        with self._lock:
            for each in recipients:
                record = None if each in self.records else self.records.pop(pseudonym(each), None)
                if record is not None:
                    self.records[each] = replace(record, recipient=each)

    def save_state(self, **changes: Any) -> None:
        """Write what is now true of the workspace as a whole."""
        changed = replace(self.state, **changes)
        if changed == self.state:
            return
        if self._write:
            self._ledger.save_state(changed)
        self.state = changed

    def prune(self, recipients: Iterable[str], receipts_before: date) -> None:
        """Forget these recipients' records, and receipts older than that day."""
        gone = list(recipients)
        if self._write:
            self._ledger.prune(gone, receipts_before)
        for each in gone:
            self.records.pop(each, None)
