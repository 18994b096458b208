"""What it means when a query service refuses a query, and what to do about the table."""

from __future__ import annotations

import json
import re
from typing import Any

from shared.errors import HuntTooLarge, Rejected, Service, SweepError
from shared.http.error_body import quotable, too_large

_MISSING = re.compile(r"Failed to resolve table(?: or column)?(?: or scalar)? expression named '(\w{1,64})'")
_NO_COLUMN = re.compile(r"Failed to resolve (?:column|scalar)(?: or scalar)? expression named '(\w{1,64})'")
# Such as "Query of Basic Logs table is not supported with the API …", "… a single Basic or Auxiliary Logs table".
_PLAN = re.compile(
    r"UnsupportedApiQueryValidationError|\b(Basic|Auxiliary|Data ?Lake)\b[\w ]* (Logs? )?(table|tier|plan)", re.I
)
# Graph: "Query execution has exceeded the allowed result size. …", "… has exceeded the allowed limits …".
_LARGE = re.compile(r"exceeded the allowed (result size|limits)", re.IGNORECASE)
_SPLIT = "nothing to do while the parts fit; else shorten LOOKBACK_DAYS or raise SUM_CASE_THRESHOLD"


class TableMissing(Rejected):
    """The table does not exist there. `table` is its name."""

    kind = "table_missing"
    table = ""


def refused(service: Service, body: Any, status: int = 400) -> SweepError:
    """The error for a query that was refused with this (parsed) body, or whose partial result holds this error."""
    return recognised(service, json.dumps(body, default=str), status) or Rejected(
        f'{service.words} refused the query "{quotable(_innermost(body))}": run it in the portal, and report it',
        service=service,
        status=status,
    )


def recognised(service: Service, text: str, status: int = 400) -> SweepError | None:
    """The error for a known message of a service, None for any other message."""
    if too_large(text) or _LARGE.search(text):
        return HuntTooLarge(
            f"{service.words} answered that the hunt asks for too much at once: {_SPLIT}",
            service=service,
            status=status,
        )
    if missing := _MISSING.search(text):
        error = TableMissing(
            f"{service.words} has no table {missing[1]}: {_where(service, missing[1])}", service=service, status=status
        )
        error.table = missing[1]
        return error
    if _PLAN.search(text):
        return Rejected(
            f"{service.words} does not summarise a table of the Basic, Auxiliary or data lake plan: set the table's"
            " plan to Analytics (workspace, Tables, Manage table), or set HUNT_SOURCE=defender",
            service=service,
            status=status,
            code="plan",
        )
    if column := _NO_COLUMN.search(text):
        return Rejected(
            f"{service.words} has no column {column[1]} there: compare the table with the reference, and report it",
            service=service,
            status=status,
            code=f"column {column[1]}",
        )
    return None


def _where(service: Service, table: str) -> str:
    if service is Service.GRAPH:
        return "advanced hunting shows it in tenants with Defender for Office 365 Plan 2; check the license"
    if table.startswith("Email"):
        return (
            f"switch {table} on in the workspace's Microsoft Defender XDR connector, check SENTINEL_WORKSPACE_ID, or"
            " set HUNT_SOURCE=defender"
        )
    return "check that the workspace has Microsoft Sentinel"


def _innermost(body: Any) -> str:
    """The message nearest to the cause; services wrap it several times."""
    error = body.get("error", body) if isinstance(body, dict) else {}
    message = ""
    for _ in range(8):
        if not isinstance(error, dict):
            break
        text = error.get("message")
        message = text if isinstance(text, str) else message
        details = error.get("details")
        error = error.get("innererror") or (details[0] if isinstance(details, list) and details else None)
    return message or "no reason given"
