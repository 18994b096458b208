"""The `$filter` and `$orderby` that Sentinel's list of incidents understands."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

Incident = Mapping[str, Any]
Test = Callable[[Incident], bool]

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<time>\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|[+-]\d\d:\d\d))|(?P<number>-?\d+)"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_/]*)|(?P<mark>[():]))"
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
}
_TIMES = ("createdTimeUtc", "lastModifiedTimeUtc", "firstActivityTimeUtc", "lastActivityTimeUtc")
_TEXTS = ("status", "severity", "title", "classification", "providerName")
_NUMBERS = ("incidentNumber",)
_LABELS = "properties/labels/any"


class BadFilter(ValueError):
    """The filter or the order is not one that the service takes."""


def parse_filter(text: str) -> Test:
    """The filter as a test of one incident resource.

    A test of labels must stand first, as in the real service.

    Raises:
        BadFilter: with what is wrong.
    """
    return _Filter(text).parse()


class _Filter:
    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        at = 0
        text = text.rstrip()
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise BadFilter(f"Syntax error at position {at} in '{text}'.")
            self._tokens.append((found.lastgroup or "", found[found.lastgroup or 0]))
            at = found.end()
        self._at = 0

    def parse(self) -> Test:
        if any(value == _LABELS for _, value in self._tokens[1:]):
            raise BadFilter("A filter on labels must be the first clause of $filter.")
        test = self._or()
        if self._at != len(self._tokens):
            raise BadFilter(f"Unexpected '{self._tokens[self._at][1]}'.")
        return test

    def _next(self, kind: str, value: str | None = None) -> str:
        if self._at == len(self._tokens):
            raise BadFilter("The filter ends too early.")
        found = self._tokens[self._at]
        if found[0] != kind or (value is not None and found[1] != value):
            raise BadFilter(f"Unexpected '{found[1]}'.")
        self._at += 1
        return found[1]

    def _has(self, kind: str, value: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == (kind, value):
            self._at += 1
            return True
        return False

    def _or(self) -> Test:
        tests = [self._and()]
        while self._has("word", "or"):
            tests.append(self._and())
        return tests[0] if len(tests) == 1 else lambda incident: any(test(incident) for test in tests)

    def _and(self) -> Test:
        tests = [self._one()]
        while self._has("word", "and"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda incident: all(test(incident) for test in tests)

    def _one(self) -> Test:
        if self._has("mark", "("):
            test = self._or()
            self._next("mark", ")")
            return test
        name = self._next("word")
        return self._label() if name == _LABELS else self._compare(name)

    def _label(self) -> Test:
        self._next("mark", "(")
        variable = self._next("word")
        self._next("mark", ":")
        self._next("word", f"{variable}/labelName")
        self._next("word", "eq")
        wanted = _text(self._next("text"))
        self._next("mark", ")")
        return lambda incident: any(label["labelName"] == wanted for label in incident["properties"]["labels"])

    def _compare(self, name: str) -> Test:
        room, _, field = name.partition("/")
        if room != "properties" or field not in _TIMES + _TEXTS + _NUMBERS:
            raise BadFilter(f"Could not find a property named '{name}'.")
        compare = _COMPARE.get(self._next("word"))
        if compare is None:
            raise BadFilter("Expected eq, ne, gt, ge, lt or le.")
        if field in _TIMES:
            moment = _moment(self._next("time"))
            return lambda incident: (
                field in incident["properties"] and compare(_moment(incident["properties"][field]), moment)
            )
        if field in _NUMBERS:
            number = int(self._next("number"))
            return lambda incident: compare(incident["properties"][field], number)
        text = _text(self._next("text"))
        return lambda incident: compare(incident["properties"].get(field, ""), text)


def parse_order(text: str) -> tuple[Callable[[Incident], Any], bool]:
    """The order as a key of one incident resource, and whether it is descending.

    Raises:
        BadFilter: with what is wrong.
    """
    words = text.split()
    if not 1 <= len(words) <= 2 or (len(words) == 2 and words[1] not in ("asc", "desc")):
        raise BadFilter(f"'{text}' is not a valid $orderby.")
    room, _, field = words[0].partition("/")
    if room != "properties" or field not in _TIMES + _TEXTS + _NUMBERS:
        raise BadFilter(f"Could not find a property named '{words[0]}'.")
    descending = words[-1] == "desc"
    if field in _NUMBERS:
        return (lambda incident: incident["properties"][field]), descending
    if field in _TIMES:
        return (lambda incident: _sortable(incident["properties"].get(field, ""))), descending
    return (lambda incident: incident["properties"].get(field, "")), descending


def _sortable(time: str) -> str:
    head, _, digits = time.rstrip("Z").partition(".")
    return f"{head}.{digits:0<7}"


def _text(token: str) -> str:
    return token[1:-1].replace("''", "'")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadFilter(f"'{text}' is not a time.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
