"""The rule road: an incident is made by uploading a row, of which an analytics rule makes an alert and an incident.

All else (reading, comments, severity) goes to that incident over ARM, under the name that Sentinel gave it (`follow`).
An incident that the other road has made has our id as its name, and is met there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from shared.errors import SweepError
from shared.incidents.arm import ArmIncidents
from shared.incidents.port import Attempt, Ended
from shared.incidents.road import is_refused
from shared.incidents.upload import FindingUploads
from shared.model import Incident, Severity


class RuleIncidents:
    """The incidents of one workspace: the port `Incidents` (shared/incidents/port.py) by upload, and over ARM.

    Its bodies are those of RuleDrafts (shared/incidents/finding_rows.py).
    """

    def __init__(self, arm: ArmIncidents, uploads: FindingUploads) -> None:
        self._arm = arm
        self._uploads = uploads

    def workspace_guid(self) -> str:
        """See the port."""
        return self._arm.workspace_guid()

    def permissions(self) -> list[dict[str, Any]]:
        """What the identity may do on the workspace, an entry for each role. Raises SweepError when it is not told."""
        return self._arm.permissions()

    def changed(
        self, since: datetime | None, shown_before: Callable[[Incident], bool | None] = lambda _: False
    ) -> Iterator[Incident]:
        """See the port: incidents with our label, which those that the rule makes do not have."""
        return self._arm.changed(since, shown_before)

    def read(self, incident_id: str) -> Incident | None:
        """See the port. Of an incident that no name is known of, that of the other road."""
        return self._arm.read(incident_id)

    def follow(self, names: Mapping[str, str]) -> None:
        """See the port."""
        self._arm.follow(names)

    def create(self, incident_id: str, body: str) -> Attempt:
        """Upload the rows of this body, unless the incident is there: UPLOADED, FOUND, REFUSED or DUE.

        The finding's own row goes last, so that the rule sees it only when its further parts are there.
        """
        try:
            there = self._arm.read(incident_id)
            if there is not None:
                return Attempt(Ended.FOUND, there)
            self._uploads.upload(json.loads(body)[::-1])
        except SweepError as error:
            return _failed(error)
        return Attempt(Ended.UPLOADED)

    def comment(self, incident_id: str, comment_id: str, body: str) -> Attempt:
        """Upload the rows of this body, then add its comment, unless it is there: see the port for how it can end.

        Nothing is written to the incident unless the rows were accepted.
        """
        sent = json.loads(body)
        try:
            self._uploads.upload(sent["rows"])
        except SweepError as error:
            return _failed(error)
        return self._arm.comment(incident_id, comment_id, sent["comment"])

    def find_comment(self, incident_id: str, comment_id: str) -> datetime | None:
        """See the port."""
        return self._arm.find_comment(incident_id, comment_id)

    def escalate(self, incident_id: str, expected: Severity, to: Severity) -> Attempt:
        """See the port."""
        return self._arm.escalate(incident_id, expected, to)

    def time(self) -> datetime | None:
        """See the port."""
        return self._arm.time()

    def skew(self) -> float | None:
        """See the port."""
        return self._arm.skew()


def _failed(error: SweepError) -> Attempt:
    return Attempt(Ended.REFUSED if is_refused(error) else Ended.DUE, error=error)
