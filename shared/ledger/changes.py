"""What the ledger needs of its storage: rows, and conditional changes to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Row:
    """A row as read. `data` is None when its bytes cannot be read."""

    key: str
    data: bytes | None
    version: str


@dataclass(frozen=True, slots=True)
class Put:
    """Write the row if its version is still this one; None: if there is no such row."""

    key: str
    data: bytes
    version: str | None


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove the row if its version is still this one."""

    key: str
    version: str


Change = Put | Delete


class Rows(Protocol):
    """The stored rows of one workspace. Every method raises LedgerUnavailable when the storage fails."""

    @property
    def requests(self) -> int:
        """How many requests were sent over a network so far, retries included."""

    @property
    def retries(self) -> int:
        """How many of these were retries."""

    def scan(self, start: str, end: str) -> list[Row]:
        """The rows with start <= key < end, by key."""

    def get(self, key: str) -> Row | None:
        """One row, None when there is none."""

    def batches(self, changes: Sequence[Change]) -> Iterable[Sequence[Change]]:
        """The changes, in their order, in as few batches as possible; each fits one transaction."""

    def apply(self, changes: Sequence[Change]) -> dict[str, str]:
        """Make all these changes (one of `batches`, no key twice) or none; the new version of each row put.

        Raises:
            LedgerConflict: the version of a row has changed.
        """

    def close(self) -> None:
        """Close files and connections."""
