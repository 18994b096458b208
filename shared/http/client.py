"""The one way out of the process: one session, a timeout on every call, retries, rate limits, tokens.

Every error comes out as a SweepError without the exception it was made from, which may hold a whole URL.
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
from http import HTTPStatus
from typing import TypeVar

from shared.clock import Clock, SystemClock
from shared.errors import Call, NotFound, Service, SweepError, Throttled, Unavailable
from shared.http.exchange import RawResponse, Session
from shared.http.library_errors import mapped
from shared.http.rate_limit import RateLimit, TurnTooLate, standard_rate_limits
from shared.http.response import HttpResponse, checked_response
from shared.http.retry import Limits, RetryPolicy, retry_after
from shared.http.tokens import Tokens

__all__ = ["Call", "Http", "HttpResponse", "Limits", "NotFound", "Service", "SweepError"]

T = TypeVar("T")

_LEFT = {
    Call.READ: "x-ms-ratelimit-remaining-subscription-reads",
    Call.WRITE: "x-ms-ratelimit-remaining-subscription-writes",
}
_ENDS_WITH_BUDGET = (Call.QUERY, Call.READ)
_LOG = logging.getLogger("sweep.http")


class Http:
    """Sends requests, for many threads. Counts them by service in `requests`, and the retries in `retries`.

    `deadline()` is the monotonic time at which every query and read ends and after which none begins: the end of the
    sweep's budget. An effect that has begun gets some seconds more. It may change at any time. `chance()` returns a
    random number in [0, 1).
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
    def clock(self) -> Clock:
        """The clock that requests are timed by."""
        return self._clock

    @property
    def retries(self) -> int:
        """How many retries there were, those for a token included."""
        return self._retries + self._tokens.retries

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def left(self) -> float:
        """Seconds until the deadline; 0 after it."""
        return max(self.deadline() - self._clock.monotonic(), 0.0)

    def sign_in(self, audience: str) -> None:
        """Fetch the token for an audience if none is cached, so that a missing sign-in shows at once.

        Raises:
            SignInFailed: no token could be obtained.
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
    ) -> HttpResponse:
        """One request, retried as the table in shared/http/retry.py says. The method follows from `call`.

        Without an `audience` no token is sent.

        Raises:
            SweepError: also for a 404. Its `maybe_done` says whether a WRITE, TELL or UPLOAD may have been done.
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
            on_retry=self._log_retry,
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
        """What `attempt()` returns: a call of an SDK that sends one request, with the SDK's own retries switched off.

        The call itself must end within `left()`. `classify` turns what it raises into a SweepError (by default
        `mapped`, which returns any other exception unchanged), and the retry table applies. A SweepError that
        `attempt` raises must have a `call`, or it is final. Each attempt counts as one request to `service`.

        Raises:
            SweepError: the last attempt's.
        """

        def once(_until: float) -> T:
            self._check_budget(service, call)
            self._count(service)
            try:
                return attempt()
            except Exception as error:  # noqa: BLE001 - an SDK does not document what it raises
                failure = classify(error) if classify else mapped(service, call, error, self._clock.now())
            if isinstance(failure, SweepError):
                failure.__cause__ = failure.__context__ = None  # an SDK's exceptions quote complete bodies
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
    ) -> HttpResponse:
        """One request, sent once. See `send` and `with_retry`.

        Raises:
            SweepError: for every response that is not usable.
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
            f"{service.words} accepts no request for another {late.wait:.0f} s: nothing to do, the next sweep goes on",
            service=service,
            call=call,
            retry_after=late.wait,
        )

    def _exchange(
        self, service: Service, call: Call, url: str, until: float, token: str, body: bytes | None, limits: Limits
    ) -> HttpResponse:
        self._check_budget(service, call)
        began = self._clock.monotonic()
        read = limits.read
        if read <= limits.seconds:
            read = min(read, max(until - began, 1.0))
        if call in _ENDS_WITH_BUDGET:
            read = min(read, max(self.left(), 1.0))
        self._count(service)
        raw = self._session.exchange(service, call, url, token=token, body=body, connect=limits.connect, read=read)
        self._update_rate_limit(call, raw, self._clock.monotonic() - began)
        return checked_response(service, call, raw, self._clock.now())

    def _check_budget(self, service: Service, call: Call) -> None:
        if call in _ENDS_WITH_BUDGET and self.left() <= 0:
            raise Unavailable(
                f"{service.words} got no request: the sweep's time budget (SWEEP_BUDGET_SECONDS) ended; the next sweep"
                " goes on. If it lasts, raise the budget",
                service=service,
            )

    def _update_rate_limit(self, call: Call, raw: RawResponse, took: float) -> None:
        rate_limit = self._rate_limits.get(call)
        if rate_limit is None:
            return
        if raw.status == HTTPStatus.TOO_MANY_REQUESTS:
            rate_limit.refused(retry_after(raw.headers.get("Retry-After"), self._clock.now()))
        left = raw.headers.get(_LEFT.get(call, ""), "")
        if left.isascii() and left.isdigit():
            rate_limit.remaining(int(left[:9]), took)

    def _log_retry(self, error: SweepError, wait: float) -> None:
        with self._lock:
            self._retries += 1
        _LOG.info(
            "request_retried %s", json.dumps({"cause": error.cause, "status": error.status, "wait": round(wait, 2)})
        )

    def _count(self, service: Service) -> None:
        with self._lock:
            self.requests[service.value] += 1
