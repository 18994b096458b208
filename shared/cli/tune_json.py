"""What `tune --json` prints: everything that was found out, as one JSON value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from shared.cli.tune_words import APPROXIMATIONS, cost, history
from shared.cli.tuning import Replayed, Tuned, by_domain
from shared.model import ACTORS
from shared.plan.threshold import Step


def tune_as_json(found: Tuned, *, domains: bool) -> dict[str, Any]:
    """What was found out."""
    settings = found.settings
    value: dict[str, Any] = {
        "window": {"start": _time(found.window.start), "end": _time(found.window.end)},
        "source": settings.hunt_source,
        "deduplicate": settings.deduplicate,
        "threshold": settings.sum_case_threshold,
        "doubts": list(found.doubts),
        "excluded": found.excluded,
        "removers_known": found.known,
        "thresholds": _steps(found.steps),
        "suggestion": asdict(found.suggestion),
        "a_week": cost(found),
    }
    if domains:
        value["domains"] = {name: _steps(steps) for name, steps in by_domain(found).items()}
    if found.replayed:
        value["replay"] = _replay(found, found.replayed)
    return value


def _steps(steps: Sequence[Step]) -> list[dict[str, int]]:
    return [
        {
            "threshold": step.threshold,
            "flagged": step.flagged,
            "messages": step.messages,
            **dict(zip(ACTORS, step.by, strict=True)),
            "unknown": step.messages - sum(step.by),
        }
        for step in steps
    ]


def _replay(found: Tuned, replayed: Replayed) -> dict[str, Any]:
    return {
        "approximations": list(APPROXIMATIONS),
        "oldest_row": _time(replayed.since) if replayed.since else None,
        "history": history(found, replayed),
        "days": [{**asdict(day), "at": _time(day.at)} for day in replayed.days],
        "week": asdict(replayed.week),
    }


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
