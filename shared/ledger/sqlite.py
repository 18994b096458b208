"""The ledger in one SQLite file: the default on a machine that keeps its disk."""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from shared.ledger.changes import Change, OrderedRows, Put, Row
from shared.ledger.port import LedgerConflict, LedgerNewer, LedgerUnavailable
from shared.ledger.sqlite_reading import connect_read_only
from shared.ledger.verbs import RowLedger

_FORMAT = 1
"""The version of the file (`PRAGMA user_version`); the data in a row has its own version."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS rows (
    workspace TEXT NOT NULL, key TEXT NOT NULL, version TEXT NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (workspace, key)
)
"""


class SqliteLedger(RowLedger):
    """The ledger of one workspace in the file `path`, which several processes of this machine may share.

    The file and its folder are created when they are missing, readable by this user only. With `read_only` nothing is
    created or written, a missing file reads as empty, and every method that writes raises LedgerError. The file must be
    on a local disk: SQLite's write-ahead log does not work on a network share. `patience` is how many seconds to wait
    for another process's write.
    """

    def __init__(self, path: str | Path, workspace: str, read_only: bool = False, patience: float = 15.0) -> None:
        super().__init__(_SqliteRows(Path(path), workspace.lower(), read_only, patience), read_only)


def sqlite_rows(path: str | Path, partition: str, read_only: bool = False, patience: float = 15.0) -> OrderedRows:
    """The rows of this partition in the file `path`; the parameters are as for SqliteLedger."""
    return _SqliteRows(Path(path), partition.lower(), read_only, patience)


class _SqliteRows:
    """One connection, used by one thread at a time; opened at the first use."""

    requests = 0
    retries = 0

    def __init__(self, path: Path, workspace: str, read_only: bool, patience: float) -> None:
        self._path = path
        self._workspace = workspace
        self._read_only = read_only
        self._patience = patience
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None

    def scan(self, start: str, end: str) -> list[Row]:
        with self._connected() as connection:
            found = connection.execute(
                "SELECT key, data, version FROM rows WHERE workspace = ? AND key >= ? AND key < ? ORDER BY key",
                (self._workspace, start, end),
            )
            return [_row(*row) for row in found]

    def first(self, start: str, end: str) -> Row | None:
        with self._connected() as connection:
            found = connection.execute(
                "SELECT key, data, version FROM rows WHERE workspace = ? AND key >= ? AND key < ? ORDER BY key LIMIT 1",
                (self._workspace, start, end),
            ).fetchone()
            return _row(*found) if found else None

    def get(self, key: str) -> Row | None:
        with self._connected() as connection:
            found = connection.execute(
                "SELECT key, data, version FROM rows WHERE workspace = ? AND key = ?", (self._workspace, key)
            ).fetchone()
            return _row(*found) if found else None

    def batches(self, changes: Sequence[Change]) -> Sequence[Sequence[Change]]:
        return [changes]

    def apply(self, changes: Sequence[Change]) -> dict[str, str]:
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                written = {change.key: self._make(connection, change) for change in changes}
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return {change.key: written[change.key] for change in changes if isinstance(change, Put)}

    def scrub(self) -> None:
        """Write the file anew, without free pages, and empty the write-ahead log."""
        with self._connected() as connection:
            connection.execute("VACUUM")
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            if busy:
                raise LedgerUnavailable(
                    f"the ledger {self._path} is open in another process, so what was removed may still be in its"
                    " files: run the command again when no sweep and no other command is at work"
                )

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _make(self, connection: sqlite3.Connection, change: Change) -> str:
        there = connection.execute(
            "SELECT version FROM rows WHERE workspace = ? AND key = ?", (self._workspace, change.key)
        ).fetchone()
        if (there[0] if there else None) != change.version:
            raise LedgerConflict(
                f"{change.key} in the ledger {self._path} was written by somebody else meanwhile:"
                " is another sweep of this workspace at work? The next sweep reads it afresh"
            )
        version = secrets.token_hex(8)
        if isinstance(change, Put):
            connection.execute(
                "INSERT OR REPLACE INTO rows (workspace, key, version, data) VALUES (?, ?, ?, ?)",
                (self._workspace, change.key, version, change.data),
            )
        else:
            connection.execute("DELETE FROM rows WHERE workspace = ? AND key = ?", (self._workspace, change.key))
        return version

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = self._open()
                yield self._connection
            except (sqlite3.Error, OSError) as error:
                raise LedgerUnavailable(f"the ledger {self._path} {_advice(error)} ({error})") from error
            finally:
                if self._read_only:
                    self.close()  # so that the next read sees what others have written or created

    def _connect(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))  # it holds addresses
        address = f"{self._path.absolute().as_uri()}?mode=rw"
        return sqlite3.connect(address, uri=True, timeout=self._patience, check_same_thread=False, isolation_level=None)

    def _open(self) -> sqlite3.Connection:
        connection = connect_read_only(self._path, self._patience) or _empty() if self._read_only else self._connect()
        try:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version > _FORMAT:
                raise LedgerNewer(
                    f"the ledger {self._path} was written by a newer version of the sweep (file format {version},"
                    f" this one knows {_FORMAT}): deploy the newer version again"
                )
            if not self._read_only:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA secure_delete = ON")  # what is removed is overwritten
                if version < _FORMAT:
                    connection.execute(_SCHEMA)
                    connection.execute(f"PRAGMA user_version = {_FORMAT}")
            elif version == 0:  # created, but nothing written yet
                connection.close()
                connection = _empty()
        except BaseException:
            connection.close()
            raise
        return connection


def _empty() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
    connection.execute(_SCHEMA)
    return connection


def _row(key: str, data: object, version: str) -> Row:
    return Row(key, data if isinstance(data, bytes) else None, version)


def _advice(error: sqlite3.Error | OSError) -> str:
    text = str(error).lower()
    if "locked" in text or "busy" in text:
        return "is locked by another process: look for a sweep that hangs, or a backup that copies the file"
    if "readonly" in text:
        return "holds an unfinished write, which a dry run cannot complete: the next sweep does"
    if "full" in text:
        return "cannot be written, the disk is full: make room"
    if "not a database" in text or "malformed" in text:
        return (
            "is damaged: restore it from a backup, or move it away, and the next sweep learns from the incidents"
            " what was raised"
        )
    return "cannot be opened or written: check that LEDGER_URL names a file this user may write, on a local disk"
