"""Scheduled analytics rules as a deployment defines them: read, and refused where Sentinel would refuse them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from tests.cloud.arm_template import resources_of
from tests.cloud.logs import duration_of
from tests.cloud.properties import SEVERITIES

MAX_QUERY = 10_000
MAX_DETAILS = 20
MAX_ENTITIES = 10
MAX_NAME_FORMAT = 256
MAX_DESCRIPTION_FORMAT = 5_120
IDENTIFIERS = {
    "Account": ("Name", "UPNSuffix", "FullName", "AadUserId", "NTDomain", "Sid", "DisplayName"),
    "Mailbox": ("MailboxPrimaryAddress", "Upn", "DisplayName", "ExternalDirectoryObjectId"),
    "MailMessage": (
        "NetworkMessageId",
        "Recipient",
        "Sender",
        "SenderIP",
        "Subject",
        "InternetMessageId",
        "DeliveryAction",
    ),
}
"""The entities that are known here, and what may name them."""
_OPERATORS = ("GreaterThan", "LessThan", "Equal", "NotEqual")
_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_SPAN = re.compile(r"\bago\(\s*(\d+)\s*([dhms])\s*\)")
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


@dataclass(frozen=True, slots=True)
class Grouping:
    """Which alerts share an incident: those with the same values of these, within the look-back."""

    enabled: bool
    reopens: bool
    lookback: timedelta
    method: str
    details: tuple[str, ...] = ()
    alert_details: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `name` is its GUID; `reach` how far back its query asks for rows that are new (None: not known)."""

    name: str
    display_name: str
    description: str
    severity: str
    enabled: bool
    query: str
    frequency: timedelta
    period: timedelta
    operator: str
    threshold: int
    per_result: bool
    details: Mapping[str, str]
    entities: tuple[tuple[str, Mapping[str, str]], ...]
    name_format: str
    description_format: str
    severity_column: str
    tactics: tuple[str, ...]
    techniques: tuple[str, ...]
    creates_incidents: bool
    grouping: Grouping
    suppression: timedelta | None
    reach: timedelta | None

    def fires(self, rows: int) -> bool:
        """Whether so many rows are an alert."""
        over = {"GreaterThan": rows > self.threshold, "LessThan": rows < self.threshold}
        return (over | {"Equal": rows == self.threshold, "NotEqual": rows != self.threshold})[self.operator]


def rules_of(template: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The properties of each analytics rule in an ARM template, what is simple in its expressions worked out."""
    found = resources_of(template)
    return [dict(each["properties"]) for each in found if str(each.get("type", "")).lower().endswith("/alertrules")]


def load_rules(path: Path) -> list[dict[str, Any]]:
    """The properties of each rule in a JSON file: an ARM template, a list of properties, or one rule's.

    Raises:
        ValueError: there is none in it.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(content, dict) and "resources" in content:
        content = rules_of(content)
    rules = content if isinstance(content, list) else [content]
    if not rules or not all(isinstance(rule, dict) and "query" in rule for rule in rules):
        raise ValueError(f"{path.name}: expected an ARM template with alertRules in it, or the properties of rules")
    return rules


def rule_of(given: Mapping[str, Any]) -> Rule:
    """A rule from its properties, as ARM has them.

    Raises:
        ValueError: Sentinel would refuse it, or it needs what is not understood here.
    """
    for name in ("displayName", "enabled", "suppressionDuration", "suppressionEnabled", "query", "severity"):
        _need(name in given, f"'{name}' is required")
    override = given.get("alertDetailsOverride") or {}
    unknown = set(override) - {"alertDisplayNameFormat", "alertDescriptionFormat", "alertSeverityColumnName"}
    _need(not unknown, f"alertDetailsOverride: {', '.join(sorted(unknown))} is not understood here")
    incident = given.get("incidentConfiguration") or {"createIncident": True}
    aggregation = (given.get("eventGroupingSettings") or {}).get("aggregationKind", "SingleAlert")
    _need(aggregation in ("SingleAlert", "AlertPerResult"), f"aggregationKind: {aggregation}")
    rule = Rule(
        name=str(uuid5(NAMESPACE_URL, f"rule:{given['displayName']}:{given['severity']}")),
        display_name=given["displayName"],
        description=given.get("description", ""),
        severity=given["severity"],
        enabled=given["enabled"],
        query=given["query"],
        frequency=duration_of(given["queryFrequency"]),
        period=duration_of(given["queryPeriod"]),
        operator=given["triggerOperator"],
        threshold=given["triggerThreshold"],
        per_result=aggregation == "AlertPerResult",
        details=dict(given.get("customDetails") or {}),
        entities=_entities(given.get("entityMappings") or []),
        name_format=override.get("alertDisplayNameFormat", ""),
        description_format=override.get("alertDescriptionFormat", ""),
        severity_column=override.get("alertSeverityColumnName", ""),
        tactics=tuple(given.get("tactics") or ()),
        techniques=tuple(given.get("techniques") or ()),
        creates_incidents=incident["createIncident"],
        grouping=_grouping(incident.get("groupingConfiguration") or {}),
        suppression=duration_of(given["suppressionDuration"]) if given["suppressionEnabled"] else None,
        reach=_reach(given["query"]),
    )
    _check(rule)
    return rule


def columns_in(form: str) -> list[str]:
    """The columns whose values stand in an override's format."""
    return _PLACEHOLDER.findall(form)


def filled_in(form: str, values: Mapping[str, str]) -> str:
    """An override's format with a row's values."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], ""), form)


def _need(right: bool, message: str) -> None:
    if not right:
        raise ValueError(f"Sentinel would refuse the rule, or it is not understood here: {message}")


def _check(rule: Rule) -> None:
    _need(rule.severity in SEVERITIES, f"severity '{rule.severity}'")
    _need(0 < len(rule.query) <= MAX_QUERY, f"a query of {len(rule.query)} characters; {MAX_QUERY} at most")
    _need(not re.search(r"\b(search|union)\s+\*", rule.query), "search * and union * are not allowed")
    _need(rule.operator in _OPERATORS, f"triggerOperator '{rule.operator}'")
    least, most = timedelta(minutes=5), timedelta(days=14)
    _need(least <= rule.frequency <= most and least <= rule.period <= most, "5 minutes to 14 days are allowed")
    _need(rule.period >= rule.frequency, "queryPeriod is shorter than queryFrequency")
    _need(
        rule.period < timedelta(days=2) or rule.frequency >= timedelta(hours=1),
        "a queryPeriod of two days and more needs a queryFrequency of an hour and more",
    )
    _need(len(rule.details) <= MAX_DETAILS, f"{len(rule.details)} custom details; {MAX_DETAILS} at most")
    for key in rule.details:
        _need(len(key) <= 20 and re.fullmatch(r"[a-zA-Z]+\w*", key) is not None, f"the custom detail '{key}'")
    _need(set(rule.grouping.details) <= set(rule.details), "groupByCustomDetails names none of the custom details")
    for form, limit in ((rule.name_format, MAX_NAME_FORMAT), (rule.description_format, MAX_DESCRIPTION_FORMAT)):
        _need(len(form.encode()) <= limit, f"an override's format of more than {limit} bytes")
        _need(len(columns_in(form)) <= 3, "an override's format with more than 3 columns")


def _entities(given: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, Mapping[str, str]], ...]:
    _need(len(given) <= MAX_ENTITIES, f"{len(given)} entity mappings; {MAX_ENTITIES} at most")
    out = []
    for mapping in given:
        kind, fields = mapping["entityType"], mapping["fieldMappings"]
        _need(kind in IDENTIFIERS, f"the entity '{kind}'; tests/cloud/rule_definitions.py lists those that are")
        _need(0 < len(fields) <= 3, f"{len(fields)} identifiers of an entity; 3 at most")
        for field in fields:
            _need(field["identifier"] in IDENTIFIERS[kind], f"the identifier '{field['identifier']}' of {kind}")
        out.append((kind, {field["identifier"]: field["columnName"] for field in fields}))
    return tuple(out)


def _grouping(given: Mapping[str, Any]) -> Grouping:
    method = given.get("matchingMethod", "AllEntities")
    _need(method in ("Selected", "AnyAlert", "AllEntities"), f"matchingMethod '{method}'")
    lookback = duration_of(given.get("lookbackDuration", "PT5H"))
    _need(timedelta(minutes=5) <= lookback <= timedelta(days=7), "a lookbackDuration of 5 minutes to 7 days is allowed")
    return Grouping(
        given.get("enabled", False),
        given.get("reopenClosedIncident", False),
        lookback,
        method,
        tuple(given.get("groupByCustomDetails") or ()),
        tuple(given.get("groupByAlertDetails") or ()),
        tuple(given.get("groupByEntities") or ()),
    )


def _reach(query: str) -> timedelta | None:
    spans = [timedelta(**{_UNITS[unit]: int(number)}) for number, unit in _SPAN.findall(query)]
    known = "ingestion_time()" in query and spans and query.count("ago(") == len(spans)
    return max(spans) if known else None
