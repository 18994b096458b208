"""Every request of the sweep goes through here: one session, a timeout on every call, retries, pacing, tokens.

Errors come out as SweepError and without the exception they were made from, which may hold a whole URL.
"""

from __future__ import annotations

import io
import json
import logging
import math
import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict

from shared import __version__
from shared.answers import faulty, from_status
from shared.clock import Clock, SystemClock
from shared.errors import (
    Call,
    Conflict,
    Fault,
    Forbidden,
    HuntTooLarge,
    NotFound,
    PartialData,
    Rejected,
    Service,
    SignInFailed,
    SweepError,
    Throttled,
    Unavailable,
)
from shared.mapping import from_azure, from_requests
from shared.pace import Pace, TurnTooLate
from shared.retries import Limits, Persistence, retry_after

__all__ = [
    "Answer",
    "Call",
    "Clock",
    "Conflict",
    "Fault",
    "Forbidden",
    "Http",
    "HuntTooLarge",
    "Limits",
    "NotFound",
    "PartialData",
    "Rejected",
    "Service",
    "SignInFailed",
    "SweepError",
    "SystemClock",
    "Throttled",
    "Tokens",
    "Unavailable",
    "paces",
]

T = TypeVar("T")

WORKERS = 16  # connections kept per host; more than ever work at once
_LEFT = {
    Call.READ: "x-ms-ratelimit-remaining-subscription-reads",
    Call.WRITE: "x-ms-ratelimit-remaining-subscription-writes",
}
_CHUNK = 65_536
_LOG = logging.getLogger("sweep.http")


class Tokens(Protocol):
    """Where tokens come from (shared/credential.py)."""

    def token(self, audience: str) -> str:
        """A bearer token for an audience such as `https://management.azure.com`. Raises SweepError."""
        ...

    def renew(self, since: float) -> None:
        """Forget what is cached, unless that was done after `since` (monotonic seconds)."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service answered with a good status. `body` is the parsed JSON, None when there was none."""

    status: int
    headers: Mapping[str, str]
    body: Any


def paces(clock: Clock, speed: float = 1.0) -> dict[Call, Pace]:
    """ARM's token buckets for reads and writes, and the four cards a second that Teams takes (all times `speed`)."""
    return {
        Call.READ: Pace(250, 25 * speed, clock),
        Call.WRITE: Pace(200, 10 * speed, clock),
        Call.TELL: Pace(1, 4 * speed, clock),
    }


class Http:
    """Sends requests for as many threads as there are; counts them by service in `requests`, repetitions in `retries`.

    `deadline()` is the monotonic time after which nothing is waited for any more: the end of the sweep's budget. It
    may be set anew at any time. `chance()` is uniform in [0, 1).
    """

    def __init__(
        self,
        tokens: Tokens,
        *,
        clock: Clock | None = None,
        limits: Limits | None = None,
        pace: Mapping[Call, Pace] | None = None,
        deadline: Callable[[], float] = lambda: math.inf,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.requests: Counter[str] = Counter()
        self.retries = 0
        self.deadline = deadline
        self._tokens = tokens
        self._clock = clock or SystemClock()
        self._limits = limits or Limits()
        self._pace = paces(self._clock) if pace is None else pace
        self._chance = chance
        self._session = _session()
        self._lock = threading.Lock()
        # Below this urllib3 logs paths and queries, and the webhook's query is the key to the channel.
        if logging.getLogger("urllib3").getEffectiveLevel() < logging.ERROR:
            logging.getLogger("urllib3").setLevel(logging.ERROR)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def send(
        self,
        service: Service,
        call: Call,
        url: str,
        *,
        audience: str = "",
        body: bytes | None = None,
        limits: Limits | None = None,
    ) -> Answer:
        """One request, tried as the table in shared/retries.py says. The method follows from `call`.

        Without an `audience` no token is sent.

        Raises:
            SweepError: also for a 404. After a WRITE or TELL its `maybe_done` says that it may have been done.
        """
        return self.persist(
            lambda until: self.once(service, call, url, until, audience=audience, body=body, limits=limits),
            limits=limits,
        )

    def persist(self, attempt: Callable[[float], T], *, limits: Limits | None = None, reads_first: bool = False) -> T:
        """What `attempt(until)` returns; when it raises a SweepError it is called again as the table says.

        `attempt` may send several requests by `once`, which together have the limits of one; `until` is to be handed
        on to them. With `reads_first` it must begin by reading whether its effect is already there.

        Raises:
            SweepError: the last attempt's.
        """
        return Persistence(
            clock=self._clock,
            limits=limits or self._limits,
            chance=self._chance,
            deadline=self.deadline(),
            renew=self._tokens.renew,
            waiting=self._waiting,
            reads_first=reads_first,
        ).run(attempt)

    def retrying(
        self,
        service: Service,
        attempt: Callable[[], T],
        classify: Callable[[Exception], SweepError] | None = None,
        *,
        call: Call = Call.QUERY,
        limits: Limits | None = None,
    ) -> T:
        """What `attempt()` returns, an SDK's call that sends one request and has its own retries switched off.

        Whatever it raises, `classify` makes a SweepError of it (unsaid: `from_azure`), and the table decides. A
        SweepError that it raises itself must carry its `call`, or it is final. Counted under `service`.

        Raises:
            SweepError: the last attempt's.
        """

        def once(_until: float) -> T:
            self._count(service)
            failure: SweepError
            try:
                return attempt()
            except SweepError as error:
                failure = error
            except Exception as error:  # noqa: BLE001 - an SDK may raise anything; all of it is mapped
                failure = classify(error) if classify else from_azure(service, call, error, self._clock.now())
            raise failure

        return self.persist(once, limits=limits)

    def once(
        self,
        service: Service,
        call: Call,
        url: str,
        until: float,
        *,
        audience: str = "",
        body: bytes | None = None,
        limits: Limits | None = None,
    ) -> Answer:
        """One request, tried once. See `send` and `persist`.

        Raises:
            SweepError: for any answer that is not a good one.
        """
        token = self._tokens.token(audience) if audience else ""
        pace = self._pace.get(call)
        late: TurnTooLate
        try:
            with pace.turn(until) if pace else nullcontext():
                return self._exchange(service, call, url, until, token, body, limits or self._limits)
        except TurnTooLate as error:
            late = error
        raise Throttled(
            f"{service.words} takes no request for another {late.wait:.0f} s: nothing to do, the next sweep goes on",
            service=service,
            call=call,
            retry_after=late.wait,
        )

    def _exchange(
        self, service: Service, call: Call, url: str, until: float, token: str, body: bytes | None, limits: Limits
    ) -> Answer:
        began = self._clock.monotonic()
        read = limits.read
        if read <= limits.seconds:
            read = min(read, max(until - began, 1.0))
        sending = None if body is None else _Body(body)
        headers = {
            "User-Agent": f"email-remediation-sweep/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
        }
        if body is not None:
            headers["Content-Type"] = "application/json"
        self._count(service)
        failure: Exception
        try:
            with self._session.request(
                _METHODS[call],
                url,
                data=sending,
                headers=headers,
                auth=_Bearer(token),
                timeout=(min(limits.connect, read), read),
                allow_redirects=False,
                stream=True,
            ) as response:
                self._noted(call, response, self._clock.monotonic() - began)
                return self._answer(service, call, response, began + read)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            failure = from_requests(service, call, error, sent=sending is not None and sending.begun)
        except SweepError as error:
            failure = error
        raise failure

    def _answer(self, service: Service, call: Call, response: requests.Response, ends: float) -> Answer:
        status = response.status_code
        headers = CaseInsensitiveDict(response.headers)
        if call is Call.TELL and 200 <= status <= 299:
            return Answer(status, headers, None)
        if not 200 <= status <= 299:
            after = retry_after(headers.get("Retry-After"), self._clock.now())
            host = urlsplit(response.url).hostname or ""
            missing = status == requests.codes.not_found and call is Call.READ
            content = self._read(response, ends) if missing else self._error_content(response, ends)
            body = _parsed(content)
            if missing and content.strip() and body is None:
                # Not the service's own word that the thing is not there: a proxy's or a gateway's page.
                raise faulty(service, call, Fault.GARBLED, status=status)
            raise from_status(service, call, status, body, after=after, host=host)
        content = self._read(response, ends)
        if call is Call.QUERY and not content.strip():
            return Answer(status, headers, None)
        body = _parsed(content)
        if not isinstance(body, dict) or (call is Call.WRITE and status not in (200, 201)):
            raise faulty(service, call, Fault.GARBLED, status=status)
        return Answer(status, headers, body)

    def _error_content(self, response: requests.Response, ends: float) -> bytes:
        try:
            return self._read(response, ends)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError):
            return b""  # the status has said enough

    def _read(self, response: requests.Response, ends: float) -> bytes:
        """The whole body, however slowly it drips, by the monotonic time `ends`."""
        parts = []
        while chunk := response.raw.read1(_CHUNK, decode_content=True):
            parts.append(chunk)
            if self._clock.monotonic() > ends:
                raise requests.ReadTimeout
        return b"".join(parts)

    def _noted(self, call: Call, response: requests.Response, took: float) -> None:
        pace = self._pace.get(call)
        if pace is None:
            return
        if response.status_code == requests.codes.too_many_requests:
            pace.refused(retry_after(response.headers.get("Retry-After"), self._clock.now()))
        left = response.headers.get(_LEFT.get(call, ""), "")
        if left.isascii() and left.isdigit():
            pace.remaining(int(left[:9]), took)

    def _waiting(self, error: SweepError, wait: float) -> None:
        with self._lock:
            self.retries += 1
        _LOG.info(
            "request_retried %s", json.dumps({"cause": error.cause, "status": error.status, "wait": round(wait, 2)})
        )

    def _count(self, service: Service) -> None:
        with self._lock:
            self.requests[service.value] += 1


_METHODS = {Call.QUERY: "POST", Call.READ: "GET", Call.WRITE: "PUT", Call.TELL: "POST"}


class _Body(io.BytesIO):
    """A body that knows whether sending it has begun: before that nothing can have been done."""

    begun = False

    def read(self, size: int | None = -1, /) -> bytes:
        self.begun = True
        return super().read(size)


class _Bearer(requests.auth.AuthBase):
    """The token, if there is one; in either case `requests` looks for no password in a .netrc file."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _Session(requests.Session):
    """A session that remembers nothing between requests, and for which a redirect is an answer like any other."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None


def _session() -> requests.Session:
    session = _Session()
    session.headers.clear()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.adapters.clear()
    session.mount("https://", HTTPAdapter(pool_maxsize=WORKERS, max_retries=0))
    return session


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None
