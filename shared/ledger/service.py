"""One request to Table storage: how often it is tried, how long it may take, and what its errors mean."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from azure.core.credentials import AzureNamedKeyCredential, TokenCredential
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.data.tables import TableClient
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential

from shared.ledger.port import LedgerConflict, LedgerError, LedgerUnavailable

_ATTEMPTS = 5
_SECONDS = 120.0  # of all attempts together
_CONNECT, _READ = 10.0, 20.0

Answer = TypeVar("Answer")


class TableMissing(LedgerUnavailable):
    """There is no table yet: it reads as empty, and is made at the first write."""


class Service:
    """A table's client, whose every call goes through `send`; may be used from several threads."""

    def __init__(
        self,
        endpoint: str,
        table: str,
        credential: TokenCredential | AzureNamedKeyCredential,
        sleep: Callable[[float], None],
    ) -> None:
        self.requests = 0
        self.retries = 0
        self._where = endpoint
        self._sleep = sleep
        self._lock = threading.Lock()
        try:
            self.client = TableClient(
                endpoint,
                table,
                credential=credential,
                retry_total=0,  # tried again below, where a long Retry-After does not hold up the sweep
                connection_timeout=_CONNECT,
                read_timeout=_READ,
                raw_request_hook=self._count,
            )
        except ValueError as error:
            raise LedgerUnavailable(f"LEDGER_URL {endpoint} cannot be used: {error}") from error
        self.client.__enter__()  # opened before threads share it

    def send(self, ask: Callable[[], Answer]) -> Answer:
        """What `ask` answers: one request, with its retries.

        Raises:
            TableMissing, LedgerConflict, LedgerUnavailable: whatever the client raises, mapped.
        """

        def again(state: RetryCallState) -> None:
            with self._lock:
                self.retries += 1
            self._sleep(state.upcoming_sleep)

        retrying = Retrying(
            retry=retry_if_exception(_passing),
            wait=_wait,
            stop=_spent,
            before_sleep=again,
            sleep=lambda _: None,
            reraise=True,
        )
        try:
            return retrying(ask)
        except AzureError as error:
            raise self._say(error) from (None if isinstance(error, ClientAuthenticationError) else error)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise LedgerUnavailable(
                f"the ledger {self._where} did not answer as Table storage does ({type(error).__name__}):"
                " check LEDGER_URL, and for a proxy in between"
            ) from error

    def _say(self, error: AzureError) -> LedgerError:
        code = getattr(getattr(error, "error_code", None), "value", getattr(error, "error_code", None)) or ""
        status = getattr(error, "status_code", None)
        what = f"{status} {code}".strip() if status else type(error).__name__
        ledger = f"the ledger {self._where}"
        if code == "TableNotFound":
            return TableMissing(f"{ledger} has no table yet")
        if code == "TableBeingDeleted":
            return LedgerUnavailable(f"{ledger} is being deleted ({what}): wait some minutes and let it be made anew")
        if status == 412 or code in ("EntityAlreadyExists", "EntityNotFound", "ResourceNotFound", "TableAlreadyExists"):
            return LedgerConflict(
                f"a row in {ledger} was written by somebody else meanwhile ({what}):"
                " is another sweep of this workspace at work? The next sweep reads it afresh"
            )
        if isinstance(error, ClientAuthenticationError) or status == 401:
            return LedgerUnavailable(
                f"{ledger} got no valid sign-in ({what}): check the app's managed identity and AZURE_CLIENT_ID,"
                " or sign in with az login"
            )
        if status == 403:
            return LedgerUnavailable(
                f"{ledger} refuses this identity ({what}): give it the role Storage Table Data Contributor on the"
                " storage account, and check that the account's firewall lets the app in"
            )
        if status == 404:
            return LedgerUnavailable(f"{ledger} is no Table storage ({what}): check LEDGER_URL")
        if status and 400 <= status < 500 and status not in (408, 429):
            return LedgerUnavailable(f"{ledger} refuses a request ({what}): a fault of the sweep's, please report it")
        return LedgerUnavailable(
            f"{ledger} does not answer ({what}): check LEDGER_URL, the network and the storage account's health;"
            " the next sweep goes on with what is due"
        )

    def _count(self, _: Any) -> None:
        with self._lock:
            self.requests += 1


def _passing(error: BaseException) -> bool:
    """Whether asking again may help."""
    if isinstance(error, ClientAuthenticationError) or not isinstance(error, AzureError):
        return False
    status = getattr(error, "status_code", None)
    if isinstance(error, HttpResponseError) and status is not None:
        return status in (408, 429) or status >= 500 or status < 300  # below 300: an answer that is cut or no JSON
    return isinstance(error, ServiceRequestError | ServiceResponseError | HttpResponseError)


def _wait(state: RetryCallState) -> float:
    """What the service asks for, else exponential with full jitter from a second."""
    error = state.outcome.exception() if state.outcome else None
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    try:
        return max(float(headers["Retry-After"]), 0.0)
    except (KeyError, ValueError):
        return _JITTER(state)


_JITTER = wait_random_exponential(multiplier=1, max=30)


def _spent(state: RetryCallState) -> bool:
    """Whether the attempts are used up, or one more might not end in time."""
    passed = max(state.seconds_since_start or 0.0, state.idle_for)
    return state.attempt_number >= _ATTEMPTS or passed + state.upcoming_sleep > _SECONDS - _CONNECT - _READ
