"""Which incident an alert of a rule goes into, and what Defender does when it merges two."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from tests.cloud.alerts import Alert
from tests.cloud.incidents import Incidents
from tests.cloud.properties import MAX_DESCRIPTION, MAX_TITLE, arm_time

MAX_ALERTS_OF_AN_INCIDENT = 150
REDIRECTED = "Redirected"
"""The tag of an incident that was merged into another one."""

Since = Literal["first", "last"]


@dataclass
class _Group:
    """An incident that a rule made: the values its alerts share, and when the first and the last of them were made."""

    incident: str
    key: str
    first: datetime
    last: datetime


@dataclass
class GroupedIncidents:
    """Puts alerts into incidents.

    `onboarded`: the workspace is in the Defender portal. `delay`: how long after an alert its incident can be read.
    `lookback_since`: from which of an incident's alerts on the look-back counts.
    """

    store: Incidents
    ids: Iterator[str]
    onboarded: bool = False
    delay: timedelta = timedelta(0)
    lookback_since: Since = "first"
    groups: dict[str, list[_Group]] = field(default_factory=dict)

    def add(self, alert: Alert) -> None:
        """Put an alert into the open incident that it belongs to, or into a new one."""
        if not alert.rule.creates_incidents:
            return
        key = _key(alert)
        store = self.store
        with store.lock:
            store.as_of = alert.made
            try:
                known = self.groups.setdefault(alert.rule.name, [])
                group = next((each for each in reversed(known) if key and self._takes(each, key, alert)), None)
                if group is None:
                    known.append(_Group(self._make(alert), key, alert.made, alert.made))
                else:
                    group.last = alert.made
                    self._grow(group.incident, alert)
            finally:
                store.as_of = None

    def _takes(self, group: _Group, key: str, alert: Alert) -> bool:
        resource = self.store.stored.get(group.incident)
        since = group.first if self.lookback_since == "first" else group.last
        if group.key != key or resource is None or alert.made - since > alert.rule.grouping.lookback:
            return False
        reopens = alert.rule.grouping.reopens and not self.onboarded
        is_open = resource["properties"]["status"] != "Closed"
        return (is_open or reopens) and len(self.store.alerts[group.incident]) < MAX_ALERTS_OF_AN_INCIDENT

    def _make(self, alert: Alert) -> str:
        store, name = self.store, next(self.ids)
        properties = {
            "title": _units(alert.name, MAX_TITLE),
            "description": _units(alert.description, MAX_DESCRIPTION),
            "severity": alert.severity,
            "status": "New",
            "firstActivityTimeUtc": arm_time(alert.window[0]),
            "lastActivityTimeUtc": arm_time(alert.window[1]),
        }
        read_only: dict[str, Any] = {
            "relatedAnalyticRuleIds": [f"{store.base}/alertRules/{alert.rule.name}"],
            "additionalData": {
                "alertsCount": 1,
                "bookmarksCount": 0,
                "commentsCount": 0,
                "alertProductNames": ["Azure Sentinel"],
                "tactics": list(alert.rule.tactics),
                "techniques": list(alert.rule.techniques),
            },
        }
        if self.onboarded:
            number = str(40_000 + len(store.stored) + sum(map(len, self.groups.values())))
            read_only |= {"providerName": "Microsoft XDR", "providerIncidentId": number}
            read_only["additionalData"]["providerIncidentUrl"] = f"https://security.microsoft.com/incident2/{number}"
        if self.delay:
            store.appears[name.lower()] = alert.made + self.delay
        store.make(name, properties, read_only, alert.id)
        return name.lower()

    def _grow(self, name: str, alert: Alert) -> None:
        properties = self.store.stored[name]["properties"]
        if properties["status"] == "Closed":
            for each in ("classification", "classificationReason", "classificationComment"):
                properties.pop(each, None)
            properties["status"] = "Active"
        properties["lastActivityTimeUtc"] = arm_time(alert.window[1])
        self.store.alerts[name].append(alert.id)
        self.store.changed(name)

    def merge(self, incident: str, into: str, *, alerts: bool = True, keeps: bool = True) -> None:
        """Merge an incident into another, as Defender does: it is closed with the tag Redirected.

        `alerts`: the other one gets its alerts; `keeps`: it has them still.

        Raises:
            Rejected: one of them is not there (404).
        """
        store = self.store
        with store.lock:
            source, _ = store.resource(incident), store.resource(into)
            source["properties"]["status"] = "Closed"
            labels = [each for each in source["properties"]["labels"] if each["labelName"] != REDIRECTED]
            source["properties"]["labels"] = [*labels, {"labelName": REDIRECTED, "labelType": "AutoAssigned"}]
            moved = store.alerts.get(incident.lower(), [])
            if alerts and moved:
                target = store.alerts.setdefault(into.lower(), [])
                target += [each for each in moved if each not in target]
                store.changed(into)
            if not keeps:
                store.alerts[incident.lower()] = []
            store.changed(incident)


def _key(alert: Alert) -> str:
    """What alerts that share an incident have in common; "" for an alert that shares none."""
    grouping = alert.rule.grouping
    if not grouping.enabled:
        return ""
    if grouping.method == "AnyAlert":
        return "any"
    if grouping.method == "AllEntities":
        return json.dumps([_bare(each) for each in alert.entities]) if alert.entities else ""
    shown = {"DisplayName": alert.name, "Severity": alert.severity}
    kinds = {kind.lower() for kind in grouping.entities}
    values = [
        *(list(alert.details.get(key, ())) for key in grouping.details),
        *([shown[each]] for each in grouping.alert_details),
        *([[_bare(each) for each in alert.entities if each["Type"].lower() in kinds]] if kinds else ()),
    ]
    return json.dumps(values) if values and all(values) else ""


def _bare(entity: Any) -> dict[str, str]:
    return {name: value for name, value in entity.items() if name != "$id"}


def _units(text: str, most: int) -> str:
    raw = text.encode("utf-16-le", "surrogatepass")
    return text if len(raw) <= 2 * most else raw[: 2 * most].decode("utf-16-le", "ignore")
