"""The embedded engine: one chDB session for the process, started at its first use, one statement at a time.

Every small Azure of the process shares it; their tables differ by name. Importing chDB takes about a second,
so nothing here does before a query needs it.
"""

from __future__ import annotations

import atexit
import copy
import hashlib
import json
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import Any

from tests.cloud.kql.errors import KqlError, semantic_error, syntax_error

_TYPES = {
    "string": "String",
    "guid": "String",
    "datetime": "Nullable(DateTime64(7, 'UTC'))",
    "long": "Nullable(Int64)",
    "int": "Nullable(Int32)",
    "bool": "Nullable(Bool)",
    "real": "Nullable(Float64)",
    # Nothing else is LowCardinality, so this is how a dynamic column is known again in an answer.
    "dynamic": "LowCardinality(Nullable(String))",
}
_FUNCTIONS = {
    # How Kusto writes a value as text: a missing one as nothing, a datetime in ISO 8601 with seven digits.
    "kql_text": "(x) -> multiIf("
    "toTypeName(x) = 'String', ifNull(toString(x), ''), "
    "position(toTypeName(x), 'DateTime64') = 1 OR position(toTypeName(x), 'Nullable(DateTime64') = 1, "
    "ifNull(concat(substring(toString(x), 1, 10), 'T', substring(toString(x), 12, 16), 'Z'), ''), "
    "position(toTypeName(x), 'Array') = 1, toJSONString(x), "
    "position(toTypeName(x), 'Float') > 0, "
    "ifNull(concat(toString(x), if(match(toString(x), '^-?[0-9]+$'), '.0', '')), ''), "
    "position(toTypeName(x), 'Interval') > 0 OR position(toTypeName(x), 'Decimal') > 0, "
    # The condition again: a branch that is not taken may still be evaluated.
    "toString(throwIf(materialize(position(toTypeName(x), 'Interval') > 0 OR position(toTypeName(x), 'Decimal') > 0), "
    "'a timespan as text is not understood here')), "
    "ifNull(toString(x), ''))",
    "kql_moment": "(x) -> ifNull(concat(substring(toString(x), 1, 10), 'T', substring(toString(x), 12, 16), 'Z'), '')",
    # Null when it is missing or an empty text.
    "kql_filled": "(x) -> if(toTypeName(x) = 'String' AND toString(x) = '', NULL, x)",
    # Two missing values compare to neither true nor false; a missing one differs from every other.
    "kql_same": "(x, y) -> toBool(if(isNull(x) AND isNull(y), NULL, ifNull(x = y, false)))",
    "kql_differs": "(x, y) -> toBool(if(isNull(x) AND isNull(y), NULL, ifNull(x != y, true)))",
    # The same of a value that is never missing, such as a literal.
    "kql_is": "(x, y) -> toBool(ifNull(x = y, false))",
    "kql_is_not": "(x, y) -> toBool(ifNull(x != y, true))",
    # What toint() and tolong() read: of a real number its whole part, of a truth 1 or 0.
    "kql_trim": "(r, x) -> replaceRegexpAll(ifNull(toString(x), ''), concat('^(?:', r, ')|(?:', r, ')$'), '')",
    "kql_whole": "(x) -> multiIf("
    "position(toTypeName(x), 'Float') > 0, splitByChar('.', ifNull(toString(x), ''))[1], "
    "position(toTypeName(x), 'Bool') > 0, transform(ifNull(toString(x), ''), ['true', 'false'], ['1', '0'], ''), "
    "ifNull(toString(x), ''))",
    # Dynamic values are JSON texts; JSON's own null is a missing value. `arrayMap` names the argument once: a function
    # is written out where it is called, and a chain of calls would grow beyond all bounds.
    "kql_parsed": "(x) -> toLowCardinality(arrayMap(v -> multiIf(v = '' OR v = 'null', NULL, isValidJSON(v), v, "
    "toJSONString(v)), [trimBoth(x)])[1])",
    "kql_member": "(x, name) -> toLowCardinality(arrayMap(v -> if(startsWith(v, '{'), "
    "nullIf(nullIf(JSONExtractRaw(v, name), ''), 'null'), NULL), [ifNull(toString(x), '')])[1])",
    "kql_item": "(x, place) -> toLowCardinality(arrayMap(v -> if(startsWith(v, '['), "
    "nullIf(nullIf(JSONExtractRaw(v, place), ''), 'null'), NULL), [ifNull(toString(x), '')])[1])",
    "kql_plain": "(x) -> arrayMap(v -> if(startsWith(v, '\"'), JSONExtractString(v), v), [ifNull(toString(x), '')])[1]",
    "kql_length": "(x) -> arrayMap(v -> if(startsWith(v, '['), toNullable(toInt64(JSONLength(v))), NULL), "
    "[ifNull(toString(x), '')])[1]",
    "kql_items": "(x) -> arrayMap(v -> if(startsWith(v, '['), "
    "arrayMap(one -> nullIf(one, 'null'), JSONExtractArrayRaw(v)), [nullIf(v, '')]), [ifNull(toString(x), '')])[1]",
    "kql_hash": "(x, n) -> toInt64(modulo(xxHash64(kql_text(x)), n))",
}
_SETTINGS = (
    "SET allow_experimental_kusto_dialect = 1",
    # A column that an aggregate renames to itself is refused as nested otherwise.
    "SET prefer_column_name_to_alias = 1",
    "SET allow_suspicious_low_cardinality_types = 1",
    "SET date_time_input_format = 'best_effort'",
    "SET input_format_null_as_default = 1",
    # Compiling takes longer than nearly every query here.
    "SET compile_expressions = 0",
    "SET compile_aggregate_expressions = 0",
    "SET compile_sort_description = 0",
    # `order by … | summarize make_list(…)` keeps the order in Kusto: no sorting may be optimised away.
    "SET query_plan_remove_redundant_sorting = 0",
    "SET optimize_duplicate_order_by_and_distinct = 0",
)
_MOMENT = re.compile(r"datetime\([0-9TZ.:-]+\)")
# All columns of a part in one file: most of EmailEvents' are empty, and a file for each costs time and memory.
_LARGE = "MergeTree ORDER BY tuple() SETTINGS min_bytes_for_wide_part = 1000000000, min_rows_for_wide_part = 100000000"
MANY = 200_000
"""So many rows are read by several threads."""


@dataclass(frozen=True, slots=True)
class Result:
    """A query's rows as the engine gave them, and its columns: name and engine type."""

    columns: tuple[tuple[str, str], ...]
    rows: list[list[Any]]


class Engine:
    """One session. All methods may be called from any thread; one runs at a time."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._session: Any = None
        self._tables = 0
        self._shapes: dict[str, tuple[tuple[str, str], ...]] = {}
        self._of_nothing = lru_cache(maxsize=500)(partial(self._answered, rows=0))

    def _run(self, statement: str, dialect: str = "clickhouse", form: str = "Null") -> str:
        with self._lock:
            if self._session is None:
                self._start()
            self._session.query(f"SET dialect = '{dialect}'")
            try:
                return str(self._session.query(statement, form))
            except RuntimeError:
                # What is left of a failed statement would come out with the next one's answer.
                self._session.query("SET dialect = 'clickhouse'")
                self._session.query("SELECT 1", "Null")
                raise
            finally:
                self._session.query("SET dialect = 'clickhouse'")

    def _start(self) -> None:
        from chdb.session import Session

        self._session = Session()
        atexit.register(self._session.close)  # it complains on standard error when the interpreter goes before it
        for setting in _SETTINGS:
            self._session.query(setting)
        for name, body in _FUNCTIONS.items():
            self._session.query(f"CREATE FUNCTION {name} AS {body}")

    def create(self, columns: dict[str, str], large: bool = False) -> str:
        """A new empty table with columns of Kusto types; its name. A `large` one is kept compressed on disk."""
        with self._lock:
            self._tables += 1
            shape = _digest(columns)
            name = f"kql_table_{self._tables}_{shape}"
            listed = ", ".join(f"{quoted(column)} {_TYPES[kind]}" for column, kind in columns.items())
            kind = _LARGE if large else "Memory"
            self._run(f"CREATE TABLE {name} ({listed}) ENGINE = {kind}")
            self._run(f"CREATE TABLE IF NOT EXISTS {_shape(name)} ({listed}) ENGINE = Memory")
            return name

    def has(self, table: str, columns: dict[str, str]) -> bool:
        """Whether a table was made with just these columns."""
        return table.endswith(f"_{_digest(columns)}")

    def append(self, table: str, source: str, columns: Iterable[str]) -> None:
        """Copy these columns of all rows of one table into another."""
        names = ", ".join(map(quoted, columns))
        self.sql(f"INSERT INTO {table} ({names}) SELECT {names} FROM {source}")

    def names_in(self, path: str, form: str) -> list[str]:
        """The columns of a file of one of the engine's formats.

        Raises:
            ValueError: it is no such file.
        """
        answer = self.sql(f"DESCRIBE TABLE file({literal(path)}, {form})", "JSONCompactEachRow")
        return [json.loads(line)[0] for line in answer.splitlines()]

    def drop(self, table: str) -> None:
        """Remove a table."""
        self._run(f"DROP TABLE {table} SYNC")

    def insert(self, table: str, columns: dict[str, str], path: str, form: str) -> None:
        """Add a file's rows (`form` is the engine's name of the format) that has just these columns.

        Raises:
            ValueError: the file does not hold such rows.
        """
        names = ", ".join(map(quoted, columns))
        structure = ", ".join(f"{quoted(column)} {_TYPES[kind]}" for column, kind in columns.items())
        self.sql(
            f"INSERT INTO {table} ({names}) SELECT {names} FROM file({literal(path)}, {form}, {literal(structure)})"
        )

    def sql(self, statement: str, form: str = "TabSeparated") -> str:
        """Run a statement of the engine's own SQL; its answer in one of the engine's formats.

        Raises:
            ValueError: the engine refuses it.
        """
        try:
            return self._run(statement, form=form)
        except RuntimeError as error:
            raise ValueError(_message(error)) from None

    def copy_events(
        self, source: str, have: dict[str, str], target: str, columns: dict[str, str], current: bool
    ) -> None:
        """Copy events into an empty table, each with a Timestamp; only the `current` row of a message and recipient."""
        state = (
            "coalesce(LastEventExecutionTime, TimeGenerated)" if "LastEventExecutionTime" in have else "TimeGenerated"
        )
        sent = "coalesce(Timestamp, TimeGenerated)" if "Timestamp" in have else "TimeGenerated"
        picked = ", ".join(f"{sent} AS Timestamp" if name == "Timestamp" else quoted(name) for name in columns)
        order = (
            f" ORDER BY LatestDeliveryAction != '' DESC, {state} DESC, TimeGenerated DESC, LatestDeliveryAction,"
            f" {sent} DESC, Subject DESC LIMIT 1 BY NetworkMessageId, lowerUTF8(RecipientEmailAddress)"
        )
        self._run(
            f"INSERT INTO {target} ({', '.join(map(quoted, columns))})"
            f" SELECT {picked} FROM {source}{order if current else ''}"
        )

    def count(self, table: str) -> int:
        """How many rows a table holds."""
        return int(self._run(f"SELECT count() FROM {table}", form="TabSeparated"))

    def columns(self, kql: str) -> tuple[tuple[str, str], ...]:
        """Name and engine type of the columns that lowered KQL would answer with; no rows are read.

        Raises:
            KqlError: the engine refuses it.
        """
        shape = _MOMENT.sub("datetime(2000-01-01T00:00:00.0000000Z)", _shape(kql))
        if shape not in self._shapes:
            self._shapes[shape] = self.query(shape, rows=0).columns
        return self._shapes[shape]

    def query(self, kql: str, rows: int) -> Result:
        """Run KQL that has been lowered; `rows` is how many the tables hold that it reads.

        Raises:
            KqlError: the engine refuses it.
        """
        if rows:
            return self._answered(kql, rows)
        # Of tables without rows the answer is the same each time. Many tests begin with such tables.
        return copy.deepcopy(self._of_nothing(_shape(kql)))

    def _answered(self, kql: str, rows: int) -> Result:
        with self._lock:
            # One thread reads few rows fastest, and always in the same order. Of many, what is sorted stays in order
            # all the same: a sort ends in one stream, and the engine does not split it again.
            self._run(f"SET max_threads = {1 if rows < MANY else 'DEFAULT'}")
            try:
                answer = json.loads(self._run(kql, "kusto", "JSONCompact"))
            except RuntimeError as error:
                raise _refusal(error) from None
        columns = tuple((column["name"], column["type"]) for column in answer["meta"])
        return Result(columns, answer["data"])


@cache
def engine() -> Engine:
    """The process's engine."""
    return Engine()


def _digest(columns: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(list(columns.items())).encode()).hexdigest()[:12]


def _shape(text: str) -> str:
    """The empty twin that tables of the same columns share, or a query over the empty twins of all its tables."""
    return re.sub(r"\bkql_table_\d+_([0-9a-f]{12})\b", r"kql_shape_\1", text)


def quoted(name: str) -> str:
    """A name in the engine's own SQL."""
    return "`" + name.replace("`", "``") + "`"


def literal(value: str) -> str:
    """A text in the engine's own SQL."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _message(error: RuntimeError) -> str:
    message = re.sub(r"^.*?DB::Exception:\s*", "", str(error), flags=re.DOTALL)
    return re.sub(r"\bkql_(?:table_\d+|shape)_[0-9a-f]{12}\b", "the table", message)[:500]


def _refusal(error: RuntimeError) -> KqlError:
    message = _message(error)
    if "(SYNTAX_ERROR)" in message:
        return syntax_error(f"Query could not be parsed: {message}")
    if found := re.search(r"Unknown expression(?: or function)? identifier `([^`]+)`", message):
        return semantic_error(f"Failed to resolve column or scalar expression named '{found[1]}'")
    if "(MEMORY_LIMIT_EXCEEDED)" in message:
        return KqlError("EngineError", "E_LOW_MEMORY_CONDITION", "Query execution lacks memory resources to complete")
    return semantic_error(message)
