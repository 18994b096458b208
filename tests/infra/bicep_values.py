"""What kind of value a Bicep expression has, as far as its text says: kind, choices, range or length."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.infra.bicep import declared, module_file, plain
from tests.infra.bicep_tree import BicepType, Call, Declaration, Get, Items, Literal, Loop, Name, Operation, Pairs, Text


@dataclass(frozen=True, slots=True)
class Value:
    """A kind ("any" when it cannot be told), with its choices, and the range of a number or length of the rest."""

    kind: str
    choices: frozenset[Any] | None = None
    low: int | None = None
    high: int | None = None

    def said(self) -> str:
        """In words."""
        choices = f" {sorted(map(str, self.choices))}" if self.choices is not None else ""
        bounds = f" {self.low}..{self.high}" if not choices and (self.low, self.high) != (None, None) else ""
        return f"{self.kind}{choices}{bounds}"


ANY = Value("any")
RETURNS: Mapping[str, Value] = {
    "any": ANY,
    "concat": Value("array"),
    "contains": Value("bool"),
    "empty": Value("bool"),
    "endsWith": Value("bool"),
    "environment": ANY,
    "fail": Value("never"),
    "filter": Value("array"),
    "guid": Value("string", None, 36, 36),
    "join": Value("string"),
    "last": ANY,
    "length": Value("int"),
    "loadJsonContent": ANY,
    "loadTextContent": Value("string"),
    "map": Value("array"),
    "replace": Value("string"),
    "resourceGroup": ANY,
    "split": Value("array"),
    "startsWith": Value("bool"),
    "string": Value("string"),
    "subscription": ANY,
    "subscriptionResourceId": Value("string"),
    "take": Value("array"),
    "toLower": Value("string"),
    "toObject": Value("object"),
    "trim": Value("string"),
    "union": Value("array"),
    "uniqueString": Value("string", None, 13, 13),
}
# These leave the kind, and the length, of their first argument as they are.
_SAME = {"toLower", "union"}
_BOOL = {"&&", "||", "!", "==", "!=", "=~", "!~", "<", ">", "<=", ">="}


def literal_value(value: str | int | bool | None) -> Value:
    """What a text, number, truth or null is."""
    if isinstance(value, str):
        return Value("string", frozenset({value}), len(value), len(value))
    if isinstance(value, bool) or value is None:
        return Value("null" if value is None else "bool")
    return Value("int", frozenset({value}), value, value)


def either(left: Value, right: Value) -> Value:
    """What is one or the other."""
    if "never" in (left.kind, right.kind):
        return right if left.kind == "never" else left
    kind = left.kind if left.kind == right.kind else "any" if "any" in (left.kind, right.kind) else "mixed"
    choices = None if left.choices is None or right.choices is None else left.choices | right.choices
    low = None if left.low is None or right.low is None else min(left.low, right.low)
    high = None if left.high is None or right.high is None else max(left.high, right.high)
    return Value(kind, choices, low, high)


def together(parts: list[Value]) -> Value:
    """A text made of these."""
    low = sum(part.low or 0 for part in parts if part.kind == "string")
    known = all(part.kind == "string" and part.high is not None for part in parts)
    return Value("string", None, low, sum(part.high or 0 for part in parts) if known else None)


class Values:
    """The kinds of the expressions of one file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._declared = {item.name: item for item in declared(file)}

    def of(self, expression: Any) -> Value:
        """The kind of the expression's value."""
        match expression:
            case Literal(value):
                return literal_value(value)
            case Text(parts):
                return self._text(parts)
            case Items(values):
                return Value("array", None, len(values), len(values))
            case Loop():
                return Value("array")
            case Pairs():
                return Value("object")
            case Name(text):
                return self._name(text)
            case Get():
                return self._get(expression)
            case Operation("?:", (_, yes, no)):
                return either(self.of(yes), self.of(no))
            case Operation(sign):
                return Value("bool") if sign in _BOOL else ANY if sign == "??" else Value("int")
            case Call(name, arguments):
                kept = self.of(arguments[0]) if name in _SAME and arguments else RETURNS.get(name, ANY)
                return Value(kept.kind, None, kept.low, kept.high) if name in _SAME else kept
        return ANY

    def _text(self, parts: tuple[Any, ...]) -> Value:
        if all(isinstance(part, str) for part in parts):
            return literal_value("".join(parts))
        return together([literal_value(part) if isinstance(part, str) else self.of(part) for part in parts])

    def declared(self, kind: BicepType | None, decorators: Mapping[str, tuple[Any, ...]]) -> Value:
        """What a parameter with this type and these decorators holds."""
        if kind is None:
            return ANY
        named = self._declared.get(kind.name)
        if named and named.what == "type":
            return self.declared(named.kind, named.decorators)
        said = {name: plain(arguments[0]) for name, arguments in decorators.items() if arguments}
        choices = frozenset(said["allowed"]) if "allowed" in said else None
        if choices and kind.name == "string":
            return Value("string", choices, min(map(len, choices)), max(map(len, choices)))
        if choices:
            return Value(kind.name, choices, min(choices), max(choices))
        low, high = ("minValue", "maxValue") if kind.name == "int" else ("minLength", "maxLength")
        return Value(kind.name, None, said.get(low), said.get(high))

    def _name(self, text: str) -> Value:
        item = self._declared.get(text)
        if item is None:
            return ANY
        if item.what == "var":
            return self.of(item.value)
        return self.declared(item.kind, item.decorators) if item.what == "param" else Value("object")

    def _get(self, expression: Get) -> Value:
        match expression.base:
            case Get(Name(text), "outputs") if text in self._declared and self._declared[text].what == "module":
                below = module_file(self._file, self._declared[text])
                for item in declared(below):
                    if item.what == "output" and item.name == expression.name:
                        return Values(below).declared(item.kind, item.decorators)
            case Name(text) if text in self._declared and self._declared[text].what == "resource":
                return Value("string") if expression.name in ("id", "name", "location", "type") else ANY
        return ANY


def misfit(given: Value, wanted: Value) -> str:
    """Why a value cannot be where one is wanted, or nothing."""
    if "any" in (given.kind, wanted.kind):
        return ""
    fits = (
        given.kind == wanted.kind
        and (wanted.choices is None or (given.choices is not None and given.choices <= wanted.choices))
        and (wanted.low is None or (given.low is not None and given.low >= wanted.low))
        and (wanted.high is None or (given.high is not None and given.high <= wanted.high))
    )
    return "" if fits else f"is {given.said()}, expected {wanted.said()}"


def receiver(file: Path, parameter: Declaration) -> Value:
    """What a file's parameter takes."""
    return Values(file).declared(parameter.kind, parameter.decorators)
