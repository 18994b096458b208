"""The two ledgers as the contract tests want them: opened on a place of their own, their rows in plain sight."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Protocol

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableClient, UpdateMode

from shared.ledger import Ledger, SqliteLedger
from shared.ledger.table import TableLedger
from tests.support.azurite import Azurite
from tests.support.ledger_samples import WORKSPACE


class LedgerPlace(Protocol):
    """Where an adapter keeps its rows. `open` as often as wanted: each is another process's view."""

    def open(self, *, read_only: bool = False, workspace: str = WORKSPACE) -> Ledger:
        """A ledger on this place; closed at the end of the test."""
        ...

    def keys(self) -> list[str]:
        """The keys of all rows there are, further entities included."""
        ...

    def read(self, key: str) -> bytes:
        """What a row holds."""
        ...

    def overwrite(self, key: str, data: bytes) -> None:
        """Write a row behind the ledger's back, new or not."""
        ...

    def exists(self) -> bool:
        """Whether anything was made at all."""
        ...


class SqlitePlace:
    """A file in a folder that is not there yet."""

    def __init__(self, path: Path, close: Callable[[Ledger], Ledger]) -> None:
        self.path = path
        self._close = close

    def open(self, *, read_only: bool = False, workspace: str = WORKSPACE) -> Ledger:
        """See LedgerPlace."""
        return self._close(SqliteLedger(self.path, workspace, read_only))

    def keys(self) -> list[str]:
        """See LedgerPlace."""
        with closing(sqlite3.connect(self.path)) as connection:
            return [key for (key,) in connection.execute("SELECT key FROM rows ORDER BY key")]

    def read(self, key: str) -> bytes:
        """See LedgerPlace."""
        with closing(sqlite3.connect(self.path)) as connection:
            return bytes(connection.execute("SELECT data FROM rows WHERE key = ?", (key,)).fetchone()[0])

    def overwrite(self, key: str, data: bytes) -> None:
        """See LedgerPlace."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            row = (WORKSPACE.lower(), key, uuid.uuid4().hex, data)
            connection.execute("INSERT OR REPLACE INTO rows (workspace, key, version, data) VALUES (?, ?, ?, ?)", row)

    def exists(self) -> bool:
        """See LedgerPlace."""
        return self.path.parent.exists()


class TablePlace:
    """A table that is not there yet."""

    def __init__(self, azurite: Azurite, close: Callable[[Ledger], Ledger]) -> None:
        self.azurite = azurite
        self.table = f"t{uuid.uuid4().hex}"
        self._close = close

    def open(self, *, read_only: bool = False, workspace: str = WORKSPACE) -> Ledger:
        """See LedgerPlace."""
        return self._close(
            TableLedger(self.azurite.endpoint, workspace, self.azurite.credential, self.table, read_only=read_only)
        )

    def keys(self) -> list[str]:
        """See LedgerPlace."""
        with self._client() as client:
            return [str(entity["RowKey"]) for entity in client.list_entities()]

    def read(self, key: str) -> bytes:
        """See LedgerPlace."""
        with self._client() as client:
            entity = client.get_entity(self._partition(client), key)
            return b"".join(entity[f"data{place}"] for place in range(10) if f"data{place}" in entity)

    def overwrite(self, key: str, data: bytes) -> None:
        """See LedgerPlace."""
        with self._client() as client:
            entity = {"PartitionKey": self._partition(client), "RowKey": key, "data0": data}
            client.upsert_entity(entity, mode=UpdateMode.REPLACE)

    def remove(self, key: str) -> None:
        """Remove an entity behind the ledger's back."""
        with self._client() as client:
            client.delete_entity(self._partition(client), key)

    def exists(self) -> bool:
        """See LedgerPlace."""
        try:
            with self._client() as client:
                list(client.list_entities())
        except ResourceNotFoundError:
            return False
        return True

    def _client(self) -> TableClient:
        return TableClient(self.azurite.endpoint, self.table, credential=self.azurite.credential)

    def _partition(self, client: TableClient) -> str:
        return str(next(iter(client.list_entities(results_per_page=1)))["PartitionKey"])


@pytest.fixture
def close() -> Iterator[Callable[[Ledger], Ledger]]:
    """Closes, when the test is over, each ledger it was called with."""
    opened: list[Ledger] = []

    def remember(ledger: Ledger) -> Ledger:
        opened.append(ledger)
        return ledger

    yield remember
    for ledger in opened:
        ledger.close()


@pytest.fixture
def sqlite_place(tmp_path: Path, close: Callable[[Ledger], Ledger]) -> SqlitePlace:
    """A file of the test's own."""
    return SqlitePlace(tmp_path / "new" / "ledger.db", close)


@pytest.fixture
def table_place(azurite: Azurite, close: Callable[[Ledger], Ledger]) -> TablePlace:
    """A table of the test's own."""
    return TablePlace(azurite, close)


@pytest.fixture(params=["sqlite", "table"])
def place(request: pytest.FixtureRequest) -> LedgerPlace:
    """Each adapter's place in turn: what holds of the port holds of both."""
    found: LedgerPlace = request.getfixturevalue(f"{request.param}_place")
    return found
