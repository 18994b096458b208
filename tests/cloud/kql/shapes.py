"""Names and types of columns: how Kusto names what has no name, and how a missing value of a type is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.cloud.kql.errors import semantic_error

Columns = Sequence[tuple[str, str]]
"""Name and engine type of each column."""
Shape = dict[str, str]
"""Name and Kusto type of each column, in order; `count` is a long that is never missing, "" a type not known here."""

RESERVED = frozenset(("and", "or", "by", "asc", "desc", "nulls", "on", "in", "between", "has", "contains", "to", "of"))
EARLIEST = "datetime(1900-01-01T00:00:00.0000000Z)"


@dataclass(frozen=True, slots=True)
class Expr:
    """A lowered expression.

    `column` is its name when it is nothing but a column, `name` what Kusto calls a column made of it ("" when it
    numbers it), `literal` what kind of literal it is, `kind` its type as in a Shape.
    """

    text: str
    column: str = ""
    name: str = ""
    literal: str = ""
    kind: str = ""


class Names:
    """The names of an operator's columns, in the order they are given."""

    def __init__(self) -> None:
        self.taken: set[str] = set()
        self._numbered = 0

    def given(self, name: str) -> str:
        """A name that the query gives.

        Raises:
            KqlError: it is taken.
        """
        if name in self.taken:
            raise semantic_error(f"A column with the name '{name}' is already declared.", "SEM0171")
        self.taken.add(name)
        return name

    def made(self, name: str) -> str:
        """A name that nobody gave: with a number, when it is taken; only a number, when it is empty."""
        if not name:
            self._numbered += 1
            return self.given(f"Column{self._numbered}")
        number, free = 0, name
        while free in self.taken:
            number += 1
            free = f"{name}{number}"
        return self.given(free)

    def of(self, name: str, value: Expr) -> str:
        """The name of a column: as given, or as Kusto makes one."""
        if name:
            return self.given(name)
        return self.given(value.column) if value.column else self.made(value.name)


def named(name: str) -> str:
    """A column's name as it is written in a query."""
    plain = name.isascii() and name.isidentifier() and name not in RESERVED
    return name if plain else f"['{name}']"


def kind_of(engine_type: str) -> str:
    """What an engine type is in a Shape: "" for what Kusto has no name for, or more than one."""
    if engine_type.startswith("LowCardinality("):
        return "dynamic"
    missing = engine_type.startswith("Nullable(")
    plain = engine_type.removeprefix("Nullable(")
    if plain.startswith("DateTime"):
        return "datetime"
    if plain.startswith(("Int", "UInt")) and not plain.startswith("Interval"):
        return ("int" if plain.startswith("Int32") else "long") if missing else "count"
    return {"Bool": "bool", "Float64": "real", "String": "" if missing else "string"}.get(plain.rstrip(")"), "")


_NULLS = {
    "string": '""',
    "datetime": "datetime(null)",
    "bool": "bool(null)",
    "real": "real(null)",
    "int": "int(null)",
    "long": "long(null)",
    "count": "long(null)",
    "dynamic": 'toLowCardinality(nullIf("", ""))',
}


def null_of(kind: str) -> str:
    """A missing value of a type."""
    if kind not in _NULLS:
        raise semantic_error("a missing value of an unknown type is not understood here")
    return _NULLS[kind]


def last_if_missing(text: str, kind: str) -> str:
    """An expression to maximise, so that a missing value is the last to be picked."""
    if kind == "datetime":
        return f"coalesce({text}, {EARLIEST})"
    if kind in ("long", "int"):
        return f"coalesce({text}, -9223372036854775807)"
    return text


def picked(column: str, kind: str, order: str) -> str:
    """A column's value in the row with the highest `order`, a missing value too.

    The engine passes over missing values; what is made here hides them from it.
    """
    if kind == "string":
        return f'ifNull(argMax({column}, {order}), "")'
    if kind == "datetime":
        return f"nullIf(argMax(coalesce({column}, {EARLIEST}), {order}), {EARLIEST})"
    if kind == "count":
        return f"argMax(toNullable({column}), {order})"
    found = f"tupleElement(argMax(tuple({column}), {order}), 1)"
    return f"toLowCardinality({found})" if kind == "dynamic" else found
