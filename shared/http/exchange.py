"""One exchange on the wire, over `requests`: sent once, with a complete response in time, or a SweepError.

No cookie is kept, no redirect is followed, no password is looked up, and plain http is refused.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urlsplit

import requests
import urllib3

from shared import __version__
from shared.errors import Call, Service
from shared.http.library_errors import from_requests
from shared.http.size_limit import OTHER_BYTES, QUERY_BYTES, ResponseTooLarge, within
from shared.http.total_timeout import TotalTimeoutAdapter
from shared.http.web_page import LOOKED_AT, begins_as_page

CONNECTIONS = 16  # kept per host; no more requests than these run at once
_PIECE = 65_536  # bytes of a response at once, unpacked
_METHODS = {Call.QUERY: "POST", Call.READ: "GET", Call.WRITE: "PUT", Call.TELL: "POST", Call.UPLOAD: "POST"}
_BROKEN = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)
# Below ERROR these log paths with their query strings, and the webhook's query string is a secret. A filter works
# whatever level an operator sets.
_LOG_PATHS = ("urllib3.connectionpool", "urllib3.connection", "urllib3.util.retry")


def _errors_only(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR


@dataclass(frozen=True, slots=True)
class RawResponse:
    """A response as received. `headers` are case-insensitive; `host` is where the request was sent."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    host: str


class Session:
    """A pool of connections, for many threads. Uses REQUESTS_CA_BUNDLE and the proxy variables."""

    def __init__(self) -> None:
        self._session = _Session()
        self._session.headers.clear()
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.adapters.clear()
        for name in _LOG_PATHS:
            logging.getLogger(name).addFilter(_errors_only)
        self._session.mount("https://", TotalTimeoutAdapter(pool_maxsize=CONNECTIONS, max_retries=0))

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def exchange(
        self, service: Service, call: Call, url: str, *, token: str, body: bytes | None, connect: float, read: float
    ) -> RawResponse:
        """Send a request and read the response. `connect` and `read` are seconds; `read` covers the whole exchange.

        The body of an error response is left out when it does not arrive completely. Of the response to a card
        or an upload only enough is read to see whether it is a web page.

        Raises:
            SweepError: no connection, no complete response in time, a response that is too large, or a bad address.
        """
        sending = None if body is None else _Body(body)
        headers = {
            "User-Agent": f"email-remediation-sweep/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
        }
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            with self._session.request(
                _METHODS[call],
                url,
                data=sending,
                headers=headers,
                auth=_Bearer(token),
                timeout=(min(connect, read), read),
                allow_redirects=False,
                stream=True,
            ) as response:
                content = _content(call, response)
                return RawResponse(response.status_code, response.headers, content, urlsplit(url).hostname or "")
        except (*_BROKEN, ValueError, ResponseTooLarge) as error:
            failure = from_requests(service, call, error, sent=None if sending is None else sending.begun)
        raise failure


def _content(call: Call, response: requests.Response) -> bytes:
    good = 200 <= response.status_code <= 299
    if good and call in (Call.TELL, Call.UPLOAD):
        return _beginning(response)
    try:
        most = QUERY_BYTES if call is Call.QUERY else OTHER_BYTES
        return b"".join(within(most, response.iter_content(_PIECE)))
    except (*_BROKEN, ResponseTooLarge):
        if good or response.status_code == requests.codes.not_found:
            raise  # for a 404 the body says what is missing
        return b""


def _beginning(response: requests.Response) -> bytes:
    """As much of a body as shows whether it is a web page. Whether the rest arrives does not matter."""
    beginning = b""
    by_tag = "html" not in response.headers.get("Content-Type", "").lower()
    try:
        while len(beginning) < LOOKED_AT and (piece := response.raw.read1(LOOKED_AT, decode_content=True)):
            beginning += piece
            if by_tag and begins_as_page(beginning) is not None:
                break
    except _BROKEN:
        pass
    return beginning[:LOOKED_AT]


class _Body(io.BytesIO):
    """A body that records whether sending it has begun: before that the service cannot have done anything."""

    begun = False

    def read(self, size: int | None = -1, /) -> bytes:
        self.begun = True
        return super().read(size)


class _Bearer(requests.auth.AuthBase):
    """The token, if there is one. With any `auth`, requests does not look for a password in a .netrc file."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _Session(requests.Session):
    """A session that returns a redirect like any other response."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None
