"""What the deployment takes from azd's environment, as `infra/main.parameters.json` says, and names that miss it."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from shared.nearest import nearest

INFRA = Path(__file__).resolve().parents[1]

_PLACEHOLDER = re.compile(r"\$\{(\w+)(?::?[=-]([^}]*))?\}")


@cache
def _parameters() -> Mapping[str, Any]:
    content = json.loads((INFRA / "main.parameters.json").read_text(encoding="utf-8"))
    return {name: entry["value"] for name, entry in content["parameters"].items()}


def value(parameter: str, environment: Mapping[str, str]) -> str:
    """The text that azd hands to a parameter; "" when nothing is given."""
    return _filled(_parameters().get(parameter, ""), environment)


def nested(parameter: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The texts that azd hands to a parameter that is an object; "" for each that is not given."""
    return {name: _filled(text, environment) for name, text in dict(_parameters().get(parameter, {})).items()}


def _filled(text: Any, environment: Mapping[str, str]) -> str:
    def given(match: re.Match[str]) -> str:
        return environment.get(match[1]) or match[2] or ""

    return _PLACEHOLDER.sub(given, str(text))


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


def misspelt(given: Mapping[str, str], own: Collection[str]) -> tuple[list[str], list[str]]:
    """Mistakes and notes: variables that nothing reads and that are nearly one that is read.

    In azd's own environment (`own`) such a name is a mistake. In the shell's it may belong to another program, and is
    only noted.
    """
    read, fixed = names(), only_in_the_file()
    mistakes: list[str] = []
    notes: list[str] = []
    for name in sorted({name for name, text in given.items() if text} - read - outputs()):
        if name in fixed:
            mistakes.append(
                f"{name} is set, but is not read from a variable: edit {fixed[name]} in infra/main.parameters.json"
            )
        elif right := next((known for known in read if known == name.upper()), "") or nearest(
            name.upper(), (*read, *fixed)
        ):
            note = f"{name} is set, and nothing reads it: did you mean {right}?"
            (mistakes if name in own else notes).append(note)
    return mistakes, notes


def own_names(environment: Mapping[str, str], folder: Path) -> frozenset[str]:
    """The names in azd's environment itself, as its file has them; none where it cannot be read."""
    file = folder / ".azure" / environment["AZURE_ENV_NAME"] / ".env"
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return frozenset()
    return frozenset(re.findall(r"^(?:export )?([A-Za-z_][A-Za-z0-9_]*)=", text, re.MULTILINE))
