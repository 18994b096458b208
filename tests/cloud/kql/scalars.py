"""Scalar expressions: operators by their rank, calls, literals."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

from tests.cloud.kql import functions
from tests.cloud.kql.context import INGESTED, Context, QueryReader, datetime_of
from tests.cloud.kql.errors import missing_column, semantic_error
from tests.cloud.kql.literals import quote, seconds
from tests.cloud.kql.shapes import RESERVED, Expr, Names, Shape, named
from tests.cloud.kql.tokens import Token, TokenKind

_COMPARE = ("==", "!=", "<", "<=", ">", ">=", "=~", "!~")
_WORDS = ("has", "contains", "startswith")
_LITERALS = {
    TokenKind.NUMBER: "number",
    TokenKind.TIMESPAN: "timespan",
    TokenKind.DATETIME: "datetime",
}


class Scalars(QueryReader):
    """Lowers scalar expressions."""

    def __init__(self, tokens: list[Token], context: Context) -> None:
        super().__init__(tokens, context)
        self.used: set[str] = set()

    def pipeline(self) -> tuple[str, Shape]:
        """A tabular expression, lowered, and its columns; the context is as it was before."""
        raise NotImplementedError

    def is_tabular(self) -> bool:
        """Whether a tabular expression is here."""
        raise NotImplementedError

    def expression(self) -> Expr:
        """An expression, lowered.

        Raises:
            KqlError: there is none here, or it is not understood.
        """
        left = self._and()
        while self.word("or"):
            left = Expr(f"({left.text} or {self._and().text})")
        return left

    def apart(self, names: Names) -> Expr:
        """An expression of an operator that names columns: it sees those of its input, and none of its siblings.

        Raises:
            KqlError: it names a sibling.
        """
        self.used.clear()
        value = self.expression()
        for name in self.used & names.taken - self.context.shape.keys():
            raise missing_column(name)
        return value

    def _and(self) -> Expr:
        left = self._comparison()
        while self.word("and"):
            left = Expr(f"({left.text} and {self._comparison().text})")
        return left

    def _comparison(self) -> Expr:
        left = self._sum()
        if mark := self.took(*_COMPARE):
            return _compared(mark, left, self._sum())
        if mark := self.took("in~") or self.word("in"):
            return self._member(mark, left)
        if self.word("between"):
            return self._between(left)
        if word := self.word(*_WORDS) or self.took("!startswith"):
            right = self._sum()
            if word == "contains" and _is_plain(right):
                return Expr(f"(positionCaseInsensitive({left.text}, {right.text}) > 0)")
            return Expr(f"({left.text} {word} {right.text})")
        return left

    def _member(self, mark: str, left: Expr) -> Expr:
        """`in` and `in~`: of a table's rows, or of values."""
        self.mark("(")
        if self.is_tabular():
            text = self.pipeline()[0]
        else:
            values = self.listed(self.expression)
            text = ", ".join(value.text for value in values)
            if mark == "in~" and all(map(_is_plain, values)):
                left, mark, text = _lower_case(left), "in", text.lower()
        self.mark(")")
        return Expr(f"({left.text} {mark} ({text}))", kind="bool")

    def _between(self, left: Expr) -> Expr:
        self.mark("(")
        low = self._sum()
        self.mark("..")
        high = self._sum()
        self.mark(")")
        return Expr(f"({left.text} >= {low.text} and {left.text} <= {high.text})")

    def _sum(self) -> Expr:
        left = self._product()
        while mark := self.took("+", "-"):
            left = Expr(f"({_long(left)} {mark} {_long(self._product())})")
        return left

    def _product(self) -> Expr:
        left = self._unary()
        while mark := self.took("*", "/"):
            left = Expr(f"({_long(left)} {mark} {_long(self._unary())})")
        return left

    def _unary(self) -> Expr:
        if mark := self.took("-", "+"):
            value = self._unary()
            return Expr(f"{mark}{value.text}" if value.literal else f"({mark}{value.text})", literal=value.literal)
        value = self._primary()
        while value.kind == "dynamic" and self.here.is_mark(".", "["):
            value = self._part(value)
        return value

    def _part(self, value: Expr) -> Expr:
        """A member of a dynamic value, `x.name` or `x["name"]`, or an element, `x[0]`."""
        if self.took("."):
            return functions.member_of(value, quote(self.name()))
        self.mark("[")
        place = self.expression()
        self.mark("]")
        if place.literal == "string":
            return functions.member_of(value, place.text)
        if place.literal != "number" or not re.fullmatch(r"-?\d+", place.text):
            raise semantic_error("a dynamic value is taken apart by a name or a whole number here")
        return functions.list_item(value, int(place.text))

    def _primary(self) -> Expr:
        here = self.here
        self.skip()
        if here.kind is TokenKind.STRING:
            return Expr(quote(here.text), literal="string", kind="string")
        if here.kind in _LITERALS:
            kind = "datetime" if here.kind is TokenKind.DATETIME else "count" if here.text.isdigit() else ""
            return Expr(here.text, literal=_LITERALS[here.kind], kind=kind)
        if here.is_mark("("):
            inside = self.expression()
            self.mark(")")
            return Expr(f"({inside.text})", inside.column, inside.name, inside.literal, inside.kind)
        if here.kind is TokenKind.QUOTED_NAME:
            return Expr(named(here.text), here.text, kind=self.context.shape.get(here.text, ""))
        if here.kind is not TokenKind.NAME or here.text in RESERVED:
            self.go_back(self.place - 1)
            raise self.unexpected()
        return self._word(here)

    def _word(self, here: Token) -> Expr:
        if self.took("("):
            return self._call(here.text)
        if here.text in ("true", "false"):
            return Expr(here.text, literal="bool")
        if here.text in ("null", INGESTED):
            raise missing_column(here.text)
        if here.text in self.context.lets:
            return Expr(named(here.text), kind=self.context.let_kinds.get(here.text, ""))
        self.used.add(here.text)
        return Expr(named(here.text), here.text, kind=self.context.shape.get(here.text, ""))

    def _call(self, name: str) -> Expr:
        if name in ("int", "long", "real", "double", "bool") and self.word("null"):
            self.mark(")")
            return Expr(f"{name}(null)")
        args = self.until(")", self.expression)
        if name in ("now", "ago"):
            return self._clock(name, args)
        if name == "column_ifexists":
            return self._column_if_exists(args)
        if name == "ingestion_time":
            return self._ingestion_time(args)
        return functions.call(name, args)

    def _clock(self, name: str, args: Sequence[Expr]) -> Expr:
        """now() and ago() by the query's clock, as literals wherever possible: a comparison costs nothing per row."""
        now = self.context.now
        if len(args) > 1 or (name == "ago" and not args):
            raise semantic_error(f"{name}(): wrong number of arguments", "SEM0219")
        if not args:
            return Expr(datetime_of(now), literal="datetime", kind="datetime")
        if args[0].literal == "timespan" and args[0].text[0] not in "-+":
            shift = timedelta(seconds=seconds(args[0].text))
            return Expr(datetime_of(now - shift if name == "ago" else now + shift), literal="datetime", kind="datetime")
        return Expr(f"({datetime_of(now)} {'-' if name == 'ago' else '+'} {args[0].text})")

    def _ingestion_time(self, args: Sequence[Expr]) -> Expr:
        if args:
            raise semantic_error("ingestion_time(): function expects no argument", "SEM0219")
        if not self.context.timed:
            raise semantic_error(
                "ingestion_time() is known here of a table that Tables.define(..., timed=True) made, "
                "before an operator makes other rows of its rows"
            )
        return Expr(INGESTED, kind="datetime")

    def _column_if_exists(self, args: Sequence[Expr]) -> Expr:
        if len(args) != 2 or args[0].literal != "string" or not self.context.left:
            raise semantic_error("column_ifexists(): expects the name of a column and a default", "SEM0219")
        name = args[0].text[1:-1]
        if name in self.context.shape:
            return Expr(named(name), name, kind=self.context.shape[name])
        return Expr(args[1].text, name=args[1].column or args[1].name, literal=args[1].literal, kind=args[1].kind)


def _long(value: Expr) -> str:
    """An operand: a whole number is a long in Kusto, and a shorter one in the engine."""
    return f"long({value.text})" if value.literal == "number" and re.fullmatch(r"-?\d+", value.text) else value.text


def _is_plain(value: Expr) -> bool:
    """Whether it is a text whose case is known here.

    The engine takes as long to make small letters of one literal as to read a few rows: it is done for it.
    """
    return value.literal == "string" and value.text.isascii()


def _lower_case(value: Expr) -> Expr:
    return Expr(value.text.lower() if _is_plain(value) else f"tolower({value.text})", kind="string")


def _compared(mark: str, left: Expr, right: Expr) -> Expr:
    if "dynamic" in (left.kind, right.kind) and "string" in (left.kind, right.kind):
        left, right = map(functions.held_value, (left, right))
    if mark in ("=~", "!~") and (_is_plain(left) or _is_plain(right)):
        left, right, mark = _lower_case(left), _lower_case(right), "==" if mark == "=~" else "!="
        return Expr(f"({left.text} {mark} {right.text})", kind="bool")
    sure = [side.kind in ("string", "count") or side.literal != "" for side in (left, right)]
    if mark not in ("==", "!=") or all(sure):
        return Expr(f"({left.text} {mark} {right.text})", kind="bool")
    # In Kusto a missing value differs from every value that is there.
    if any(sure):
        return Expr(f"{'kql_is' if mark == '==' else 'kql_is_not'}({left.text}, {right.text})", kind="bool")
    return Expr(f"{'kql_same' if mark == '==' else 'kql_differs'}({left.text}, {right.text})", kind="bool")
