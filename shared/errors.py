"""What can go wrong between the sweep and a service, by what has to be done about it.

SweepError
 ├── SignInFailed      no token could be had, or the service does not take it (401)
 ├── Forbidden         the identity lacks a role or a permission (403)
 ├── NotFound          what is addressed is not there (404)
 ├── Rejected          the service will not take this request, however often it is sent (other 3xx and 4xx)
 │    └── HuntTooLarge the question asks for too much at once: split it
 ├── Conflict          somebody else changed it first (409, 412)
 ├── Throttled         too many requests (429)
 ├── Unavailable       not reached, no answer, or a fault of the service (408, 5xx)
 └── PartialData       an answer that cannot be trusted: partial, not JSON, or without what it must hold

Beside it stand SettingsInvalid (shared/settings) and LedgerError (shared/ledger/port.py). Every message says what
happened and what to do next. None holds a URL's path or query, a token, or the cause it was made from.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class Service(StrEnum):
    """Whom the sweep talks to."""

    LOG_ANALYTICS = "log_analytics"
    GRAPH = "graph"
    SENTINEL = "sentinel"
    TEAMS = "teams"
    IDENTITY = "identity"
    LEDGER = "ledger"

    @property
    def words(self) -> str:
        """Its name for people."""
        return _TITLES[self]


_TITLES = {
    Service.LOG_ANALYTICS: "Log Analytics",
    Service.GRAPH: "Microsoft Graph",
    Service.SENTINEL: "Sentinel",
    Service.TEAMS: "Teams",
    Service.IDENTITY: "Sign-in",
    Service.LEDGER: "The ledger",
}


class Call(StrEnum):
    """What kind of request it is. Decides which responses are retried (shared/http/retry.py), and the rate limit."""

    QUERY = "query"  # a question that is safe to repeat, though sent by POST
    READ = "read"  # GET
    WRITE = "write"  # PUT under an id of our own
    TELL = "tell"  # POST of a card


class Fault(StrEnum):
    """How a request can fail without a status that says so."""

    UNREACHED = "unreached"  # no connection, or its TLS handshake broke: nothing was sent
    LOST = "lost"  # sent, but no whole answer came back in time
    GARBLED = "garbled"  # a good status over something that is not what the service speaks


class SweepError(Exception):
    """A request to a service failed, after all the attempts that were due.

    `status` is None when no answer came. `retry_after` is how many seconds the service asked to be left alone.
    `maybe_done` says that an effect was asked for and may have happened.
    """

    kind: ClassVar[str] = "failed"

    def __init__(
        self,
        message: str,
        *,
        service: Service | None = None,
        call: Call | None = None,
        status: int | None = None,
        fault: Fault | None = None,
        code: str = "",
        retry_after: float | None = None,
        maybe_done: bool = False,
    ) -> None:
        super().__init__(message)
        self.service = service
        self.call = call
        self.status = status
        self.fault = fault
        self.code = code
        self.retry_after = retry_after
        self.maybe_done = maybe_done

    @property
    def cause(self) -> str:
        """A short stable id, such as `sentinel_forbidden`: what a card or an alarm says, and is counted by."""
        return f"{self.service or 'sweep'}_{self.kind}"


class SignInFailed(SweepError):
    """No token could be had, or the service does not take it (401)."""

    kind = "sign_in"


class Forbidden(SweepError):
    """The identity lacks a role or a permission (403); the message names it."""

    kind = "forbidden"


class NotFound(SweepError):
    """What is addressed is not there (404). Not `itself` when the answer is about what it would be in."""

    kind = "not_found"
    itself: bool = True


class Rejected(SweepError):
    """The service will not take this request, however often it is sent."""

    kind = "rejected"


class HuntTooLarge(Rejected):
    """The question asks for too much at once (rows, memory or time): split it."""

    kind = "too_large"


class Conflict(SweepError):
    """Somebody else changed it first (409, 412)."""

    kind = "conflict"


class Throttled(SweepError):
    """Too many requests (429)."""

    kind = "throttled"


class Unavailable(SweepError):
    """Not reached, no answer, or a fault of the service (408, 5xx)."""

    kind = "unavailable"


class PartialData(SweepError):
    """An answer that cannot be trusted: partial, not JSON, or without what it must hold."""

    kind = "partial"
