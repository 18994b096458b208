"""The story's ledger in a real table service."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from azure.data.tables import TableClient

from shared.ledger import Ledger
from shared.ledger.table import TableLedger
from tests.azurite import Azurite
from tests.chaos.scene import Place
from tests.cloud import WORKSPACE_RESOURCE_ID


class TablePlace(Place):
    """A table of its own in an Azurite."""

    def __init__(self, folder: Path, azurite: Azurite) -> None:
        super().__init__(folder)
        self._azurite = azurite
        self.tables = azurite.endpoint
        self.table = f"t{uuid.uuid4().hex}"
        self._entities: list[Any] = []

    def open(self) -> Ledger:
        """See Place."""
        return TableLedger(self._azurite.endpoint, WORKSPACE_RESOURCE_ID, self._azurite.credential, self.table)

    def free(self) -> bool:
        """See Place. Nobody can lock a table."""
        return True

    def keep(self) -> None:
        """See Place."""
        with self._client() as client:
            self._entities = list(client.list_entities())

    def lose(self) -> None:
        """See Place."""
        with self._client() as client:
            for entity in client.list_entities():
                client.delete_entity(entity)

    def restore(self) -> None:
        """See Place."""
        self.lose()
        with self._client() as client:
            client.submit_transaction([("create", entity) for entity in self._entities])

    def _client(self) -> TableClient:
        return TableClient(self._azurite.endpoint, self.table, credential=self._azurite.credential)
