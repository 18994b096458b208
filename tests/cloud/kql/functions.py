"""The functions and aggregates that a query may call, and how each is written for the embedded engine.

What is listed under NATIVE has been compared with Kusto's documentation and goes through as it is. A function that is
not here is refused, so that none of the engine's own slips through.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.cloud.kql.tokens import semantic_error

NATIVE = frozenset(
    "tolower toupper strlen substring isempty isnotempty isnull isnotnull notnull notempty iff iif case array_length"
    " array_slice pack_array array_concat array_reverse array_index_of set_union set_has_element bin startofday endofday"
    " startofmonth hourofday datetime_diff datetime_add todatetime toint tolong todouble toreal tobool abs round"
    " max_of min_of not trim split replace_string extract countof indexof reverse isnan strcat_delim"
    " bool int long real double".split()
)
AGGREGATES = frozenset(
    "count countif sum sumif min max minif maxif avg avgif dcountif make_list make_set take_any any percentile stdev"
    " variance make_list_if make_set_if dcount".split()
)


@dataclass(frozen=True, slots=True)
class Expr:
    """A lowered expression. `column` is its name when it is nothing but a column, `literal` what kind it is of."""

    text: str
    column: str = ""
    literal: str = ""


Rule = Callable[[Sequence[Expr]], str]


def call(name: str, args: Sequence[Expr]) -> str:
    """A call as the engine understands it.

    Raises:
        KqlError: there is no such function, or it takes other arguments.
    """
    if name in _RULES:
        low, high, rule = _RULES[name]
        if not low <= len(args) <= high:
            raise semantic_error(f"{name}(): function expects {low} to {high} argument(s), got {len(args)}", "SEM0219")
        return rule(args)
    if name not in NATIVE and name not in AGGREGATES:
        raise semantic_error(f"Unknown function: '{name}'.", "SEM0260")
    return f"{name}({_list(args)})"


def _list(args: Sequence[Expr]) -> str:
    return ", ".join(arg.text for arg in args)


def text(arg: Expr) -> str:
    """The expression as text, written as Kusto writes it."""
    return arg.text if arg.literal == "string" else f"kql_text({arg.text})"


def _strcat(args: Sequence[Expr]) -> str:
    return f"strcat({', '.join(map(text, args))})"


def _coalesce(args: Sequence[Expr]) -> str:
    # A text is never null in Kusto, but coalesce passes over an empty one.
    return f"coalesce({', '.join([f'kql_filled({arg.text})' for arg in args[:-1]] + [args[-1].text])})"


def _limited(name: str, args: Sequence[Expr], most: int) -> str:
    listed = f"{name}({_list(args[:most])})"
    return listed if len(args) == most else f"array_slice({listed}, 0, {args[most].text} - 1)"


_RULES: dict[str, tuple[int, int, Rule]] = {
    "strcat": (1, 64, _strcat),
    "tostring": (1, 1, lambda args: text(args[0])),
    "coalesce": (2, 64, _coalesce),
    "hash": (
        1,
        2,
        lambda args: f"kql_hash({args[0].text}, {args[1].text if len(args) > 1 else '9223372036854775807'})",
    ),
    "make_list": (1, 2, lambda args: _limited("make_list", args, 1)),
    "make_set": (1, 2, lambda args: _limited("make_set", args, 1)),
    "make_list_if": (2, 3, lambda args: _limited("groupArrayIf", args, 2)),
    "make_set_if": (2, 3, lambda args: _limited("groupUniqArrayIf", args, 2)),
    "dcount": (1, 2, lambda args: f"dcount({args[0].text})"),
    "isnotnull": (1, 1, lambda args: f"isnotnull({args[0].text})"),
    "notnull": (1, 1, lambda args: f"isnotnull({args[0].text})"),
    "notempty": (1, 1, lambda args: f"isnotempty({args[0].text})"),
    "any": (1, 1, lambda args: f"take_any({args[0].text})"),
    "countif": (1, 1, lambda args: f"countif({args[0].text})"),
    "count": (0, 0, lambda args: "count()"),
}
