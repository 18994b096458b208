"""Every request of the sweep goes through here: one session, a timeout on every call, retries, rate limits, tokens.

Errors come out as SweepError and without the exception they were made from, which may hold a whole URL.
"""

from __future__ import annotations

import json
import logging
import math
import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol, TypeVar

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
from shared.http.exchange import Raw, Session
from shared.http.library_errors import mapped
from shared.http.rate_limit import RateLimit, TurnTooLate, standard_rate_limits
from shared.http.retry import Limits, RetryPolicy, retry_after
from shared.http.statuses import faulty, from_status, not_taken, says_missing
from shared.http.web_page import is_page

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
    "standard_rate_limits",
]

T = TypeVar("T")

_LEFT = {
    Call.READ: "x-ms-ratelimit-remaining-subscription-reads",
    Call.WRITE: "x-ms-ratelimit-remaining-subscription-writes",
}
_QUESTIONS = (Call.QUERY, Call.READ)
_LOG = logging.getLogger("sweep.http")


class Tokens(Protocol):
    """Where tokens come from (shared/http/credential.py)."""

    @property
    def retries(self) -> int:
        """How often a token was asked for again."""
        ...

    def token(self, audience: str) -> str:
        """A bearer token for an audience such as `https://management.azure.com`. Raises SignInFailed."""
        ...

    def generation(self) -> int:
        """How often the tokens were renewed so far."""
        ...

    def renew(self, generation: int) -> None:
        """Forget the tokens of this generation: once, however many threads had theirs refused."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service answered with a good status. `body` is the parsed JSON, None when there was none."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Http:
    """Sends requests for as many threads as there are; counts them by service in `requests`, repetitions in `retries`.

    `deadline()` is the monotonic time at which every question ends and after which none is asked: the end of the
    sweep's budget. An effect that is begun gets some seconds more. It may be set anew at any time. `chance()` is
    uniform in [0, 1).
    """

    def __init__(
        self,
        tokens: Tokens,
        *,
        clock: Clock | None = None,
        limits: Limits | None = None,
        rate_limits: Mapping[Call, RateLimit] | None = None,
        deadline: Callable[[], float] = lambda: math.inf,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.requests: Counter[str] = Counter()
        self._retries = 0
        self.deadline = deadline
        self._tokens = tokens
        self._clock = clock or SystemClock()
        self._limits = limits or Limits()
        self._rate_limits = standard_rate_limits(self._clock) if rate_limits is None else rate_limits
        self._chance = chance
        self._session = Session()
        self._lock = threading.Lock()

    @property
    def retries(self) -> int:
        """How many attempts followed a first one, those for a token included."""
        return self._retries + self._tokens.retries

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def left(self) -> float:
        """Seconds until the deadline; 0 after it."""
        return max(self.deadline() - self._clock.monotonic(), 0.0)

    def sign_in(self, audience: str) -> None:
        """Fetch the token for an audience, unless it is there: so that a missing one is found out at once.

        Raises:
            SignInFailed: there is none to be had.
        """
        self._tokens.token(audience)

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
        """One request, retried as the table in shared/http/retry.py says. The method follows from `call`.

        Without an `audience` no token is sent.

        Raises:
            SweepError: also for a 404. After a WRITE or TELL its `maybe_done` says that it may have been done.
        """
        return self.with_retry(
            lambda until: self.once(service, call, url, until, audience=audience, body=body, limits=limits),
            limits=limits,
        )

    def with_retry(
        self, attempt: Callable[[float], T], *, limits: Limits | None = None, reads_first: bool = False
    ) -> T:
        """What `attempt(until)` returns; when it raises a SweepError it is retried as shared/http/retry.py says.

        `attempt` may send several requests by `once`, which together have the limits of one; it passes `until` on to
        them. With `reads_first` it must begin by reading whether its effect is already there.

        Raises:
            SweepError: the last attempt's.
        """
        return RetryPolicy(
            clock=self._clock,
            limits=limits or self._limits,
            chance=self._chance,
            deadline=self.deadline(),
            generation=self._tokens.generation,
            renew=self._tokens.renew,
            waiting=self._waiting,
            reads_first=reads_first,
        ).run(attempt)

    def sdk_call(
        self,
        service: Service,
        attempt: Callable[[], T],
        classify: Callable[[Exception], SweepError] | None = None,
        *,
        call: Call = Call.QUERY,
        limits: Limits | None = None,
    ) -> T:
        """What `attempt()` returns, an SDK's call that sends one request and has its own retries switched off.

        It must keep within `left()` by itself. What it raises `classify` makes a SweepError of (else `mapped`, which
        lets what is no library's exception pass), and the table decides. A SweepError that it raises itself must carry
        its `call`, or it is final. Each attempt is counted as one request of `service`.

        Raises:
            SweepError: the last attempt's.
        """

        def once(_until: float) -> T:
            self._in_time(service, call)
            self._count(service)
            try:
                return attempt()
            except Exception as error:  # noqa: BLE001 - what an SDK raises is not documented
                failure = classify(error) if classify else mapped(service, call, error, self._clock.now())
            if isinstance(failure, SweepError):
                failure.__cause__ = failure.__context__ = None  # an SDK's exceptions quote whole bodies
            raise failure

        return self.with_retry(once, limits=limits)

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
        """One request, tried once. See `send` and `with_retry`.

        Raises:
            SweepError: for any answer that is not a good one.
        """
        token = self._tokens.token(audience) if audience else ""
        rate_limit = self._rate_limits.get(call)
        late: TurnTooLate
        try:
            with rate_limit.turn(until) if rate_limit else nullcontext():
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
        self._in_time(service, call)
        began = self._clock.monotonic()
        read = limits.read
        if read <= limits.seconds:
            read = min(read, max(until - began, 1.0))
        if call in _QUESTIONS:
            read = min(read, max(self.left(), 1.0))
        self._count(service)
        raw = self._session.exchange(service, call, url, token=token, body=body, connect=limits.connect, read=read)
        self._update_rate_limit(call, raw, self._clock.monotonic() - began)
        return self._judged(service, call, raw)

    def _in_time(self, service: Service, call: Call) -> None:
        if call in _QUESTIONS and self.left() <= 0:
            raise Unavailable(
                f"{service.words} was not asked: the sweep's time budget (SWEEP_BUDGET_SECONDS) ended; the next sweep"
                " goes on. If it lasts, raise the budget",
                service=service,
            )

    def _judged(self, service: Service, call: Call, raw: Raw) -> Answer:
        good = 200 <= raw.status <= 299
        if good and call is Call.TELL:
            if is_page(raw.headers.get("Content-Type", ""), raw.content):
                raise not_taken(service, call, raw.status, raw.host)
            return Answer(raw.status, raw.headers, None)
        empty = not raw.content.strip()
        body = _parsed(raw.content)
        if not good:
            if call is Call.READ and raw.status == HTTPStatus.NOT_FOUND and not says_missing(body):
                # A proxy's or gateway's word, not the service's own that the thing is not there.
                raise faulty(
                    service, call, Fault.GARBLED, status=raw.status, what="answered 404 in words that are not its own"
                )
            after = retry_after(raw.headers.get("Retry-After"), self._clock.now())
            raise from_status(service, call, raw.status, body, after=after, host=raw.host)
        if call is Call.QUERY and empty:
            return Answer(raw.status, raw.headers, None)
        if not isinstance(body, dict) or (call is Call.WRITE and raw.status not in (200, 201)):
            raise faulty(service, call, Fault.GARBLED, status=raw.status)
        return Answer(raw.status, raw.headers, body)

    def _update_rate_limit(self, call: Call, raw: Raw, took: float) -> None:
        rate_limit = self._rate_limits.get(call)
        if rate_limit is None:
            return
        if raw.status == HTTPStatus.TOO_MANY_REQUESTS:
            rate_limit.refused(retry_after(raw.headers.get("Retry-After"), self._clock.now()))
        left = raw.headers.get(_LEFT.get(call, ""), "")
        if left.isascii() and left.isdigit():
            rate_limit.remaining(int(left[:9]), took)

    def _waiting(self, error: SweepError, wait: float) -> None:
        with self._lock:
            self._retries += 1
        _LOG.info(
            "request_retried %s", json.dumps({"cause": error.cause, "status": error.status, "wait": round(wait, 2)})
        )

    def _count(self, service: Service) -> None:
        with self._lock:
            self.requests[service.value] += 1


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None
