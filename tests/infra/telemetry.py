"""What Application Insights makes of the app's log, and asking it and the workspace as alerts and the workbook do."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.model import Receipt
from shared.sweep.receipt import as_json
from tests.cloud.engine import engine
from tests.cloud.kql.lower import lower
from tests.cloud.tables import Tables
from tests.infra.bicep import Resource, deployed

Row = dict[str, Any]

APP_TRACES = {
    "TenantId": "string",
    "TimeGenerated": "datetime",
    "Message": "string",
    "SeverityLevel": "int",
    "Properties": "dynamic",
    "OperationName": "string",
    "OperationId": "string",
    "AppRoleName": "string",
    "AppRoleInstance": "string",
    "ItemCount": "int",
    "SDKVersion": "string",
    "Type": "string",
    "_ResourceId": "string",
}
_LEVELS = {"INFO": 1, "WARNING": 2, "ERROR": 3}


def trace(time: datetime, message: str, level: str = "INFO") -> Row:
    """One log record as the platform's Python worker forwards it: its level and text, none of its extras."""
    return {
        "TimeGenerated": time,
        "Message": message,
        "SeverityLevel": _LEVELS[level],
        "Properties": {"Category": "Function.sweep.User", "LogLevel": level.capitalize()},
        "OperationName": "sweep",
        "AppRoleName": "func-sweep",
        "Type": "AppTraces",
    }


def logged(receipt: Receipt) -> str:
    """The line of a receipt."""
    return f"{receipt.event} {json.dumps(as_json(receipt))}"


class Heard(logging.Handler):
    """What the app logged, as rows of AppTraces at the times of `now`."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.rows: list[Row] = []
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line."""
        self.rows.append(trace(self.time, record.getMessage(), record.levelname))


@contextmanager
def listening() -> Iterator[Heard]:
    """Hear the sweep's own logger, at the level that it has in the deployed app."""
    logger, heard = logging.getLogger("sweep"), Heard()
    level = logger.level
    logger.addHandler(heard)
    logger.setLevel(logging.INFO)
    try:
        yield heard
    finally:
        logger.removeHandler(heard)
        logger.setLevel(level)


@contextmanager
def workspace(rows: Iterable[Row] = ()) -> Iterator[Tables]:
    """The app's own Log Analytics workspace, with these rows of AppTraces."""
    tables = Tables()
    tables.define("AppTraces", APP_TRACES, timed=True)
    tables.append("AppTraces", rows)
    try:
        yield tables
    finally:
        tables.close()


def ask(kql: str, tables: Tables, now: datetime, back: timedelta | None = None) -> list[Row]:
    """The rows of the query's answer; `back` limits how far back any table is read, as an alert's range does."""
    lowered = lower(kql, tables, now, None if back is None else (now - back, now))
    answer = engine().query(lowered.text, lowered.rows)
    names = [name for name, _ in answer.columns]
    return [dict(zip(names, row, strict=True)) for row in answer.rows]


def rules(given: Mapping[str, Any]) -> dict[str, Resource]:
    """The alerts of a deployment, by name."""
    found = (item for item in deployed(given) if item.type == "Microsoft.Insights/scheduledQueryRules")
    return {item.body["name"]: item for item in found}


def range_of(rule: Resource) -> timedelta:
    """How far back the rule's query may look."""
    text = rule.body["properties"]["overrideQueryTimeRange"]
    return {"P2D": timedelta(days=2), "P1D": timedelta(days=1)}[text]


def fires(rule: Resource, tables: Tables, now: datetime) -> bool:
    """Whether the rule, evaluated now, sends its e-mail."""
    (criterion,) = rule.body["properties"]["criteria"]["allOf"]
    rows = ask(criterion["query"], tables, now, range_of(rule))
    column = criterion.get("metricMeasureColumn")
    measured = sum(int(row[column]) for row in rows) if column else len(rows)
    # Where a measure is asked for and no row came, Azure Monitor evaluates nothing.
    if column and not rows:
        return False
    limit = int(criterion["threshold"])
    return measured < limit if criterion["operator"] == "LessThan" else measured > limit
