"""Where a scene keeps its ledger: a file, or a table of a real table service; put back as often as wanted."""

from __future__ import annotations

import shutil
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

from azure.data.tables import TableClient

from shared.ledger import Ledger, SqliteLedger
from shared.ledger.table import TableLedger
from tests.cloud import WORKSPACE_RESOURCE_ID
from tests.support.azurite import Azurite


class KeptLedger:
    """Where the ledger is, for the processes that sweep and for the test that looks: here one SQLite file."""

    tables = ""
    table = ""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "ledger.db"
        self._kept = folder / "kept.db"

    @property
    def url(self) -> str:
        """LEDGER_URL."""
        return f"sqlite:///{self._path}"

    def open(self) -> Ledger:
        """The ledger as another process sees it."""
        return SqliteLedger(self._path, WORKSPACE_RESOURCE_ID)

    def free(self) -> bool:
        """Whether nobody is in the middle of writing to it."""
        with closing(sqlite3.connect(self._path, timeout=0, isolation_level=None)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return False
            return True

    def keep(self) -> None:
        """Remember what is in it; no sweep may be at work."""
        self._kept.unlink(missing_ok=True)
        if self._path.exists():
            shutil.copyfile(self._path, self._kept)

    def lose(self) -> None:
        """Delete it."""
        for path in self._folder.glob("ledger.db*"):
            path.unlink()

    def restore(self) -> None:
        """Make it again what was kept."""
        self.lose()
        if self._kept.exists():
            shutil.copyfile(self._kept, self._path)


class KeptTable(KeptLedger):
    """A table of its own in an Azurite."""

    def __init__(self, folder: Path, azurite: Azurite) -> None:
        super().__init__(folder)
        self._azurite = azurite
        self.tables = azurite.endpoint
        self.table = f"t{uuid.uuid4().hex}"
        self._entities: list[Any] = []

    def open(self) -> Ledger:
        """See KeptLedger."""
        return TableLedger(self._azurite.endpoint, WORKSPACE_RESOURCE_ID, self._azurite.credential, self.table)

    def free(self) -> bool:
        """See KeptLedger. Nobody can lock a table."""
        return True

    def keep(self) -> None:
        """See KeptLedger."""
        with self._client() as client:
            self._entities = list(client.list_entities())

    def lose(self) -> None:
        """See KeptLedger."""
        with self._client() as client:
            for entity in client.list_entities():
                client.delete_entity(entity)

    def restore(self) -> None:
        """See KeptLedger."""
        self.lose()
        with self._client() as client:
            for entity in self._entities:  # one by one: there may be none, or more than one transaction takes
                client.create_entity(entity)

    def _client(self) -> TableClient:
        return TableClient(self._azurite.endpoint, self.table, credential=self._azurite.credential)
