"""The alarms of many workspaces, evaluated over log lines: whom each tells about, and when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from tests.infra.bicep import Resource
from tests.infra.many import deployed_with
from tests.infra.telemetry import Row, ask, fires, range_of, workspace

NO_ROUND, GOOD_END, TROUBLE = "sweep-absence", "sweep-no-good-end", "sweep-trouble"
DRY_RUNS, UNATTENDED, ENTRIES = "sweep-dry-runs", "sweep-unattended", "sweep-unattended-entries"


def many_rules(**given: Any) -> dict[str, Resource]:
    """The rules of a deployment with entries, by name."""
    found = (item for item in deployed_with(**given) if item.type == "Microsoft.Insights/scheduledQueryRules")
    return {item.body["name"]: item for item in found}


RULES = many_rules()


def condition_of(rule: Resource) -> dict[str, Any]:
    """The one condition of a rule."""
    (found,) = rule.body["properties"]["criteria"]["allOf"]
    condition: dict[str, Any] = found
    return condition


def told_by_name(rule: str, now: datetime, rows: Iterable[Row], **given: Any) -> list[str]:
    """Whom a rule tells about when it is evaluated then; what a rule says of the trouble stands behind the name."""
    chosen = many_rules(**given)[rule] if given else RULES[rule]
    with workspace(rows) as tables:
        found = ask(condition_of(chosen)["query"], tables, now, range_of(chosen))
    return sorted(f"{row['workspace_name']}{': ' + row['Trouble'] if 'Trouble' in row else ''}" for row in found)


def misses_a_round(now: datetime, rows: Iterable[Row], **given: Any) -> bool:
    """Whether the rule about rounds fires then."""
    chosen = many_rules(**given) if given else RULES
    with workspace(rows) as tables:
        return fires(chosen[NO_ROUND], tables, now)
