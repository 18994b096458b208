"""An export that is in the embedded engine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.cloud.engine import engine, quoted
from tests.cloud.schemas import EMAIL_EVENTS


@dataclass(frozen=True, slots=True)
class Loaded:
    """All rows of an export: the engine's table, which `Cloud(events=…)` takes over; their number; notes about it."""

    table: str
    rows: int
    hints: tuple[str, ...] = ()

    def read(self) -> list[dict[str, Any]]:
        """The rows, each with what is filled; times as ISO 8601 text in UTC. For few rows."""
        times = [name for name, kind in EMAIL_EVENTS.items() if kind == "datetime"]
        picked = [
            f"kql_moment({quoted(name)}) AS {quoted(name)}" if name in times else quoted(name) for name in EMAIL_EVENTS
        ]
        answer = engine().sql(f"SELECT {', '.join(picked)} FROM {self.table} SETTINGS max_threads = 1", "JSONEachRow")
        # Not splitlines: a subject may hold a separator of lines that JSON does not escape.
        return [_filled(json.loads(line)) for line in answer.split("\n") if line]


def _filled(row: dict[str, Any]) -> dict[str, Any]:
    found = {name: value for name, value in row.items() if value not in (None, "")}
    for name in found.keys() & {name for name, kind in EMAIL_EVENTS.items() if kind == "dynamic"}:
        found[name] = _dynamic(found[name])
    for name in found.keys() & {name for name, kind in EMAIL_EVENTS.items() if kind == "long"}:
        found[name] = int(found[name])  # the engine writes 64 bits as text
    return found


def _dynamic(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
