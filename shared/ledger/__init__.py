"""The ledger: what was raised and told, the effects still due, the lease. `port.py` says what it can do."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from shared.clock import Clock
from shared.ledger.port import (
    LeaseRow,
    Ledger,
    LedgerConflict,
    LedgerError,
    LedgerNewer,
    LedgerUnavailable,
    Loaded,
)
from shared.ledger.sqlite import SqliteLedger
from shared.settings import Settings

__all__ = [
    "LeaseRow",
    "Ledger",
    "LedgerConflict",
    "LedgerError",
    "LedgerNewer",
    "LedgerUnavailable",
    "Loaded",
    "SqliteLedger",
    "open_ledger",
]

_SQLITE = "sqlite:///"


def open_ledger(
    settings: Settings,
    credential: Any,
    read_only: bool = False,
    *,
    clock: Clock | None = None,
    deadline: Callable[[], float] = lambda: math.inf,
) -> Ledger:
    """The workspace's ledger where `LEDGER_URL` says it is; nothing is read or written yet.

    `credential` is any credential that azure-data-tables takes; SQLite needs none. With `read_only` (a dry run) nothing
    is ever written or made. `deadline()`, in the monotonic seconds of `clock`, is when the sweep's budget ends.
    """
    workspace = settings.sentinel_workspace_resource_id
    if settings.ledger_url.startswith(_SQLITE):
        return SqliteLedger(settings.ledger_url.removeprefix(_SQLITE), workspace, read_only)
    from shared.ledger.table import TableLedger  # loads azure-data-tables, which SQLite does not need

    return TableLedger(settings.ledger_url, workspace, credential, read_only=read_only, clock=clock, deadline=deadline)
