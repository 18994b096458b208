"""What an analyst does in the portal between two sweeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from tests.cloud.incidents import Incidents

DEFENDER_VERDICTS = {
    "True positive": ("TruePositive", "SuspiciousActivity"),
    "False positive": ("FalsePositive", "InaccurateData"),
    "Informational, expected activity": ("BenignPositive", "SuspiciousButExpected"),
    "Not set": ("Undetermined", ""),
}
"""What Sentinel makes of a classification in the Defender portal."""


class Analyst:
    """Changes incidents without faults and rate limits; each change sets a new etag and modification time.

    `before` is called first: what is due by then happens first.
    """

    def __init__(self, incidents: Incidents, before: Callable[[], None] = lambda: None) -> None:
        self._incidents = incidents
        self._before = before

    def edit(self, incident_id: str, **properties: Any) -> None:
        """Set properties of an incident, by the API's names (title, description, severity, labels, …).

        Raises:
            Rejected: there is no such incident (404).
        """
        self._before()  # never under the lock: it takes others first
        self._set(incident_id, properties)

    def _set(self, incident_id: str, properties: Mapping[str, Any]) -> None:
        with self._incidents.lock:
            self._incidents.resource(incident_id)["properties"].update(properties)
            self._incidents.changed(incident_id)

    def close(self, incident_id: str, classification: str | None = "TruePositive", comment: str = "") -> None:
        """Close it, classified (None: not classified)."""
        done: dict[str, Any] = {"status": "Closed"}
        if classification:
            done |= {"classification": classification, "classificationComment": comment}
        self.edit(incident_id, **done)

    def close_in_defender(self, incident_id: str, verdict: str = "True positive", comment: str = "") -> None:
        """Close it in the Defender portal, whose verdicts Sentinel shows in words of its own."""
        classification, reason = DEFENDER_VERDICTS[verdict]
        self.edit(
            incident_id,
            status="Closed",
            classification=classification,
            classificationComment=comment,
            **({"classificationReason": reason} if reason else {}),
        )

    def reopen(self, incident_id: str, status: str = "Active") -> None:
        """Open it again, without a classification."""
        self._before()
        with self._incidents.lock:
            properties = self._incidents.resource(incident_id)["properties"]
            for name in ("classification", "classificationReason", "classificationComment"):
                properties.pop(name, None)
            self._set(incident_id, {"status": status})

    def assign(self, incident_id: str, name: str = "Ana Lyst", status: str = "Active") -> None:
        """Assign it to somebody; it becomes Active."""
        owner = {
            "objectId": str(uuid4()),
            "email": "ana.lyst@contoso.com",
            "assignedTo": name,
            "userPrincipalName": "ana.lyst@contoso.com",
        }
        self.edit(incident_id, owner=owner, status=status)

    def set_severity(self, incident_id: str, severity: str) -> None:
        """Change its severity."""
        self.edit(incident_id, severity=severity)

    def comment(self, incident_id: str, message: str) -> str:
        """Write a comment; its id."""
        self._before()
        name = str(uuid4())
        self._incidents.put_comment(incident_id, name, {"properties": {"message": message}}, author="Ana Lyst")
        return name

    def delete(self, incident_id: str) -> None:
        """Delete it with its comments."""
        self._before()
        self._incidents.delete(incident_id)
