"""Faults on demand, on the wire: what breaks, when, and whether the service had done its work before."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from tests.cloud.wire import Request


class Wire(Enum):
    """What happens to the answer on its way."""

    ANSWER = auto()
    """It arrives."""
    DROP = auto()
    """The connection is closed instead."""
    HANG = auto()
    """Nothing comes for `seconds`, then the connection is closed."""
    DRIP = auto()
    """It arrives byte by byte, spread over `seconds`."""
    TRUNCATE = auto()
    """Its head and half its body arrive, then the connection is closed."""


@dataclass(kw_only=True)
class Fault:
    """One fault. It hits the requests of `service`, `method`, with `match` in the path and `containing` in the body.

    Which of them: after the first `after`, each `every`-th, `times` in all (None: for ever).

    What then: the service does its work when `effect` says so (unsaid: when its own answer is needed), then `then` is
    called, then the process `kill` dies by SIGKILL, then the answer goes as `wire` says: `status`, `headers` and `body`
    when `status` is given (a body left out is the service's usual error body for it), else the service's own.
    With `expire_tokens` every token handed out so far is refused from this request on.
    """

    service: str = ""
    method: str = ""
    match: str = ""
    containing: str = ""
    after: int = 0
    every: int = 1
    times: int | None = 1
    effect: bool | None = None
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    wire: Wire = Wire.ANSWER
    seconds: float = 5.0
    expire_tokens: bool = False
    kill: int | Callable[[], int] | None = None
    then: Callable[[Request], None] | None = None
    seen: int = 0
    hits: int = 0

    @property
    def works(self) -> bool:
        """Whether the service does its work before the fault shows."""
        if self.effect is not None:
            return self.effect
        return self.status is None and self.kill is None and self.wire not in (Wire.DROP, Wire.HANG)

    def fits(self, request: Request) -> bool:
        """Whether this is one of the requests that the fault is about."""
        return (
            self.service in ("", request.service)
            and self.method in ("", request.method)
            and self.match in request.path
            and (not self.containing or self.containing.encode() in request.body)
        )

    def due(self) -> bool:
        """Count one more fitting request, and say whether the fault hits it."""
        self.seen += 1
        late = self.seen - self.after
        if late < 1 or late % self.every or (self.times is not None and self.hits >= self.times):
            return False
        self.hits += 1
        return True


class Faults:
    """The faults that are on, in the order they were added; the first that is due hits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._on: list[Fault] = []

    def add(self, *faults: Fault) -> None:
        """Switch faults on."""
        with self._lock:
            self._on.extend(faults)

    def clear(self) -> None:
        """Switch all of them off."""
        with self._lock:
            self._on.clear()

    def pick(self, request: Request) -> Fault | None:
        """The fault that hits this request."""
        if not self._on:
            return None
        with self._lock:
            for fault in self._on:
                if fault.fits(request) and fault.due():
                    return fault
        return None


_CODES = {
    "sentinel": {
        401: "ExpiredAuthenticationToken",
        403: "AuthorizationFailed",
        404: "NotFound",
        409: "Conflict",
        429: "TooManyRequests",
    },
    "log_analytics": {
        401: "InvalidTokenError",
        403: "InsufficientAccessError",
        404: "WorkspaceNotFoundError",
        429: "ThrottledError",
        504: "GatewayTimeout",
    },
    "graph": {401: "InvalidAuthenticationToken", 403: "Forbidden", 429: "TooManyRequests"},
    "ingestion": {401: "InvalidToken", 403: "OperationFailed", 404: "NotFound", 429: "TooManyRequests"},
    "teams": {401: "DirectApiAuthorizationRequired", 404: "WorkflowNotFound", 429: "TooManyRequests"},
}


def usual_body(service: str, status: int) -> dict[str, Any]:
    """The error body that a service usually sends with a status."""
    if service == "identity":
        return {"statusCode": status, "message": "An unexpected error occurred."}
    code = _CODES[service].get(status, "ServiceError")
    return {"error": {"code": code, "message": f"The request failed with {status}."}}
