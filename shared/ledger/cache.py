"""The ledger as one sweep knows it: read once, kept in memory, written through.

Several workers confirm at a time, each for its own recipient; a lock keeps the memory whole. In a dry run nothing is
written. It decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from threading import Lock
from typing import Any

from shared.ledger.port import Ledger, Loaded
from shared.model import Intent, IntentKind, Record, Standing


class Book:
    """Records by recipient and open intents by id, in the order they were noted."""

    def __init__(self, ledger: Ledger, loaded: Loaded, *, write: bool) -> None:
        self.records: dict[str, Record] = dict(loaded.records)
        self.intents: dict[str, Intent] = {intent.id: intent for intent in loaded.intents}
        self.standing: Standing = loaded.standing
        self._ledger = ledger
        self._write = write
        self._lock = Lock()

    def note(self, intents: Sequence[Intent]) -> None:
        """Write intents down before they are tried."""
        if not intents:
            return
        if self._write:
            self._ledger.note(intents)
        with self._lock:
            self.intents.update((intent.id, intent) for intent in intents)

    def confirm(self, done: Iterable[str], records: Sequence[Record] = ()) -> None:
        """Write what is now true of these records, and take the intents off the list."""
        ids = list(done)
        if not ids and not records:
            return
        if self._write:
            self._ledger.confirm(ids, records)
        with self._lock:
            self.records.update((record.recipient, record) for record in records)
            for each in ids:
                self.intents.pop(each, None)

    def stand(self, **changes: Any) -> None:
        """Write what is now true of the workspace as a whole."""
        changed = replace(self.standing, **changes)
        if changed == self.standing:
            return
        if self._write:
            self._ledger.stand(changed)
        self.standing = changed

    def open(self, *kinds: IntentKind) -> list[Intent]:
        """The open intents of these kinds, in the order they were noted; without those that are held back."""
        with self._lock:
            return [intent for intent in self.intents.values() if intent.kind in kinds and not intent.held]

    def held(self) -> list[Intent]:
        """The creations that the fuse holds back."""
        with self._lock:
            return [intent for intent in self.intents.values() if intent.held]
