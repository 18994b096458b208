"""What can go wrong between the sweep and a service, sorted by what to do about it.

SweepError
 ├── SignInFailed      there is no token, or the service refuses it (401)
 ├── Forbidden         the identity lacks a role or a permission (403)
 ├── NotFound          the resource does not exist (404)
 ├── Rejected          the service refuses this request, and a retry does not help (other 3xx and 4xx)
 │    └── HuntTooLarge the query asks for too much at once: split it
 ├── Conflict          somebody else changed it first (409, 412)
 ├── Throttled         too many requests (429)
 ├── Unavailable       not reached, no response, or a fault of the service (408, 5xx)
 └── PartialData       a response that cannot be used: partial, malformed or unexpected

SettingsInvalid (shared/settings) and LedgerError (shared/ledger/port.py) are apart from it. Every message says what
happened and what to do next. None holds the path or query of a URL or a token, and none keeps its cause.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class Service(StrEnum):
    """A service that the sweep talks to."""

    LOG_ANALYTICS = "log_analytics"
    GRAPH = "graph"
    SENTINEL = "sentinel"
    INGESTION = "ingestion"
    TEAMS = "teams"
    IDENTITY = "identity"
    LEDGER = "ledger"
    QUEUE = "queue"

    @property
    def words(self) -> str:
        """Its name for people."""
        return _TITLES[self]


_TITLES = {
    Service.LOG_ANALYTICS: "Log Analytics",
    Service.GRAPH: "Microsoft Graph",
    Service.SENTINEL: "Sentinel",
    Service.INGESTION: "The Logs Ingestion API",
    Service.TEAMS: "Teams",
    Service.IDENTITY: "Sign-in",
    Service.LEDGER: "The ledger",
    Service.QUEUE: "The queue",
}


class Call(StrEnum):
    """What kind of request it is. Decides which responses are retried (shared/http/retry.py), and the rate limit."""

    QUERY = "query"  # sent by POST, but safe to repeat
    READ = "read"  # GET
    WRITE = "write"  # PUT under an id of our own
    TELL = "tell"  # POST of a card
    UPLOAD = "upload"  # POST of rows to a table, safe to repeat: each row has an id of our own


class Fault(StrEnum):
    """How a request can fail without an error status."""

    UNREACHED = "unreached"  # no connection, or its TLS handshake broke: nothing was sent
    LOST = "lost"  # sent, but no complete response came back in time
    GARBLED = "garbled"  # a good status with a malformed or unexpected response


class SweepError(Exception):
    """A request to a service failed, after all retries.

    `status` is None when no response came. `retry_after` is the wait in seconds that the service asked for.
    `maybe_done` says that the effect of the request may have happened.
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
        """A short stable id, such as `sentinel_forbidden`, on cards and in alarms."""
        return f"{self.service or 'sweep'}_{self.kind}"


class SignInFailed(SweepError):
    """There is no token, or the service refuses it (401)."""

    kind = "sign_in"


class Forbidden(SweepError):
    """The identity lacks a role or a permission (403); the message names it."""

    kind = "forbidden"


class NotFound(SweepError):
    """The resource does not exist (404). Not `itself` when what contains it is missing."""

    kind = "not_found"
    itself: bool = True


class Rejected(SweepError):
    """The service refuses this request, and a retry does not help.

    `own` says that the service itself refuses just this request: its error body has a code, and not one about the
    subscription, the workspace or the API version.
    """

    kind = "rejected"
    own: bool = False


class HuntTooLarge(Rejected):
    """The query asks for too much at once (rows, memory or time): split it."""

    kind = "too_large"


class Conflict(SweepError):
    """Somebody else changed it first (409, 412)."""

    kind = "conflict"


class Throttled(SweepError):
    """Too many requests (429)."""

    kind = "throttled"


class Unavailable(SweepError):
    """Not reached, no response, or a fault of the service (408, 5xx)."""

    kind = "unavailable"


class PartialData(SweepError):
    """A response that cannot be used: partial, malformed or unexpected."""

    kind = "partial"
