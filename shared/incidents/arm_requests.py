"""Single requests to ARM about one workspace's incidents: addresses, GET, PUT, and what a 404 means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from shared.errors import Call, NotFound, Service
from shared.http.client import Http
from shared.http.response import HttpResponse
from shared.incidents.resource import unusable
from shared.incidents.service_time import ServiceTime
from shared.web_address import web_address

API_VERSION = "2025-09-01"
WORKSPACE_API_VERSION = "2023-09-01"
PERMISSIONS_API_VERSION = "2022-04-01"

T = TypeVar("T")


class ArmRequests:
    """Sends requests about one workspace. `clock` is Sentinel's, as its answers show it."""

    def __init__(self, http: Http, endpoint: str, audience: str, workspace: str) -> None:
        self.clock = ServiceTime(http.clock)
        self._http = http
        self._endpoint = endpoint
        self._audience = audience
        self._workspace = endpoint + quote(workspace)
        self._incidents = f"{self._workspace}/providers/Microsoft.SecurityInsights/incidents"

    @property
    def workspace(self) -> str:
        """The address of the workspace."""
        return f"{self._workspace}?api-version={WORKSPACE_API_VERSION}"

    @property
    def permissions(self) -> str:
        """The address of the list of what the identity may do on the workspace."""
        return f"{self._workspace}/providers/Microsoft.Authorization/permissions?api-version={PERMISSIONS_API_VERSION}"

    def listing(self, **query: str) -> str:
        """The address of the list of incidents, with these query options (`filter` for `$filter`)."""
        options = {"api-version": API_VERSION, **{f"${name}": value for name, value in query.items()}}
        return f"{self._incidents}?{urlencode(options, quote_via=quote)}"

    def address(self, incident_id: str, comment_id: str = "") -> str:
        """The address of an incident, or of a comment on it. An id is one path segment, whatever it holds."""
        comment = f"/comments/{quote(comment_id, safe='')}" if comment_id else ""
        return f"{self._incidents}/{quote(incident_id, safe='')}{comment}?api-version={API_VERSION}"

    def next_page(self, link: object) -> str | None:
        """The address of a list's next page; None after the last.

        Raises:
            PartialData: it is not an address of ARM.
        """
        if not link:
            return None
        # The link comes from outside and would carry our token wherever it points.
        if isinstance(link, str) and (there := web_address(link)) and there == web_address(self._endpoint):
            return link
        raise unusable("a list that goes on at another address")

    def with_retry(self, attempt: Callable[[float], T], *, writes: bool = False) -> T:
        """What `attempt(until)` returns, tried again as shared/http/retry.py says. One that writes reads first.

        Raises:
            SweepError: the last attempt's.
        """
        return self._http.with_retry(attempt, reads_first=writes)

    def fetch(self, url: str) -> dict[str, Any]:
        """What is there, tried as often as a question is.

        Raises:
            SweepError: also when it is not there.
        """
        return self._noted(self._http.send(Service.SENTINEL, Call.READ, url, audience=self._audience))

    def get(self, url: str, until: float) -> dict[str, Any] | None:
        """The resource, asked for once; None when ARM itself says that it is not there.

        Raises:
            SweepError: it cannot be read.
        """
        try:
            return self._noted(self._http.once(Service.SENTINEL, Call.READ, url, until, audience=self._audience))
        except NotFound as error:
            if not error.itself:
                raise
            return None

    def get_twice(self, url: str, until: float) -> dict[str, Any] | None:
        """The resource; None when ARM says twice that it is not there, for a replica may lag behind.

        Raises:
            SweepError: it cannot be read.
        """
        there = self.get(url, until)
        return self.get(url, until) if there is None else there

    def put(self, url: str, until: float, body: str) -> dict[str, Any]:
        """Write it, once; the resource as the answer holds it.

        Raises:
            SweepError: it was not written, or that is not known (`maybe_done`).
        """
        return self._noted(
            self._http.once(Service.SENTINEL, Call.WRITE, url, until, audience=self._audience, body=body.encode())
        )

    def _noted(self, answer: HttpResponse) -> dict[str, Any]:
        self.clock.note(answer.headers.get("Date"))
        return dict(answer.body)
