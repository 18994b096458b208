"""The raw text of all cells of all files, kept in the engine on disk until every column is understood."""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.cloud.engine import engine, literal, quoted
from tests.cloud.events import csv_file
from tests.cloud.events.csv_file import Chunk
from tests.cloud.events.record import Cells
from tests.cloud.events.source import Source, repaired
from tests.cloud.schemas import EMAIL_EVENTS

BATCH = 8 << 20
_SERIAL = itertools.count(1)
_FORM = (
    "format_csv_allow_single_quotes = 0, input_format_csv_detect_header = 0, input_format_csv_trim_whitespaces = 0,"
    " format_csv_null_representation = '\\x01', input_format_parallel_parsing = 0, max_threads = 1,"
    " input_format_csv_empty_as_default = 1, input_format_json_read_numbers_as_strings = 1"
)
TAB = "\t"


class Staging:
    """A table of texts: a column for each of `EmailEvents`, the place of the file, the number of the record in it."""

    def __init__(self) -> None:
        self.table = f"events_raw_{next(_SERIAL)}"
        self.used: set[str] = set()
        """Columns that any file has."""
        self.rows = 0
        self._count: dict[int, int] = {}
        self._lines: list[str] = []
        self._waiting = 0
        self._file = Path()

    def __enter__(self) -> Self:
        columns = ", ".join(f"{quoted(name)} String" for name in EMAIL_EVENTS)
        engine().sql(f"CREATE TABLE {self.table} (_source UInt32, _record UInt64, {columns}) ENGINE = Log")
        with tempfile.NamedTemporaryFile(delete=False, suffix=".events") as file:
            self._file = Path(file.name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        engine().sql(f"DROP TABLE {self.table} SYNC")
        self._file.unlink(missing_ok=True)

    def count(self, source: Source) -> int:
        """How many records of a file are here."""
        return self._count.get(source.place, 0)

    def chunk(self, source: Source, chunk: Chunk) -> bool:
        """Let the engine read a chunk of CSV. False when it does not take it: nothing of it is here then."""
        if not _plain(chunk.data):
            return False
        self.flush()
        self._file.write_bytes(chunk.data)
        columns = chunk.header.columns
        names = [name or f"_{place}" for place, name in enumerate(columns)]
        structure = ", ".join(f"{quoted(name)} String" for name in names)
        known = [quoted(name) for name in columns if name]
        try:
            engine().sql(
                f"INSERT INTO {self.table} (_source, _record, {', '.join(known)})"
                f" SELECT {source.place}, {self.count(source)} + rowNumberInAllBlocks(), {', '.join(known)}"
                f" FROM file({literal(str(self._file))}, CSV, {literal(structure)})"
                f" SETTINGS {_FORM}, format_csv_delimiter = {literal(chunk.header.delimiter)},"
                f" input_format_csv_allow_whitespace_or_tab_as_delimiter = {int(chunk.header.delimiter == TAB)}"
            )
        except ValueError:
            return False
        self.used.update(name for name in columns if name)
        self._counted(source)
        return True

    def _counted(self, source: Source) -> None:
        rows = int(engine().sql(f"SELECT count() FROM {self.table}"))
        self._count[source.place] = self.count(source) + rows - self.rows
        self.rows = rows

    def add(self, source: Source, cells: Cells) -> None:
        """Keep a record that was read here; `flush` brings the last ones in."""
        record = self.count(source)
        self._count[source.place] = record + 1
        self.used.update(cells)
        line = json.dumps({"_source": source.place, "_record": record, **cells}, ensure_ascii=False)
        self._lines.append(line)
        self._waiting += len(line)
        if self._waiting > BATCH:
            self.flush()

    def flush(self) -> None:
        """Bring what was added into the engine."""
        if not self._lines:
            return
        self._file.write_text(repaired("\n".join(self._lines)), "utf-8", newline="\n")
        self.rows += len(self._lines)
        self._lines, self._waiting = [], 0
        structure = ", ".join(
            ["_source UInt32", "_record UInt64", *(f"{quoted(name)} String" for name in sorted(self.used))]
        )
        names = ", ".join(["_source", "_record", *map(quoted, sorted(self.used))])
        engine().sql(
            f"INSERT INTO {self.table} ({names}) SELECT {names}"
            f" FROM file({literal(str(self._file))}, JSONEachRow, {literal(structure)}) SETTINGS {_FORM}"
        )
        found = int(engine().sql(f"SELECT count() FROM {self.table}"))
        if found != self.rows:
            raise RuntimeError(f"the engine kept {found:,} of {self.rows:,} records")


def _plain(data: bytes) -> bool:
    """Whether the engine reads CSV as Python does: it knows no line that ends in CR alone, and has its own mark for a
    missing value; what is not UTF-8 it would take as it is."""
    if b"\0" in data or b"\x01" in data or data.count(b"\r") != data.count(b"\r\n"):
        return False
    try:
        return data.isascii() or bool(data.decode())
    except UnicodeDecodeError:
        return False


def records_of(source: Source, chunks: Iterable[Chunk]) -> Iterable[tuple[int, Cells | str]]:
    """Line and cells of the records of all chunks."""
    for chunk in chunks:
        yield from csv_file.csv_records(source, chunk)
