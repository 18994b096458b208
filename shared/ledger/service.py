"""One request to Table storage: its retries, its time limit, and what its errors mean."""

from __future__ import annotations

import threading
from collections.abc import Callable
from math import inf
from typing import Any, TypeVar

from azure.core.credentials import AzureNamedKeyCredential, TokenCredential
from azure.core.exceptions import AzureError
from azure.data.tables import TableClient

from shared.clock import Clock
from shared.errors import Call, Fault, Forbidden, NotFound, Rejected, Service, SignInFailed, SweepError, Throttled
from shared.http.library_errors import from_azure
from shared.http.retry import Limits
from shared.http.sdk_request import SdkRequests, error_code
from shared.http.sdk_transport import BoundedTransport
from shared.http.size_limit import OTHER_BYTES
from shared.ledger.port import LedgerConflict, LedgerError, LedgerSignedOut, LedgerUnavailable

# An attempt takes `read` seconds at most, and none begins after 90: the request ends within two minutes.
_LIMITS = Limits(seconds=90.0, connect=10.0, read=20.0)
LATE = 30.0
"""Seconds for a request at or after the end of the budget: what a sweep has done must still be written down."""
_HAPPENED: dict[Fault | None, str] = {
    Fault.UNREACHED: "could not be reached",
    Fault.LOST: "was asked, but no complete response arrived",
    Fault.GARBLED: "sent an unexpected response (a proxy?)",
}
_WRITTEN_BY_OTHERS = {"EntityAlreadyExists", "EntityNotFound", "ResourceNotFound", "TableAlreadyExists"}

T = TypeVar("T")


class LedgerTableMissing(LedgerUnavailable):
    """There is no table yet: it reads as empty, and the first write creates it."""


class TableService:
    """The client of a table; every call goes through `send`. Safe for several threads.

    A write without a response is retried like any other request. It is conditional, so the service refuses the second
    one if the first was done, and the ledger then checks which of the two it was.
    """

    def __init__(
        self,
        endpoint: str,
        table: str,
        credential: TokenCredential | AzureNamedKeyCredential,
        clock: Clock,
        deadline: Callable[[], float] = lambda: inf,
        limits: Limits = _LIMITS,
    ) -> None:
        """`deadline()` is the monotonic time at which the sweep's budget ends."""
        self.requests = 0
        self.retries = 0
        self._ledger = f"the ledger {endpoint}"
        self._clock = clock
        self._deadline = deadline
        self._lock = threading.Lock()
        self._requests = SdkRequests(
            Service.LEDGER,
            Call.READ,
            credential,
            clock,
            limits,
            lambda: clock.monotonic() + self._left(),
            self._from_azure,
            self._count_retry,
        )
        try:
            self.client = TableClient(
                endpoint,
                table,
                credential=credential,
                transport=BoundedTransport(OTHER_BYTES, limits, self._left),
                retry_total=0,  # only `send` retries
                permit_redirects=False,
                raw_request_hook=self._count,
            )
        except ValueError as error:
            raise LedgerUnavailable(f"{self._ledger} cannot be used, check LEDGER_URL: {error}") from error
        self.client.__enter__()  # opened before threads share it

    def send(self, ask: Callable[[], T]) -> T:
        """What `ask` returns; it sends one request, which is retried as shared/http/retry.py says.

        Raises:
            LedgerTableMissing, LedgerConflict, LedgerUnavailable: whatever the client raises.
            LedgerSignedOut: there is no token; nothing was sent.
        """
        try:
            return self._requests.send(ask)
        except SweepError as error:
            if error.service is Service.IDENTITY:
                raise LedgerSignedOut(str(error)) from error
            raise LedgerUnavailable(self._message(error)) from error

    def _from_azure(self, error: AzureError) -> SweepError | LedgerError:
        code = error_code(error)
        if code == "TableNotFound":
            return LedgerTableMissing(f"{self._ledger} has no table yet")
        if getattr(error, "status_code", None) == 412 or code in _WRITTEN_BY_OTHERS:
            return LedgerConflict(
                f"a row in {self._ledger} was written by somebody else meanwhile ({code}): is another sweep of this"
                " workspace at work? The next sweep reads it afresh"
            )
        failure = from_azure(Service.LEDGER, Call.READ, error, self._clock.now())
        if code == "AuthenticationFailed" and failure.status == 403:  # storage sends 403 for a token that it refuses
            failure = SignInFailed(str(failure), service=Service.LEDGER, status=403)
        failure.code = code
        return failure

    def _message(self, error: SweepError) -> str:
        status = f"{error.status or ''} {error.code}".strip()
        happened = _HAPPENED.get(error.fault) or (f"answered {status}" if status else "could not be reached")
        match error:
            case SignInFailed():
                todo = "check the app's managed identity and AZURE_CLIENT_ID, or sign in again with `az login`"
            case Forbidden():
                todo = (
                    "give the app's identity the role Storage Table Data Contributor on the storage account,"
                    " and check that the account's firewall lets the app in"
                )
            case NotFound() | Rejected():
                todo = (
                    "check that LEDGER_URL is https://<account>.table.core.windows.net, or the same in your cloud;"
                    " if it is, report this as a fault of the sweep"
                )
            case Throttled():
                todo = "the next sweep goes on; if it lasts, look for who else uses the storage account"
            case _:
                todo = "the next sweep goes on; if it lasts, check LEDGER_URL, the storage account and the network"
        return f"{self._ledger} {happened}: {todo}"

    def _left(self) -> float:
        """Seconds that a request may take which begins now."""
        return max(self._deadline() - self._clock.monotonic(), LATE)

    def _count(self, _: Any) -> None:
        with self._lock:
            self.requests += 1

    def _count_retry(self, _error: SweepError, _seconds: float) -> None:
        with self._lock:
            self.retries += 1
