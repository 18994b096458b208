"""Reads `infra/` as the deployment would: parameters in, the resources with their final properties out.

pycep parses; this evaluates the part of Bicep that `infra/` uses. What only Azure knows (a resource's id, a module's
output) comes out as its path in angle brackets. An expression that is not understood raises, so that nothing is judged
by half. pycep writes a name and a text alike: a text is never spelled like a name of its file (`ambiguous` finds any).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pycep import BicepParser

INFRA = Path(__file__).resolve().parent.parent / "infra"
MAIN = INFRA / "main.bicep"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A `param` line and its decorators. `default` is unevaluated; None where there is none."""

    type: str
    default: Any
    description: str
    minimum: int | None
    maximum: int | None
    allowed: tuple[Any, ...]
    secure: bool

    @property
    def required(self) -> bool:
        """Whether a value has to be given."""
        return self.default is None


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource as deployed: `body` holds final values, `file` and `symbol` say where it stands."""

    file: Path
    symbol: str
    type: str
    body: Mapping[str, Any]


@cache
def parsed(file: Path) -> Mapping[str, Any]:
    """The file as pycep reads it."""
    result: Mapping[str, Any] = BicepParser().parse(text=file.read_text(encoding="utf-8"))
    return result


def parameters(file: Path = MAIN) -> dict[str, Parameter]:
    """The file's parameters by name."""
    found = {}
    for name, read in parsed(file).get("parameters", {}).items():
        said = {item["type"]: item.get("argument") for item in read["decorators"]}
        found[name] = Parameter(
            type=read["type"],
            default=read.get("default"),
            description=said.get("description") or "",
            minimum=said.get("min_value"),
            maximum=said.get("max_value"),
            allowed=tuple(said.get("allowed") or ()),
            secure="secure" in said,
        )
    return found


def ambiguous(file: Path) -> set[str]:
    """Names of the file that are also spelled as a text in it, except as a module's deployment name."""
    read = parsed(file)
    names = {name for part in ("parameters", "variables", "resources", "modules") for name in read.get(part, {})}
    texts = set()
    for line in file.read_text(encoding="utf-8").splitlines():
        if not line.startswith(("  name: '", "@description(")):
            texts |= set(re.findall(r"'([^']*)'", line))
    for resource in read.get("resources", {}).values():
        body = resource["config"].get("config", resource["config"])
        texts |= (
            {body["name"]}
            if isinstance(body["name"], str) and f"  name: '{body['name']}'" in file.read_text()
            else set()
        )
    return names & texts


class Scope:
    """One file with its parameters given: evaluates expressions."""

    def __init__(self, file: Path, given: Mapping[str, Any]) -> None:
        self.file = file
        self.read = parsed(file)
        self.locals: dict[str, Any] = dict(given)
        declared = parameters(file)
        if unknown := given.keys() - declared.keys():
            raise ValueError(f"{file.name} has no parameter {sorted(unknown)}")
        for name, parameter in declared.items():
            if name not in self.locals:
                if parameter.required:
                    raise ValueError(f"{file.name} needs a value for {name}")
                self.locals[name] = self.value(parameter.default)

    def value(self, expression: Any) -> Any:
        """The expression's final value."""
        match expression:
            case {"function": {"type": kind, "parameters": arguments}}:
                return self._call(kind, [item for item in arguments.values() if item is not None])
            case {"operator": {"type": "property_accessor"}}:
                return self._path(expression)
            case {"operator": {"type": kind, "operands": operands}}:
                return self._operate(kind, operands)
            case {"loop_type": {"detail": detail}, "config": config}:
                return list(self._loop(detail, config))
            case dict():
                return {self._text(str(key).strip("'")): self.value(item) for key, item in expression.items()}
            case list():
                return [self.value(item) for item in expression]
            case str():
                return self.locals[expression] if expression in self.locals else self._name(expression)
            case _:
                return expression

    def _name(self, text: str) -> Any:
        if text in self.read.get("variables", {}):
            return self.value(self.read["variables"][text]["value"])
        if text in self.read.get("resources", {}) or text in self.read.get("modules", {}):
            return f"<{text}>"
        return self._text(text)

    def _text(self, raw: str) -> str:
        def filled(found: re.Match[str]) -> str:
            path = found[1].split(".")
            return (
                str(self._name(path[0]) if path[0] not in self.locals else self.locals[path[0]])
                if len(path) == 1
                else (f"<{found[1]}>")
            )

        return re.sub(r"\$\{([^}]*)\}", filled, raw).replace("\\n", "\n").replace("\\'", "'")

    def _path(self, expression: Any) -> Any:
        operands = expression["operator"]["operands"]
        base = operands["operand_1"]
        names = []
        rest = operands["operand_2"]
        while isinstance(rest, dict):
            inner = rest["operator"]["operands"]
            names.append(inner["operand_1"])
            rest = inner["operand_2"]
        names.append(rest)
        held = self.locals.get(base) if isinstance(base, str) else None
        if isinstance(held, dict):
            for name in names:
                held = held[name]
            return held
        start = base if isinstance(base, str) else str(self.value(base)).strip("<>")
        return f"<{'.'.join([start, *names])}>"

    def _loop(self, detail: Mapping[str, str], config: Any) -> Iterator[Any]:
        for place, item in enumerate(self.value(detail["array_name"])):
            before = dict(self.locals)
            self.locals[detail["item_name"]] = item
            if "index_name" in detail:
                self.locals[detail["index_name"]] = place
            yield self.value(config)
            self.locals = before

    def _operate(self, kind: str, operands: Mapping[str, Any]) -> Any:
        if kind == "conditional":
            return self.value(operands["true_value" if self.value(operands["condition"]) else "false_value"])
        values = [self.value(item) for item in operands.values()]
        operators: dict[str, Callable[..., Any]] = {
            "equals": lambda a, b: a == b,
            "not_equals": lambda a, b: a != b,
            "multiply": lambda a, b: a * b,
            "not": lambda a: not a,
            "index_accessor": lambda a, b: a[b],
        }
        return operators[kind](*values)

    def _call(self, kind: str, arguments: list[Any]) -> Any:
        values = [self.value(item) for item in arguments]
        if kind == "load_text_content":
            return (self.file.parent / values[0]).read_text(encoding="utf-8")
        functions: dict[str, Callable[..., Any]] = {
            "string": lambda item: item if isinstance(item, str) else _string(item),
            "to_lower": lambda item: item.lower(),
            "empty": lambda item: not item,
            "last": lambda item: item[-1],
            "split": lambda item, delimiter: item.split(delimiter),
            "replace": lambda item, old, new: item.replace(old, new),
            "concat": lambda *items: [each for item in items for each in item],
            "union": lambda *items: {name: each for item in items for name, each in item.items()},
            "resource_group": lambda *names: f"<resourceGroup({', '.join(names)})>",
            "subscription": lambda: "<subscription>",
            "unique_string": lambda *_: "0123456789abc",
            "guid": lambda *items: f"<guid({', '.join(items)})>",
            "subscription_resource_id": lambda kind, name: f"<{kind}/{name}>",
        }
        return functions[kind](*values)


def _string(item: Any) -> str:
    """Bicep's string(): a boolean becomes True or False, the rest JSON."""
    return str(item) if isinstance(item, bool) else json.dumps(item, separators=(",", ":"), ensure_ascii=False)


def deployed(given: Mapping[str, Any], file: Path = MAIN) -> Iterator[Resource]:
    """Every resource that a deployment with these parameters makes, existing ones not among them."""
    scope = Scope(file, given)
    read = scope.read
    for symbol, found in read.get("resources", {}).items():
        config = found["config"]
        if found["existing"] or ("condition" in config and not scope.value(config["condition"])):
            continue
        body = scope.value(config["config"] if "condition" in config else config)
        yield Resource(file, symbol, found["type"], body)
    for found in read.get("modules", {}).values():
        config = found["config"]
        if "condition" in config and not scope.value(config["condition"]):
            continue
        config = config.get("config", config)
        yield from deployed(scope.value(config["params"]), (file.parent / found["detail"]["path"]).resolve())


def every_file() -> list[Path]:
    """All Bicep files."""
    return sorted(INFRA.rglob("*.bicep"))
