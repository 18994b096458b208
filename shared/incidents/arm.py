"""The workspace's incidents: read, create, comment, raise. Says how an attempt ended, decides nothing.

Each effect begins by reading whether it is already there, and so does each further attempt at it: an answer may be
lost after the effect, and a PUT replaces whatever an analyst has written since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any
from urllib.parse import quote, urlencode

from shared.http.client import Call, Http, HttpResponse, NotFound, Service, SweepError
from shared.incidents.resource import incident_of, mapping, raised, unusable
from shared.model import LABEL, Incident, Severity
from shared.web_address import web_address

API_VERSION = "2025-09-01"
WORKSPACE_API_VERSION = "2023-09-01"
PAGE = 1000
MOST_PAGES = 500
"""Of one list: half a million incidents, far more than Sentinel bears. What goes on longer has no end."""


class Ended(StrEnum):
    """How an attempt at an effect ended."""

    DONE = "done"
    FOUND = "found"  # to be created, but it was already there
    GONE = "gone"  # the incident was deleted: its own GET says 404
    CHANGED = "changed"  # not as expected any more: an analyst's word, which stands
    DUE = "due"  # not done, or not known to be: see the error


@dataclass(frozen=True, slots=True)
class Attempt:
    """How it ended; the incident as last read, where one was; the error when it is due."""

    ended: Ended
    incident: Incident | None = None
    error: SweepError | None = None


class Sentinel:
    """The incidents of one workspace. Safe for many threads; for one incident there must be one writer at a time."""

    def __init__(self, http: Http, endpoint: str, audience: str, workspace: str) -> None:
        """`endpoint` is ARM's address without a trailing slash, `workspace` the workspace's ARM id."""
        self._http = http
        self._endpoint = endpoint
        self._audience = audience
        self._workspace = endpoint + quote(workspace)
        self._incidents = f"{self._workspace}/providers/Microsoft.SecurityInsights/incidents"

    def workspace_guid(self) -> str:
        """The `customerId` of the workspace.

        Raises:
            SweepError: it cannot be read.
        """
        answer = self._send(f"{self._workspace}?api-version={WORKSPACE_API_VERSION}")
        guid = mapping(answer.body.get("properties")).get("customerId")
        if not isinstance(guid, str):
            raise unusable("a workspace without its customerId")
        return guid

    def changed(
        self, since: datetime | None, seen: Callable[[Incident], bool | None] = lambda _: False
    ) -> Iterator[Incident]:
        """Our incidents that were modified at or after `since` (None: all), the newest modification first.

        `seen` says of an incident whether an earlier list, read to its end, has shown it as it is now; None when it is
        newer than that list. A page in that order ends it when of those that are not newer all were seen, and one is
        there: what follows is older still. A page of incidents that we made ourselves since says nothing about the
        next. An incident that is missing here is not gone: lists lag behind.

        Raises:
            SweepError: a page cannot be read or believed, or the list has no end.
        """
        wanted = f"properties/labels/any(l: l/labelName eq '{LABEL}')"  # first, or the service refuses the filter
        if since is not None:
            wanted += f" and properties/lastModifiedTimeUtc ge {since.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%SZ')}"
        query = {
            "api-version": API_VERSION,
            "$filter": wanted,
            "$orderby": "properties/lastModifiedTimeUtc desc",
            "$top": str(PAGE),
        }
        link: str | None = f"{self._incidents}?{urlencode(query, quote_via=quote)}"
        pages: set[str] = set()
        while link:
            if link in pages:
                raise unusable("a list that leads back to a page it came from")
            if len(pages) == MOST_PAGES:
                raise unusable(f"a list that goes on after {MOST_PAGES} pages")
            pages.add(link)
            page = self._send(link).body
            if not isinstance(page.get("value"), list):
                raise unusable("a page of a list without its items")
            incidents = [incident_of(resource) for resource in page["value"]]
            yield from incidents
            older = [known for known in map(seen, incidents) if known is not None]
            times = [incident.modified for incident in incidents]
            ordered = all(a is not None and b is not None and a >= b for a, b in pairwise(times))
            if ordered and older and all(older):
                return
            link = self._next(page.get("nextLink"))

    def read(self, incident_id: str) -> Incident | None:
        """The incident as it is now; None when it was deleted, which only its own GET's 404 can say, twice.

        Raises:
            SweepError: it cannot be read.
        """
        url = self._url(incident_id)

        def attempt(until: float) -> Incident | None:
            there = self._read_twice(url, until)
            return None if there is None else incident_of(there)

        return self._http.with_retry(attempt)

    def create(self, incident_id: str, body: str) -> Attempt:
        """Make the incident of this JSON body, unless it is there: DONE, FOUND or DUE.

        DONE also when an earlier attempt of this call had made it and its answer was lost.
        """
        url = self._url(incident_id)
        tried = False

        def attempt(until: float) -> Attempt:
            nonlocal tried
            there = self._read(url, until)
            if there is not None:
                return Attempt(Ended.DONE if tried else Ended.FOUND, incident_of(there))
            try:
                return Attempt(Ended.DONE, incident_of(self._write(url, until, body), Call.WRITE))
            except SweepError as error:
                tried = tried or error.maybe_done
                raise

        return self._settle(attempt)

    def comment(self, incident_id: str, comment_id: str, body: str) -> Attempt:
        """Add the comment of this JSON body, unless it is there: DONE (also when it was), GONE or DUE."""
        url = self._url(incident_id, comment_id)

        def attempt(until: float) -> Attempt:
            if self._read(url, until) is None:
                try:
                    self._write(url, until, body)
                except NotFound:
                    if self._read_twice(self._url(incident_id), until) is None:
                        return Attempt(Ended.GONE)
                    raise
            return Attempt(Ended.DONE)

        return self._settle(attempt)

    def escalate(self, incident_id: str, expected: Severity, to: Severity) -> Attempt:
        """Raise the severity from `expected`, leaving all else as it is: DONE (also when it was `to`), CHANGED, GONE
        or DUE. CHANGED when it is closed, or has another severity. After three conflicts it is DUE."""
        url = self._url(incident_id)

        def attempt(until: float) -> Attempt:
            there = self._read_twice(url, until)
            if there is None:
                return Attempt(Ended.GONE)
            incident = incident_of(there)
            if not incident.open or incident.severity not in (expected, to):
                return Attempt(Ended.CHANGED, incident)
            if incident.severity is to:
                return Attempt(Ended.DONE, incident)
            try:
                return Attempt(Ended.DONE, incident_of(self._write(url, until, raised(there, to)), Call.WRITE))
            except NotFound:
                if self._read_twice(url, until) is None:
                    return Attempt(Ended.GONE)
                raise

        return self._settle(attempt)

    def _settle(self, attempt: Callable[[float], Attempt]) -> Attempt:
        try:
            return self._http.with_retry(attempt, reads_first=True)
        except SweepError as error:
            return Attempt(Ended.DUE, error=error)

    def _url(self, incident_id: str, comment_id: str = "") -> str:
        comment = f"/comments/{quote(comment_id, safe='')}" if comment_id else ""
        return f"{self._incidents}/{quote(incident_id, safe='')}{comment}?api-version={API_VERSION}"

    def _next(self, link: object) -> str | None:
        if not link:
            return None
        # The link comes from outside and would carry our token wherever it points.
        if isinstance(link, str) and (there := web_address(link)) and there == web_address(self._endpoint):
            return link
        raise unusable("a list that goes on at another address")

    def _send(self, url: str) -> HttpResponse:
        return self._http.send(Service.SENTINEL, Call.READ, url, audience=self._audience)

    def _read(self, url: str, until: float) -> dict[str, Any] | None:
        """The resource, tried once; None when it is not there."""
        try:
            answer = self._http.once(Service.SENTINEL, Call.READ, url, until, audience=self._audience)
        except NotFound as error:
            if not error.itself:
                raise
            return None
        return dict(answer.body)

    def _read_twice(self, url: str, until: float) -> dict[str, Any] | None:
        """The resource; None when it is not there, asked twice: "deleted" is remembered for good."""
        there = self._read(url, until)
        return self._read(url, until) if there is None else there

    def _write(self, url: str, until: float, body: str) -> dict[str, Any]:
        answer = self._http.once(Service.SENTINEL, Call.WRITE, url, until, audience=self._audience, body=body.encode())
        return dict(answer.body)
