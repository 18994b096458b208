"""Finds in Bicep what the compiler refuses or warns of and a parser does not see.

Above all what passes between a file and its modules. It is not the compiler: `make bicep` runs that where there is one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.infra.bicep import declared, module_file
from tests.infra.bicep_tree import Call, Declaration, Get, Lambda, Loop, Name, Pairs, nodes
from tests.infra.bicep_values import RETURNS, Values, misfit, receiver

DECORATORS = {
    "allowed",
    "batchSize",
    "description",
    "maxLength",
    "maxValue",
    "metadata",
    "minLength",
    "minValue",
    "sealed",
    "secure",
}
TYPES = {"string", "int", "bool", "array", "object"}
# What is known of a resource or module before anything is made.
AT_START = {"id", "name", "type", "apiVersion"}


def faults(file: Path) -> list[str]:
    """All faults of the file, each with file and line; those of its modules are not among them."""
    return [f"{file.name}:{line}: {text}" for line, text in sorted(_Finder(file).all())]


class _Finder:
    def __init__(self, file: Path) -> None:
        self.file = file
        self.every = declared(file)
        self.by_name = {item.name: item for item in self.every}
        self.values = Values(file)

    def all(self) -> Iterator[tuple[int, str]]:
        yield from self._names()
        yield from self._unused()
        for item in self.every:
            yield from self._used(item)
            yield from self._repeated(item)
            if item.what == "param":
                yield from self._default(item)
            if item.what == "output":
                yield from self._secret(item)
            if item.what == "module":
                yield from self._passed(item)
            if item.what in ("module", "resource"):
                yield from self._late(item)

    # ---- names

    def _names(self) -> Iterator[tuple[int, str]]:
        # An output may be called as anything else is.
        for name, count in Counter(item.name for item in self.every if item.what != "output").items():
            if count > 1:
                yield self.by_name[name].line, f"{name} is declared {count} times"
        for item in self.every:
            for name in item.decorators.keys() - DECORATORS:
                yield item.line, f"@{name} is no decorator that is used here"
            for kind in nodes(item.kind):
                if kind.name not in TYPES and getattr(self.by_name.get(kind.name), "what", "") != "type":
                    yield item.line, f"{kind.name} is no type"

    def _unused(self) -> Iterator[tuple[int, str]]:
        used = {node.text for item in self.every for node in nodes((item.value, *item.decorators.values()))
                if isinstance(node, Name)}  # fmt: skip
        for item in self.every:
            if (item.what in ("param", "var") or item.existing) and item.name not in used:
                yield item.line, f"{item.name} is never used"

    def _used(self, item: Declaration) -> Iterator[tuple[int, str]]:
        bound = {node.item for node in nodes(item.value) if isinstance(node, Loop)}
        bound |= {node.index for node in nodes(item.value) if isinstance(node, Loop)}
        bound |= {node.parameter for node in nodes(item.value) if isinstance(node, Lambda)}
        for node in nodes(item.value):
            if isinstance(node, Name) and node.text not in bound and node.text not in self.by_name:
                yield node.line, f"{node.text} is not declared"
            if isinstance(node, Call) and node.name not in RETURNS:
                yield node.line, f"{node.name} is no function that is used here"
            if isinstance(node, Get):
                yield from self._gotten(node)

    def _gotten(self, node: Get) -> Iterator[tuple[int, str]]:
        match node.base:
            case Name(text) if text in self.by_name:
                item = self.by_name[text]
                if item.what == "module" and node.name not in ("outputs", "name"):
                    yield node.line, f"{text} is a module: it has outputs and a name, no {node.name}"
                if item.condition is not None and node.name not in AT_START and node.mark != "!":
                    yield node.line, f"{text} may not be made: write {text}!.{node.name}"
            case Get(Name(text), "outputs") if text in self.by_name and self.by_name[text].what == "module":
                below = module_file(self.file, self.by_name[text])
                if node.name not in {item.name for item in declared(below) if item.what == "output"}:
                    yield node.line, f"{text} has no output {node.name}"

    def _repeated(self, item: Declaration) -> Iterator[tuple[int, str]]:
        for node in nodes(item.value):
            if isinstance(node, Pairs):
                for key, count in Counter(key for key, _ in node.pairs).items():
                    if count > 1:
                        yield item.line, f"{''.join(map(str, key.parts))} stands {count} times in one object"

    # ---- what passes between files

    def _default(self, item: Declaration) -> Iterator[tuple[int, str]]:
        if item.value is None:
            return
        value, wanted = self.values.of(item.value), receiver(self.file, item)
        plain = value.choices is not None or value.kind != wanted.kind
        if plain and (why := misfit(value, wanted)):
            yield item.line, f"the default of {item.name} {why}"

    def _passed(self, module: Declaration) -> Iterator[tuple[int, str]]:
        below = module_file(self.file, module)
        if not below.is_file():
            yield module.line, f"{module.detail} does not exist"
            return
        wanted = {item.name: item for item in declared(below) if item.what == "param"}
        params = module.body.get("params") if isinstance(module.body, Pairs) else module.body.body.get("params")
        given = {"".join(key.parts): value for key, value in (params.pairs if params else ())}
        for name in given.keys() - wanted.keys():
            yield module.line, f"{module.name}: {module.detail} has no parameter {name}"
        for name, parameter in wanted.items():
            if name not in given and parameter.value is None:
                yield module.line, f"{module.name}: {name} is required and not given"
            if name in given and (why := misfit(self.values.of(given[name]), receiver(below, parameter))):
                yield module.line, f"{module.name}: {name} {why}"

    def _secret(self, output: Declaration) -> Iterator[tuple[int, str]]:
        for node in self._followed(output.value):
            if isinstance(node, Name) and "secure" in getattr(self.by_name.get(node.text), "decorators", {}):
                yield output.line, f"{output.name} gives out {node.text}, a secret"
            if isinstance(node, Call) and node.name.startswith("list"):
                yield output.line, f"{output.name} gives out what {node.name} returns, a secret"

    # ---- what has to be known before anything is made

    def _late(self, item: Declaration) -> Iterator[tuple[int, str]]:
        body = item.body.body if isinstance(item.body, Loop) else item.body
        parts = {name: body.get(name) for name in ("name", "location", "scope")}
        parts["condition"] = item.condition
        parts["loop"] = item.body.source if isinstance(item.body, Loop) else None
        for part, expression in parts.items():
            for node in self._followed(expression):
                if self._is_late(node):
                    yield item.line, f"the {part} of {item.name} reads {self._path(node)}, known only at run time"

    def _is_late(self, node: Any) -> bool:
        if isinstance(node, Call):
            return node.name == "reference" or node.name.startswith("list")
        if not isinstance(node, Get) or not isinstance(node.base, Name):
            return False
        item = self.by_name.get(node.base.text)
        return item is not None and item.what in ("module", "resource") and node.name not in AT_START

    @staticmethod
    def _path(node: Any) -> str:
        return f"{node.base.text}.{node.name}" if isinstance(node, Get) else f"{node.name}()"

    def _followed(self, expression: Any) -> Iterator[Any]:
        """The nodes of an expression and of the variables that it uses."""
        for node in nodes(expression):
            yield node
            if isinstance(node, Name) and getattr(self.by_name.get(node.text), "what", "") == "var":
                yield from self._followed(self.by_name[node.text].value)
