"""What Azure says the identity may do on the workspace: which actions a set of role definitions leaves out. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

_INCIDENTS = "Microsoft.SecurityInsights/incidents"
WRITING = (
    f"{_INCIDENTS}/read",
    f"{_INCIDENTS}/write",
    f"{_INCIDENTS}/comments/read",
    f"{_INCIDENTS}/comments/write",
)
"""The actions by which the sweep makes incidents and comments."""

_QUERY = "Microsoft.OperationalInsights/workspaces/query"
FOLLOWING = (f"{_QUERY}/read", f"{_QUERY}/SecurityAlert/read", f"{_QUERY}/Tables.Custom/read")
"""The actions by which the sweep follows what the analytics rules make of its findings."""


def not_permitted(granted: Sequence[Mapping[str, Any]], wanted: Iterable[str]) -> list[str]:
    """Those actions that no entry grants: an entry grants its `actions` but for its own `notActions`."""
    return [action for action in wanted if not any(_grants(entry, action) for entry in granted)]


def _grants(entry: Mapping[str, Any], action: str) -> bool:
    return _matched(entry.get("actions"), action) and not _matched(entry.get("notActions"), action)


def _matched(patterns: object, action: str) -> bool:
    """Whether one of these patterns names the action; `*` stands for anything, capitals for small letters."""
    if not isinstance(patterns, Collection) or isinstance(patterns, str | bytes):
        return False
    return any(
        re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), action, re.IGNORECASE)
        for pattern in patterns
        if isinstance(pattern, str)
    )
