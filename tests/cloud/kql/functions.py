"""The functions and aggregates that a query may call, and how each is written for the embedded engine.

What goes through as it is has been compared with Kusto's documentation. A function that is not here is refused, so
that none of the engine's own slips through.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.cloud.kql.errors import semantic_error
from tests.cloud.kql.shapes import Expr

Rule = Callable[[Sequence[Expr]], str]

_NATIVE = frozenset((
    "tolower", "substring", "isempty", "isnotempty", "isnull", "isnotnull", "not", "iff", "case", "bin",
    "datetime_diff", "extract",
))  # fmt: skip
_LITERALS = frozenset(("bool", "int", "long", "real", "double"))
_AGGREGATES = frozenset((
    "count", "countif", "sum", "min", "max", "maxif", "dcount", "dcountif", "make_list", "make_list_if", "make_set",
    "take_any",
))  # fmt: skip
# A column made by one of these keeps its argument's name.
_KEEPS_NAME = frozenset(("tostring", "tolong", "toint", "todouble", "todatetime", "bin", "take_any"))
_KINDS = {
    **dict.fromkeys(("strcat", "tostring", "tolower", "substring", "trim"), "string"),
    **dict.fromkeys(("count", "countif", "dcount", "dcountif", "hash", "array_length", "long"), "count"),
    **dict.fromkeys(("isempty", "isnotempty", "isnull", "isnotnull"), "bool"),
    "todatetime": "datetime",
    "tolong": "long",
    **dict.fromkeys(("parse_json", "todynamic"), "dynamic"),
}
_PREFIXES = {"make_list": "list_", "make_set": "set_", "make_list_if": "list_", "take_any": ""}


def call(name: str, args: Sequence[Expr]) -> Expr:
    """A call as the engine understands it.

    Raises:
        KqlError: there is no such function, or it takes other arguments.
    """
    if name not in _NATIVE | _LITERALS | _AGGREGATES | _RULES.keys():
        raise semantic_error(
            f"Unknown function: '{name}'. If KQL has it, add it to tests/cloud/kql/functions.py.", "SEM0260"
        )
    if name in _LITERALS and (len(args) != 1 or args[0].literal not in ("number", "bool")):
        raise semantic_error(f"{name}(): expects a literal", "SEM0219")
    low, high, rule = _RULES.get(name, (0, 64, lambda some: f"{name}({_list(some)})"))
    if not low <= len(args) <= high:
        raise semantic_error(f"{name}(): function expects {low} to {high} argument(s), got {len(args)}", "SEM0219")
    return Expr(rule(args), name=_name(name, args), kind=_kind(name, args))


def _name(name: str, args: Sequence[Expr]) -> str:
    first = args[0].name or args[0].column if args else ""
    if name in _KEEPS_NAME:
        return first
    if name in _AGGREGATES or name in _PREFIXES:
        return _PREFIXES.get(name, f"{name}_") + first
    return ""


def _kind(name: str, args: Sequence[Expr]) -> str:
    if name in _KINDS:
        return _KINDS[name]
    if name in ("min", "max", "take_any", "maxif"):
        return "long" if args[0].kind == "count" else args[0].kind
    branches = {"iff": args[1:], "case": [*args[1:-1:2], args[-1]], "coalesce": args}.get(name, ())
    kinds = {branch.kind for branch in branches}
    return kinds.pop() if len(kinds) == 1 else ""


def _list(args: Sequence[Expr]) -> str:
    return ", ".join(arg.text for arg in args)


def _text(arg: Expr) -> str:
    """As text. What type it is, is better known here than found out by the engine: that takes it long."""
    if arg.kind == "string":
        return arg.text
    if arg.kind == "datetime":
        return f"kql_moment({arg.text})"
    if arg.kind == "dynamic":
        return f"kql_plain({arg.text})"
    return f"tostring({arg.text})" if arg.kind in ("count", "long", "int") else f"kql_text({arg.text})"


def held_value(arg: Expr) -> Expr:
    """A dynamic value as the text or the number that it holds; all others as they are."""
    return Expr(f"kql_plain({arg.text})", kind="string") if arg.kind == "dynamic" else arg


def member_of(value: Expr, name: str) -> Expr:
    """A member of a dynamic value, by its name as a literal."""
    return Expr(f"kql_member({value.text}, {name})", kind="dynamic")


def list_item(value: Expr, place: int) -> Expr:
    """An element of a dynamic list: 0 is the first, -1 the last."""
    return Expr(f"kql_item({value.text}, {place if place < 0 else place + 1})", kind="dynamic")


def element_of(text: str, kind: str) -> str:
    """What mv-expand makes of one element, as a value of a type."""
    return ELEMENTS[kind].format(text)


ELEMENTS = {
    "dynamic": "toLowCardinality({})",
    "string": "kql_plain({})",
    "long": "tolong(kql_whole(kql_plain({})))",
    "int": "toint(kql_whole(kql_plain({})))",
    "datetime": "todatetime(kql_plain({}))",
}
"""The types that mv-expand can give its elements."""


def _parsed(arg: Expr) -> str:
    return arg.text if arg.kind == "dynamic" else f"kql_parsed({_text(arg)})"


def _coalesce(args: Sequence[Expr]) -> str:
    # A text is never null in Kusto, but coalesce passes over an empty one.
    return f"coalesce({', '.join([*map(_filled, args[:-1]), args[-1].text])})"


def _filled(arg: Expr) -> str:
    return f"kql_filled({arg.text})" if arg.kind in ("", "string") else arg.text


def _of_none(name: str) -> Rule:
    """An aggregate that is missing where there are no rows; of a number that is never missing the engine says 0."""

    def rule(args: Sequence[Expr]) -> str:
        first = f"toNullable({args[0].text})" if args[0].kind == "count" else args[0].text
        return f"{name}({', '.join([first, *(arg.text for arg in args[1:])])})"

    return rule


def _limited(name: str, args: Sequence[Expr], most: int) -> str:
    listed = f"{name}({_list(args[:most])})"
    return listed if len(args) == most else f"array_slice({listed}, 0, {args[most].text} - 1)"


_RULES: dict[str, tuple[int, int, Rule]] = {
    "strcat": (1, 64, lambda args: f"strcat({', '.join(map(_text, args))})"),
    "tolong": (1, 1, lambda args: f"tolong(kql_whole({held_value(args[0]).text}))"),
    "toint": (1, 1, lambda args: f"toint(kql_whole({held_value(args[0]).text}))"),
    "todouble": (1, 1, lambda args: f"todouble({held_value(args[0]).text})"),
    "todatetime": (1, 1, lambda args: f"todatetime({held_value(args[0]).text})"),
    **{name: (1, 1, lambda args: _parsed(args[0])) for name in ("parse_json", "todynamic")},
    "array_length": (
        1,
        1,
        lambda args: f"kql_length({args[0].text})" if args[0].kind == "dynamic" else f"array_length({args[0].text})",
    ),
    "make_set": (1, 2, lambda args: _limited("make_set", args, 1)),
    "tostring": (1, 1, lambda args: _text(args[0])),
    "coalesce": (2, 64, _coalesce),
    "hash": (
        1,
        2,
        lambda args: f"kql_hash({args[0].text}, {args[1].text if len(args) > 1 else '9223372036854775807'})",
    ),
    "count": (0, 0, lambda _: "count()"),
    "countif": (1, 1, lambda args: f"countif({args[0].text})"),
    # Their accuracy is not the caller's to choose here: small numbers are exact.
    "dcount": (1, 2, lambda args: f"dcount({args[0].text})"),
    "dcountif": (2, 3, lambda args: f"dcountif({args[0].text}, {args[1].text})"),
    "trim": (2, 2, lambda args: f"kql_trim({args[0].text}, {args[1].text})"),
    "make_list": (1, 2, lambda args: _limited("make_list", args, 1)),
    "make_list_if": (2, 3, lambda args: _limited("groupArrayIf", args, 2)),
    **{name: (1, 1, _of_none(name)) for name in ("min", "max", "take_any")},
    "maxif": (2, 2, _of_none("maxif")),
    # A sum of nothing is 0.
    "sum": (1, 1, lambda args: f"ifNull(sum({args[0].text}), 0)"),
}
