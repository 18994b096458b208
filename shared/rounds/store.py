"""The rows of rounds, read and written. Every write is on the condition that nobody else has written meanwhile.

A row that cannot be read is logged, counts as missing, and is replaced by the next write.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from shared.ledger import LedgerConflict, OrderedRows, round_keys
from shared.ledger.changes import Change, Delete, Put, Row
from shared.ledger.rows import RowDamaged, pack, read
from shared.ledger.scan import document_of, log_damaged
from shared.model import CardNote, EntryTold
from shared.rounds.rows import EntryTries, RoundBegun, RoundProgress, RoundsState

T = TypeVar("T")

_TURNS = 50
"""So often a write that others were faster with is decided anew; each time one of them got further."""


@dataclass(frozen=True, slots=True)
class Stored(Generic[T]):
    """A row's value, None when there is none or it cannot be read, and its version, None when there is no row."""

    value: T | None
    version: str | None


class RoundStore:
    """The rows of all rounds. Each verb raises LedgerUnavailable when the storage fails."""

    def __init__(self, rows: OrderedRows) -> None:
        self._rows = rows

    def state(self) -> RoundsState:
        """Which rounds there are."""
        return self._get(RoundsState, round_keys.STATE).value or RoundsState()

    def begun(self, round_id: str) -> RoundBegun | None:
        """What this round is about, None when it never began."""
        return self._get(RoundBegun, round_keys.round_row(round_id)).value

    def progress(self, round_id: str) -> RoundProgress | None:
        """How far this round is, None when it never began."""
        return self._get(RoundProgress, round_keys.progress_row(round_id)).value

    def tries(self, round_id: str, name: str) -> EntryTries | None:
        """An entry of this round that has not ended, None when it has, or is none of its entries."""
        found = self._get(EntryTries, round_keys.open_row(round_id, name))
        return found.value or (EntryTries(name) if found.version else None)

    def anybody_open(self, round_id: str) -> bool:
        """Whether an entry of this round that has a row has not ended."""
        return self._rows.first(*round_keys.all_open(round_id)) is not None

    def ended(self, round_id: str) -> dict[str, EntryTold]:
        """How the entries of this round ended that have, by name."""
        rows = self._rows.scan(*round_keys.all_ended(round_id))
        found = (_value(EntryTold, row) for row in rows)
        return {each.name: each for each in found if each is not None}

    def begin(self, begun: RoundBegun, decide: Callable[[RoundsState], RoundsState]) -> bool:
        """Write that this round has begun, with what `decide` makes of the state; False when it had begun before."""
        row, progress = round_keys.round_row(begun.id), round_keys.progress_row(begun.id)
        for _ in range(_TURNS):
            there, far = self._get(RoundBegun, row), self._get(RoundProgress, progress)
            if there.value is not None and far.value is not None:
                return False
            state = self._get(RoundsState, round_keys.STATE)
            changes = [
                _put(row, there.value or begun, there.version),
                _put(progress, far.value or RoundProgress(), far.version),
                _put(round_keys.STATE, decide(state.value or RoundsState()), state.version),
            ]
            if self._made(changes):
                return True
        raise _contended(row)

    def change_state(self, change: Callable[[RoundsState], RoundsState]) -> RoundsState:
        """The state once changed so; nothing is written when nothing changes."""
        for _ in range(_TURNS):
            stored = self._get(RoundsState, round_keys.STATE)
            state = stored.value or RoundsState()
            changed = change(state)
            if changed == state or self._made([_put(round_keys.STATE, changed, stored.version)]):
                return changed
        raise _contended(round_keys.STATE)

    def change_progress(
        self, round_id: str, change: Callable[[RoundProgress], RoundProgress | None]
    ) -> RoundProgress | None:
        """The progress once changed so, or None when `change` gives None for what it is by now."""
        key = round_keys.progress_row(round_id)
        for _ in range(_TURNS):
            stored = self._get(RoundProgress, key)
            progress = stored.value or RoundProgress()
            changed = change(progress)
            if changed is None or changed == progress or self._made([_put(key, changed, stored.version)]):
                return changed
        raise _contended(key)

    def list_entries(self, round_id: str, names: Sequence[str], before: RoundProgress, after: RoundProgress) -> bool:
        """Give each of these entries its row and the progress the value `after`, in one transaction (99 names at most);
        False when the progress is no longer as `before`: then others have listed them.
        """
        key = round_keys.progress_row(round_id)
        stored = self._get(RoundProgress, key)
        if stored.value != before:
            return False
        mark = _put(key, after, stored.version)
        puts = [_put(round_keys.open_row(round_id, name), EntryTries(name), None) for name in names]
        if self._made([mark, *puts]):
            return True
        # A progress that was damaged begins anew: who has a row keeps it.
        there = {row.key for span in _spans(round_id) for row in self._rows.scan(*span)}
        ended = {round_keys.open_row(round_id, name) for name in self.ended(round_id)}
        return self._made([mark, *(put for put in puts if put.key not in there | ended)])

    def change_tries(self, round_id: str, name: str, change: Callable[[EntryTries], EntryTries]) -> EntryTries | None:
        """The entry that has not ended, once changed so; None when it has ended meanwhile."""
        key = round_keys.open_row(round_id, name)
        for _ in range(_TURNS):
            stored = self._get(EntryTries, key)
            if stored.version is None:
                return None
            changed = change(stored.value or EntryTries(name))
            if self._made([_put(key, changed, stored.version)]):
                return changed
        raise _contended(key)

    def end(self, round_id: str, ended: EntryTold) -> bool:
        """Write that the entry has ended so; False when it had ended before."""
        key, other = round_keys.open_row(round_id, ended.name), round_keys.ended_row(round_id, ended.name)
        for _ in range(_TURNS):
            stored = self._get(EntryTries, key)
            if stored.version is None:
                return False
            if self._made([Delete(key, stored.version), _put(other, ended, None)]):
                return True
        raise _contended(key)

    def card(self, card_id: str) -> CardNote | None:
        """The round's card that was noted under this id."""
        return self._get(CardNote, round_keys.card_row(card_id)).value

    def note_card(self, card: CardNote) -> None:
        """Write down how this card stands."""
        key = round_keys.card_row(card.id)
        for _ in range(_TURNS):
            if self._made([_put(key, card, self._get(CardNote, key).version)]):
                return
        raise _contended(key)

    def remove(self, round_id: str) -> None:
        """Remove the rows of this round."""
        rows = [row for span in _spans(round_id) for row in self._rows.scan(*span)]
        alone = (round_keys.progress_row(round_id), round_keys.round_row(round_id))
        rows += [row for key in alone if (row := self._rows.get(key)) is not None]
        for batch in self._rows.batches([Delete(row.key, row.version) for row in rows]) if rows else ():
            self._made(batch)  # what somebody removes meanwhile is removed

    def close(self) -> None:
        """Close files and connections."""
        self._rows.close()

    def _get(self, kind: type[T], key: str) -> Stored[T]:
        row = self._rows.get(key)
        return Stored(None, None) if row is None else Stored(_value(kind, row), row.version)

    def _made(self, changes: Sequence[Change]) -> bool:
        """Whether these changes, one transaction, were made now."""
        try:
            self._rows.apply(changes)
        except LedgerConflict:
            # Our own first attempt may have been made although its answer was lost.
            return all(self._is_made(change) for change in changes)
        return True

    def _is_made(self, change: Change) -> bool:
        row = self._rows.get(change.key)
        return (row.data if row else None) == (change.data if isinstance(change, Put) else None)


def _spans(round_id: str) -> Iterable[tuple[str, str]]:
    return round_keys.all_open(round_id), round_keys.all_ended(round_id)


def _put(key: str, value: object, version: str | None) -> Put:
    """A write that no other writer's equals, so that it is known whose it was when its answer is lost."""
    return Put(key, pack("value", value, by=secrets.token_hex(6)), version)


def _value(kind: type[T], row: Row) -> T | None:
    try:
        return read(kind, document_of(row), "value")
    except RowDamaged as error:
        log_damaged(row.key, error)
        return None


def _contended(key: str) -> LedgerConflict:
    return LedgerConflict(f"{key} in the ledger of rounds is written by others all the time: the message comes back")
