"""The log lines of rounds: what begins one, the receipts of its entries as real sweeps make them, and what ends it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tests.infra.sweeps_logged import logged_in
from tests.infra.telemetry import Row, logged, trace
from tests.support.clock import START

MINUTE = timedelta(minutes=1)
ROUND = "2026-03-02T06:00Z"


ROUND_FIELDS = {"round", "workspace_name", "workspaces", "seconds", "tries"} | {
    "clean",
    "flagged",
    "untrusted",
    "failed",
    "planned",
    "missing",
    "removed",
}
"""What the lines of a round hold beside what receipts hold."""


def line(event: str, ago: timedelta = timedelta(), **fields: Any) -> Row:
    """A line of the app, so long before START: its event, and its fields as JSON."""
    return trace(START - ago, f"{event} {json.dumps(fields)}")


def announced(*names: str, ago: timedelta = timedelta(), slot: str = ROUND) -> list[Row]:
    """What the start of a round logs."""
    return [
        line("round_started", ago, round=slot, workspaces=len(names)),
        *(line("round_entry", ago, round=slot, workspace_name=name) for name in names),
    ]


def swept(scene: str, name: str, ago: timedelta = timedelta(), slot: str = ROUND) -> list[Row]:
    """The receipt of a real sweep, as that of an entry in a round; `invalid` is an entry with bad settings."""
    receipt = logged_in(scene).receipt
    if receipt is None:
        mistakes = ["LOOKBACK_DAYS: expected a whole number from 1 to 90"]
        return [line("settings_invalid", ago, mistakes=mistakes, round=slot, workspace_name=name)]
    identity = f"{scene}-{name}-{ago.total_seconds():.0f}"
    return [trace(START - ago, logged(replace(receipt, run_id=identity, round=slot, workspace_name=name)))]


def summed_up(ends: Sequence[tuple[str, int]], ago: timedelta = timedelta(), slot: str = ROUND) -> list[Row]:
    """The line that ends a round, with these counts."""
    counts = dict.fromkeys(("clean", "flagged", "untrusted", "failed", "planned", "missing", "removed"), 0) | dict(ends)
    event = "round_incomplete" if counts["failed"] or counts["missing"] else "round_completed"
    return [line(event, ago, round=slot, workspaces=sum(counts.values()), **counts, seconds=312.5)]


def minutes_on(minutes: float) -> datetime:
    """So many minutes after START."""
    return START + minutes * MINUTE
