"""The tables of one workspace: defined and loaded by tests, handed to the engine when a query first needs them."""

from __future__ import annotations

import itertools
import json
import os
import tempfile
import threading
from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.cloud.engine import MANY, engine
from tests.cloud.events.loaded import Loaded
from tests.cloud.kql.context import INGESTED, TableSource
from tests.cloud.kql.shapes import Columns
from tests.cloud.schemas import EMAIL_EVENTS

Row = Mapping[str, Any]

_SERIAL = itertools.count()
_FORMS = {".ndjson": "JSONEachRow", ".jsonl": "JSONEachRow", ".parquet": "Parquet", ".arrow": "ArrowStream"}


class Table:
    """One table: its columns (name to Kusto type) and the rows that the engine has not seen yet.

    `serial` is another number after each change, and no other table's. One that is `timed` holds for each row when it
    was ingested, in a hidden column; of a row that does not say it, that is its TimeGenerated.
    """

    def __init__(self, name: str, columns: Mapping[str, str], timed: bool = False) -> None:
        self.name = name
        self.columns = dict(columns)
        self.timed = timed
        self._stored = {**columns, INGESTED: "datetime"} if timed else self.columns
        self._ingested: list[datetime] = []
        self.basic = False
        self.serial = next(_SERIAL)
        self.rows = 0
        self._waiting: list[list[Row] | Path | Loaded] = []
        self._engine_name = ""

    def add(self, rows: Iterable[Row] | Path | Loaded) -> None:
        """Append rows, a file of them (.ndjson, .parquet or .arrow with columns of these names), or a loaded export.

        Raises:
            ValueError: a row has a column that the table has not.
        """
        if isinstance(rows, Loaded):
            self._waiting.append(rows)
            self.serial = next(_SERIAL)
            return
        if isinstance(rows, Path):
            if rows.suffix not in _FORMS:
                raise ValueError(f"{rows.name}: expected one of {', '.join(_FORMS)}")
            self._waiting.append(rows)
            self.serial = next(_SERIAL)
            return
        batch: list[Row] = [dict(row) for row in rows]
        if self.timed:
            batch = [{INGESTED: row.get("TimeGenerated"), **row} for row in batch]
            for time in {_moment(row[INGESTED]) for row in batch}:
                insort(self._ingested, time)
        for row in batch:
            if unknown := row.keys() - self._stored.keys():
                raise ValueError(f"{self.name} has no column {', '.join(sorted(unknown))}")
        if batch:
            self._waiting.append(batch)
            self.serial = next(_SERIAL)

    def was_fed(self, after: datetime, until: datetime) -> bool:
        """Whether rows of a timed table were ingested after one time and by another."""
        return bisect_right(self._ingested, after) < bisect_right(self._ingested, until)

    def ready(self) -> str:
        """The engine's name of the table, all rows in it."""
        if not self._engine_name:
            first = self._waiting[0] if self._waiting else None
            if isinstance(first, Loaded) and engine().has(first.table, self.columns):
                self._engine_name, self.rows = first.table, first.rows
                del self._waiting[0]
            else:
                large = any(isinstance(batch, Path) or _many(batch) for batch in self._waiting)
                self._engine_name = engine().create(self._stored, large)
        while self._waiting:
            self._load(self._waiting[0])  # one that fails is tried again: the table is not empty then, it is broken
            del self._waiting[0]
            self.rows = engine().count(self._engine_name)
        return self._engine_name

    def fill_with_events(self, source: Table, current: bool) -> None:
        """Copy another table's events into this empty one; see `Engine.copy_events`."""
        engine().copy_events(source.ready(), source.columns, self.ready(), self.columns, current)
        self.rows = engine().count(self._engine_name)

    def _load(self, batch: list[Row] | Path | Loaded) -> None:
        if isinstance(batch, Loaded):
            shared = [name for name in self.columns if name in EMAIL_EVENTS]
            engine().append(self._engine_name, batch.table, shared)
            engine().drop(batch.table)
            return
        if isinstance(batch, Path):
            columns = _columns_of(batch, self.columns)
            engine().insert(self._engine_name, columns, str(batch), _FORMS[batch.suffix])
            return
        names = dict.fromkeys(name for row in batch for name in row)
        columns = {name: self._stored[name] for name in names}
        handle, path = tempfile.mkstemp(suffix=".ndjson")
        try:
            # A lone surrogate, which neither the engine nor Kusto holds, is a question mark.
            with os.fdopen(handle, "w", encoding="utf-8", errors="replace", newline="\n") as file:
                file.writelines(_line(row, columns) for row in batch)
            engine().insert(self._engine_name, columns, path, "JSONEachRow")
        finally:
            Path(path).unlink()

    def drop(self) -> None:
        """Forget it, in the engine too."""
        if self._engine_name:
            engine().drop(self._engine_name)
            self._engine_name = ""


def _many(batch: list[Row] | Loaded) -> bool:
    return (batch.rows if isinstance(batch, Loaded) else len(batch)) > MANY


def _columns_of(path: Path, known: dict[str, str]) -> dict[str, str]:
    """The table's columns that a file has: those of its schema, or of its first line."""
    if path.suffix in (".ndjson", ".jsonl"):
        with path.open(encoding="utf-8") as file:
            names: Sequence[str] = list(json.loads(file.readline()))
    else:
        names = engine().names_in(str(path), _FORMS[path.suffix])
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"{path.name}: there is no column {', '.join(unknown)}")
    return {name: known[name] for name in names}


def _line(row: Row, columns: Mapping[str, str]) -> str:
    return json.dumps({name: _value(value, columns[name]) for name, value in row.items()}, ensure_ascii=False) + "\n"


def _moment(value: Any) -> datetime:
    """A time that a row holds; no time is as if it had always been there."""
    time = datetime.fromisoformat(value) if isinstance(value, str) and value else value
    if not isinstance(time, datetime):
        return datetime.min.replace(tzinfo=UTC)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _value(value: Any, kind: str) -> Any:
    if value is None:
        return None
    if kind == "dynamic":
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if kind == "datetime" and value == "":
        return None
    return value


class Tables:
    """All tables of a workspace, as the lowering wants to know them.

    `refresh` names tables whose rows are fetched just before they are read.
    """

    def __init__(self) -> None:
        self._tables: dict[str, Table] = {}
        self._lock = threading.RLock()
        self.refresh: dict[str, Callable[[], Iterable[Row]]] = {}

    def define(self, name: str, columns: Mapping[str, str], timed: bool = False) -> None:
        """Make a table, empty, in place of one of the same name; `timed` lets ingestion_time() be asked of its rows."""
        with self._lock:
            self.remove(name)
            self._tables[name] = Table(name, columns, timed)

    def remove(self, name: str) -> None:
        """Make the table absent."""
        with self._lock:
            if name in self._tables:
                self._tables.pop(name).drop()

    def append(self, name: str, rows: Iterable[Row] | Path | Loaded) -> None:
        """Add rows to a table that is defined.

        Raises:
            KeyError: it is not defined.
            ValueError: a row has a column that the table has not.
        """
        with self._lock:
            self._tables[name].add(rows)

    def load(self, name: str, rows: Iterable[Row] | Path | Loaded) -> None:
        """As `append`, after dropping what the table held."""
        with self._lock:
            self.define(name, self._tables[name].columns, self._tables[name].timed)
            self.append(name, rows)

    def schema(self, name: str) -> dict[str, str]:
        """A table's columns, name to Kusto type."""
        return dict(self._tables[name].columns)

    def stored(self, name: str) -> Table | None:
        """A table itself."""
        return self._tables.get(name)

    def set_basic(self, name: str, basic: bool = True) -> None:
        """Put a table on the Basic plan, where it cannot be summarised, or back."""
        self._tables[name].basic = basic

    def table(self, name: str) -> TableSource | None:
        """Where a table is, its rows loaded."""
        with self._lock:
            table = self._tables.get(name)
            if table is None:
                return None
            if name in self.refresh:
                table.add(self.refresh[name]())
            time = next((column for column in ("TimeGenerated", "Timestamp") if column in table.columns), "")
            return TableSource(table.ready(), table.columns, table.basic, time, table.rows, table.timed)

    def columns(self, kql: str) -> Columns:
        """Name and engine type of the columns of lowered KQL's answer."""
        return engine().columns(kql)

    def close(self) -> None:
        """Drop all tables."""
        with self._lock:
            for name in list(self._tables):
                self.remove(name)
