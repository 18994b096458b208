"""The identity that the sweep signs in with: the app's managed identity in Azure, the developer's own elsewhere.

One object serves the SDKs (as an azure-core credential) and our own requests (as Tokens), so that a token that one
service refuses is renewed for all. azure-identity caches tokens, and refusals, and its cache cannot be cleared: a fresh
token needs a new instance.

This is the one place that retries a request for a token, and the one that reports "not signed in". What it raises is no
azure-core error, so the SDKs pass it on unchanged, and has no `call`, so nobody retries it.
"""

from __future__ import annotations

import json
import logging
import math
import os
import random
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from shared.clock import Clock, SystemClock
from shared.errors import Call, Fault, Service, SweepError
from shared.http.error_body import quotable
from shared.http.library_errors import mapped
from shared.http.retry import Limits, RetryPolicy, retry_after
from shared.http.sign_in import CLI_SECONDS, DeveloperSignIn, endpoint_busy, endpoint_fault, given_up, identity_refused
from shared.http.size_limit import TOKEN_BYTES
from shared.http.token_cache import Scopes, TokenCache

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions

LAST = 5.0  # seconds for a token at the very end of the budget: a card may still need one
TOKEN_LIMITS = Limits(attempts=5, seconds=60.0, connect=5.0, read=10.0)  # the endpoint is on the app's own machine
_SCOPE = "/.default"
_LOG = logging.getLogger("sweep.http")

ResponseHook = Callable[[int, str | None, str], None]
"""Called with status, Retry-After and (of an error) the body of each response of the identity endpoint."""


class Credential:
    """Tokens by audience, kept until shortly before they expire. Safe for many threads.

    `build` makes an azure-identity credential that passes each response of its endpoint to the hook; it is called again
    for a fresh token. `client_id` is the identity to sign in as. No retry waits beyond `deadline()` (monotonic).
    """

    def __init__(
        self,
        build: Callable[[ResponseHook], Any],
        clock: Clock | None = None,
        *,
        client_id: str = "",
        limits: Limits = TOKEN_LIMITS,
        deadline: Callable[[], float] = lambda: math.inf,
    ) -> None:
        self._build = build
        self._clock = clock or SystemClock()
        self._client_id = client_id
        self._limits = limits
        self._deadline = deadline
        self.retries = 0
        self._inner: Any = None
        self._cache = TokenCache()
        self._generation = 0
        self._last_response: tuple[int, str | None, str] | None = None
        self._lock = threading.Lock()
        self._fetching = threading.Lock()  # apart: whoever has a token does not wait for another's

    def token(self, audience: str) -> str:
        """A bearer token for an audience such as `https://management.azure.com`.

        Raises:
            SignInFailed: no token could be obtained, after all retries.
        """
        return self.get_token_info(audience.rstrip("/") + _SCOPE).token

    def generation(self) -> int:
        """How often the tokens were renewed so far."""
        return self._generation

    def renew(self, generation: int) -> None:
        """Discard the tokens of this generation: once, however many threads had theirs refused."""
        with self._lock:
            if self._generation == generation:
                self._clear()
                self._generation += 1

    def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        """A token, as azure-core requests it.

        Raises:
            SignInFailed: no token could be obtained, after all retries.
        """
        if options and options.get("claims"):
            self.renew(self._generation)
        cached = self._cached(scopes)
        if cached is not None:
            return cached
        with self._fetching:
            cached = self._cached(scopes)  # another thread may have fetched it meanwhile
            return cached if cached is not None else self._fetch(scopes)

    def get_token(
        self, *scopes: str, claims: str | None = None, tenant_id: str | None = None, enable_cae: bool = False, **_: Any
    ) -> AccessToken:
        """A token, as azure-core requested it before `get_token_info`; raises the same."""
        from azure.core.credentials import AccessToken  # slow to import

        info = self.get_token_info(*scopes, options={"claims": claims} if claims else None)
        return AccessToken(info.token, info.expires_on)

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            self._clear()

    def _cached(self, scopes: Scopes) -> AccessTokenInfo | None:
        """The cached token, None when it has to be fetched. Raises the failure that is remembered."""
        with self._lock:
            token = self._cache.token(scopes, self._clock.now())
            failure = None if token else self._cache.failure(scopes, self._clock.monotonic())
        if failure is not None:
            raise failure
        return token

    def _fetch(self, scopes: Scopes) -> AccessTokenInfo:
        generation = self._generation
        policy = RetryPolicy(
            clock=self._clock,
            limits=self._limits,
            chance=random.random,
            deadline=self._deadline(),
            generation=lambda: 0,
            renew=lambda _: None,
            on_retry=self._log_retry,
        )
        try:
            fresh: AccessTokenInfo = policy.run(lambda _: self._once(scopes))
        except SweepError as error:
            failed = given_up(error)
        else:
            with self._lock:
                self._cache.forget_failure(scopes)
                if self._generation == generation:
                    self._cache.keep(scopes, fresh)
            return fresh
        with self._lock:
            self._cache.keep_failure(scopes, failed, self._clock.monotonic())
        raise failed

    def _once(self, scopes: tuple[str, ...]) -> AccessTokenInfo:
        self._last_response = None
        try:
            with self._lock:
                self._inner = inner = self._inner or self._build(self._hook)
            fresh: Any = inner.get_token_info(*scopes)
        except Exception as error:  # noqa: BLE001 - the libraries do not document what they raise here
            failure = self._failure(error)
        else:
            if isinstance(fresh.token, str):
                return cast("AccessTokenInfo", fresh)
            failure = endpoint_fault(Fault.GARBLED)
        with self._lock:
            self._drop()
        raise failure

    def _hook(self, status: int, after: str | None, body: str) -> None:
        self._last_response = (status, after, body)

    def _failure(self, error: Exception) -> SweepError:
        # azure-identity raises the same error for every refusal; only the status shows whether a retry can help.
        if isinstance(error, SweepError):
            return error
        status, after, body = self._last_response or (None, None, str(error))
        _LOG.info("sign_in_failed %s", json.dumps({"status": status, "said": quotable(body)}))
        if status is None:
            failure = mapped(Service.IDENTITY, Call.READ, error)
            fault = failure.fault if isinstance(failure, SweepError) else None
            return endpoint_fault(fault) if fault else identity_refused(None, self._client_id)
        if status in (408, 429) or 500 <= status <= 599:
            return endpoint_busy(status, retry_after(after, self._clock.now()))
        return (
            endpoint_fault(Fault.GARBLED) if 200 <= status <= 299 else identity_refused(status, self._client_id, body)
        )

    def _log_retry(self, error: SweepError, wait: float) -> None:
        self.retries += 1
        _LOG.info(
            "request_retried %s",
            json.dumps({"cause": "identity_sign_in", "status": error.status, "wait": round(wait, 2)}),
        )

    def _drop(self) -> None:
        if self._inner is not None:
            self._inner.close()
            self._inner = None

    def _clear(self) -> None:
        self._cache.clear()
        self._drop()


def sign_in(
    client_id: str = "",
    clock: Clock | None = None,
    *,
    deadline: Callable[[], float] = lambda: math.inf,
    limits: Limits = TOKEN_LIMITS,
) -> Credential:
    """The credential of this process: the managed identity `client_id` (the app's own when empty) where the platform
    offers one, else the developer's Azure CLI or azd sign-in, which know their own cloud.

    A request for a token ends at `deadline()`, but it has at least LAST seconds."""
    ours = clock or SystemClock()

    def left() -> float:
        return max(deadline() - ours.monotonic(), LAST)

    def build(hook: ResponseHook) -> Any:
        if not os.environ.get("IDENTITY_ENDPOINT"):
            return DeveloperSignIn(math.ceil(min(CLI_SECONDS, left())))
        from azure.identity import ManagedIdentityCredential  # slow to import, so not before the first request

        from shared.http.sdk_transport import BoundedTransport

        def report(response: Any) -> None:
            received = response.http_response
            hook(received.status_code, received.headers.get("Retry-After"), _text(received))

        return ManagedIdentityCredential(
            client_id=client_id or None,
            transport=BoundedTransport(TOKEN_BYTES, limits, left),
            retry_total=0,  # only `Credential` retries
            raw_response_hook=report,
        )

    return Credential(build, ours, client_id=client_id, limits=limits, deadline=deadline)


def _text(response: Any) -> str:
    """The body of an error response; "" for a response with a token."""
    if response.status_code < 300:
        return ""
    try:
        return str(response.text())
    except Exception:  # noqa: BLE001 - a body that is no text; the libraries do not document what they raise
        return ""
