"""Sentinel and Teams as a preview has them: read as they are, and what would be written is kept here instead."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared.errors import SweepError
from shared.incidents.port import Attempt, Ended, Incidents
from shared.model import Incident, Severity
from shared.teams.webhook import Webhook


@dataclass(frozen=True, slots=True)
class ShownIncident:
    """An incident as an analyst reads it. One that is there already has no `description` here, only new `comments`."""

    title: str
    severity: str
    labels: tuple[str, ...] = ()
    description: str = ""
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """What one sweep would send: the webhook's bodies, and the incidents that it makes or comments on.

    `about` says in a sentence which sweep that is.
    """

    name: str
    about: str
    cards: tuple[str, ...] = ()
    incidents: tuple[ShownIncident, ...] = ()


class CapturedCards(Webhook):
    """A channel that takes every card; nothing leaves the process."""

    def __init__(self) -> None:
        self.bodies: list[str] = []

    def __repr__(self) -> str:
        """How many it has taken."""
        return f"CapturedCards({len(self.bodies)})"

    def post(self, body: str) -> None:
        """Keep this body."""
        self.bodies.append(body)


class CapturedIncidents:
    """The port `Incidents`: reads the real ones, and answers every write as if it were done, without doing it."""

    def __init__(self, real: Incidents, now: Callable[[], datetime], *, labelled: bool = True) -> None:
        """`labelled`: incidents are made with labels, which those of an analytics rule do not have."""
        self._real = real
        self._now = now
        self._labelled = labelled
        self._seen: dict[str, Incident] = {}  # as they would be by now
        self._made: dict[str, dict[str, Any]] = {}
        self._escalated: set[str] = set()
        self._comments: dict[str, list[str]] = {}

    def shown(self) -> tuple[ShownIncident, ...]:
        """The incidents that would have been written to, the highest severity first."""
        found = [self._shown(name) for name in {*self._made, *self._comments, *self._escalated}]
        return tuple(sorted(found, key=lambda each: (-Severity(each.severity).rank, each.title, each.comments)))

    def workspace_guid(self) -> str:
        """See the port."""
        return self._real.workspace_guid()

    def changed(
        self, since: datetime | None, shown_before: Callable[[Incident], bool | None] = lambda _: False
    ) -> Iterator[Incident]:
        """See the port."""
        return self._real.changed(since, shown_before)

    def read(self, incident_id: str) -> Incident | None:
        """See the port. An incident that would have been made is there."""
        if incident_id in self._made or incident_id in self._escalated:
            return self._seen[incident_id]
        found = self._real.read(incident_id)
        if found is not None:
            self._seen[incident_id] = found
        return found

    def follow(self, names: Mapping[str, str]) -> None:
        """See the port."""
        self._real.follow(names)

    def create(self, incident_id: str, body: str) -> Attempt:
        """See the port."""
        try:
            there = self.read(incident_id)
        except SweepError as error:
            return Attempt(Ended.DUE, error=error)
        if there is not None:
            return Attempt(Ended.FOUND, there)
        properties = json.loads(body)["properties"]
        severity, now = Severity(properties["severity"]), self._now()
        made = Incident(incident_id, properties["status"], severity, created=now, modified=now)
        self._seen[incident_id] = made
        self._made[incident_id] = properties
        return Attempt(Ended.DONE, made)

    def comment(self, incident_id: str, comment_id: str, body: str) -> Attempt:
        """See the port."""
        self._comments.setdefault(incident_id, []).append(json.loads(body)["properties"]["message"])
        return Attempt(Ended.DONE, made=self._now())

    def find_comment(self, incident_id: str, comment_id: str) -> datetime | None:
        """See the port."""
        return self._real.find_comment(incident_id, comment_id)

    def escalate(self, incident_id: str, expected: Severity, to: Severity) -> Attempt:
        """See the port."""
        try:
            there = self.read(incident_id)
        except SweepError as error:
            return Attempt(Ended.DUE, error=error)
        if there is None:
            return Attempt(Ended.GONE)
        if not there.open or there.severity is not expected:
            return Attempt(Ended.CHANGED, there)
        self._seen[incident_id] = replace(there, severity=to, escalated_to=to)
        self._escalated.add(incident_id)
        return Attempt(Ended.DONE, self._seen[incident_id])

    def time(self) -> datetime | None:
        """See the port."""
        return self._real.time()

    def skew(self) -> float | None:
        """See the port."""
        return self._real.skew()

    def _shown(self, name: str) -> ShownIncident:
        properties, known = self._made.get(name, {}), self._seen.get(name)
        title = properties.get("title") or (known.title if known else "") or "An incident that is there already"
        return ShownIncident(
            title,
            (known.severity if known else Severity.MEDIUM).value,
            tuple(each["labelName"] for each in properties.get("labels", ()) if self._labelled),
            properties.get("description", ""),
            tuple(self._comments.get(name, ())),
        )
