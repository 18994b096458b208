"""Values as typed KQL literals: the only way a value gets into a query.

The text of a query is never edited. Its parameters are `let` statements in front of it, so whatever a value holds
(quotes, comments, pipes, line breaks) stays data.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import files

Value = bool | int | str | datetime | Sequence[str]

# What must be escaped between double quotes: the quote, the backslash, control characters, and what some readers take
# for the end of a line.
_UNSAFE = re.compile('["\\\\\x00-\x1f\x7f-\x9f\u2028\u2029]')
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*")


def _quoted(text: str) -> str:
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("a lone surrogate is not text and cannot be part of a query")

    def escaped(match: re.Match[str]) -> str:
        character = match.group()
        return "\\" + character if character in '"\\' else f"\\u{ord(character):04x}"

    return '"' + _UNSAFE.sub(escaped, text) + '"'


def literal(value: Value) -> str:
    """The value as a KQL literal of its own type: bool, long, datetime, string, or a one-column table of strings.

    Raises:
        ValueError: for a datetime without a zone, an int beyond 64 bits, or text that is not Unicode.
        TypeError: for anything else.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise ValueError(f"{value} does not fit a long")
        return f"long({value})"
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a time needs a time zone")
        return f"datetime({value.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{value.microsecond:06d}0Z)"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        # A table of one column rather than a dynamic array: `in (Name)` takes it on every engine, with its indexes.
        return "datatable(Value: string)[" + ", ".join(_quoted(item) for item in value) + "]"
    raise TypeError(f"{type(value).__name__} has no KQL literal here")


def let(parameters: Mapping[str, Value]) -> str:
    """One `let` statement a line for each parameter, in the given order."""
    for name in parameters:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a parameter name")
    return "".join(f"let {name} = {literal(value)};\n" for name, value in parameters.items())


def query_text(*names: str, **parameters: Value) -> str:
    """The text of a query: its parameters, then the shipped `.kql` files of these names, in that order."""
    folder = files("shared.hunt")
    return let(parameters) + "\n".join(folder.joinpath(f"{name}.kql").read_text("utf-8") for name in names)
