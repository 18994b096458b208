"""The ledger in Azure Table storage: the deployed one. No account key and no secret: the app signs in as itself.

One partition per workspace and one entity per row (a row too large for one entity continues in further entities, always
written in the same transaction). The entity's etag is the row's version. Rows are not packed into fewer entities:
10,000 records need only eleven requests a day, and a record with its own entity is written, and conflicts, alone.
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from azure.core import MatchConditions
from azure.core.credentials import AzureNamedKeyCredential, TokenCredential
from azure.data.tables import UpdateMode

from shared.clock import Clock, SystemClock
from shared.ledger.changes import Change, OrderedRows, Put, Row
from shared.ledger.port import LedgerConflict, LedgerError
from shared.ledger.service import LedgerTableMissing, TableService
from shared.ledger.verbs import RowLedger

# The service's limits, each with a margin: 64 KiB a property, 1 MiB an entity, 100 entities and 4 MiB a transaction.
_PROPERTY = 60_000
_ENTITY = 10 * _PROPERTY
_ENTITIES = 100
_TRANSACTION = 3_500_000
_ENVELOPE = 1_500  # bytes that an entity's keys and headers take in a transaction

Operation = tuple[str, Mapping[str, Any], Mapping[str, Any]]


class TableLedger(RowLedger):
    """The ledger of one workspace in the table `table` of a storage account, made at the first write if missing.

    `credential` needs the role Storage Table Data Contributor on the account; a token credential needs an https
    endpoint. With `read_only` nothing is made or written, a missing table reads as empty, and every verb that writes
    raises LedgerError. Each request is sent at most 5 times within 120 seconds, waiting included. It ends at
    `deadline()`, the monotonic time at which the sweep's budget ends, or half a minute after it began.
    """

    def __init__(
        self,
        endpoint: str,
        workspace: str,
        credential: TokenCredential | AzureNamedKeyCredential,
        table: str = "sweepledger",
        read_only: bool = False,
        clock: Clock | None = None,
        deadline: Callable[[], float] = lambda: math.inf,
    ) -> None:
        service = TableService(endpoint, table, credential, clock or SystemClock(), deadline)
        super().__init__(_TableRows(service, workspace), read_only)


def table_rows(
    endpoint: str,
    partition: str,
    credential: TokenCredential | AzureNamedKeyCredential,
    table: str = "sweepledger",
    clock: Clock | None = None,
    deadline: Callable[[], float] = lambda: math.inf,
) -> OrderedRows:
    """The rows of this partition in the table; the parameters are as for TableLedger."""
    return _TableRows(TableService(endpoint, table, credential, clock or SystemClock(), deadline), partition)


@dataclass(frozen=True, slots=True)
class _Entity:
    key: str
    data: bytes | None
    etag: str
    beside: int  # how many further entities its row has


class _TableRows:
    def __init__(self, service: TableService, workspace: str) -> None:
        self._service = service
        self._partition = hashlib.sha256(workspace.lower().encode()).hexdigest()
        self._lock = threading.Lock()
        self._beside: dict[str, int] = {}  # how many further entities a row has, where it has any

    @property
    def requests(self) -> int:
        return self._service.requests

    @property
    def retries(self) -> int:
        return self._service.retries

    def scan(self, start: str, end: str) -> list[Row]:
        found: list[_Entity] = []
        token: Any = None
        try:
            while True:
                page, token = self._service.send(partial(self._page, start, end, token))
                found += page
                if token is None:
                    break
        except LedgerTableMissing:
            return []
        return list(self._rows(found))

    def first(self, start: str, end: str) -> Row | None:
        token: Any = None
        try:
            while True:  # a page may be empty although there are more
                page, token = self._service.send(partial(self._page, start, end, token, 1))
                if page:
                    # Its further entities, if it has any, are not read.
                    data = page[0].data if not page[0].beside else None
                    return Row(page[0].key, data, page[0].etag)
                if token is None:
                    return None
        except LedgerTableMissing:
            return None

    def get(self, key: str) -> Row | None:
        return next((row for row in self.scan(key, key + "~~") if row.key == key), None)

    def batches(self, changes: Sequence[Change]) -> Iterator[Sequence[Change]]:
        batch: list[Change] = []
        entities = size = 0
        for change in changes:
            more, large = self._weight(change)
            if large > _TRANSACTION:
                raise LedgerError(f"{change.key} is too large for the ledger ({large:,} bytes): nothing was written")
            if batch and (entities + more > _ENTITIES or size + large > _TRANSACTION):
                yield batch
                batch, entities, size = [], 0, 0
            batch.append(change)
            entities, size = entities + more, size + large
        if batch:
            yield batch

    def apply(self, changes: Sequence[Change]) -> dict[str, str]:
        operations = [operation for change in changes for operation in self._operations(change)]
        try:
            results = self._service.send(lambda: self._service.client.submit_transaction(operations))
        except LedgerTableMissing:
            self._create_table()
            results = self._service.send(lambda: self._service.client.submit_transaction(operations))
        etags = {
            entity["RowKey"]: str(result.get("etag", ""))
            for (_, entity, _), result in zip(operations, results, strict=True)
        }
        with self._lock:
            for change in changes:
                beside = len(_chunks(change.data, _ENTITY)) - 1 if isinstance(change, Put) else 0
                self._beside.pop(change.key, None)
                if beside:
                    self._beside[change.key] = beside
        return {change.key: etags[change.key] for change in changes if isinstance(change, Put)}

    def scrub(self) -> None:
        """Nothing to do: the service keeps nothing that a request could still read."""

    def close(self) -> None:
        self._service.client.close()

    def _page(self, start: str, end: str, token: Any, most: int | None = None) -> tuple[list[_Entity], Any]:
        """One page of entities from `token` on, `most` at most, and the token of the next page, None after the last."""
        pages: Any = self._service.client.query_entities(
            "PartitionKey eq @partition and RowKey ge @start and RowKey lt @end",
            parameters={"partition": self._partition, "start": start, "end": end},
            results_per_page=most,
        ).by_page(continuation_token=token)
        page = [
            _Entity(entity["RowKey"], _data(entity), entity.metadata["etag"], entity.get("beside", 0))
            for entity in next(pages)
        ]
        return page, pages.continuation_token

    def _rows(self, entities: Sequence[_Entity]) -> Iterator[Row]:
        beside: dict[str, list[bytes | None]] = {}
        for entity in entities:
            head, mark, _ = entity.key.partition("~")
            if mark:
                beside.setdefault(head, []).append(entity.data)
        for entity in entities:
            if "~" in entity.key:
                continue
            pieces = [entity.data, *beside.get(entity.key, [])]
            with self._lock:
                self._beside.pop(entity.key, None)
                if len(pieces) > 1:
                    self._beside[entity.key] = len(pieces) - 1
            complete = len(pieces) == 1 + entity.beside and None not in pieces
            yield Row(entity.key, b"".join(piece or b"" for piece in pieces) if complete else None, entity.etag)

    def _operations(self, change: Change) -> list[Operation]:
        there = self._beside.get(change.key, 0)
        chunks = _chunks(change.data, _ENTITY) if isinstance(change, Put) else []
        expected = {"etag": change.version, "match_condition": MatchConditions.IfNotModified}
        found: list[Operation] = []
        for number, chunk in enumerate(chunks):
            entity = self._entity(change.key, number) | {
                f"data{place}": piece for place, piece in enumerate(_chunks(chunk, _PROPERTY))
            }
            if number:
                found.append(("upsert", entity, {"mode": UpdateMode.REPLACE}))
            else:
                entity |= {"beside": len(chunks) - 1} if len(chunks) > 1 else {}
                if change.version is None:
                    found.append(("create", entity, {}))
                else:
                    found.append(("update", entity, {"mode": UpdateMode.REPLACE, **expected}))
        if not chunks:
            found.append(("delete", self._entity(change.key, 0), expected))
        for number in range(max(len(chunks), 1), there + 1):
            found.append(("delete", self._entity(change.key, number), {}))
        return found

    def _weight(self, change: Change) -> tuple[int, int]:
        """How many entities, and about how many bytes, a change takes in a transaction."""
        data = change.data if isinstance(change, Put) else b""
        entities = max(len(_chunks(data, _ENTITY)), 1 + self._beside.get(change.key, 0))
        return entities, len(data) * 4 // 3 + entities * _ENVELOPE

    def _entity(self, key: str, number: int) -> dict[str, Any]:
        return {"PartitionKey": self._partition, "RowKey": f"{key}~{number:02}" if number else key}

    def _create_table(self) -> None:
        with suppress(LedgerConflict):  # somebody else has created it meanwhile
            self._service.send(self._service.client.create_table)


def _chunks(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)] or [b""]


def _data(entity: Mapping[str, Any]) -> bytes | None:
    pieces = [entity.get(f"data{place}") for place in range(_ENTITY // _PROPERTY)]
    found = [piece for piece in pieces if piece is not None]
    return b"".join(found) if found and all(isinstance(piece, bytes) for piece in found) else None
