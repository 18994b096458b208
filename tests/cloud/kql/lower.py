"""KQL as it was sent, lowered to the KQL that the embedded engine runs with Kusto's meaning.

The query is parsed whole: an operator, function or form that is not known here is refused and never passed on. Lowered
are names of tables, now() and ago(), texts made of datetimes, coalesce over empty texts, comparisons with null, hash,
lists with a condition or a limit, arg_max and arg_min, column_ifexists, toscalar, getschema, union and join by name,
and the names of columns that have none. Known departures: an operand of a wrong type is refused only where the engine
refuses it; % of a negative number has the engine's sign; dcount is exact for small numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from tests.cloud.answer import kusto_type
from tests.cloud.kql.context import Catalog, Context
from tests.cloud.kql.errors import missing_column, semantic_error, syntax_error
from tests.cloud.kql.literals import quote
from tests.cloud.kql.shapes import Expr, Names, named
from tests.cloud.kql.summaries import Summaries
from tests.cloud.kql.tokens import tokenize

_NOT_ON_BASIC = ("summarize", "join", "union", "distinct", "top", "sort", "order")
_SYSTEM_TYPES = {
    "string": "System.String",
    "datetime": "System.DateTime",
    "long": "System.Int64",
    "int": "System.Int32",
    "bool": "System.SByte",
    "real": "System.Double",
    "timespan": "System.TimeSpan",
    "guid": "System.Guid",
    "dynamic": "System.Object",
}


@dataclass(frozen=True, slots=True)
class Lowered:
    """The KQL for the engine, and how many rows the tables hold that it reads."""

    text: str
    rows: int


def lower(query: str, catalog: Catalog, now: datetime, span: tuple[datetime, datetime] | None = None) -> Lowered:
    """Lower a query. `now` is what now() means; `span` is applied to the time of every table it reads.

    Raises:
        KqlError: the service would refuse it, or it is beyond what is known here.
    """
    context = Context(catalog, now, span)
    text = _Query(tokenize(query), context).statements()
    return Lowered(context.prelude + text, context.rows)


class _Query(Summaries):
    """Lowers statements and the operators that have no file of their own."""

    def statements(self) -> str:
        """All statements; those of `let` go to the prelude."""
        while self.word("let"):
            self._let()
        self.context.basic = ""
        text = self.pipeline()
        self.took(";")
        if not self.ended:
            raise self.unexpected()
        return text

    def _let(self) -> None:
        context = self.context
        name = self.name()
        self.mark("=")
        table = self.is_tabular()
        context.basic = ""
        value = Expr(self.pipeline()) if table else self.expression()
        self.mark(";")
        context.lets[name] = table
        if context.basic:
            context.basic_lets[name] = context.basic
        if value.literal == "array":
            context.arrays[name] = value.text.removeprefix("dynamic([").removesuffix("])")
        context.prelude += f"let {named(name)} = {value.text};\n"

    def pipeline(self) -> str:
        """A tabular expression, lowered."""
        context, outer = self.context, (self.context.left, self.context.basic, self.used)
        context.basic, self.used = "", set()
        text = self.source()
        while self.took("|"):
            context.left = text
            text = self._operator(text)
        context.left, self.used = outer[0], outer[2]
        context.basic = context.basic or outer[1]
        return text

    def _operator(self, left: str) -> str:
        start = self.place
        name = self.hyphened()
        if name not in self._OPERATORS:
            self.go_back(start)
            raise self.unexpected()
        if self.context.basic and name in _NOT_ON_BASIC:
            raise semantic_error(
                f"'{name}' operator is not supported for the table '{self.context.basic}', which is on the Basic plan"
            )
        return self._OPERATORS[name](self, left)

    def _where(self, left: str) -> str:
        return f"{left}\n| where {self.expression().text}"

    def _columns(self, operator: str, left: str) -> str:
        names = Names()

        def one() -> str:
            name = self.gives_name()
            value = self.apart(left, names)
            return f"{named(names.of(name, value))} = {value.text}"

        return f"{left}\n| {operator} {', '.join(self.listed(one))}"

    def _extend(self, left: str) -> str:
        """A column that is replaced keeps its place, as in Kusto; the engine would put it last."""
        text = self._columns("extend", left)
        before = [name for name, _ in self.columns(left)]
        after = [name for name, _ in self.columns(text)]
        if after[: len(before)] == before:
            return text
        ordered = before + [name for name in after if name not in before]
        return f"{text}\n| project {', '.join(map(named, ordered))}"

    def _project(self, left: str) -> str:
        return self._columns("project", left)

    def _project_away(self, left: str) -> str:
        gone = self.listed(self.name)
        kept = [name for name in self._having(left, gone) if name not in gone]
        return f"{left}\n| project {', '.join(map(named, kept))}"

    def _project_keep(self, left: str) -> str:
        """In the order of the input, as in Kusto; the engine would take the order given here."""
        kept = self.listed(self.name)
        return f"{left}\n| project {', '.join(named(name) for name in self._having(left, kept) if name in kept)}"

    def _project_rename(self, left: str) -> str:
        """In place, as in Kusto; the engine would put the renamed columns last."""

        def one() -> tuple[str, str]:
            new = self.gives_name()
            if not new:
                raise self.unexpected()
            return self.name(), new

        renamed = dict(self.listed(one))
        names = Names()
        listed = [
            f"{named(names.given(renamed.get(name, name)))} = {named(name)}" for name in self._having(left, renamed)
        ]
        return f"{left}\n| project {', '.join(listed)}"

    def _having(self, left: str, wanted: Iterable[str]) -> list[str]:
        """The input's columns; all that are wanted must be among them."""
        have = [name for name, _ in self.columns(left)]
        for name in wanted:
            if name not in have:
                raise missing_column(name)
        return have

    def _count(self, left: str) -> str:
        return f"{left}\n| count"

    def _take(self, left: str) -> str:
        return f"{left}\n| take {self.expression().text}"

    def _as(self, left: str) -> str:
        self.name()
        return left

    def _sorted(self) -> str:
        key = self.expression().text
        way = self.word("asc", "desc") or "desc"
        nulls = self.need("first", "last") if self.word("nulls") else ""
        return f"{key} {way}" + (f" nulls {nulls}" if nulls else "")

    def _order(self, left: str) -> str:
        self.need("by")
        return f"{left}\n| order by {', '.join(self.listed(self._sorted))}"

    def _top(self, left: str) -> str:
        number = self.expression().text
        self.need("by")
        return f"{left}\n| top {number} by {self._sorted()}"

    def _mv_expand(self, left: str) -> str:
        name = self.gives_name()
        value = self.expression()
        name = name or value.column
        if not name or self.here.is_mark(","):
            raise syntax_error("mv-expand: only one column, with a name, is understood here")
        text = f"{left}\n| mv-expand {named(name)} = {value.text}"
        if self.word("to"):
            self.need("typeof")
            self.mark("(")
            self.need("string")
            self.mark(")")
            text += f"\n| extend {named(name)} = kql_text({named(name)})"
        return text

    def _getschema(self, left: str) -> str:
        rows = []
        for place, (name, kind) in enumerate(self.columns(left)):
            kusto = kusto_type(kind)
            rows.append(f"{quote(name)}, {place}, {quote(_SYSTEM_TYPES[kusto])}, {quote(kusto)}")
        columns = "ColumnName: string, ColumnOrdinal: long, DataType: string, ColumnType: string"
        return f"datatable({columns}) [{', '.join(rows)}]"

    _OPERATORS: ClassVar[dict[str, Callable[[_Query, str], str]]] = {
        "where": _where,
        "filter": _where,
        "extend": _extend,
        "project": _project,
        "project-away": _project_away,
        "project-keep": _project_keep,
        "project-rename": _project_rename,
        "summarize": Summaries.summarize,
        "distinct": Summaries.distinct,
        "join": Summaries.join,
        "union": Summaries.union,
        "count": _count,
        "take": _take,
        "limit": _take,
        "order": _order,
        "sort": _order,
        "top": _top,
        "mv-expand": _mv_expand,
        "mvexpand": _mv_expand,
        "as": _as,
        "getschema": _getschema,
    }
