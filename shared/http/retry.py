"""Which responses are retried, how often and when: the table, and the loop that follows it.

At most 5 attempts and 120 seconds per request, waiting included. The wait is exponential with full jitter from one
second, or what `Retry-After` asks when that fits; when it does not, the error is handed back at once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from http import HTTPStatus
from typing import TypeVar

from tenacity import RetryCallState, Retrying

from shared.clock import Clock
from shared.errors import Call, NotFound, SweepError, Throttled

T = TypeVar("T")

LONGEST_BACKOFF = 30.0
SHORTEST_WAIT = 1.0  # for a 429 that is waited out
KEPT = (
    300.0  # seconds, of the time that is left a fifth at most, that waiting for a busy service leaves to what follows
)
LONGEST_RETRY_AFTER = 86_400.0  # a longer wait is left to the next sweep in any case
GRACE = 10.0  # seconds that an effect begun at the very end of the budget still gets for its response


class RetryRule(Enum):
    """What to do after a failed attempt."""

    FINAL = auto()
    RETRY = auto()  # as often as the limits allow
    ONCE = auto()  # retry once
    TWICE = auto()  # retry twice
    FRESH_TOKEN = auto()  # retry once, with a fresh token
    READ_FIRST = auto()  # it may have been done: read first, then retry
    DECIDE = auto()  # somebody else was faster: read and decide again, three times at most


_F, _R, _1, _2 = RetryRule.FINAL, RetryRule.RETRY, RetryRule.ONCE, RetryRule.TWICE
_T, _G, _D = RetryRule.FRESH_TOKEN, RetryRule.READ_FIRST, RetryRule.DECIDE
_COLUMNS = (Call.QUERY, Call.READ, Call.WRITE, Call.TELL, Call.UPLOAD)
_TABLE: Mapping[str, tuple[RetryRule, RetryRule, RetryRule, RetryRule, RetryRule]] = {
    #             QUERY READ WRITE TELL UPLOAD
    "unreached": (_R, _R, _R, _R, _R),
    "lost": (_1, _R, _G, _F, _R),  # a card cannot be looked up: Teams may have taken it
    "garbled": (_1, _1, _G, _F, _1),
    "401": (_T, _T, _T, _F, _T),
    "404": (_F, _R, _F, _F, _F),  # not the service's own; its own is a NotFound, and final
    "408": (_R, _R, _R, _R, _R),
    "429": (_R, _R, _R, _R, _R),
    "409": (_F, _F, _D, _F, _F),
    "412": (_F, _F, _D, _F, _F),
    "502": (_R, _R, _G, _F, _R),  # as "lost": what is behind the gateway may have taken the card
    "504": (_2, _R, _G, _F, _R),
    "5xx": (_R, _R, _G, _R, _R),
    "other": (_F, _F, _F, _F, _F),
}
_TIMES = {RetryRule.ONCE: 1, RetryRule.FRESH_TOKEN: 1, RetryRule.TWICE: 2, RetryRule.DECIDE: 3}


def table_row(error: SweepError) -> str:
    """The row of the table that applies to an error."""
    if error.fault is not None and error.status != HTTPStatus.NOT_FOUND:
        return error.fault.value
    if str(error.status) in _TABLE and not isinstance(error, NotFound):  # some of these come with a 409
        return str(error.status)
    return "5xx" if error.status is not None and 500 <= error.status <= 599 else "other"


def rule_for(error: SweepError) -> RetryRule:
    """What to do after this error; an error without a `call` is final."""
    return RetryRule.FINAL if error.call is None else _TABLE[table_row(error)][_COLUMNS.index(error.call)]


@dataclass(frozen=True, slots=True)
class Limits:
    """How long one request may be tried, in seconds; `connect` and `read` bound each attempt.

    A `read` longer than `seconds` is for slow queries: one attempt may last longer than `seconds`, but none begins
    after it. `waits_out_429`: a 429 uses up neither an attempt nor `seconds`; it is waited out till near the deadline.
    """

    attempts: int = 5
    seconds: float = 120.0
    connect: float = 10.0
    read: float = 30.0
    waits_out_429: bool = False


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds that a `Retry-After` header asks for: a number or an HTTP date. None when it is absent or absurd."""
    if value is None:
        return None
    text = value.strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return min(float(text), LONGEST_RETRY_AFTER)
    try:
        then = parsedate_to_datetime(text)
    except ValueError:
        return None
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    try:
        return min(max((then - now).total_seconds(), 0.0), LONGEST_RETRY_AFTER)
    except OverflowError:
        return None


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How one request is retried. `deadline` is the monotonic time beyond which nothing is waited for.

    Before an attempt with a fresh token `renew` is called with what `generation` returned before the refused one.
    `reads_first` says that every attempt begins by reading what is there: only then a write that may have been done is
    retried.
    """

    clock: Clock
    limits: Limits
    chance: Callable[[], float]
    deadline: float
    generation: Callable[[], int]
    renew: Callable[[int], None]
    on_retry: Callable[[SweepError, float], None]
    reads_first: bool = False

    def run(self, attempt: Callable[[float], T]) -> T:
        """What `attempt(until)` returns; `until` is the monotonic time at which the request's time is up.

        Raises:
            SweepError: the last attempt's; its `maybe_done` is true when it was true of any attempt.
        """
        start = self.clock.monotonic()
        patient_until = self.deadline - min(KEPT, max(self.deadline - start, 0.0) / 5)
        attempts = _Attempts(self, min(start + self.limits.seconds, self.deadline), patient_until)
        until = min(start + self.limits.seconds, max(self.deadline, start + GRACE))

        def once() -> T:
            attempts.tokens = self.generation()
            return attempt(until)

        return Retrying(
            retry=attempts.is_retried,
            wait=attempts.wait,
            stop=attempts.stop,
            sleep=self.clock.sleep,
            before_sleep=attempts.about_to_wait,
            reraise=True,
        )(once)


@dataclass(slots=True)
class _Attempts:
    """The attempts of one request so far, in the form that tenacity asks for."""

    policy: RetryPolicy
    end: float
    patient_until: float
    seen: Counter[str] = field(default_factory=Counter)
    tokens: int = 0
    maybe_done: bool = False
    throttled: int = 0  # attempts that ended with a 429 which is waited out

    def is_retried(self, state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        if not isinstance(error, SweepError):
            return False
        self.maybe_done = error.maybe_done = self.maybe_done or error.maybe_done
        if self.waits_out(error):
            self.throttled += 1
            return True
        rule = rule_for(error)
        if rule is RetryRule.FINAL or (rule is RetryRule.READ_FIRST and not self.policy.reads_first):
            return False
        self.seen[table_row(error)] += 1
        return self.seen[table_row(error)] <= _TIMES.get(rule, self.policy.limits.attempts)

    def waits_out(self, error: SweepError) -> bool:
        return self.policy.limits.waits_out_429 and isinstance(error, Throttled)

    def wait(self, state: RetryCallState) -> float:
        error = _error(state)
        if self.waits_out(error):
            return max(error.retry_after or self.backoff(self.throttled), SHORTEST_WAIT)
        if rule_for(error) is RetryRule.FRESH_TOKEN:
            return 0.0
        if error.retry_after:
            return error.retry_after
        return self.backoff(state.attempt_number - self.throttled)

    def backoff(self, attempt: int) -> float:
        return self.policy.chance() * min(2.0 ** min(attempt - 1, 10), LONGEST_BACKOFF)

    def stop(self, state: RetryCallState) -> bool:
        then = self.policy.clock.monotonic() + state.upcoming_sleep
        if self.waits_out(_error(state)):
            self.end = min(then + self.policy.limits.seconds, self.policy.deadline)  # its time begins anew
            return then > self.patient_until
        if state.attempt_number - self.throttled >= self.policy.limits.attempts:
            return True
        return then > self.end

    def about_to_wait(self, state: RetryCallState) -> None:
        error = _error(state)
        if rule_for(error) is RetryRule.FRESH_TOKEN:
            self.policy.renew(self.tokens)
        self.policy.on_retry(error, state.upcoming_sleep)


def _error(state: RetryCallState) -> SweepError:
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, SweepError):
        raise TypeError("only a SweepError is retried")
    return error
