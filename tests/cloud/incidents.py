"""What Sentinel stores: incidents and their comments, with etags, limits and a row of history per change."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.cloud.properties import (
    MAX_COMMENTS,
    MAX_MESSAGE,
    WRITABLE,
    Rejected,
    arm_time,
    bad,
    properties_of,
    units,
    writable,
)


@dataclass(frozen=True, slots=True)
class Change:
    """A row of the SecurityIncident table in the making: the incident as it was after one change.

    `closed` is when it was closed, None while it is open; what is changed of a closed incident does not move it.
    `alerts` are the ids of its alerts.
    """

    time: datetime
    text: str
    closed: datetime | None = None
    alerts: tuple[str, ...] = ()

    @property
    def incident(self) -> dict[str, Any]:
        """The incident's resource."""
        resource: dict[str, Any] = json.loads(self.text)
        return resource


@dataclass
class Incidents:
    """All incidents of one workspace, by their name in lower case; what is handed out is JSON text.

    `overwrites` lets a PUT with a stale or missing etag overwrite instead of conflict. Names in `hidden` are left out
    of lists (a list may lag behind); their own GET finds them. Modification times never repeat: each is at least a
    tick (100 ns, here a microsecond) after the last, whatever the clock says.

    `alerts` are the ids of each incident's alerts. One in `appears` is not there for anybody before that time. While
    `as_of` is set, what happens happens then.
    """

    base: str
    portal: str
    clock: Callable[[], datetime]
    author: str
    overwrites: bool = False
    stored: dict[str, dict[str, Any]] = field(default_factory=dict)
    comments: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    history: list[Change] = field(default_factory=list)
    alerts: dict[str, list[str]] = field(default_factory=dict)
    appears: dict[str, datetime] = field(default_factory=dict)
    as_of: datetime | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)
    _closed: dict[str, datetime] = field(default_factory=dict)
    _number: int = 0
    _last: datetime = datetime(1970, 1, 1, tzinfo=UTC)

    def _tick(self) -> datetime:
        now = (self.as_of or self.clock()).astimezone(UTC)
        self._last = now if now > self._last else self._last + timedelta(microseconds=1)
        return self._last

    def read(self, name: str) -> str:
        """An incident.

        Raises:
            Rejected: 404.
        """
        with self.lock:
            return _text(self.resource(name))

    def resource(self, name: str) -> dict[str, Any]:
        """The incident itself; hold the lock while you use it, and call `changed` when you changed it.

        Raises:
            Rejected: 404.
        """
        resource = self.stored.get(name.lower())
        if resource is None or not self.is_there(name):
            raise Rejected(404, "NotFound", f"Incident '{name}' does not exist in this workspace.")
        return resource

    def is_there(self, name: str) -> bool:
        """Whether an incident that is stored is there for those who ask."""
        time = self.appears.get(name.lower())
        return time is None or time <= (self.as_of or self.clock())

    def put(self, name: str, body: Any) -> tuple[bool, str]:
        """Make or replace an incident; whether it is new, and what is stored now.

        Raises:
            Rejected: 400, 404 or 409.
        """
        wanted = writable(properties_of(body))
        etag = body.get("etag")
        with self.lock:
            resource = self.stored.get(name.lower())
            if resource is None:
                if etag:
                    raise Rejected(404, "NotFound", f"Incident '{name}' does not exist in this workspace.")
                return True, _text(self._create(name, wanted))
            self._same(resource["etag"], etag, name)
            kept = {key: value for key, value in resource["properties"].items() if key not in WRITABLE}
            resource["properties"] = wanted | kept
            self.changed(name)
            return False, _text(resource)

    def _same(self, stored: str, given: Any, name: str) -> None:
        if given != stored and not self.overwrites:
            raise Rejected(409, "Conflict", f"Newer version of resource '{name}' exists. Data was not saved")

    def make(self, name: str, properties: Mapping[str, Any], read_only: Mapping[str, Any], alert: str) -> None:
        """Make an incident of an alert, as an analytics rule does."""
        with self.lock:
            self.alerts[name.lower()] = [alert]
            self._create(name, writable(properties), read_only)

    def _create(self, name: str, wanted: dict[str, Any], more: Mapping[str, Any] | None = None) -> dict[str, Any]:
        self._number += 1
        identity = f"{self.base}/incidents/{name}"
        self.comments[name.lower()] = []
        resource: dict[str, Any]
        self.stored[name.lower()] = resource = {
            "id": identity,
            "name": name,
            "etag": _etag(),
            "type": "Microsoft.SecurityInsights/incidents",
            "properties": wanted
            | {
                "incidentUrl": f"{self.portal}/#asset/Microsoft_Azure_Security_Insights/Incident{identity}",
                "incidentNumber": self._number,
                "providerName": "Azure Sentinel",
                "providerIncidentId": str(self._number),
                "relatedAnalyticRuleIds": [],
                "additionalData": {
                    "alertsCount": 0,
                    "bookmarksCount": 0,
                    "commentsCount": 0,
                    "alertProductNames": [],
                    "tactics": [],
                },
            },
        }
        resource["properties"].update(more or {})
        self.changed(name)
        return resource

    def changed(self, name: str) -> None:
        """Note that a stored incident was changed: a new etag, a new time, a row of history."""
        with self.lock:
            now = self._tick()
            resource = self.stored[name.lower()]
            resource["etag"] = _etag()
            properties = resource["properties"]
            properties["lastModifiedTimeUtc"] = arm_time(now)
            properties.setdefault("createdTimeUtc", arm_time(now))
            properties["additionalData"]["commentsCount"] = len(self.comments[name.lower()])
            alerts = tuple(self.alerts.get(name.lower(), ()))
            properties["additionalData"]["alertsCount"] = len(alerts)
            if properties["status"] == "Closed":
                self._closed.setdefault(name.lower(), now)
            else:
                self._closed.pop(name.lower(), None)
            self.history.append(Change(now, _text(resource), self._closed.get(name.lower()), alerts))

    def delete(self, name: str) -> bool:
        """Remove an incident and its comments, without a trace in the history; whether it was there."""
        with self.lock:
            self.comments.pop(name.lower(), None)
            self.alerts.pop(name.lower(), None)
            self._closed.pop(name.lower(), None)
            return self.stored.pop(name.lower(), None) is not None

    def comments_of(self, name: str) -> list[dict[str, Any]]:
        """An incident's comments, oldest first; hold the lock while you read them.

        Raises:
            Rejected: 404.
        """
        self.resource(name)
        return self.comments[name.lower()]

    def read_comment(self, name: str, comment: str) -> str:
        """One comment.

        Raises:
            Rejected: 404.
        """
        with self.lock:
            for found in self.comments_of(name):
                if found["name"].lower() == comment.lower():
                    return _text(found)
        raise Rejected(404, "NotFound", f"Comment '{comment}' does not exist in incident '{name}'.")

    def put_comment(self, name: str, comment: str, body: Any, author: str | None = None) -> tuple[bool, str]:
        """Make or replace a comment; whether it is new, and what is stored now.

        Raises:
            Rejected: 400, 404 or 409.
        """
        message = properties_of(body).get("message")
        if not isinstance(message, str) or not message.strip():
            raise bad("The comment's message is required.")
        if units(message) > MAX_MESSAGE:
            raise bad(f"The comment's message is longer than {MAX_MESSAGE} characters.")
        with self.lock:
            incident = self.resource(name)
            known = self.comments[name.lower()]
            old = next((item for item in known if item["name"].lower() == comment.lower()), None)
            if old is not None:
                self._same(old["etag"], body.get("etag"), comment)
                old["properties"]["message"] = message
            elif len(known) >= MAX_COMMENTS:
                raise bad(f"The incident has reached the limit of {MAX_COMMENTS} comments.")
            now = arm_time(self._tick())
            made = old or {
                "id": f"{incident['id']}/Comments/{comment}",
                "name": comment,
                "type": "Microsoft.SecurityInsights/incidents/comments",
                "properties": {
                    "message": message,
                    "createdTimeUtc": now,
                    "author": {
                        "objectId": None,
                        "email": None,
                        "name": author or self.author,
                        "userPrincipalName": None,
                    },
                },
            }
            made["etag"] = _etag()
            made["properties"]["lastModifiedTimeUtc"] = now
            if old is None:
                known.append(made)
            self.changed(name)
            return old is None, _text(made)


def _text(resource: Mapping[str, Any]) -> str:
    return json.dumps(resource, ensure_ascii=False, separators=(",", ":"))


def _etag() -> str:
    return f'"{secrets.token_hex(4)}-0000-0d00-0000-{secrets.token_hex(6)}"'
