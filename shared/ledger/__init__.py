"""The ledger: what was raised and told, the effects still due, the lease. `port.py` says what it can do."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from shared.clock import Clock
from shared.ledger.changes import OrderedRows
from shared.ledger.port import (
    LeaseRow,
    Ledger,
    LedgerConflict,
    LedgerError,
    LedgerNewer,
    LedgerUnavailable,
    Loaded,
)
from shared.ledger.sqlite import SqliteLedger, sqlite_rows

__all__ = [
    "LeaseRow",
    "Ledger",
    "LedgerConflict",
    "LedgerError",
    "LedgerNewer",
    "LedgerUnavailable",
    "Loaded",
    "OrderedRows",
    "SqliteLedger",
    "open_ledger",
    "open_rows",
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


def open_rows(
    url: str,
    partition: str,
    credential: Any,
    *,
    clock: Clock | None = None,
    deadline: Callable[[], float] = lambda: math.inf,
) -> OrderedRows:
    """Rows beside the workspaces' ledgers at `url`, in a partition of their own. The parameters are as for
    `open_ledger`; a workspace's partition is named by its resource id.
    """
    if url.startswith(_SQLITE):
        return sqlite_rows(url.removeprefix(_SQLITE), partition)
    from shared.ledger.table import table_rows  # loads azure-data-tables, which SQLite does not need

    return table_rows(url, partition, credential, clock=clock, deadline=deadline)
