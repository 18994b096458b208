"""Names and types of columns: how Kusto names what has no name, and how a missing value of a type is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.cloud.kql.errors import semantic_error

Columns = Sequence[tuple[str, str]]
"""Name and engine type of each column."""

RESERVED = frozenset(("and", "or", "by", "asc", "desc", "nulls", "on", "in", "between", "has", "contains", "to", "of"))
EARLIEST = "datetime(1900-01-01T00:00:00.0000000Z)"
LATEST = "datetime(2299-12-31T00:00:00.0000000Z)"


@dataclass(frozen=True, slots=True)
class Expr:
    """A lowered expression.

    `column` is its name when it is nothing but a column, `name` what Kusto calls a column made of it ("" when it
    numbers it), `literal` what kind of literal it is, `aggregate` the aggregate that it is a call of.
    """

    text: str
    column: str = ""
    name: str = ""
    literal: str = ""
    aggregate: str = ""


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


def plain_type(kind: str) -> str:
    """An engine type without what does not matter to Kusto: datetime, number, Bool, Float64, String, …"""
    for wrapper in ("LowCardinality(", "Nullable("):
        if kind.startswith(wrapper):
            return "dynamic" if wrapper == "LowCardinality(" else plain_type(kind[len(wrapper) : -1])
    if kind.startswith("DateTime"):
        return "datetime"
    return "number" if kind.startswith(("Int", "UInt")) and not kind.startswith("Interval") else kind


def null_of(kind: str) -> str:
    """A missing value of an engine type."""
    literals = {
        "String": '""',
        "datetime": "datetime(null)",
        "Bool": "bool(null)",
        "Float64": "real(null)",
        "dynamic": 'toLowCardinality(nullIf("", ""))',
    }
    plain = plain_type(kind)
    if plain not in literals and plain != "number":
        raise semantic_error(f"a missing value of type {plain} is not understood here")
    return literals.get(plain, "int(null)" if "Int32" in kind else "long(null)")


def last_if_missing(text: str, kind: str, lowest: bool) -> str:
    """An expression to maximise (`lowest`) or minimise, so that a missing value is the last to be picked."""
    plain = plain_type(kind)
    if not kind.startswith("Nullable(") or plain not in ("datetime", "number"):
        return text
    if plain == "datetime":
        return f"coalesce({text}, {EARLIEST if lowest else LATEST})"
    return f"coalesce({text}, {'-' if lowest else ''}9223372036854775807)"


def picked(pick: str, column: str, kind: str, order: str) -> str:
    """A column's value in the row that `pick` (argMax, argMin) finds by `order`, a missing value too.

    The engine passes over missing values; what is made here hides them from it.
    """
    if kind.startswith("LowCardinality("):
        return f"toLowCardinality(tupleElement({pick}(tuple({column}), {order}), 1))"
    if not kind.startswith("Nullable("):
        return f"{pick}({column}, {order})"
    if plain_type(kind) == "datetime":
        return f"nullIf({pick}(coalesce({column}, {EARLIEST}), {order}), {EARLIEST})"
    return f"tupleElement({pick}(tuple({column}), {order}), 1)"
