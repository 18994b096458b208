"""`summarize`: aggregates with Kusto's names, and arg_max and arg_min, which take whole rows."""

from __future__ import annotations

from collections.abc import Sequence

from tests.cloud.kql.errors import missing_column
from tests.cloud.kql.joins import Joins
from tests.cloud.kql.shapes import Expr, Names, last_if_missing, named, picked


class Summaries(Joins):
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
        by = {names.of(name, value): value.text for name, value in keys}
        aggregates: list[str] = []
        if some:
            # Read after the keys, as their columns are not among what `*` takes.
            self.go_back(start)
            aggregates = self._aggregates(left, names, list(by))
            if not self.here.is_name("by") and self.place != end:
                raise self.unexpected()
            self.go_back(end)
        elif not by:
            raise self.unexpected()
        return f"{left}\n| summarize {', '.join(aggregates)}{_by(by)}{_BARRIER}"

    def distinct(self, left: str) -> str:
        """A distinct whose word has been taken."""
        if self.took("*"):
            return f"{left}\n| distinct *"
        names = Names()
        by = {names.of("", value): value.text for value in self.listed(self.expression)}
        return f"{left}\n| summarize{_by(by)}{_BARRIER}"

    def _key(self) -> tuple[str, Expr]:
        return self.gives_name(), self.expression()

    def _aggregates(self, left: str, names: Names, keys: Sequence[str]) -> list[str]:
        out: list[str] = []
        while True:
            name = self.gives_name()
            function = self.here.text
            if self.here.is_name("arg_max", "arg_min") and self.ahead(1).is_mark("("):
                self.skip()
                self.skip()
                out += self._arg(function, name, left, names, keys)
            else:
                value = self.apart(left, names)
                out.append(f"{named(names.of(name, value))} = {value.text}")
            if not self.took(","):
                return out

    def _arg(self, function: str, name: str, left: str, names: Names, keys: Sequence[str]) -> list[str]:
        wanted = self.expression()
        shape = dict(self.columns(left))
        taken: list[tuple[str, str]] = []
        while self.took(","):
            if self.took("*"):
                taken += [("", column) for column in shape if column not in keys and column != wanted.column]
            else:
                taken.append((self.gives_name(), self.name()))
        self.mark(")")
        kind = dict(self.columns(f"{left}\n| project kql_order = {wanted.text}"))["kql_order"]
        largest = function == "arg_max"
        order = last_if_missing(wanted.text, kind, lowest=largest)
        # Of an expression without a name of its own, Kusto makes one as for max() or min().
        first = names.of(name, wanted) if name or wanted.column or wanted.name else names.made(function[4:] + "_")
        out = [f"{named(first)} = {function[4:]}({wanted.text})"]
        for given, column in taken:
            if column not in shape:
                raise missing_column(column)
            new = names.given(given) if given else names.made(column)
            pick = "argMax" if largest else "argMin"
            out.append(f"{named(new)} = {picked(pick, named(column), shape[column], order)}")
        return out


def _by(keys: dict[str, str]) -> str:
    return f" by {', '.join(f'{named(name)} = {text}' for name, text in keys.items())}" if keys else ""


# It keeps what follows from mixing a group's key with the column it was made of.
_BARRIER = "\n| where true"
