"""The workspace's incidents over ARM: read, create, comment, escalate. It says how an attempt ended, decides nothing.

Each effect begins by reading whether it is already there, and so does each further attempt at it: an answer may be
lost after the effect, and a PUT replaces whatever an analyst has written since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from threading import Lock
from typing import Any

from shared.errors import Call, NotFound, SweepError
from shared.http.client import Http
from shared.incidents.arm_requests import ArmRequests
from shared.incidents.port import Attempt, Ended
from shared.incidents.resource import comment_made, incident_of, mapping, unusable, with_severity
from shared.incidents.road import is_refused
from shared.model import LABEL, Incident, Severity

PAGE = 1000
MOST_PAGES = 500
"""Of one list: half a million incidents, far more than Sentinel holds. A list that goes on longer has no end."""
NO_TIME = datetime.min.replace(tzinfo=UTC)
"""When a comment was created that is there without a time that can be read."""


class ArmIncidents:
    """The incidents of one workspace: the port `Incidents` (shared/incidents/port.py) over ARM."""

    def __init__(self, http: Http, endpoint: str, audience: str, workspace: str) -> None:
        """`endpoint` is ARM's address without a trailing slash, `workspace` the workspace's ARM id."""
        self._arm = ArmRequests(http, endpoint, audience, workspace)
        self._names: dict[str, str] = {}  # of incidents that have another name in Sentinel, by our id
        self._lock = Lock()

    def workspace_guid(self) -> str:
        """The `customerId` of the workspace. Raises SweepError when it cannot be read."""
        guid = mapping(self._arm.fetch(self._arm.workspace).get("properties")).get("customerId")
        if not isinstance(guid, str):
            raise unusable("a workspace without its customerId")
        return guid

    def permissions(self) -> list[dict[str, Any]]:
        """What the identity may do on the workspace, an entry for each role. Raises SweepError when it is not told."""
        link: str | None = self._arm.permissions
        granted: list[dict[str, Any]] = []
        while link and len(granted) < PAGE:
            page = self._arm.fetch(link)
            if not isinstance(page.get("value"), list):
                raise unusable("a list of permissions without its items")
            granted += [dict(mapping(each)) for each in page["value"]]
            link = self._arm.next_page(page.get("nextLink"))
        return granted

    def changed(
        self, since: datetime | None, shown_before: Callable[[Incident], bool | None] = lambda _: False
    ) -> Iterator[Incident]:
        """Our incidents that were modified at or after `since` (None: all), the newest modification first.

        `shown_before`, and what is raised: see the port.
        """
        wanted = f"properties/labels/any(l: l/labelName eq '{LABEL}')"  # first, or the service refuses the filter
        if since is not None:
            wanted += f" and properties/lastModifiedTimeUtc ge {since.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%SZ')}"
        order = "properties/lastModifiedTimeUtc desc"
        link: str | None = self._arm.listing(filter=wanted, orderby=order, top=str(PAGE))
        pages: set[str] = set()
        ours = self._followed()
        while link:
            if link in pages:
                raise unusable("a list that leads back to a page it came from")
            if len(pages) == MOST_PAGES:
                raise unusable(f"a list that goes on after {MOST_PAGES} pages")
            pages.add(link)
            page = self._arm.fetch(link)
            if not isinstance(page.get("value"), list):
                raise unusable("a page of a list without its items")
            incidents = [each for resource in page["value"] for each in _listed(incident_of(resource), ours)]
            yield from incidents
            if _all_shown(incidents, shown_before):
                return
            link = self._arm.next_page(page.get("nextLink"))

    def read(self, incident_id: str) -> Incident | None:
        """The incident as it is now; None when its own GET says twice that it is not there.

        Raises SweepError when it cannot be read.
        """
        url = self._address(incident_id)

        def attempt(until: float) -> Incident | None:
            there = self._arm.get_twice(url, until)
            return None if there is None else self._ours(incident_id, incident_of(there))

        return self._arm.with_retry(attempt)

    def follow(self, names: Mapping[str, str]) -> None:
        """Address these incidents (by our id) by their names in Sentinel."""
        with self._lock:
            self._names |= names

    def create(self, incident_id: str, body: str) -> Attempt:
        """Make the incident of this JSON body, unless it is there: DONE, FOUND, REFUSED or DUE."""
        url = self._address(incident_id)
        tried = False

        def attempt(until: float) -> Attempt:
            nonlocal tried
            there = self._arm.get(url, until)
            if there is not None:
                return Attempt(Ended.DONE if tried else Ended.FOUND, self._ours(incident_id, incident_of(there)))
            try:
                made = incident_of(self._arm.put(url, until, body), Call.WRITE)
                return Attempt(Ended.DONE, self._ours(incident_id, made))
            except SweepError as error:
                tried = tried or error.maybe_done
                raise

        return self._settled(attempt)

    def comment(self, incident_id: str, comment_id: str, body: str) -> Attempt:
        """Add the comment of this JSON body, unless it is there: DONE, FOUND, GONE, REFUSED or DUE."""
        url = self._address(incident_id, comment_id)
        tried = False

        def attempt(until: float) -> Attempt:
            nonlocal tried
            there = self._arm.get(url, until)
            if there is not None:
                return Attempt(Ended.DONE if tried else Ended.FOUND, made=comment_made(there))
            try:
                return Attempt(Ended.DONE, made=comment_made(self._arm.put(url, until, body), Call.WRITE))
            except NotFound:
                if self._gone(incident_id, until):
                    return Attempt(Ended.GONE)
                raise
            except SweepError as error:
                tried = tried or error.maybe_done
                raise

        return self._settled(attempt)

    def find_comment(self, incident_id: str, comment_id: str) -> datetime | None:
        """When the comment was created; NO_TIME when that cannot be read, None when ARM says twice it is not there.

        Raises SweepError when it cannot be looked up.
        """
        url = self._address(incident_id, comment_id)

        def attempt(until: float) -> datetime | None:
            there = self._arm.get_twice(url, until)
            return None if there is None else comment_made(there) or NO_TIME

        return self._arm.with_retry(attempt)

    def escalate(self, incident_id: str, expected: Severity, to: Severity) -> Attempt:
        """Raise the severity from `expected`, with the label that says so: see the port for how it can end."""
        url = self._address(incident_id)
        tried = False

        def attempt(until: float) -> Attempt:
            nonlocal tried
            there = self._arm.get_twice(url, until)
            if there is None:
                return Attempt(Ended.GONE)
            incident = self._ours(incident_id, incident_of(there))
            if incident.escalated_to is not None and incident.escalated_to.rank >= to.rank:
                return Attempt(Ended.DONE if tried else Ended.FOUND, incident)
            if not incident.open or incident.severity is not expected:
                return Attempt(Ended.CHANGED, incident)
            try:
                changed = self._arm.put(url, until, with_severity(there, to))
                return Attempt(Ended.DONE, self._ours(incident_id, incident_of(changed, Call.WRITE)))
            except NotFound:
                if self._gone(incident_id, until):
                    return Attempt(Ended.GONE)
                raise
            except SweepError as error:
                tried = tried or error.maybe_done
                raise

        return self._settled(attempt)

    def time(self) -> datetime | None:
        """Sentinel's clock, now; None before its first good answer with a time."""
        return self._arm.clock.now()

    def skew(self) -> float | None:
        """How many seconds our clock is ahead of Sentinel's; None while that is not known."""
        return self._arm.clock.skew()

    def _gone(self, incident_id: str, until: float) -> bool:
        """Whether the incident was deleted, as its own GET says: the 404 of a write alone does not."""
        return self._arm.get_twice(self._address(incident_id), until) is None

    def _address(self, incident_id: str, comment_id: str = "") -> str:
        with self._lock:
            name = self._names.get(incident_id, incident_id)
        return self._arm.address(name, comment_id)

    def _ours(self, incident_id: str, incident: Incident) -> Incident:
        """The incident under our id, by which it was asked for: after a merge it may be that of another one, too."""
        with self._lock:
            followed = incident_id in self._names
        return replace(incident, id=incident_id, name=incident.id) if followed else incident

    def _followed(self) -> dict[str, list[str]]:
        """Our ids of the incidents that have another name, by that name."""
        found: dict[str, list[str]] = {}
        with self._lock:
            for incident_id, name in self._names.items():
                found.setdefault(name, []).append(incident_id)
        return found

    def _settled(self, attempt: Callable[[float], Attempt]) -> Attempt:
        try:
            return self._arm.with_retry(attempt, writes=True)
        except SweepError as error:
            return Attempt(Ended.REFUSED if is_refused(error) else Ended.DUE, error=error)


def _listed(incident: Incident, followed: Mapping[str, list[str]]) -> list[Incident]:
    """The incident under each of our ids that it is followed by, or under its own."""
    ours = followed.get(incident.id, ())
    return [replace(incident, id=each, name=incident.id) for each in ours] or [incident]


def _all_shown(incidents: list[Incident], shown_before: Callable[[Incident], bool | None]) -> bool:
    """Whether an earlier list has shown what is on this page and not newer, and so all that follows."""
    older = [shown for shown in map(shown_before, incidents) if shown is not None]
    times = [incident.modified for incident in incidents]
    ordered = all(a is not None and b is not None and a >= b for a, b in pairwise(times))
    return ordered and bool(older) and all(older)
