"""KQL as it was sent, lowered to the KQL that the embedded engine runs with Kusto's meaning.

The query is parsed whole: an operator, function or form that is not known here is refused and never passed on. Lowered
are names of tables, now() and ago(), texts made of datetimes, coalesce over empty texts, comparisons with null, hash,
lists with a condition or a limit, arg_max and arg_min, column_ifexists, toscalar, union and join by name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from tests.cloud.kql import functions
from tests.cloud.kql.functions import Expr
from tests.cloud.kql.tokens import Kind, KqlError, Token, quote, seconds, semantic_error, syntax_error, tokenize

Columns = Sequence[tuple[str, str]]

_COMPARE = ("==", "!=", "<>", "<", "<=", ">", ">=", "=~", "!~")
_WORD_COMPARE = (
    "has", "has_cs", "contains", "contains_cs", "startswith", "startswith_cs", "endswith", "endswith_cs",
    "hasprefix", "hassuffix",
)  # fmt: skip
_NEGATED = tuple("!" + word for word in _WORD_COMPARE)
_JOINS = ("inner", "leftouter", "rightouter", "fullouter", "leftsemi", "leftanti")
_RESERVED = frozenset(("and", "or", "by", "asc", "desc", "nulls", "on", "in", "between", "has", "contains", "to", "of"))


class Catalog(Protocol):
    """What the lowering must know of the database."""

    def table(self, name: str) -> Source | None:
        """Where a table is; None when there is none of this name."""

    def columns(self, kql: str) -> Columns:
        """Name and engine type of the columns of lowered KQL's answer."""

    def scalar(self, kql: str) -> str:
        """The only value of lowered KQL's answer, as a literal."""


@dataclass(frozen=True, slots=True)
class Source:
    """A table of the database: the engine's name for it, whether its plan refuses to summarise, its column of time
    and how many rows it holds."""

    name: str
    basic: bool = False
    time: str = "TimeGenerated"
    rows: int = 0


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
    return _Lowering(tokenize(query), catalog, now, span).run()


def moment(time: datetime) -> str:
    """A datetime literal."""
    return f"datetime({time.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{time.microsecond:06d}0Z)"


class _Lowering:
    def __init__(
        self, tokens: list[Token], catalog: Catalog, now: datetime, span: tuple[datetime, datetime] | None
    ) -> None:
        self._tokens = tokens
        self._at = 0
        self._catalog = catalog
        self._now = now
        self._span = span
        self._lets: dict[str, str] = {}
        self._prelude = ""
        self._prefix = ""
        self._basic = ""
        self._rows = 0
        self._made = 0

    # --- reading tokens

    @property
    def _here(self) -> Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else Token(Kind.MARK, "end of query", -1)

    def _peek(self, ahead: int) -> Token:
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else Token(Kind.MARK, "end of query", -1)

    def _unexpected(self) -> KqlError:
        return syntax_error(f"Query could not be parsed at '{self._here.text}' (offset {self._here.at})")

    def _mark(self, mark: str) -> None:
        if not self._here.is_mark(mark):
            raise self._unexpected()
        self._at += 1

    def _took(self, *marks: str) -> str:
        here = self._here
        if here.is_mark(*marks):
            self._at += 1
            return here.text
        return ""

    def _word(self, *words: str) -> str:
        here = self._here
        if here.is_name(*words):
            self._at += 1
            return here.text
        return ""

    def _name(self) -> str:
        here = self._here
        if here.kind not in (Kind.NAME, Kind.QUOTED_NAME) or here.text in _RESERVED and here.kind is Kind.NAME:
            raise self._unexpected()
        self._at += 1
        return here.text

    def _commas(self, one: Callable[[], str]) -> list[str]:
        found = [one()]
        while self._took(","):
            found.append(one())
        return found

    # --- statements

    def run(self) -> Lowered:
        """The whole query."""
        while self._here.is_name("let"):
            self._at += 1
            self._let()
            self._mark(";")
        text = self._pipeline()
        self._took(";")
        if self._at != len(self._tokens):
            raise self._unexpected()
        return Lowered(self._prelude + text, self._rows)

    def _let(self) -> None:
        name = self._name()
        self._mark("=")
        if self._is_tabular():
            text, kind = self._pipeline(), "tabular"
        else:
            text, kind = self._expression().text, "scalar"
        self._lets[name] = kind
        self._prelude += f"let {name} = {text};\n"

    def _is_tabular(self) -> bool:
        here, after = self._here, self._peek(1)
        if here.is_mark("("):
            self._at += 1
            inside = self._is_tabular()
            self._at -= 1
            return inside
        if here.is_name("datatable", "range", "union", "print", "materialize"):
            return True
        if here.kind not in (Kind.NAME, Kind.QUOTED_NAME):
            return False
        if self._lets.get(here.text) == "tabular":
            return True
        if here.text in ("true", "false"):
            return False
        return (
            here.text not in self._lets
            and not after.is_mark("(")
            and (after.is_mark("|") or self._catalog.table(here.text) is not None or after.is_mark(";"))
        )

    # --- tabular expressions

    def _pipeline(self) -> str:
        outer = self._prefix
        text = self._source()
        while self._took("|"):
            self._prefix = text
            text = self._operator(text)
        self._prefix = outer
        return text

    def _columns(self, text: str) -> Columns:
        return self._catalog.columns(f"{self._prelude}{text}\n| take 0")

    def _source(self) -> str:
        if self._took("("):
            text = self._pipeline()
            self._mark(")")
            return f"({text})"
        if self._word("materialize"):
            self._mark("(")
            text = self._pipeline()
            self._mark(")")
            return f"({text})"
        if self._here.is_name("union"):
            self._at += 1
            return self._union("")
        if self._word("print"):
            return "print " + ", ".join(self._printed())
        if self._word("range"):
            return self._range()
        if self._word("datatable"):
            return self._datatable()
        return self._table(self._name())

    def _table(self, name: str) -> str:
        if self._lets.get(name) == "tabular":
            return name
        source = self._catalog.table(name)
        if source is None:
            raise semantic_error(
                f"'{name}' could not be found: Failed to resolve table or column expression named '{name}'"
            )
        self._rows += source.rows
        if source.basic:
            self._basic = name
        if self._span is None or not source.time:
            return source.name
        start, end = map(moment, self._span)
        return f"({source.name} | where {source.time} >= {start} and {source.time} <= {end})"

    def _printed(self) -> list[str]:
        out: list[str] = []
        while True:
            name, value = self._assignment()
            out.append(f"{_named(name or f'print_{len(out)}')} = {value.text}")
            if not self._took(","):
                return out

    def _range(self) -> str:
        name = self._name()
        parts = [self._keyword("from"), self._keyword("to"), self._keyword("step")]
        return f"range {name} from {parts[0]} to {parts[1]} step {parts[2]}"

    def _keyword(self, word: str) -> str:
        if not self._word(word):
            raise self._unexpected()
        return self._expression().text

    def _datatable(self) -> str:
        def column() -> str:
            name = self._name()
            self._mark(":")
            return f"{_named(name)}:{self._name()}"

        self._mark("(")
        columns = self._commas(column)
        self._mark(")")
        self._mark("[")
        values: list[str] = []
        while not self._took("]"):
            values.append(self._expression().text)
            if not self._took(",") and not self._here.is_mark("]"):
                raise self._unexpected()
        if len(values) % len(columns):
            raise semantic_error("datatable: the number of values is no multiple of the number of columns")
        return f"datatable({', '.join(columns)}) [{', '.join(values)}]"

    def _union(self, left: str) -> str:
        fuzzy = False
        while self._here.is_name("kind", "isfuzzy") and self._peek(1).is_mark("="):
            option = self._name()
            self._at += 1
            value = self._name()
            if option == "kind" and value != "outer":
                raise syntax_error(f"union kind={value} is not understood here")
            fuzzy = fuzzy or (option == "isfuzzy" and value == "true")
        parts = [left] if left else []
        missing: KqlError | None = None
        while True:
            start, prelude = self._at, self._prelude
            try:
                parts.append(self._source())
            except KqlError as error:
                if not fuzzy or error.code != "SEM0100":
                    raise
                missing = error
                self._at, self._prelude = start, prelude
                self._skip()
            if not self._took(","):
                break
        if not parts:
            raise missing or self._unexpected()
        return self._united(parts)

    def _skip(self) -> None:
        """Pass over one input of a union."""
        if not self._took("("):
            self._at += 1
            return
        depth = 1
        while depth and self._at < len(self._tokens):
            depth += self._here.is_mark("(") - self._here.is_mark(")")
            self._at += 1

    def _united(self, parts: Sequence[str]) -> str:
        """Inputs side by side: the engine goes by position, Kusto by name."""
        if len(parts) == 1:
            return parts[0]
        shapes = [self._columns(part) for part in parts]
        types: dict[str, str] = {}
        for shape in shapes:
            for name, kind in shape:
                if _plain(types.setdefault(name, kind)) != _plain(kind):
                    raise semantic_error(
                        f"union: the column '{name}' has different types, which is not understood here"
                    )
        if all([name for name, _ in shape] == list(types) for shape in shapes):
            return f"union {', '.join(f'({part})' for part in parts)}"
        aligned = []
        for part, shape in zip(parts, shapes, strict=True):
            have = {name for name, _ in shape}
            listed = ", ".join(
                _named(name) if name in have else f"{_named(name)} = {_null(kind)}" for name, kind in types.items()
            )
            aligned.append(f"({part} | project {listed})")
        return f"union {', '.join(aligned)}"

    def _operator(self, left: str) -> str:
        here = self._here
        name = self._name()
        while self._here.is_mark("-") and self._tokens[self._at - 1].at + len(self._tokens[self._at - 1].text) == (
            self._here.at
        ):
            self._at += 1
            name += "-" + self._name()
        known = self._OPERATORS.get(name)
        if known is None:
            self._at = self._tokens.index(here)
            raise self._unexpected()
        if self._basic and name in ("summarize", "join", "union", "distinct", "top", "sort", "order"):
            raise semantic_error(
                f"'{name}' operator is not supported for the table '{self._basic}', which is on the Basic plan"
            )
        return known(self, left)

    def _where(self, left: str) -> str:
        return f"{left}\n| where {self._expression().text}"

    def _assignment(self) -> tuple[str, Expr]:
        """`name = expression` or an expression; the name is empty when there is none."""
        if self._here.kind in (Kind.NAME, Kind.QUOTED_NAME) and self._peek(1).is_mark("="):
            name = self._name()
            self._at += 1
            return name, self._expression()
        return "", self._expression()

    def _assigned(self) -> str:
        name, value = self._assignment()
        return f"{_named(name)} = {value.text}" if name else value.text

    def _extend(self, left: str) -> str:
        return f"{left}\n| extend {', '.join(self._commas(self._assigned))}"

    def _project(self, left: str) -> str:
        return f"{left}\n| project {', '.join(self._commas(self._assigned))}"

    def _names(self, operator: str) -> Callable[[str], str]:
        return lambda left: f"{left}\n| {operator} {', '.join(self._commas(lambda: _named(self._name())))}"

    def _project_away(self, left: str) -> str:
        return self._names("project-away")(left)

    def _project_keep(self, left: str) -> str:
        return self._names("project-keep")(left)

    def _project_rename(self, left: str) -> str:
        def one() -> str:
            name = self._name()
            self._mark("=")
            return f"{_named(name)} = {_named(self._name())}"

        return f"{left}\n| project-rename {', '.join(self._commas(one))}"

    def _count(self, left: str) -> str:
        return f"{left}\n| count"

    def _take(self, left: str) -> str:
        return f"{left}\n| take {self._expression().text}"

    def _as(self, left: str) -> str:
        self._name()
        return left

    def _distinct(self, left: str) -> str:
        if self._took("*"):
            return f"{left}\n| distinct *"
        return f"{left}\n| distinct {', '.join(self._commas(lambda: self._expression().text))}"

    def _sorted(self) -> str:
        key = self._expression().text
        way = self._word("asc", "desc") or "desc"
        nulls = ""
        if self._word("nulls"):
            nulls = self._word("first", "last")
            if not nulls:
                raise self._unexpected()
        return f"{key} {way}" + (f" nulls {nulls}" if nulls else "")

    def _order(self, left: str) -> str:
        if not self._word("by"):
            raise self._unexpected()
        return f"{left}\n| order by {', '.join(self._commas(self._sorted))}"

    def _top(self, left: str) -> str:
        number = self._expression().text
        if not self._word("by"):
            raise self._unexpected()
        return f"{left}\n| top {number} by {self._sorted()}"

    def _mv_expand(self, left: str) -> str:
        name, value = self._assignment()
        name = name or value.column
        if not name or self._here.is_mark(","):
            raise syntax_error("mv-expand: give one column, by name")
        text = f"{left}\n| mv-expand {_named(name)} = {value.text}"
        if self._word("to"):
            if not self._word("typeof"):
                raise self._unexpected()
            self._mark("(")
            if not self._word("string"):
                raise syntax_error("mv-expand: only 'to typeof(string)' is understood here")
            self._mark(")")
            text += f"\n| extend {_named(name)} = kql_text({_named(name)})"
        return text

    def _join(self, left: str) -> str:
        if not self._word("kind"):
            raise syntax_error("join: say which kind; the default, innerunique, is not understood here")
        self._mark("=")
        kind = self._word(*_JOINS)
        if not kind:
            raise self._unexpected()
        right = self._source()
        if not self._word("on"):
            raise self._unexpected()
        keys = [self._on()]
        while self._took(","):
            keys.append(self._on())
        return self._joined(kind, left, right, keys)

    def _on(self) -> tuple[str, str]:
        sides: dict[str, str] = {}
        if not self._here.is_name("$left", "$right"):
            name = self._name()
            return name, name
        for mark in ("==", ""):
            side = self._word("$left", "$right")
            self._mark(".")
            sides[side] = self._name()
            if mark:
                self._mark(mark)
        if set(sides) != {"$left", "$right"}:
            raise semantic_error("join: each condition compares $left with $right")
        return sides["$left"], sides["$right"]

    def _joined(self, kind: str, left: str, right: str, keys: Sequence[tuple[str, str]]) -> str:
        """The engine names a right column that is on the left already in its own way; Kusto adds a 1."""
        taken = [name for name, _ in self._columns(left)]
        renamed: dict[str, str] = {}
        for name, _ in self._columns(right):
            new, number = name, 0
            while new in taken or new in renamed.values():
                number += 1
                new = f"{name}{number}"
            renamed[name] = new
        changed = [f"{_named(new)} = {_named(old)}" for old, new in renamed.items() if new != old]
        inside = f"{right} | project-rename {', '.join(changed)}" if changed else right
        on = []
        for mine, theirs in keys:
            if mine not in taken or theirs not in renamed:
                raise semantic_error(f"join: Failed to resolve column named '{mine if mine not in taken else theirs}'")
            on.append(f"$left.{_named(mine)} == $right.{_named(renamed[theirs])}")
        text = f"{left}\n| join kind={kind} ({inside}) on {', '.join(on)}"
        if kind in ("leftsemi", "leftanti"):
            text += f"\n| project {', '.join(map(_named, taken))}"
        return text

    # --- summarize

    def _summarize(self, left: str) -> str:
        start, aggregates = self._at, []
        if not self._here.is_name("by"):
            aggregates = self._skim_to_by()
        keys: list[tuple[str, Expr]] = []
        if self._word("by"):
            keys.append(self._assignment())
            while self._took(","):
                keys.append(self._assignment())
        end = self._at
        if aggregates:
            self._at = start
            aggregates = self._aggregates(left, [name or key.column for name, key in keys])
            self._at = end
        by = ", ".join(f"{_named(name)} = {key.text}" if name else key.text for name, key in keys)
        # The barrier after it keeps what follows from mixing a group's key with the column it was made of.
        return f"{left}\n| summarize {', '.join(aggregates)}{' by ' + by if keys else ''}\n| where true"

    def _skim_to_by(self) -> list[str]:
        """Go to the end of the aggregates without lowering them: which columns they may take depends on the keys."""
        depth, found = 0, False
        while self._at < len(self._tokens):
            here = self._here
            if here.is_mark("(", "["):
                depth += 1
            elif here.is_mark(")", "]"):
                if not depth:
                    break
                depth -= 1
            elif not depth and (here.is_name("by") or here.is_mark("|", ";")):
                break
            found = True
            self._at += 1
        return [""] if found else []

    def _aggregates(self, left: str, keys: Sequence[str]) -> list[str]:
        out: list[str] = []
        while True:
            name = ""
            if self._here.kind in (Kind.NAME, Kind.QUOTED_NAME) and self._peek(1).is_mark("="):
                name = self._name()
                self._at += 1
            function = self._here.text
            if self._here.is_name("arg_max", "arg_min") and self._peek(1).is_mark("("):
                self._at += 2
                out += self._arg(function, name, left, keys)
            else:
                value = self._expression()
                out.append(f"{_named(name)} = {value.text}" if name else value.text)
            if not self._took(","):
                return out

    def _arg(self, function: str, name: str, left: str, keys: Sequence[str]) -> list[str]:
        """arg_max or arg_min: the whole row, the missing values of it too, where the engine would pass over those."""
        wanted = self._expression()
        shape = dict(self._columns(left))
        columns: list[str] = []
        while self._took(","):
            if self._took("*"):
                columns += [column for column in shape if column not in keys]
            else:
                columns.append(self._name())
        self._mark(")")
        kind = dict(self._columns(f"{left}\n| project kql_order = {wanted.text}"))["kql_order"]
        largest = function == "arg_max"
        order = _unmissed(wanted.text, kind, lowest=largest)
        pick = "argMax" if largest else "argMin"
        first = name or wanted.column
        if not first:
            raise semantic_error(f"{function}: give the result a name, as the expression is no column")
        out = [f"{_named(first)} = {function[4:]}({wanted.text})"]
        for column in dict.fromkeys(columns):
            if column == wanted.column and not name:
                continue
            if column not in shape:
                raise semantic_error(f"Failed to resolve column or scalar expression named '{column}'")
            out.append(f"{_named(column)} = {_picked(pick, _named(column), shape[column], order)}")
        return out

    # --- scalar expressions

    def _expression(self) -> Expr:
        left = self._and()
        while self._word("or"):
            left = Expr(f"({left.text} or {self._and().text})")
        return left

    def _and(self) -> Expr:
        left = self._comparison()
        while self._word("and"):
            left = Expr(f"({left.text} and {self._comparison().text})")
        return left

    def _comparison(self) -> Expr:
        left = self._sum()
        here = self._here
        if mark := self._took(*_COMPARE):
            return _compared(mark, left, self._sum())
        if mark := self._took("in~", "!in", "!in~") or self._word("in"):
            return Expr(f"({left.text} {mark} ({self._members()}))")
        if self._word("has_any") or self._word("has_all"):
            return Expr(f"({left.text} {here.text} ({self._members()}))")
        if self._took("!between") or self._word("between"):
            return self._between(left, here.text)
        if word := self._word(*_WORD_COMPARE) or self._took(*_NEGATED):
            return Expr(f"({left.text} {word} {self._sum().text})")
        if self._word("matches"):
            if not self._word("regex"):
                raise self._unexpected()
            return Expr(f"({left.text} matches regex {self._sum().text})")
        return left

    def _members(self) -> str:
        self._mark("(")
        if self._is_tabular():
            text = self._pipeline()
        else:
            text = ", ".join(self._commas(lambda: self._expression().text))
        self._mark(")")
        return text

    def _between(self, left: Expr, word: str) -> Expr:
        self._mark("(")
        low = self._sum()
        self._mark("..")
        high = self._sum()
        self._mark(")")
        top = f"({low.text} + {high.text})" if high.literal == "timespan" else high.text
        inside = f"({left.text} >= {low.text} and {left.text} <= {top})"
        return Expr(inside if word == "between" else f"not({inside})")

    def _sum(self) -> Expr:
        left = self._product()
        while mark := self._took("+", "-"):
            left = Expr(f"({left.text} {mark} {self._product().text})")
        return left

    def _product(self) -> Expr:
        left = self._unary()
        while mark := self._took("*", "/", "%"):
            left = Expr(f"({left.text} {mark} {self._unary().text})")
        return left

    def _unary(self) -> Expr:
        if mark := self._took("-", "+"):
            value = self._unary()
            return Expr(f"{mark}{value.text}" if value.literal else f"({mark}{value.text})", literal=value.literal)
        value = self._primary()
        while self._took("["):
            value = Expr(f"{value.text}[{self._expression().text}]")
            self._mark("]")
        return value

    def _primary(self) -> Expr:
        here = self._here
        self._at += 1
        if here.kind is Kind.STRING:
            return Expr(quote(here.text), literal="string")
        if here.kind is Kind.NUMBER:
            return Expr(here.text, literal="number")
        if here.kind is Kind.TIMESPAN:
            return Expr(here.text, literal="timespan")
        if here.kind is Kind.DATETIME:
            return Expr(here.text, literal="datetime")
        if here.is_mark("("):
            inside = self._expression()
            self._mark(")")
            return Expr(f"({inside.text})", literal=inside.literal)
        if here.kind is Kind.QUOTED_NAME:
            return Expr(_named(here.text), column=here.text)
        if here.kind is not Kind.NAME or here.text in _RESERVED:
            self._at -= 1
            raise self._unexpected()
        if self._here.is_mark("("):
            self._at += 1
            return self._call(here.text)
        if here.text in ("true", "false"):
            return Expr(here.text, literal="bool")
        return Expr(here.text, column="" if here.text in self._lets else here.text)

    def _call(self, name: str) -> Expr:
        if name == "toscalar":
            return self._toscalar()
        if name == "dynamic":
            return self._dynamic()
        if name in ("int", "long", "real", "double", "bool") and self._word("null"):
            self._mark(")")
            return Expr(f"{name}(null)")
        args: list[Expr] = []
        while not self._took(")"):
            args.append(self._expression())
            if not self._took(",") and not self._here.is_mark(")"):
                raise self._unexpected()
        if name in ("now", "ago"):
            return self._clock(name, args)
        if name in ("column_ifexists", "columnifexists"):
            return self._column_if_exists(args)
        return Expr(functions.call(name, args))

    def _toscalar(self) -> Expr:
        if not self._is_tabular():
            value = self._expression()
            self._mark(")")
            return value
        text = self._pipeline()
        self._mark(")")
        return Expr(self._catalog.scalar(self._prelude + text))

    def _dynamic(self) -> Expr:
        self._mark("[")
        values: list[str] = []
        while not self._took("]"):
            value = self._unary()
            if not value.literal:
                raise syntax_error("dynamic(): only a list of literals is understood here")
            values.append(value.text)
            if not self._took(",") and not self._here.is_mark("]"):
                raise self._unexpected()
        self._mark(")")
        return Expr(f"dynamic([{', '.join(values)}])")

    def _clock(self, name: str, args: Sequence[Expr]) -> Expr:
        if len(args) > 1 or (name == "ago" and not args):
            raise semantic_error(f"{name}(): wrong number of arguments", "SEM0219")
        if not args:
            return Expr(moment(self._now), literal="datetime")
        if args[0].literal == "timespan" and not args[0].text.startswith(("-", "+")):
            # A literal, so that the comparison costs nothing per row.
            shift = timedelta(seconds=seconds(args[0].text))
            return Expr(moment(self._now - shift if name == "ago" else self._now + shift), literal="datetime")
        return Expr(f"({moment(self._now)} {'-' if name == 'ago' else '+'} {args[0].text})")

    def _column_if_exists(self, args: Sequence[Expr]) -> Expr:
        if len(args) != 2 or args[0].literal != "string" or not self._prefix:
            raise semantic_error("column_ifexists(): expects the name of a column and a default", "SEM0219")
        name = args[0].text[1:-1]
        if name in (column for column, _ in self._columns(self._prefix)):
            return Expr(_named(name), column=name)
        return args[1]

    _OPERATORS: dict[str, Callable[[_Lowering, str], str]] = {
        "where": _where,
        "filter": _where,
        "extend": _extend,
        "project": _project,
        "project-away": _project_away,
        "project-keep": _project_keep,
        "project-rename": _project_rename,
        "summarize": _summarize,
        "count": _count,
        "take": _take,
        "limit": _take,
        "distinct": _distinct,
        "order": _order,
        "sort": _order,
        "top": _top,
        "join": _join,
        "union": _union,
        "mv-expand": _mv_expand,
        "mvexpand": _mv_expand,
        "as": _as,
    }


def _named(name: str) -> str:
    plain = name.isascii() and name.isidentifier() and name not in _RESERVED
    return name if plain else f"['{name}']"


def _compared(mark: str, left: Expr, right: Expr) -> Expr:
    if mark in ("==", "!=", "<>") and "string" not in (left.literal, right.literal):
        # In Kusto a missing value differs from every value that is there.
        return Expr(f"{'kql_same' if mark == '==' else 'kql_differs'}({left.text}, {right.text})")
    return Expr(f"({left.text} {'!=' if mark == '<>' else mark} {right.text})")


def _plain(kind: str) -> str:
    kind = kind.removeprefix("Nullable(").removesuffix(")") if kind.startswith("Nullable(") else kind
    if kind.startswith("DateTime64"):
        return "datetime"
    return "number" if kind.startswith(("Int", "UInt")) else kind


def _null(kind: str) -> str:
    plain = _plain(kind)
    if plain == "String":
        return '""'
    return {"datetime": "datetime(null)", "Bool": "bool(null)", "Float64": "real(null)"}.get(plain, "long(null)")


def _unmissed(text: str, kind: str, lowest: bool) -> str:
    """What a row is picked by, a missing value being the last to be picked."""
    if not kind.startswith("Nullable("):
        return text
    if _plain(kind) == "datetime":
        edge = "datetime(1900-01-01T00:00:00.0000000Z)" if lowest else "datetime(2299-12-31T00:00:00.0000000Z)"
        return f"coalesce({text}, {edge})"
    edge = "-9223372036854775807" if lowest else "9223372036854775807"
    return f"coalesce({text}, {edge})" if _plain(kind) == "number" else text


def _picked(pick: str, column: str, kind: str, order: str) -> str:
    if not kind.startswith(("Nullable(", "LowCardinality(")):
        return f"{pick}({column}, {order})"
    if _plain(kind) == "datetime":
        edge = "datetime(1900-01-01T00:00:00.0000000Z)"
        return f"nullIf({pick}(coalesce({column}, {edge}), {order}), {edge})"
    return f"tupleElement({pick}(tuple({column}), {order}), 1)"
