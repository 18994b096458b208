"""Evaluates `infra/` as the deployment would: parameters in, the resources with their final properties out.

What only Azure knows (a resource's id, a module's output) comes out as its path in angle brackets. An expression that
is not understood raises, so that nothing is judged by half. What the deployment refuses raises `Refused`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from pycep import BicepParser

from tests.infra.bicep_functions import FUNCTIONS, OPERATORS, DeploymentRefused, Known, as_text
from tests.infra.bicep_syntax import BicepReader
from tests.infra.bicep_tree import (
    At,
    BicepType,
    Call,
    Condition,
    Declaration,
    Get,
    Items,
    Lambda,
    Literal,
    Loop,
    Name,
    Operation,
    Pairs,
    Text,
)

INFRA = Path(__file__).resolve().parents[2] / "infra"
MAIN = INFRA / "main.bicep"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A `param` line and its decorators. `default` is unevaluated; None where there is none."""

    kind: BicepType
    default: Any
    description: str
    minimum: int | None
    maximum: int | None
    allowed: tuple[Any, ...]
    secure: bool

    @property
    def type(self) -> str:
        """The type's name; that of every list is array."""
        return self.kind.name

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
    """The file as pycep reads it: what is declared is right there, the order of operators is not."""
    result: Mapping[str, Any] = BicepParser().parse(text=file.read_text(encoding="utf-8"))
    return result


@cache
def declared(file: Path) -> tuple[Declaration, ...]:
    """The file's declarations, in order."""
    return tuple(BicepReader(file.read_text(encoding="utf-8")).declarations())


def declarations(file: Path, *what: str) -> dict[str, Declaration]:
    """The file's declarations of these sorts, by name."""
    return {item.name: item for item in declared(file) if item.what in what}


def parameters(file: Path = MAIN) -> dict[str, Parameter]:
    """The file's parameters by name."""
    found = {}
    for name, item in declarations(file, "param").items():
        assert item.kind
        said = {each: plain(arguments[0]) for each, arguments in item.decorators.items() if arguments}
        found[name] = Parameter(
            kind=item.kind,
            default=item.value,
            description=said.get("description") or "",
            minimum=said.get("minValue"),
            maximum=said.get("maxValue"),
            allowed=tuple(said.get("allowed") or ()),
            secure="secure" in item.decorators,
        )
    return found


def plain(expression: Any) -> Any:
    """The value of an expression that holds no name."""
    match expression:
        case Literal(value):
            return value
        case Text(parts):
            return "".join(parts)
        case Items(values):
            return [plain(item) for item in values]
    raise ValueError(f"not a plain value: {expression}")


def module_file(file: Path, module: Declaration) -> Path:
    """The file that a module of this file is made from."""
    return (file.parent / module.detail).resolve()


class Scope:
    """One file with its parameters given: evaluates expressions.

    Raises `Refused` when what is given does not have the parameter's type, range or choices.
    """

    def __init__(self, file: Path, given: Mapping[str, Any]) -> None:
        self.file = file
        self.locals: dict[str, Any] = dict(given)
        self._variables = declarations(file, "var")
        self._made = declarations(file, "resource", "module")
        wanted = declarations(file, "param")
        if unknown := given.keys() - wanted.keys():
            raise DeploymentRefused(f"{file.name} has no parameter {sorted(unknown)}")
        for name, item in wanted.items():
            if name not in self.locals:
                if item.value is None:
                    raise DeploymentRefused(f"{file.name} needs a value for {name}")
                self.locals[name] = self.value(item.value)
            self._fits(name, item.kind, item.decorators, self.locals[name])

    # ---- what may be given

    def _fits(self, name: str, kind: BicepType | None, decorators: Mapping[str, tuple[Any, ...]], value: Any) -> None:
        if isinstance(value, Known) or kind is None:
            return
        if named := declarations(self.file, "type").get(kind.name):
            self._fits(name, named.kind, named.decorators, value)
            return
        if not isinstance(value, _PYTHON[kind.name]) or (kind.name == "int" and isinstance(value, bool)):
            raise DeploymentRefused(f"{name} is {value!r}, not of type {kind.name}")
        for decorator, fine in _LIMITS.items():
            if decorator in decorators and not fine(value, plain(decorators[decorator][0])):
                raise DeploymentRefused(f"{name} is {value!r}: @{decorator} {plain(decorators[decorator][0])}")
        if kind.item:
            for place, item in enumerate(value):
                self._fits(f"{name}[{place}]", kind.item, {}, item)
        elif kind.fields:
            fields = dict(kind.fields)
            # What a type does not name is taken unless the type is sealed.
            if fields.keys() - value.keys() or ("sealed" in decorators and value.keys() - fields.keys()):
                raise DeploymentRefused(f"{name} has {sorted(value)}, expected {sorted(fields)}")
            for key, field in fields.items():
                self._fits(f"{name}.{key}", field, {}, value[key])

    # ---- expressions

    def value(self, expression: Any) -> Any:
        """The expression's final value."""
        match expression:
            case Literal(value):
                return value
            case Text(parts):
                filled = [part if isinstance(part, str) else self.value(part) for part in parts]
                return "".join(map(as_text, filled))
            case Items(values):
                return [self.value(item) for item in values]
            case Pairs(pairs):
                return {self.value(key): self.value(item) for key, item in pairs}
            case Name(name):
                return self._name(name)
            case Get():
                return self._get(expression)
            case At(base, key):
                held, place = self.value(base), self.value(key)
                return held.then(f"[{place}]") if isinstance(held, Known) else held[place]
            case Operation(sign, operands):
                return self._operate(sign, operands)
            case Lambda(parameter, body):
                return lambda item: self._with({parameter: item}, body)
            case Loop():
                return list(self._loop(expression))
            case Call(name, arguments):
                return self._call(name, [self.value(item) for item in arguments])
        raise ValueError(f"not understood: {expression}")

    def _name(self, name: str) -> Any:
        if name in self.locals:
            return self.locals[name]
        if name in self._variables:
            return self.value(self._variables[name].value)
        if name in self._made:
            return Known(f"<{name}>")
        raise ValueError(f"{self.file.name} declares no {name}")

    def _get(self, expression: Get) -> Any:
        base = self.value(expression.base)
        if not isinstance(base, Known):
            return base.get(expression.name) if expression.mark == "?" else base[expression.name]
        module = self._made.get(base.removesuffix(".outputs>")[1:])
        if module and module.what == "module":
            below = module_file(self.file, module)
            output = declarations(below, "output")[expression.name]
            if output.kind and output.kind.name in ("array", "object"):
                return Scope(below, self.value(module.body.get("params"))).value(output.value)
        return base.then(f".{expression.name}")

    def _with(self, names: Mapping[str, Any], body: Any) -> Any:
        before = dict(self.locals)
        self.locals.update(names)
        try:
            return self.value(body)
        finally:
            self.locals = before

    def _loop(self, loop: Loop) -> Iterator[Any]:
        for place, item in enumerate(self.value(loop.source)):
            yield self._with({loop.item: item} | ({loop.index: place} if loop.index else {}), loop.body)

    def _operate(self, sign: str, operands: tuple[Any, ...]) -> Any:
        first = self.value(operands[0])
        if sign == "?:":
            return self.value(operands[1 if first else 2])
        if sign in ("&&", "||"):
            return first if bool(first) == (sign == "||") else self.value(operands[1])
        if sign == "??":
            return self.value(operands[1]) if first is None else first
        return OPERATORS[sign](first, *(self.value(item) for item in operands[1:]))

    def _call(self, name: str, values: list[Any]) -> Any:
        if name == "loadTextContent":
            return (self.file.parent / values[0]).read_text(encoding="utf-8")
        if name == "loadJsonContent":
            return json.loads((self.file.parent / values[0]).read_text(encoding="utf-8"))
        return FUNCTIONS[name](*values)


_PYTHON: Mapping[str, Any] = {"string": str, "int": int, "bool": bool, "array": list, "object": dict}
_LIMITS: Mapping[str, Callable[[Any, Any], bool]] = {
    "allowed": lambda value, choices: value in choices,
    "minValue": lambda value, limit: value >= limit,
    "maxValue": lambda value, limit: value <= limit,
    "minLength": lambda value, limit: len(value) >= limit,
    "maxLength": lambda value, limit: len(value) <= limit,
}


def deployed(given: Mapping[str, Any], file: Path = MAIN) -> Iterator[Resource]:
    """Every resource that a deployment with these parameters makes, existing ones not among them."""
    scope = Scope(file, given)
    for item in declarations(file, "resource", "module").values():
        if item.existing or (isinstance(item.value, Condition) and not scope.value(item.condition)):
            continue
        if item.what == "module":
            for params in _handed_over(scope, item.body):
                yield from deployed(params, module_file(file, item))
            continue
        bodies = scope.value(item.body)
        for body in bodies if isinstance(bodies, list) else [bodies]:
            yield Resource(file, item.name, item.detail.split("@")[0], body)


def _handed_over(scope: Scope, module: Any) -> list[Any]:
    """The parameters of a module, once for each time that it is made."""
    if isinstance(module, Loop):
        made: list[Any] = scope.value(replace(module, body=module.body.get("params")))
        return made
    return [scope.value(module.get("params"))]


def outputs(given: Mapping[str, Any], file: Path = MAIN) -> dict[str, Any]:
    """What a deployment with these parameters gives out."""
    scope = Scope(file, given)
    return {name: scope.value(item.value) for name, item in declarations(file, "output").items()}


def every_file() -> list[Path]:
    """All Bicep files."""
    return sorted(INFRA.rglob("*.bicep"))
