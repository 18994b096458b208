"""One request that an Azure SDK's client sends for us: retried as retry.py says, its errors made our own."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from azure.core.exceptions import AzureError

from shared.clock import Clock
from shared.errors import Call, Fault, Service, SweepError
from shared.http.error_body import quotable
from shared.http.library_errors import mapped
from shared.http.retry import Limits, RetryPolicy
from shared.http.size_limit import ResponseTooLarge
from shared.http.statuses import faulty

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SdkRequests:
    """How requests to one service are sent. The client itself must not retry.

    `credential` is what the client signs in with: when it can be renewed, a refused token is, once. `deadline()` is
    the monotonic time after which no retry begins. `refused` makes our error of the service's own.
    """

    service: Service
    call: Call
    credential: object
    clock: Clock
    limits: Limits
    deadline: Callable[[], float]
    refused: Callable[[AzureError], Exception]
    on_retry: Callable[[SweepError, float], None] = lambda _error, _seconds: None

    def send(self, ask: Callable[[], T]) -> T:
        """What `ask` returns; it sends one request.

        Raises:
            SweepError: the last attempt's, when it is not to be tried again.
            Exception: whatever else `refused` makes; that is never retried.
        """

        def attempt(_: float) -> T:
            try:
                return ask()
            except AzureError as error:
                raise self.refused(error) from None
            except ResponseTooLarge as error:
                raise mapped(self.service, self.call, error) from None
            # The clients raise these for an unexpected response.
            except (ValueError, TypeError, KeyError, AttributeError):
                raise faulty(self.service, self.call, Fault.GARBLED) from None

        policy = RetryPolicy(
            clock=self.clock,
            limits=self.limits,
            chance=random.random,
            deadline=self.deadline(),
            generation=getattr(self.credential, "generation", lambda: 0),
            renew=getattr(self.credential, "renew", lambda _: None),
            on_retry=self.on_retry,
        )
        return policy.run(attempt)


def error_code(error: AzureError) -> str:
    """The service's own word for an error, fit to be quoted; "" when it gave none."""
    code = getattr(error, "error_code", None) or ""
    return quotable(str(getattr(code, "value", code)), 80)
