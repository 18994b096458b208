"""The ledger's verbs over rows, the same for every adapter; the adapters keep the rows.

Every write is conditional on the version of the row that this ledger loaded or wrote last. A row that cannot be read
stays where it is, untouched, and each load names it, until a good row for the same thing stands beside it (its key
with `.1`, `.2`, … appended).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any

from shared.ledger import keys
from shared.ledger.changes import Change, Delete, Put, Rows
from shared.ledger.port import LeaseRow, LedgerConflict, LedgerError, Loaded
from shared.ledger.rows import RowDamaged, pack, read
from shared.ledger.scan import Scanned, document_of, log_damaged
from shared.ledger.shorten import LARGEST, shortened
from shared.model import CardNote, Record, WorkspaceState, without_person

_log = logging.getLogger("sweep.ledger")


class RowLedger:
    """A ledger over rows; safe to use from several threads at once."""

    def __init__(self, rows: Rows, read_only: bool = False) -> None:
        self._rows = rows
        self._read_only = read_only
        self._lock = threading.Lock()
        self._opening = threading.Lock()
        self._loaded = False
        self._versions: dict[str, str] = {}
        self._old: dict[str, str] = {}  # versions, by key, of intents of schema 1 that are still to be removed
        self._taken_over: list[tuple[str, bytes]] = []
        self._damaged: set[str] = set()

    @property
    def requests(self) -> int:
        """See the port."""
        return self._rows.requests

    @property
    def retries(self) -> int:
        """See the port."""
        return self._rows.retries

    def lease(self) -> LeaseRow | None:
        """See the port. A lease row that cannot be read is one whose holder and length are not known."""
        row = self._rows.get(keys.LEASE)
        if row is None:
            return None
        try:
            held = read(_Lease, document_of(row), "lease")
        except RowDamaged as error:
            log_damaged(keys.LEASE, error)
            held = _Lease("")
        return LeaseRow(held.holder, held.seconds, held.renewals, row.version)

    def take(self, seen: LeaseRow | None, holder: str, seconds: float) -> LeaseRow:
        """See the port."""
        renewals = seen.renewals + 1 if seen and seen.holder == holder else 0
        change = Put(keys.LEASE, pack("lease", _Lease(holder, seconds, renewals)), seen.version if seen else None)
        return LeaseRow(holder, seconds, renewals, self._apply([change])[keys.LEASE])

    def release(self, held: LeaseRow) -> None:
        """See the port."""
        with suppress(LedgerConflict):  # taken over meanwhile: no longer ours to give back
            self._apply([Delete(keys.LEASE, held.version)])

    def load(self) -> Loaded:
        """See the port."""
        found = Scanned.of(self._rows.scan(*keys.LOADED))
        records, cards = found.taken_over()
        with self._lock:
            self._loaded, self._versions, self._damaged = True, found.versions, found.damaged
            self._old = {key: found.versions[key] for key in found.old}
            self._taken_over = [*map(_record_row, records.values()), *map(_card_row, cards.values())]
        return Loaded({**found.records, **records}, {**found.cards, **cards}, found.state, found.unreadable())

    def save(
        self, records: Iterable[Record] = (), cards: Iterable[CardNote] = (), dropped_cards: Iterable[str] = ()
    ) -> None:
        """See the port. Ids that are not noted (any more) are passed over, so it can be repeated."""
        self._ready()
        self._write([*map(_record_row, records), *map(_card_row, cards)], map(keys.card, dropped_cards))

    def save_state(self, state: WorkspaceState) -> None:
        """See the port."""
        self._ready()
        self._write([(keys.STATE, pack("state", state))])

    def keep_receipt(self, day: date, run_id: str, receipt: Mapping[str, Any]) -> None:
        """See the port. A second receipt of the same run and day replaces the first."""
        key = keys.receipt(day, run_id)
        data = pack("receipt", receipt, run=run_id)
        try:
            self._apply([Put(key, data, None)])
        except LedgerConflict:
            there = self._rows.get(key)
            self._apply([Put(key, data, there.version if there else None)])

    def receipts(self, since: date) -> list[Mapping[str, Any]]:
        """See the port. Within a day they are ordered by `started`; one that cannot be read is logged and left out."""
        found: list[tuple[str, str, Mapping[str, Any]]] = []
        for row in self._rows.scan(*keys.receipts_since(since)):
            try:
                receipt = read(dict[str, Any], document_of(row), "receipt")
            except RowDamaged as error:
                log_damaged(row.key, error)
                continue
            found.append((keys.day(row.key), str(receipt.get("started", "")), receipt))
        return [receipt for _, _, receipt in sorted(found, key=lambda item: item[:2])]

    def prune(self, recipients: Sequence[str], receipts_before: date) -> None:
        """See the port. Damaged rows stay."""
        self._ready()
        old = self._rows.scan(*keys.receipts_before(receipts_before))
        self._write([], map(keys.record, recipients))
        self._apply([Delete(row.key, row.version) for row in old])

    def forget(self, record: Record, cards: Iterable[CardNote] = (), dropped_cards: Iterable[str] = ()) -> None:
        """See the port."""
        self._ready()
        key, data = _record_row(record)
        with self._lock:
            there = {name: version for name, version in self._versions.items() if keys.base(name) == key}
            self._damaged -= there.keys()
        changes: list[Change] = [Put(key, data, there.pop(key, None))]
        changes += [Delete(name, version) for name, version in there.items()]
        self._apply(changes)
        self.save(cards=cards, dropped_cards=dropped_cards)
        self._rows.scrub()

    def clear(self) -> None:
        """See the port."""
        for start, end in keys.ALL_BUT_LEASE:
            self._apply([Delete(row.key, row.version) for row in self._rows.scan(start, end)])
        with self._lock:
            self._loaded, self._damaged = False, set()
        self._rows.scrub()

    def close(self) -> None:
        """See the port."""
        self._rows.close()

    def _ready(self) -> None:
        """Load, and take over what schema 1 left, before the first write; once, whichever thread comes first."""
        with self._opening:
            if not self._loaded:
                self.load()
            if self._old:
                # Records first: until the last old row is gone, all of this is done again by whoever loads the ledger.
                self._write(self._taken_over)
                self._apply([Delete(key, version) for key, version in self._old.items()])
                self._old, self._taken_over = {}, []

    def _write(self, puts: Iterable[tuple[str, bytes]], deletes: Iterable[str] = ()) -> None:
        """Write rows, then remove rows, each on the condition that it is as this ledger knows it."""
        with self._lock:
            changes: dict[str, Change] = {}
            for key, data in puts:
                place = self._place(key)
                changes[place] = Put(place, data, self._versions.get(place))
            for key in deletes:
                place = self._place(key)
                if place in self._versions:
                    changes.setdefault(place, Delete(place, self._versions[place]))
        self._apply(list(changes.values()))

    def _place(self, key: str) -> str:
        """The key itself, or the first beside it that no damaged row occupies."""
        place, number = key, 0
        while place in self._damaged:
            number += 1
            place = keys.beside(key, number)
        return place

    def _apply(self, changes: Sequence[Change]) -> dict[str, str]:
        if self._read_only and changes:
            raise LedgerError("this ledger was opened to be read only: nothing was written")
        written: dict[str, str] = {}
        for batch in list(self._rows.batches(changes)) if changes else []:
            try:
                versions = self._rows.apply(batch)
            except LedgerConflict:
                # Our own first attempt may have been made although its answer was lost; then nothing conflicts.
                found = self._made(batch)
                if found is None:
                    raise
                versions = found
            written |= versions
            with self._lock:
                self._versions |= versions
                for change in batch:
                    if isinstance(change, Delete):
                        self._versions.pop(change.key, None)
        return written

    def _made(self, changes: Sequence[Change]) -> dict[str, str] | None:
        """The versions of the rows put, when all rows are as these changes leave them; else None."""
        versions: dict[str, str] = {}
        for change in changes:
            row = self._rows.get(change.key)
            if (row.data if row else None) != (change.data if isinstance(change, Put) else None):
                return None
            if row:
                versions[row.key] = row.version
        return versions


@dataclass(frozen=True, slots=True)
class _Lease:
    """What the lease's row holds. Rows of earlier versions have an expiry instead of a length."""

    holder: str
    seconds: float = 0.0
    renewals: int = 0


def _record_row(record: Record) -> tuple[str, bytes]:
    record = without_person(record) if record.forgotten else record
    key, data = keys.record(record.recipient), pack("record", record)
    if len(data) > LARGEST:
        kept = shortened(record)
        lost = len(record.reported) - len(kept.reported)
        _log.warning("ledger_record_shortened row=%s messages=%d before=%s", key, lost, kept.reported_before)
        data = pack("record", kept)
    return key, data


def _card_row(card: CardNote) -> tuple[str, bytes]:
    return keys.card(card.id), pack("card", card)
