"""The SecurityIncident table: a row for each change of an incident; a deletion adds none."""

from __future__ import annotations

from collections.abc import Iterator
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
    """Turns the history of the incidents into rows, one for each change."""

    def __init__(self, incidents: Incidents) -> None:
        self._incidents = incidents
        self._told = 0

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows of the changes since the last call."""
        with self._incidents.lock:
            news = self._incidents.history[self._told :]
            self._told += len(news)
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
        "Labels": [{"labelName": label["labelName"], "type": "User"} for label in properties["labels"]],
        "IncidentUrl": properties["incidentUrl"],
        "AdditionalData": properties["additionalData"],
        "SourceSystem": "Azure",
        "Type": "SecurityIncident",
    }
