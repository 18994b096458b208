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
    url: str,
    workspace: str,
    credential: Any,
    read_only: bool = False,
    *,
    clock: Clock | None = None,
    deadline: Callable[[], float] = lambda: math.inf,
) -> Ledger:
    """The ledger of a workspace (its resource id) at `url`: `sqlite:///<path>`, or the endpoint of a table service.

    Nothing is read or written yet. `credential` is any credential that azure-data-tables takes; SQLite needs none. With
    `read_only` (a dry run) nothing is ever written or made. `deadline()`, in the monotonic seconds of `clock`, is when
    the sweep's budget ends.
    """
    if url.startswith(_SQLITE):
        return SqliteLedger(url.removeprefix(_SQLITE), workspace, read_only)
    from shared.ledger.table import TableLedger  # loads azure-data-tables, which SQLite does not need

    return TableLedger(url, workspace, credential, read_only=read_only, clock=clock, deadline=deadline)
