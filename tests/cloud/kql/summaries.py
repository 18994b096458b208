"""`summarize`: aggregates with Kusto's names, and arg_max, which takes whole rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tests.cloud.kql import functions
from tests.cloud.kql.errors import missing_column
from tests.cloud.kql.shapes import Expr, Names, kind_of, last_if_missing, named, picked
from tests.cloud.kql.sources import Sources


class Summaries(Sources):
    """Lowers `summarize` and `distinct`."""

    def summarize(self, left: str) -> str:
        """A summarize whose word has been taken.

        Raises:
            KqlError: it names what is not there.
        """
        start = self.place
        self.pass_over("by", "|", ";")
        some = self.place > start
        names, keys = Names(), []
        if self.word("by"):
            keys = self.listed(self._key)
        end = self.place
        by = {names.of(name, value): value for name, value in keys}
        aggregates: dict[str, Expr] = {}
        if some:
            # Read after the keys, as their columns are not among what `*` takes.
            self.go_back(start)
            aggregates = self._aggregates(left, names, list(by))
            if not self.here.is_name("by") and self.place != end:
                raise self.unexpected()
            self.go_back(end)
        elif not by:
            raise self.unexpected()
        self.context.shape = {name: value.kind for name, value in (by | aggregates).items()}
        self.context.timed = False
        listed = ", ".join(f"{named(name)} = {value.text}" for name, value in aggregates.items())
        return f"{left}\n| summarize {listed}{_by(by)}{_BARRIER}"

    def distinct(self, left: str) -> str:
        """A distinct whose word has been taken."""
        names = Names()
        by = {names.of("", value): value for value in self.listed(self.expression)}
        self.context.timed = False
        self.context.shape = {name: value.kind for name, value in by.items()}
        return f"{left}\n| summarize{_by(by)}{_BARRIER}"

    def _key(self) -> tuple[str, Expr]:
        return self.gives_name(), self.expression()

    def _aggregates(self, left: str, names: Names, keys: Sequence[str]) -> dict[str, Expr]:
        out: dict[str, Expr] = {}
        while True:
            name = self.gives_name()
            if self.here.is_name("arg_max") and self.ahead(1).is_mark("("):
                self.skip()
                self.skip()
                out |= self._arg_max(name, left, names, keys)
            else:
                value = self.apart(names)
                out[names.of(name, value)] = value
            if not self.took(","):
                return out

    def _arg_max(self, name: str, left: str, names: Names, keys: Sequence[str]) -> dict[str, Expr]:
        wanted, shape = self.expression(), self.context.shape
        taken: list[tuple[str, str]] = []
        while self.took(","):
            if self.took("*"):
                taken += [("", column) for column in shape if column not in keys and column != wanted.column]
            else:
                taken.append((self.gives_name(), self.name()))
        self.mark(")")
        for column in (column for _, column in taken if column not in shape):
            raise missing_column(column)
        if not wanted.kind or any(not shape[column] for _, column in taken):
            found = self.engine_types(f"{left}\n| extend kql_order = {wanted.text}")
            shape = {column: kind_of(kind) for column, kind in found.items()}
            wanted = replace(wanted, kind=shape["kql_order"])
        order = last_if_missing(wanted.text, wanted.kind)
        # Of an expression without a name of its own, Kusto makes one as for max().
        first = names.of(name, wanted) if name or wanted.column or wanted.name else names.made("max_")
        out = {first: functions.call("max", [wanted])}
        for given, column in taken:
            kind = shape[column]
            new = names.given(given) if given else names.made(column)
            out[new] = Expr(picked(named(column), kind, order), kind=kind)
        return out


def _by(keys: dict[str, Expr]) -> str:
    return f" by {', '.join(f'{named(name)} = {value.text}' for name, value in keys.items())}" if keys else ""


# It keeps what follows from mixing a group's key with the column it was made of.
_BARRIER = "\n| where true"
