"""The tree that Bicep is read into: declarations, and expressions in which names, texts and types stay apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Name:
    """A name that is used."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Text:
    """A text: pieces and the expressions between them."""

    parts: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, true, false or null."""

    value: int | bool | None


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its arguments."""

    name: str
    arguments: tuple[Any, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Get:
    """`base.name`; `mark` is "!" when it is `base!.name`, "?" when it is `base.?name`."""

    base: Any
    name: str
    mark: str
    line: int


@dataclass(frozen=True, slots=True)
class At:
    """`base[key]`."""

    base: Any
    key: Any


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator and its operands; `?:` has three."""

    sign: str
    operands: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Items:
    """An array."""

    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Pairs:
    """An object: its keys are texts."""

    pairs: tuple[tuple[Text, Any], ...]

    def get(self, name: str) -> Any:
        """The expression under a plain key, or None."""
        return next((value for key, value in self.pairs if key.parts == (name,)), None)


@dataclass(frozen=True, slots=True)
class Loop:
    """`[for item in source: body]`, or with `(item, index)`."""

    item: str
    index: str
    source: Any
    body: Any


@dataclass(frozen=True, slots=True)
class Condition:
    """`if (condition) body` of a resource or module."""

    condition: Any
    body: Any


@dataclass(frozen=True, slots=True)
class Lambda:
    """`parameter => body`."""

    parameter: str
    body: Any


@dataclass(frozen=True, slots=True)
class BicepType:
    """A type as written: a name, an array of one (`item`), or an object (`fields`)."""

    name: str
    item: BicepType | None = None
    fields: tuple[tuple[str, BicepType], ...] = ()


@dataclass(frozen=True, slots=True)
class Declaration:
    """A top-level line: `what` is param, var, resource, module, output or type.

    `detail` is a resource's type and version, or a module's path.
    """

    what: str
    name: str
    line: int
    value: Any = None
    kind: BicepType | None = None
    detail: str = ""
    existing: bool = False
    decorators: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    @property
    def condition(self) -> Any:
        """The condition of a resource or module, or None."""
        return self.value.condition if isinstance(self.value, Condition) else None

    @property
    def body(self) -> Any:
        """The object, or the loop, of a resource or module."""
        return self.value.body if isinstance(self.value, Condition) else self.value


def nodes(tree: Any) -> Iterator[Any]:
    """The tree's nodes, itself first."""
    if isinstance(tree, tuple):
        for item in tree:
            yield from nodes(item)
    elif is_dataclass(tree):
        yield tree
        for each in fields(tree):
            yield from nodes(getattr(tree, each.name))
