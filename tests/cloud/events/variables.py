"""The variables that name an operator's own events: EVENTS, SHIFT and DATES."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.console import Console

from tests.cloud.events.find import find
from tests.cloud.events.load import load_events
from tests.cloud.events.loaded import Loaded
from tests.cloud.events.mistakes import EventsInvalid

_NAMES = 3  # files that are named


@dataclass(frozen=True, slots=True)
class Export:
    """What EVENTS names, loaded; what to call it; whether its times were moved."""

    loaded: Loaded
    name: str
    shifted: bool


def export(variables: Mapping[str, str], now: datetime, console: Console | None = None) -> Export | None:
    """The operator's own export, in the engine; None when EVENTS is empty. A terminal `console` shows progress.

    Raises:
        EventsInvalid: a variable or a file cannot be taken.
    """
    shift = variables.get("SHIFT", "")
    if shift not in ("", "now"):
        raise EventsInvalid(
            f"SHIFT: expected now, or nothing (the times are then taken as they are), not {shift[:40]!r}"
        )
    paths = find(variables.get("EVENTS", ""))
    if not paths:
        return None
    loaded = load_events(paths, now if shift else None, now=now, order=variables.get("DATES", ""), console=console)
    return Export(loaded, _name(paths), bool(shift))


def _name(paths: Sequence[Path]) -> str:
    named = ", ".join(path.name for path in paths[:_NAMES])
    return named if len(paths) <= _NAMES else f"{named} and {len(paths) - _NAMES:,} more files"
