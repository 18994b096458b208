"""ARM templates, read as far as a rule needs it: parameters with defaults, variables, loops and a few functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+)|(?P<name>\w+)|(?P<mark>[()\[\],.]))")


def resources_of(template: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Each resource of a template, a loop written out, those of nested templates too.

    An expression that needs more than is known here stays the text that it is.
    """
    scope = _Scope(template)
    given = template.get("resources") or []
    for resource in given.values() if isinstance(given, Mapping) else given:
        for place in range(_times(resource, scope)):
            yield from _written(resource, replace(scope, place=place))


def _times(resource: Mapping[str, Any], scope: _Scope) -> int:
    times = scope.value((resource.get("copy") or {}).get("count", 1))
    return times if isinstance(times, int) else 1


def _written(resource: Mapping[str, Any], scope: _Scope) -> Iterator[dict[str, Any]]:
    nested = (resource.get("properties") or {}).get("template")
    if isinstance(nested, Mapping):
        given = scope.value((resource["properties"].get("parameters")) or {})
        parameters = {name: {"defaultValue": each["value"]} for name, each in given.items() if "value" in each}
        known = {**(nested.get("parameters") or {}), **parameters}
        yield from resources_of({**nested, "parameters": known})
    else:
        yield scope.value(dict(resource))


def _joined(*values: Any) -> Any:
    if isinstance(values[0], list):
        return [each for value in values for each in value]
    return "".join(map(str, values))


class _Unknown(Exception):
    """The expression is beyond what is known here."""


@dataclass(frozen=True)
class _Scope:
    """What names mean in a template; `place` is which turn of the loop it is."""

    template: Mapping[str, Any]
    place: int = 0
    functions: Mapping[str, Callable[..., Any]] = field(init=False)

    def __post_init__(self) -> None:
        known: dict[str, Callable[..., Any]] = {
            "parameters": lambda name: self._named("parameters", name)["defaultValue"],
            "variables": lambda name: self._named("variables", name),
            "copyindex": lambda *_: self.place,
            "format": lambda form, *values: form.format(*values),
            "concat": _joined,
            "replace": lambda text, old, new: text.replace(old, new),
            "length": len,
            "tolower": lambda text: text.lower(),
            "createarray": lambda *values: list(values),
            "string": str,
        }
        object.__setattr__(self, "functions", known)

    def value(self, given: Any) -> Any:
        """A value of the template with its expressions worked out."""
        if isinstance(given, Mapping):
            return {name: self.value(each) for name, each in given.items()}
        if isinstance(given, list):
            return [self.value(each) for each in given]
        if not isinstance(given, str) or not given.startswith("[") or not given.endswith("]"):
            return given
        if given.startswith("[["):
            return given[1:]
        try:
            return _Expression(given[1:-1], self).whole()
        except (_Unknown, LookupError, TypeError, ValueError, AttributeError):
            return given

    def _named(self, kind: str, name: str) -> Any:
        known = {each.lower(): value for each, value in (self.template.get(kind) or {}).items()}
        return self.value(known[name.lower()])


class _Expression:
    """One expression, read from left to right."""

    def __init__(self, text: str, scope: _Scope) -> None:
        self._scope = scope
        self._tokens = []
        at = 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if found is None:
                raise _Unknown
            self._tokens.append((found.lastgroup or "", found[found.lastgroup or 0]))
            at = found.end()
        self._tokens.append(("end", ""))

    def whole(self) -> Any:
        """Its value."""
        value = self._one()
        if self._tokens[0][0] != "end":
            raise _Unknown
        return value

    def _one(self) -> Any:
        kind, text = self._tokens.pop(0)
        if kind == "text":
            return text[1:-1].replace("''", "'")
        if kind == "number":
            return int(text)
        if kind != "name":
            raise _Unknown
        value = self._call(text)
        while self._tokens[0][1] in ("[", "."):
            if self._tokens.pop(0)[1] == ".":
                value = value[self._tokens.pop(0)[1]]
            else:
                value = value[self._one()]
                self._tokens.pop(0)
        return value

    def _call(self, name: str) -> Any:
        function = self._scope.functions.get(name.lower())
        if function is None or self._tokens.pop(0)[1] != "(":
            raise _Unknown
        values: list[Any] = []
        while self._tokens[0][1] != ")":
            values.append(self._one())
            if self._tokens[0][1] == ",":
                self._tokens.pop(0)
            elif self._tokens[0][1] != ")":
                raise _Unknown
        self._tokens.pop(0)
        return function(*values)
