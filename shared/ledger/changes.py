"""What an adapter gives the verbs: rows, and conditional changes to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Row:
    """A row as read. `data` is None when a part of its bytes is missing."""

    key: str
    data: bytes | None
    version: str


@dataclass(frozen=True, slots=True)
class Put:
    """Write the row if its version still is this; None: if there is no such row."""

    key: str
    data: bytes
    version: str | None


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove the row if its version still is this."""

    key: str
    version: str


Change = Put | Delete


class Rows(Protocol):
    """What an adapter keeps: one workspace's rows. Each verb raises LedgerUnavailable when the storage fails."""

    @property
    def requests(self) -> int:
        """How many requests were sent over a network so far, retries included."""

    @property
    def retries(self) -> int:
        """How many of these were further attempts."""

    def scan(self, start: str, end: str) -> list[Row]:
        """The rows with start <= key < end, by key."""

    def get(self, key: str) -> Row | None:
        """One row, None when there is none."""

    def batches(self, changes: Sequence[Change]) -> Iterable[Sequence[Change]]:
        """The changes, in their order, cut into as few pieces as one transaction each can take."""

    def apply(self, changes: Sequence[Change]) -> dict[str, str]:
        """Make all these changes (one of `batches`, no key twice) or none; the new version of each row put.

        Raises:
            LedgerConflict: a row's version is another one.
        """

    def scrub(self) -> None:
        """Leave nothing of removed rows in a file."""

    def close(self) -> None:
        """Close files and connections."""


class OrderedRows(Rows, Protocol):
    """Rows that also tell the first of a range, however many there are."""

    def first(self, start: str, end: str) -> Row | None:
        """The first row with start <= key < end, None when there is none; one request, and one row read."""
