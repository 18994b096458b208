"""One request to Table storage: how often it is tried, how long it may take, and what its errors mean."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from math import inf
from typing import Any, TypeVar

from azure.core.credentials import AzureNamedKeyCredential, TokenCredential
from azure.core.exceptions import AzureError
from azure.data.tables import TableClient

from shared.clock import Clock
from shared.errors import Call, Fault, Forbidden, NotFound, Rejected, Service, SignInFailed, SweepError, Throttled
from shared.http.error_body import quotable
from shared.http.library_errors import from_azure, mapped
from shared.http.retry import Limits, RetryPolicy
from shared.http.sdk_transport import BoundedTransport
from shared.http.size_limit import OTHER_BYTES, ResponseTooLarge
from shared.http.statuses import faulty
from shared.ledger.port import LedgerConflict, LedgerError, LedgerSignedOut, LedgerUnavailable

# An attempt may take `read` seconds; begun in the first 90 it ends within two minutes.
_LIMITS = Limits(seconds=90.0, connect=10.0, read=20.0)
LATE = 30.0
"""Seconds for a request at the end of the budget, and after it: what a sweep has done must be written down."""
_HAPPENED: dict[Fault | None, str] = {
    Fault.UNREACHED: "could not be reached",
    Fault.LOST: "was asked, but no complete response arrived",
    Fault.GARBLED: "sent an unexpected response (a proxy?)",
}
_WRITTEN_BY_OTHERS = {"EntityAlreadyExists", "EntityNotFound", "ResourceNotFound", "TableAlreadyExists"}

Answer = TypeVar("Answer")


class TableMissing(LedgerUnavailable):
    """There is no table yet: it reads as empty, and is made at the first write."""


class TableService:
    """A table's client, whose every call goes through `send`; may be used from several threads.

    A write whose answer was lost is sent again like any other: it is conditional, so a second one is refused, and the
    verbs then look whether the first was made.
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
        self._limits = limits
        # The sweep's own credential can be asked for a fresh token; any other is asked again as it is.
        self._generation: Callable[[], int] = getattr(credential, "generation", lambda: 0)
        self._renew: Callable[[int], None] = getattr(credential, "renew", lambda _: None)
        self._lock = threading.Lock()
        try:
            self.client = TableClient(
                endpoint,
                table,
                credential=credential,
                transport=BoundedTransport(OTHER_BYTES, limits, self._left),
                retry_total=0,  # `send` is the one place that tries again
                permit_redirects=False,
                raw_request_hook=self._count,
            )
        except ValueError as error:
            raise LedgerUnavailable(f"{self._ledger} cannot be used, check LEDGER_URL: {error}") from error
        self.client.__enter__()  # opened before threads share it

    def send(self, ask: Callable[[], Answer]) -> Answer:
        """What `ask` answers, which sends one request; tried again as shared/http/retry.py says.

        Raises:
            TableMissing, LedgerConflict, LedgerUnavailable: whatever the client raises.
            LedgerSignedOut: no token could be had; nothing was sent.
        """

        def attempt(_: float) -> Answer:
            try:
                return ask()
            except AzureError as error:
                raise self._ended(error) from None
            except ResponseTooLarge as error:
                raise mapped(Service.LEDGER, Call.READ, error) from None
            except (ValueError, TypeError, KeyError, AttributeError):  # what the client raises on another's answer
                raise faulty(Service.LEDGER, Call.READ, Fault.GARBLED) from None

        policy = RetryPolicy(
            clock=self._clock,
            limits=self._limits,
            chance=random.random,
            deadline=self._clock.monotonic() + self._left(),
            generation=self._generation,
            renew=self._renew,
            on_retry=self._count_retry,
        )
        try:
            return policy.run(attempt)
        except SweepError as error:
            if error.service is Service.IDENTITY:
                raise LedgerSignedOut(str(error)) from error
            raise LedgerUnavailable(self._say(error)) from error

    def _ended(self, error: AzureError) -> SweepError | LedgerError:
        code = getattr(error, "error_code", None) or ""
        code = quotable(str(getattr(code, "value", code)), 80)
        if code == "TableNotFound":
            return TableMissing(f"{self._ledger} has no table yet")
        if getattr(error, "status_code", None) == 412 or code in _WRITTEN_BY_OTHERS:
            return LedgerConflict(
                f"a row in {self._ledger} was written by somebody else meanwhile ({code}): is another sweep of this"
                " workspace at work? The next sweep reads it afresh"
            )
        ended = from_azure(Service.LEDGER, Call.READ, error, self._clock.now())
        if code == "AuthenticationFailed" and ended.status == 403:  # storage says so of a token it does not take
            ended = SignInFailed(str(ended), service=Service.LEDGER, status=403)
        ended.code = code
        return ended

    def _say(self, error: SweepError) -> str:
        said = f"{error.status or ''} {error.code}".strip()
        happened = _HAPPENED.get(error.fault) or (f"answered {said}" if said else "could not be asked")
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
                    "check that LEDGER_URL is https://<account>.table.core.windows.net, or its like in your cloud;"
                    " if it is, report this as a fault of the sweep"
                )
            case Throttled():
                todo = "the next sweep goes on; if it lasts, look for who else uses the storage account"
            case _:
                todo = "the next sweep goes on; if it lasts, check LEDGER_URL, the storage account and the network"
        return f"{self._ledger} {happened}: {todo}"

    def _left(self) -> float:
        """Seconds that a request begun now may take."""
        return max(self._deadline() - self._clock.monotonic(), LATE)

    def _count(self, _: Any) -> None:
        with self._lock:
            self.requests += 1

    def _count_retry(self, _error: SweepError, _seconds: float) -> None:
        with self._lock:
            self.retries += 1
