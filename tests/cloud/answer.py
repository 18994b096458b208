"""The engine's answers in Kusto's forms: column types, and how each value is written in JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.cloud.engine import Result
from tests.cloud.kql.errors import semantic_error

_KINDS = (
    ("String", "string"),
    ("DateTime", "datetime"),
    ("Bool", "bool"),
    ("Interval", "timespan"),
    ("Int32", "int"),
    ("Int", "long"),
    ("UInt", "long"),
    ("Float", "real"),
    ("Decimal", "timespan"),
)


def kusto_type(kind: str) -> str:
    """Kusto's name for an engine type.

    Raises:
        KqlError: the engine mixed types that Kusto does not mix.
    """
    if kind.startswith(("Array", "LowCardinality(Nullable(String")):
        return "dynamic"
    for wrapper in ("Nullable(", "LowCardinality("):
        kind = kind.removeprefix(wrapper)
    for prefix, name in _KINDS:
        if kind.startswith(prefix):
            return name
    raise semantic_error(f"No common type can be determined: {kind}", "SEM0232")


def cell_time(value: str) -> str:
    """A time as the query API writes it in a cell: up to seven digits, without trailing zeros."""
    head, _, digits = value.partition(".")
    digits = digits[:7].rstrip("0")
    return f"{head[:10]}T{head[11:]}.{digits}Z" if digits else f"{head[:10]}T{head[11:]}Z"


def long_moment(value: str) -> str:
    """A time as Kusto writes it inside a text or a dynamic value: always seven digits."""
    head, _, digits = value.partition(".")
    return f"{head[:10]}T{head[11:]}.{digits[:7]:0<7}Z"


def timespan(ticks: int) -> str:
    """A time span of so many 100 ns, as Kusto writes it."""
    sign, ticks = ("-", -ticks) if ticks < 0 else ("", ticks)
    seconds, ticks = divmod(ticks, 10_000_000)
    days, seconds = divmod(seconds, 86_400)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return sign + (f"{days}." if days else "") + text + (f".{ticks:07}" if ticks else "")


def _inside(value: Any, kind: str) -> Any:
    if isinstance(value, list):
        element = kind.removeprefix("Array(")
        return [_inside(item, element) for item in value]
    return long_moment(value) if isinstance(value, str) and "DateTime" in kind else value


def _cell(kind: str) -> Callable[[Any], Any] | None:
    """How a column's values are rewritten; None when they stand as they are."""
    kusto = kusto_type(kind)
    if kusto == "datetime":
        return cell_time
    if kusto == "timespan":
        if "Interval" in kind:
            return lambda value: timespan(int(value) // 100)
        return lambda value: timespan(int(Decimal(str(value)) * 10_000_000))
    if kind.startswith("Array"):
        if "DateTime" in kind:
            return lambda value: _dump(_inside(value, kind))
        return _dump
    return None


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def result_rows(result: Result) -> tuple[list[dict[str, str]], list[list[Any]]]:
    """The columns (name and Kusto type) and the rows of an answer; dynamic values as JSON text."""
    columns = [{"name": name, "type": kusto_type(kind)} for name, kind in result.columns]
    rewrites = [(place, rewrite) for place, (_, kind) in enumerate(result.columns) if (rewrite := _cell(kind))]
    for row in result.rows:
        for place, rewrite in rewrites:
            if row[place] is not None:
                row[place] = rewrite(row[place])
    return columns, result.rows
