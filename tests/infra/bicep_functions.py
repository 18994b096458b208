"""Bicep's functions and operators, as far as `infra/` uses them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

SUFFIXES = {"storage": "core.windows.net", "keyvaultDns": ".vault.azure.net"}


class DeploymentRefused(ValueError):
    """The deployment stops before anything is made, with this sentence."""


class Known(str):
    """The path, in angle brackets, of what only Azure knows."""

    __slots__ = ()

    def then(self, more: str) -> Known:
        """The path below this one."""
        return Known(f"<{self[1:-1]}{more}>")


OPERATORS: Mapping[str, Callable[..., Any]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "*": lambda a, b: a * b,
    "+": lambda a, b: a + b,
    "!": lambda a: not a,
}


def as_text(item: Any) -> str:
    """Bicep's string(): a boolean becomes True or False, the rest JSON."""
    if isinstance(item, str):
        return item
    return str(item) if isinstance(item, bool) else json.dumps(item, separators=(",", ":"), ensure_ascii=False)


def _union(*items: Any) -> Any:
    if isinstance(items[0], dict):
        return {name: each for item in items for name, each in item.items()}
    return list(dict.fromkeys(each for item in items for each in item))


def _refuse(sentence: str) -> None:
    raise DeploymentRefused(sentence)


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "any": lambda item: item,
    "concat": lambda *items: [each for item in items for each in item],
    "contains": lambda held, item: item in held,
    "empty": lambda item: not item,
    "endsWith": lambda text, end: text.endswith(end),
    "environment": lambda: {"suffixes": SUFFIXES},
    "fail": _refuse,
    "filter": lambda items, keep: [item for item in items if keep(item)],
    "guid": lambda *items: Known(f"<guid({', '.join(items)})>"),
    "join": lambda items, between: between.join(items),
    "last": lambda item: item[-1],
    "length": len,
    "map": lambda items, made: [made(item) for item in items],
    "replace": lambda item, old, new: item.replace(old, new),
    "resourceGroup": lambda *names: Known(f"<resourceGroup({', '.join(names)})>"),
    "split": lambda item, delimiter: item.split(delimiter),
    "startsWith": lambda text, start: text.startswith(start),
    "string": as_text,
    "subscription": lambda: Known("<subscription>"),
    "subscriptionResourceId": lambda kind, name: Known(f"<{kind}/{name}>"),
    "take": lambda items, count: items[:count],
    "toLower": lambda item: item.lower(),
    "toObject": lambda items, key, value: {key(item): value(item) for item in items},
    "trim": lambda item: item.strip(),
    "union": _union,
    "uniqueString": lambda *_: "0123456789abc",
}
