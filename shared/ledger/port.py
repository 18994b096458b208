"""What every ledger can do. The adapters (SQLite, Table storage) are in the files beside this one.

A ledger belongs to one workspace. All but the lease is written only by the holder of the lease.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar, Protocol

from shared.model import CardNote, Record, WorkspaceState


class LedgerError(Exception):
    """The ledger could not be read or written; the message says what to do. `cause` is a short stable id."""

    cause: ClassVar[str] = "ledger_unavailable"


class LedgerUnavailable(LedgerError):
    """It did not answer, or refused this identity."""


class LedgerSignedOut(LedgerUnavailable):
    """Nobody is signed in who could ask it. The message is the sign-in's own, and so is the cause."""

    cause = "identity_sign_in"


class LedgerNewer(LedgerError):
    """A newer version of the sweep wrote it, in a form that this one does not know."""


class LedgerConflict(LedgerError):
    """Somebody else wrote the row since it was read: this sweep is no longer the only writer, and stops."""

    cause = "ledger_conflict"


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """The lease as last read. `seconds` is its holder's length, 0 where the row does not say it; `renewals` counts
    its writes by this holder; `version` changes with every write of it.
    """

    holder: str
    seconds: float
    renewals: int
    version: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """All that the ledger holds, read at once. `damaged` names rows that could not be read and were set aside.

    A set-aside row stays where it is, unchanged, and every load names it, until a good row for the same thing is
    written beside it. The name is its key: no address in it.
    """

    records: Mapping[str, Record]
    cards: Mapping[str, CardNote]
    state: WorkspaceState
    damaged: tuple[str, ...] = ()


class Ledger(Protocol):
    """The verbs. Each raises LedgerUnavailable, LedgerConflict or LedgerNewer; none is retried by its caller.

    Writes are conditional on what was loaded or written last; a ledger that was not loaded yet loads before it writes.
    Safe to use from several threads, as long as no two write the same record or card.
    """

    @property
    def requests(self) -> int:
        """How many requests were sent over a network so far, retries included; 0 for SQLite."""

    @property
    def retries(self) -> int:
        """How many of these were further attempts."""

    def lease(self) -> LeaseRow | None:
        """The lease row, None when it was never taken or is released."""

    def take(self, seen: LeaseRow | None, holder: str, seconds: float) -> LeaseRow:
        """Write the lease if it is still as `seen`; LedgerConflict if not. Also renews (seen = one's own row)."""

    def release(self, held: LeaseRow) -> None:
        """Give the lease back if it is still ours; nothing is done, or raised, when it is not."""

    def load(self) -> Loaded:
        """Records by recipient, cards by id, the workspace's state."""

    def save(
        self, records: Iterable[Record] = (), cards: Iterable[CardNote] = (), dropped_cards: Iterable[str] = ()
    ) -> None:
        """Write these records, then these cards, then remove the cards with these ids: all before it returns, in one
        transaction while they fit one (up to 99 rows), each row whole in any case. A record too large for a row loses
        its oldest messages, and what is older than those it keeps counts as reported (`reported_before`).
        """

    def save_state(self, state: WorkspaceState) -> None:
        """Write the workspace's state."""

    def keep_receipt(self, day: date, run_id: str, receipt: Mapping[str, Any]) -> None:
        """Add a sweep's receipt."""

    def receipts(self, since: date) -> list[Mapping[str, Any]]:
        """The receipts kept since that day, oldest first."""

    def prune(self, recipients: Sequence[str], receipts_before: date) -> None:
        """Remove the records of these recipients, and receipts older than that day."""

    def forget(self, record: Record, cards: Iterable[CardNote] = (), dropped_cards: Iterable[str] = ()) -> None:
        """Write this record, of somebody who is forgotten, in the place of all rows about its recipient, damaged ones
        too; with it these cards, and remove those with these ids. Then leave nothing of what was removed in a file:
        when that cannot be done now, LedgerError says so, and a second call does it.
        """

    def clear(self) -> None:
        """Remove every row of the workspace but the lease, damaged ones too, and leave nothing of them in a file, as
        `forget` does. A second call completes what was interrupted.
        """

    def close(self) -> None:
        """Close files and connections."""
