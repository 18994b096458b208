"""What the deployment takes from azd's environment, as `infra/main.parameters.json` says, and names that miss it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

INFRA = Path(__file__).resolve().parents[1]

_PLACEHOLDER = re.compile(r"\$\{(\w+)(?::?[=-]([^}]*))?\}")
_NEAR = 2  # letters that a name may be off and still be taken for a misspelling


@cache
def _parameters() -> Mapping[str, Any]:
    content = json.loads((INFRA / "main.parameters.json").read_text(encoding="utf-8"))
    return {name: entry["value"] for name, entry in content["parameters"].items()}


def value(parameter: str, environment: Mapping[str, str]) -> str:
    """The text that azd hands to a parameter; "" when nothing is given."""

    def given(match: re.Match[str]) -> str:
        return environment.get(match[1]) or match[2] or ""

    return _PLACEHOLDER.sub(given, str(_parameters().get(parameter, "")))


def names() -> frozenset[str]:
    """The variables that the parameters file reads."""
    return frozenset(match[1] for text in _parameters().values() for match in _PLACEHOLDER.finditer(str(text)))


def only_in_the_file() -> dict[str, str]:
    """The settings that have no variable: by the name they would have, the parameter to edit instead."""
    fixed = [name for name, text in _parameters().items() if not _PLACEHOLDER.search(str(text))]
    return {re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper(): name for name in fixed}


def outputs() -> frozenset[str]:
    """What the deployment writes into the environment itself."""
    return frozenset(re.findall(r"^output (\w+)", (INFRA / "main.bicep").read_text(encoding="utf-8"), re.MULTILINE))


def misspelt(given: Iterable[str]) -> list[str]:
    """A sentence for each given variable that nothing reads and that is nearly one that is read."""
    read, fixed = names(), only_in_the_file()
    said = []
    for name in sorted(set(given) - read - outputs()):
        if name in fixed:
            said.append(
                f"{name} is set, but is not read from a variable: edit {fixed[name]} in infra/main.parameters.json"
            )
        elif right := _nearest(name, (*read, *fixed)):
            said.append(f"{name} is set, and nothing reads it: did you mean {right}?")
    return said


def _nearest(name: str, known: Iterable[str]) -> str | None:
    near = [(_distance(name.upper(), right), right) for right in sorted(known) if abs(len(name) - len(right)) <= _NEAR]
    distance, right = min(near, default=(_NEAR + 1, ""))
    return right if distance <= _NEAR else None


def _distance(one: str, other: str) -> int:
    """How many letters to change, add, leave out or swap with their neighbour make one of the other."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        earlier, before, row = before, row, [i]
        for j, b in enumerate(other, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (a != b)))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                row[j] = min(row[j], earlier[j - 2] + 1)
    return row[-1]
