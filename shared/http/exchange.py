"""One exchange on the wire, over `requests`: sent once, answered whole within its time, or a SweepError.

Nothing is remembered between exchanges, no redirect is followed, no password is looked up, plain http is not spoken.
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
from shared.http.size_limit import OTHER_BYTES, QUERY_BYTES, AnswerTooLarge, within
from shared.http.total_timeout import TotalTimeoutAdapter
from shared.http.web_page import LOOKED_AT, begins_as_page

CONNECTIONS = 16  # kept per host; as many as ever work at once
_PIECE = 65_536  # bytes of an answer at once, unpacked
_METHODS = {Call.QUERY: "POST", Call.READ: "GET", Call.WRITE: "PUT", Call.TELL: "POST"}
_BROKEN = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)
# These log paths with their queries below ERROR, and the webhook's query is the key to the channel. A filter holds
# whatever level an operator sets.
_TALKATIVE = ("urllib3.connectionpool", "urllib3.connection", "urllib3.util.retry")


def _errors_only(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR


@dataclass(frozen=True, slots=True)
class Raw:
    """What came back. `headers` are case-insensitive; `host` is who was asked."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    host: str


class Session:
    """A pool of connections, for many threads. REQUESTS_CA_BUNDLE and the proxy variables are obeyed."""

    def __init__(self) -> None:
        self._session = _Session()
        self._session.headers.clear()
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.adapters.clear()
        for name in _TALKATIVE:
            logging.getLogger(name).addFilter(_errors_only)
        self._session.mount("https://", TotalTimeoutAdapter(pool_maxsize=CONNECTIONS, max_retries=0))

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def exchange(
        self, service: Service, call: Call, url: str, *, token: str, body: bytes | None, connect: float, read: float
    ) -> Raw:
        """Send it, and take the whole answer. `connect` and `read` are seconds; `read` is for all of the exchange.

        The body of a refusal is left out when it does not come whole. Of the answer to a card only as much is taken as
        tells whether it is a web page.

        Raises:
            SweepError: no connection, no whole answer in time, one that is too large, or nothing that could be sent.
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
                return Raw(response.status_code, response.headers, content, urlsplit(url).hostname or "")
        except (*_BROKEN, ValueError, AnswerTooLarge) as error:
            failure = from_requests(service, call, error, sent=None if sending is None else sending.begun)
        raise failure


def _content(call: Call, response: requests.Response) -> bytes:
    good = 200 <= response.status_code <= 299
    if good and call is Call.TELL:
        return _beginning(response)
    try:
        most = QUERY_BYTES if call is Call.QUERY else OTHER_BYTES
        return b"".join(within(most, response.iter_content(_PIECE)))
    except (*_BROKEN, AnswerTooLarge):
        if good or response.status_code == requests.codes.not_found:
            raise  # for a 404 the body says what is not there
        return b""


def _beginning(response: requests.Response) -> bytes:
    """As much of a body as tells whether it is a web page. That the rest does not come says nothing."""
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
    """A body that knows whether sending it has begun: before that nothing can have been done."""

    begun = False

    def read(self, size: int | None = -1, /) -> bytes:
        self.begun = True
        return super().read(size)


class _Bearer(requests.auth.AuthBase):
    """The token, if there is one; with any `auth` at all, requests looks for no password in a .netrc file."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _Session(requests.Session):
    """A session for which a redirect is an answer like any other."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None
