"""KQL as it was sent, lowered to the KQL that the embedded engine runs with Kusto's meaning.

The query is parsed whole: an operator, function or form that is not known here is refused and never passed on, and the
refusal says where to add it. Known is what the project's own queries need, and no more. Lowered are names of tables,
now() and ago(), texts made of datetimes, coalesce over empty texts, comparisons with null, hash, lists with a condition
or a limit, arg_max, column_ifexists, union by name, the names of columns that have none, and dynamic values, which the
engine holds as JSON texts. Known departures: an operand of a wrong type is refused only where the engine refuses it;
dcount is exact for small numbers; mv-expand takes one list; ingestion_time() is known of tables that were defined with
it, as far as their own rows go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from tests.cloud.kql import functions
from tests.cloud.kql.context import INGESTED, Catalog, Context
from tests.cloud.kql.errors import semantic_error, syntax_error
from tests.cloud.kql.shapes import Expr, Names, Shape, named
from tests.cloud.kql.summaries import Summaries
from tests.cloud.kql.tokens import tokenize

_NOT_ON_BASIC = ("summarize", "distinct", "top", "order")


@dataclass(frozen=True, slots=True)
class Lowered:
    """The KQL for the engine, and how many rows the tables hold that it reads."""

    text: str
    rows: int


def lower(
    query: str,
    catalog: Catalog,
    now: datetime,
    span: tuple[datetime, datetime] | None = None,
    seen: datetime | None = None,
) -> Lowered:
    """Lower a query. `now` is what now() means; `span` is applied to the time of every table it reads.

    Of a timed table it reads what was ingested by `seen` (None: by now).

    Raises:
        KqlError: the service would refuse it, or it is beyond what is known here.
    """
    context = Context(catalog, now, span, seen or now)
    text = _Query(tokenize(query), context).statements()
    return Lowered(context.prelude + text, context.rows)


class _Query(Summaries):
    """Lowers statements and the operators that have no file of their own."""

    def statements(self) -> str:
        """All statements; those of `let` go to the prelude."""
        while self.word("let"):
            self._let()
        self.context.basic = ""
        text, _ = self.pipeline()
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
        if table:
            text, context.let_shapes[name] = self.pipeline()
            value = Expr(text)
        else:
            context.shape = {}
            value = self.expression()
            context.let_kinds[name] = value.kind
        self.mark(";")
        context.lets[name] = table
        if context.basic:
            context.basic_lets[name] = context.basic
        context.prelude += f"let {named(name)} = {value.text};\n"

    def pipeline(self) -> tuple[str, Shape]:
        """A tabular expression, lowered, and its columns."""
        context, outer = self.context, (self.context.left, self.context.shape, self.used, self.context.timed)
        basic, context.basic, context.timed, self.used = context.basic, "", False, set()
        text = self.source()
        while self.took("|"):
            context.left = text
            text = self._operator(text)
        text = self.without_times(text)
        shape = context.shape
        context.left, context.shape, self.used, context.timed = outer
        context.basic = context.basic or basic
        return text, shape

    def _operator(self, left: str) -> str:
        name = self.hyphened()
        if name not in self._OPERATORS:
            raise syntax_error(
                f"the operator '{name}' is not understood here; tests/cloud/kql/lower.py lists those that are"
            )
        if self.context.basic and name in _NOT_ON_BASIC:
            raise semantic_error(
                f"'{name}' operator is not supported for the table '{self.context.basic}', which is on the Basic plan"
            )
        return self._OPERATORS[name](self, left)

    def _where(self, left: str) -> str:
        return f"{left}\n| where {self.expression().text}"

    def _named(self) -> dict[str, Expr]:
        names = Names()
        out: dict[str, Expr] = {}
        while True:
            name = self.gives_name()
            value = self.apart(names)
            out[names.of(name, value)] = value
            if not self.took(","):
                return out

    def _extend(self, left: str) -> str:
        """A column that is replaced keeps its place, as in Kusto; the engine would put it last."""
        new, shape = self._named(), self.context.shape
        self.context.shape = shape | {name: value.kind for name, value in new.items()}
        text = f"{left}\n| extend {_assigned(new)}"
        if shape.keys().isdisjoint(new):
            return text
        return f"{text}\n| project {', '.join(map(named, self._carried()))}"

    def _carried(self) -> list[str]:
        """The columns that the rows have, with the hidden one."""
        return [*self.context.shape, *([INGESTED] if self.context.timed else [])]

    def _project(self, left: str) -> str:
        new = self._named()
        self.context.timed = False
        self.context.shape = {name: value.kind for name, value in new.items()}
        return f"{left}\n| project {_assigned(new)}"

    def _count(self, left: str) -> str:
        self.context.shape, self.context.timed = {"Count": "count"}, False
        return f"{left}\n| count"

    def _take(self, left: str) -> str:
        return f"{left}\n| take {self.expression().text}"

    def _mv_expand(self, left: str) -> str:
        """A row for each element of a list. An empty list gives none; what is no list, or missing, stays one row."""
        name = self.gives_name()
        value = self.expression()
        name = name or value.column
        if not name:
            raise syntax_error("mv-expand: an expression without a name is not understood here")
        kind = self._typeof()
        items = value.text
        if value.kind != "dynamic":
            made = self.engine_types(f"{left}\n| extend kql_list = {items}")["kql_list"]
            if not made.startswith(("Array", "LowCardinality(")):
                raise semantic_error(f"mv-expand: expression '{name}' must be of type dynamic", "SEM0105")
            items = f"toJSONString({items})" if made.startswith("Array") else items
        shape = self.context.shape
        self.context.shape = shape | {name: kind}
        text = f"{left}\n| extend {named(name)} = {functions.element_of(f'arrayJoin(kql_items({items}))', kind)}"
        return f"{text}\n| project {', '.join(map(named, self._carried()))}" if name in shape else text

    def _typeof(self) -> str:
        if not self.word("to"):
            return "dynamic"
        self.need("typeof")
        self.mark("(")
        kind = self.need(*functions.ELEMENTS)
        self.mark(")")
        return kind

    def _sorted(self) -> str:
        key = self.expression().text
        return f"{key} {self.word('asc', 'desc') or 'desc'}"

    def _order(self, left: str) -> str:
        self.need("by")
        return f"{left}\n| order by {', '.join(self.listed(self._sorted))}"

    def _top(self, left: str) -> str:
        number = self.expression().text
        self.need("by")
        return f"{left}\n| top {number} by {self._sorted()}"

    _OPERATORS: ClassVar[dict[str, Callable[[_Query, str], str]]] = {
        "where": _where,
        "extend": _extend,
        "project": _project,
        "mv-expand": _mv_expand,
        "summarize": Summaries.summarize,
        "distinct": Summaries.distinct,
        "count": _count,
        "take": _take,
        "order": _order,
        "top": _top,
    }


def _assigned(columns: Mapping[str, Expr]) -> str:
    return ", ".join(f"{named(name)} = {value.text}" for name, value in columns.items())
