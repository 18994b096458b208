"""The SecurityIncident table: a row for each change of an incident; a deletion adds none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from tests.cloud.incidents import Change, Incidents
from tests.cloud.mail import stamp
from tests.cloud.properties import arm_time

SECURITY_INCIDENT = {
    "TenantId": "string",
    "TimeGenerated": "datetime",
    "IncidentName": "string",
    "Title": "string",
    "Description": "string",
    "Severity": "string",
    "Status": "string",
    "Classification": "string",
    "ClassificationComment": "string",
    "ClassificationReason": "string",
    "Owner": "dynamic",
    "ProviderName": "string",
    "ProviderIncidentId": "string",
    "FirstActivityTime": "datetime",
    "LastActivityTime": "datetime",
    "FirstModifiedTime": "datetime",
    "LastModifiedTime": "datetime",
    "CreatedTime": "datetime",
    "ClosedTime": "datetime",
    "IncidentNumber": "int",
    "RelatedAnalyticRuleIds": "dynamic",
    "AlertIds": "dynamic",
    "BookmarkIds": "dynamic",
    "Comments": "dynamic",
    "Labels": "dynamic",
    "IncidentUrl": "string",
    "AdditionalData": "dynamic",
    "ModifiedBy": "string",
    "SourceSystem": "string",
    "Type": "string",
}


class Mirror:
    """Turns the history of the incidents into rows, one for each change.

    `delay` says how long after its change the row of an incident that a rule made is readable; all others are at once.
    """

    def __init__(self, incidents: Incidents, delay: Callable[[], timedelta] = timedelta) -> None:
        self._incidents = incidents
        self._delay = delay
        self._told = 0
        self._waiting: list[Change] = []

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows of the changes that have become readable since the last call."""
        with self._incidents.lock:
            self._waiting += self._incidents.history[self._told :]
            self._told = len(self._incidents.history)
            delay = self._delay()
            # While the clock stands still, changes are a tick apart and so a little after it.
            by = self._incidents.clock() - delay + timedelta(milliseconds=1)
            late = [change for change in self._waiting if change.alerts and delay and change.time > by]
            news = [change for change in self._waiting if change not in late] if late else self._waiting
            self._waiting = late
        return map(_row, news)


def _row(change: Change) -> dict[str, Any]:
    incident = change.incident
    properties = incident["properties"]
    time = arm_time(change.time)
    return {
        "TimeGenerated": time,
        "IncidentName": incident["name"],
        "Title": properties["title"],
        "Description": properties.get("description", ""),
        "Severity": properties["severity"],
        "Status": properties["status"],
        "Classification": properties.get("classification", ""),
        "ClassificationComment": properties.get("classificationComment", ""),
        "ClassificationReason": properties.get("classificationReason", ""),
        "Owner": properties["owner"],
        "ProviderName": properties["providerName"],
        "ProviderIncidentId": properties["providerIncidentId"],
        "FirstActivityTime": properties.get("firstActivityTimeUtc"),
        "LastActivityTime": properties.get("lastActivityTimeUtc"),
        "FirstModifiedTime": properties["createdTimeUtc"],
        "LastModifiedTime": properties["lastModifiedTimeUtc"],
        "CreatedTime": properties["createdTimeUtc"],
        "ClosedTime": stamp(change.closed) if change.closed else None,
        "IncidentNumber": properties["incidentNumber"],
        "RelatedAnalyticRuleIds": [rule.rsplit("/", 1)[1] for rule in properties["relatedAnalyticRuleIds"]],
        "AlertIds": list(change.alerts),
        "Labels": [{"labelName": label["labelName"], "type": "User"} for label in properties["labels"]],
        "IncidentUrl": properties["incidentUrl"],
        "AdditionalData": properties["additionalData"],
        "SourceSystem": "Azure",
        "Type": "SecurityIncident",
    }
