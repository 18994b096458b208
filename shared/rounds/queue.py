"""Sending messages to the queue of a storage account, as the app's own identity. Receiving is the host's."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar

from azure.core.credentials import AzureNamedKeyCredential, TokenCredential
from azure.core.exceptions import AzureError
from azure.storage.queue import QueueClient, TextBase64EncodePolicy

from shared.clock import Clock
from shared.errors import Call, Forbidden, Service, SweepError
from shared.http.library_errors import from_azure
from shared.http.retry import Limits
from shared.http.sdk_request import SdkRequests, error_code
from shared.http.sdk_transport import BoundedTransport
from shared.http.size_limit import OTHER_BYTES
from shared.rounds.messages import QUEUE, WorkMessage

# As for the ledger's table: a request ends within two minutes.
_LIMITS = Limits(seconds=90.0, connect=10.0, read=20.0)
_LONGEST = timedelta(days=7)  # the service hides a message for no longer

T = TypeVar("T")


class QueueUnavailable(Exception):
    """A message could not be sent, after all retries; the text says what to do."""


class _QueueMissing(Exception):
    """There is no queue yet: the first message makes it."""


class _QueueThere(Exception):
    """There is a queue by now: somebody else has made it. The service says so with 204 or 409."""


class WorkQueue:
    """The queue `name` at `endpoint`, made at the first message if it is missing.

    `credential` needs the role Storage Queue Data Contributor on the account; a token credential needs an https
    endpoint. A message whose answer was lost is sent again, so one may arrive twice.
    """

    def __init__(
        self,
        endpoint: str,
        credential: TokenCredential | AzureNamedKeyCredential,
        clock: Clock,
        *,
        name: str = QUEUE,
        deadline: Callable[[], float] = lambda: math.inf,
        limits: Limits = _LIMITS,
    ) -> None:
        """`deadline()` is the monotonic time after which no retry begins."""
        self.requests = 0
        self._endpoint = endpoint
        self._clock = clock
        self._requests = SdkRequests(Service.QUEUE, Call.UPLOAD, credential, clock, limits, deadline, self._from_azure)
        try:
            self._client = QueueClient(
                endpoint,
                name,
                credential=credential,
                transport=BoundedTransport(OTHER_BYTES, limits),
                retry_total=0,  # only `_sent` retries
                permit_redirects=False,
                raw_request_hook=self._count,
                message_encode_policy=TextBase64EncodePolicy(),  # what the host reads
            )
        except ValueError as error:
            raise QueueUnavailable(
                f"the queue {endpoint} cannot be used, check AzureWebJobsStorage__queueServiceUri: {error}"
            ) from error

    def send(self, message: WorkMessage, hidden: timedelta = timedelta(0)) -> None:
        """Send this message; nobody receives it before `hidden` has passed.

        Raises:
            QueueUnavailable: it may have been sent all the same.
        """
        seconds = int(min(max(hidden, timedelta(0)), _LONGEST).total_seconds())

        def ask() -> object:
            return self._client.send_message(message.as_text(), visibility_timeout=seconds)

        try:
            self._sent(ask)
        except _QueueMissing:
            with suppress(_QueueThere):
                self._sent(self._client.create_queue)
            try:
                self._sent(ask)
            except _QueueMissing:
                raise QueueUnavailable(f"the queue {self._endpoint} was made, and is not there: try again") from None

    def close(self) -> None:
        """Close connections."""
        self._client.close()

    def _sent(self, ask: Callable[[], T]) -> T:
        """What `ask` returns; it sends one request, which is retried as shared/http/retry.py says."""
        try:
            return self._requests.send(ask)
        except SweepError as error:
            raise QueueUnavailable(self._message(error)) from error

    def _from_azure(self, error: AzureError) -> Exception:
        code = error_code(error)
        if code == "QueueNotFound":
            return _QueueMissing()
        if code == "QueueAlreadyExists":
            return _QueueThere()
        failure = from_azure(Service.QUEUE, Call.UPLOAD, error, self._clock.now())
        failure.code = code
        return failure

    def _message(self, error: SweepError) -> str:
        if error.service is Service.IDENTITY:
            return str(error)
        status = f"{error.status or ''} {error.code}".strip()
        happened = f"answered {status}" if status else "could not be reached, or did not answer"
        todo = "the host tries again; if it lasts, check the storage account and the network"
        if isinstance(error, Forbidden):
            todo = (
                "give the app's identity the role Storage Queue Data Contributor on the storage account, and check that"
                " the account's firewall lets the app in"
            )
        return f"the queue {self._endpoint} {happened}: {todo}"

    def _count(self, _: Any) -> None:
        self.requests += 1
