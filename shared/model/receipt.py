"""How a sweep ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shared.model.coverage import Coverage
from shared.model.findings import Window


class Verdict(StrEnum):
    """How a sweep ended; exactly one of these, and `clean` never by accident."""

    CLEAN = "clean"
    FLAGGED = "flagged"
    UNTRUSTED = "untrusted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something went wrong: `id` short and stable ("sentinel_forbidden"), `text` says it and what to do.

    Of a request that failed, as long as the sweep lasts: its `status`, its `fault` (`shared.errors.Fault`) when no
    response can be used, and whether it was `unanswered`: what was asked for may have been done.
    """

    id: str
    text: str
    status: int | None = field(default=None, compare=False, metadata={"kept": False})
    fault: str = field(default="", compare=False, metadata={"kept": False})
    unanswered: bool = field(default=False, compare=False, metadata={"kept": False})


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one sweep did: one log line and one ledger row. Counts, never addresses.

    `history_days`: so many earlier days of the window could be trusted as a measure; None when it was not judged.
    `workspace_name` is the entry of `workspaces.json`, `round` the round it was swept in; "" without. `causes` are
    those behind `reasons`, as values: they are not written down.
    """

    run_id: str
    version: str
    settings: str
    workspace: str
    started: datetime
    seconds: float
    event: str
    verdict: Verdict | None
    reasons: tuple[str, ...] = ()
    dry_run: bool = False
    window: Window | None = None
    coverage: Coverage | None = None
    history_days: int | None = None
    flagged: int = 0
    created: int = 0
    commented: int = 0
    escalated: int = 0
    standing: int = 0
    grown: int = 0
    settled: int = 0
    excluded: int = 0
    held: int = 0
    held_unremembered: int = 0
    awaited: int = 0
    due: int = 0
    told: int = 0
    reminded: int = 0
    card_id: str = ""
    requests: Mapping[str, int] = field(default_factory=dict)
    retries: int = 0
    clock_skew_seconds: float | None = None
    notes: tuple[str, ...] = ()
    round: str = ""
    workspace_name: str = ""
    causes: tuple[Cause, ...] = ()
