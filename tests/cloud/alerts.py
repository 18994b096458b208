"""What a scheduled rule makes of its query's rows: alerts within Sentinel's limits, and the SecurityAlert table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.cloud.properties import SEVERITIES, arm_time
from tests.cloud.rule_definitions import (
    MAX_DESCRIPTION_FORMAT,
    MAX_NAME_FORMAT,
    Rule,
    columns_in,
    filled_in,
)

MAX_ALERTS = 150
"""Alerts of one run; the last of them is about all rows then."""
MAX_OVERRIDDEN = 50
"""Values that one override may have in one run; beyond, no override counts for any alert of it."""
MAX_VALUES = 50
MAX_DETAIL_BYTES = 2_048
MAX_ENTITY_BYTES = 65_536

SECURITY_ALERT = {
    "TenantId": "string",
    "TimeGenerated": "datetime",
    "DisplayName": "string",
    "AlertName": "string",
    "AlertSeverity": "string",
    "Description": "string",
    "ProviderName": "string",
    "VendorName": "string",
    "VendorOriginalId": "string",
    "SystemAlertId": "string",
    "ResourceId": "string",
    "SourceComputerId": "string",
    "AlertType": "string",
    "ConfidenceLevel": "string",
    "ConfidenceScore": "real",
    "IsIncident": "bool",
    "StartTime": "datetime",
    "EndTime": "datetime",
    "ProcessingEndTime": "datetime",
    "RemediationSteps": "string",
    "ExtendedProperties": "string",
    "Entities": "string",
    "SourceSystem": "string",
    "WorkspaceSubscriptionId": "string",
    "WorkspaceResourceGroup": "string",
    "ExtendedLinks": "string",
    "ProductName": "string",
    "ProductComponentName": "string",
    "AlertLink": "string",
    "Status": "string",
    "CompromisedEntity": "string",
    "Tactics": "string",
    "Techniques": "string",
    "SubTechniques": "string",
    "Type": "string",
}

Values = Mapping[str, str]
"""A row of a query's result, each value as text."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. `rows` is how many rows it is about; `window` the span of time that the query looked at."""

    id: str
    rule: Rule
    made: datetime
    window: tuple[datetime, datetime]
    rows: int
    name: str
    description: str
    severity: str
    details: Mapping[str, Sequence[str]] = field(default_factory=dict)
    entities: Sequence[Mapping[str, str]] = ()


@dataclass(frozen=True, slots=True)
class RunOfRule:
    """What the alerts of one run have in common."""

    rule: Rule
    made: datetime
    window: tuple[datetime, datetime]

    def alerts(self, rows: Sequence[Values], ids: Iterator[str]) -> list[Alert]:
        """The alerts of the rows: one for each, or one for all."""
        rule = self.rule
        forms = (rule.name_format, rule.description_format, rule.severity_column)
        alone = rule.per_result and len(rows) > 0
        overridden = any(forms) and not (alone and len(rows) > MAX_OVERRIDDEN)
        if not alone:
            return [self._alert(rows, ids, overridden)]
        if len(rows) <= MAX_ALERTS:
            return [self._alert([row], ids, overridden) for row in rows]
        single = [self._alert([row], ids, overridden) for row in rows[: MAX_ALERTS - 1]]
        return [*single, self._alert(rows, ids, overridden)]

    def _alert(self, rows: Sequence[Values], ids: Iterator[str], overridden: bool) -> Alert:
        rule = self.rule
        first = rows[0] if rows and overridden else {}
        severity = first.get(rule.severity_column, "")
        return Alert(
            id=next(ids),
            rule=rule,
            made=self.made,
            window=self.window,
            rows=len(rows),
            name=_overridden(rule.name_format, first, MAX_NAME_FORMAT) or rule.display_name,
            description=_overridden(rule.description_format, first, MAX_DESCRIPTION_FORMAT) or rule.description,
            severity=severity if severity in SEVERITIES else rule.severity,
            details=_details(rule.details, rows),
            entities=_entities(rule, rows),
        )


def _overridden(form: str, row: Values, limit: int) -> str:
    """An override's text, cut to its limit; nothing when there is no override, or all its columns are empty."""
    columns = columns_in(form)
    if not form or not row or (columns and not any(row.get(column) for column in columns)):
        return ""
    return filled_in(form, row).encode("utf-8", "replace")[:limit].decode("utf-8", "ignore")


def _details(wanted: Mapping[str, str], rows: Sequence[Values]) -> dict[str, list[str]]:
    """The custom details: a key's different values in the rows, as long as all of it fits into 2 KB."""
    out: dict[str, list[str]] = {}
    for key, column in wanted.items():
        values = list(dict.fromkeys(row[column] for row in rows if row.get(column)))[:MAX_VALUES]
        grown = out | {key: values}
        if values and len(_json(grown).encode("utf-8", "replace")) <= MAX_DETAIL_BYTES:
            out = grown
    return out


def _entities(rule: Rule, rows: Sequence[Values]) -> list[dict[str, str]]:
    """The entities that the rows name, each once; those that would make the list longer than 64 KB are left out."""
    found: dict[str, dict[str, str]] = {}
    size = 2
    for row in rows:
        for kind, fields in rule.entities:
            named = {identifier: row[column] for identifier, column in fields.items() if row.get(column)}
            entity = {"$id": str(len(found) + 3), **named, "Type": kind[0].lower() + kind[1:]}
            key = _json({**entity, "$id": ""})
            length = len(_json(entity).encode("utf-8", "replace")) + 1
            if named and key not in found and size + length <= MAX_ENTITY_BYTES:
                found[key] = entity
                size += length
    return list(found.values())


def alert_row(alert: Alert, workspace: str, workspace_id: str, as_object: bool = False) -> dict[str, Any]:
    """An alert's row of SecurityAlert; `as_object` has the custom details as an object instead of its text."""
    rule = alert.rule
    _, _, subscription, _, group, *_ = workspace.split("/")
    details = {key: list(values) for key, values in alert.details.items()}
    extended: dict[str, Any] = {
        "Query Period": f"{rule.period.days}.00:00:00" if rule.period.days else f"{rule.period}",
        "Trigger Operator": rule.operator,
        "Trigger Threshold": str(rule.threshold),
        "Search Query Results Overall Count": str(alert.rows),
        "Query": rule.query,
        "Query Start Time UTC": arm_time(alert.window[0]),
        "Query End Time UTC": arm_time(alert.window[1]),
        "Analytic Rule Ids": _json([rule.name]),
        "Event Grouping": "AlertPerResult" if rule.per_result else "SingleAlert",
        "Analytic Rule Name": rule.display_name,
        "ProcessedBySentinel": "True",
        "Alert generation status": "Full alert created",
    }
    if details:
        extended["Custom Details"] = details if as_object else _json(details)
    return {
        "TimeGenerated": arm_time(alert.made),
        "DisplayName": alert.name,
        "AlertName": alert.name,
        "AlertSeverity": alert.severity,
        "Description": alert.description,
        "ProviderName": "ASI Scheduled Alerts",
        "VendorName": "Microsoft",
        "VendorOriginalId": alert.id,
        "SystemAlertId": alert.id,
        "AlertType": f"{workspace_id}_{rule.name}",
        "IsIncident": False,
        "StartTime": arm_time(alert.window[0]),
        "EndTime": arm_time(alert.window[1]),
        "ProcessingEndTime": arm_time(alert.made),
        "ExtendedProperties": _json(extended),
        "Entities": _json(alert.entities) if alert.entities else "",
        "SourceSystem": "Detection",
        "WorkspaceSubscriptionId": subscription,
        "WorkspaceResourceGroup": group,
        "ProductName": "Azure Sentinel",
        "ProductComponentName": "Scheduled Alerts",
        "Status": "New",
        "Tactics": ", ".join(rule.tactics),
        "Techniques": _json(rule.techniques),
        "Type": "SecurityAlert",
    }


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
