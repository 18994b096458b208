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
from shared.ledger.changes import Change, Delete, Put, Row, Rows
from shared.ledger.port import LeaseRow, LedgerConflict, LedgerError, Loaded
from shared.ledger.rows import RowDamaged, noun, pack, unpack
from shared.ledger.shorten import shortened
from shared.model import Intent, Record, Standing

_log = logging.getLogger("sweep.ledger")


class RowLedger:
    """A ledger over rows; safe to use from several threads at once."""

    def __init__(self, rows: Rows, read_only: bool = False) -> None:
        self._rows = rows
        self._read_only = read_only
        self._lock = threading.Lock()
        self._loaded = False
        self._versions: dict[str, str] = {}
        self._places: dict[str, int] = {}  # of each open intent, in the order they were noted
        self._last_place = 0
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
            held = noun(_Lease, _document(row), "lease")
        except RowDamaged as error:
            _say_damaged(keys.LEASE, error)
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
        records: dict[str, Record] = {}
        intents: list[tuple[int, Intent]] = []
        standing = Standing()
        versions: dict[str, str] = {}
        damaged: set[str] = set()
        for row in self._rows.scan(*keys.LOADED):
            versions[row.key] = row.version
            try:
                document = _document(row)
                if row.key.startswith(keys.STANDING):
                    standing = noun(Standing, document, "standing")
                elif row.key.startswith(keys.RECORD):
                    record = noun(Record, document, "record")
                    records[record.recipient] = record
                elif row.key.startswith(keys.INTENT):
                    intents.append((noun(int, document, "place"), noun(Intent, document, "intent")))
                else:
                    raise RowDamaged("is of no known kind")
            except RowDamaged as error:
                damaged.add(row.key)
                _say_damaged(row.key, error)
        with self._lock:
            self._loaded, self._versions, self._damaged = True, versions, damaged
            self._places = {intent.id: place for place, intent in intents}
            self._last_place = max(self._places.values(), default=0)
        good = {keys.base(key) for key in versions.keys() - damaged}
        return Loaded(
            records,
            tuple(intent for _, intent in sorted(intents, key=lambda item: item[0])),
            standing,
            tuple(sorted(key for key in damaged if keys.base(key) not in good)),
        )

    def note(self, intents: Sequence[Intent]) -> None:
        """See the port. An intent that is replaced keeps its place."""
        self._ready()
        with self._lock:
            for intent in intents:
                if intent.id not in self._places:
                    self._last_place += 1
                    self._places[intent.id] = self._last_place
            places = {intent.id: self._places[intent.id] for intent in intents}
        self._write([(keys.intent(each.id), pack("intent", each, place=places[each.id])) for each in intents])

    def confirm(self, done: Iterable[str], records: Sequence[Record]) -> None:
        """See the port. Ids that are not noted (any more) are passed over, so it can be repeated."""
        self._ready()
        ids = list(done)
        self._write([_record_row(each) for each in records], map(keys.intent, ids))
        with self._lock:
            for each in ids:
                self._places.pop(each, None)

    def stand(self, standing: Standing) -> None:
        """See the port."""
        self._ready()
        self._write([(keys.STANDING, pack("standing", standing))])

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
                receipt = noun(dict[str, Any], _document(row), "receipt")
            except RowDamaged as error:
                _say_damaged(row.key, error)
                continue
            found.append((keys.day(row.key), str(receipt.get("started", "")), receipt))
        return [receipt for _, _, receipt in sorted(found, key=lambda item: item[:2])]

    def prune(self, recipients: Sequence[str], receipts_before: date) -> None:
        """See the port. Damaged rows stay."""
        self._ready()
        old = self._rows.scan(*keys.receipts_before(receipts_before))
        self._write([], map(keys.record, recipients))
        self._apply([Delete(row.key, row.version) for row in old])

    def close(self) -> None:
        """See the port."""
        self._rows.close()

    def _ready(self) -> None:
        if not self._loaded:
            self.load()

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
    """What the lease's row holds. Rows of earlier versions have no length: they said when they expire."""

    holder: str
    seconds: float = 0.0
    renewals: int = 0


def _document(row: Row) -> dict[str, Any]:
    if row.data is None:
        raise RowDamaged("has lost its data")
    return unpack(row.data)


def _record_row(record: Record) -> tuple[str, bytes]:
    key, kept = keys.record(record.recipient), shortened(record)
    if kept is not record:
        lost = len(record.reported) - len(kept.reported)
        _log.warning("ledger_record_shortened row=%s messages=%d before=%s", key, lost, kept.reported_before)
    return key, pack("record", kept)


def _say_damaged(key: str, error: RowDamaged) -> None:
    _log.warning("ledger_row_damaged row=%s why=%s", key, error)
