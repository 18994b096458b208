"""The identity that the sweep signs in with: the app's managed identity in Azure, the developer's own elsewhere.

One object serves the SDKs (as an azure-core credential) and our own requests (as Tokens), so that a token refused to
one is renewed for all. azure-identity keeps tokens, and refusals, where they cannot be thrown away; a fresh one comes
of a new instance.

This is the one place that asks again for a token, and the one that says "not signed in": what it raises is no
azure-core error, so that the SDKs let it through as it is, and has no `call`, so that nobody tries it again.
"""

from __future__ import annotations

import json
import logging
import math
import os
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from shared.clock import Clock, SystemClock
from shared.errors import Call, Fault, Service, SignInFailed, SweepError
from shared.http.library_errors import mapped
from shared.http.retry import Limits, RetryPolicy, retry_after
from shared.http.sign_in import CLI_SECONDS, DeveloperSignIn, faulty, given_up, passing, refused
from shared.http.size_limit import TOKEN_BYTES
from shared.http.statuses import clean

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions

EARLY = 300.0  # a token is not used in its last seconds
REMEMBERED = 60.0  # seconds for which a failure is the answer to everybody who asks
LAST = 5.0  # seconds for a token that is needed at the very end of the budget: a card may be about to need one
LIMITS = Limits(attempts=5, seconds=60.0, connect=5.0, read=10.0)  # the endpoint is on the app's own machine
_SCOPE = "/.default"
_LOG = logging.getLogger("sweep.http")

Heard = Callable[[int, str | None, str], None]
"""Told the status, the Retry-After and (of a refusal) the body of each answer of the identity endpoint."""


@dataclass(frozen=True, slots=True)
class _Failure:
    """A token that could not be had, and until when (monotonic seconds) that is not tried again."""

    error: SignInFailed
    until: float

    def again(self) -> SignInFailed:
        """A fresh exception: one that is raised twice would drag the first one's traceback along."""
        first = self.error
        return SignInFailed(str(first), service=first.service, status=first.status, fault=first.fault)


class Credential:
    """Tokens by audience, kept until shortly before they expire. Safe for many threads.

    `build` makes an azure-identity credential that reports what its endpoint answers; it is called again for a fresh
    token. `client_id` is the identity that is asked for. No attempt is waited for beyond `deadline()` (monotonic).
    """

    def __init__(
        self,
        build: Callable[[Heard], Any],
        clock: Clock | None = None,
        *,
        client_id: str = "",
        limits: Limits = LIMITS,
        deadline: Callable[[], float] = lambda: math.inf,
    ) -> None:
        self._build = build
        self._clock = clock or SystemClock()
        self._client_id = client_id
        self._limits = limits
        self._deadline = deadline
        self.retries = 0
        self._inner: Any = None
        self._kept: dict[tuple[str, ...], AccessTokenInfo] = {}
        self._failed: dict[tuple[str, ...], _Failure] = {}
        self._generation = 0
        self._heard: tuple[int, str | None, str] | None = None
        self._lock = threading.Lock()
        self._asking = threading.Lock()  # apart, so that nobody who has a token waits for another's

    def token(self, audience: str) -> str:
        """A bearer token for an audience such as `https://management.azure.com`.

        Raises:
            SignInFailed: there is none to be had, after all the attempts that were due.
        """
        return self.get_token_info(audience.rstrip("/") + _SCOPE).token

    def generation(self) -> int:
        """How often the tokens were renewed so far."""
        return self._generation

    def renew(self, generation: int) -> None:
        """Forget the tokens of this generation: once, however many threads had theirs refused."""
        with self._lock:
            if self._generation == generation:
                self._forget()
                self._generation += 1

    def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        """As azure-core asks for a token.

        Raises:
            SignInFailed: there is none to be had, after all the attempts that were due.
        """
        if options and options.get("claims"):
            self.renew(self._generation)
        known = self._known(scopes)
        if known is not None:
            return known
        with self._asking:
            known = self._known(scopes)  # somebody else may have asked meanwhile
            return known if known is not None else self._asked(scopes)

    def get_token(
        self, *scopes: str, claims: str | None = None, tenant_id: str | None = None, enable_cae: bool = False, **_: Any
    ) -> AccessToken:
        """As azure-core asked for a token before `get_token_info`; raises the same."""
        from azure.core.credentials import AccessToken  # slow to import

        info = self.get_token_info(*scopes, options={"claims": claims} if claims else None)
        return AccessToken(info.token, info.expires_on)

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            self._forget()

    def _known(self, scopes: tuple[str, ...]) -> AccessTokenInfo | None:
        """The token that is kept; None when it has to be asked for. Raises the failure that is remembered.

        As long as no token was ever had, one audience's failure is that of all.
        """
        with self._lock:
            kept = self._kept.get(scopes)
            if kept is not None and kept.expires_on - EARLY > self._clock.now().timestamp():
                return kept
            failed = [self._failed.get(scopes)] if self._kept else [*self._failed.values()]
            now = self._clock.monotonic()
            lasting = next((each for each in failed if each is not None and now < each.until), None)
        if lasting is not None:
            raise lasting.again()
        return None

    def _asked(self, scopes: tuple[str, ...]) -> AccessTokenInfo:
        generation = self._generation
        policy = RetryPolicy(
            clock=self._clock,
            limits=self._limits,
            chance=random.random,
            deadline=self._deadline(),
            generation=lambda: 0,
            renew=lambda _: None,
            waiting=self._waiting,
        )
        try:
            fresh: AccessTokenInfo = policy.run(lambda _: self._once(scopes))
        except SweepError as error:
            failure = _Failure(given_up(error), self._clock.monotonic() + REMEMBERED)
        else:
            with self._lock:
                self._failed.pop(scopes, None)
                if self._generation == generation:
                    self._kept[scopes] = fresh
            return fresh
        with self._lock:
            self._failed[scopes] = failure
        raise failure.again()

    def _once(self, scopes: tuple[str, ...]) -> AccessTokenInfo:
        self._heard = None
        try:
            with self._lock:
                self._inner = inner = self._inner or self._build(self._hear)
            fresh: Any = inner.get_token_info(*scopes)
        except Exception as error:  # noqa: BLE001 - what the libraries raise here is not documented
            failure = self._failure(error)
        else:
            if isinstance(fresh.token, str):
                return cast("AccessTokenInfo", fresh)
            failure = faulty(Fault.GARBLED)
        with self._lock:
            self._drop()
        raise failure

    def _hear(self, status: int, after: str | None, said: str) -> None:
        self._heard = (status, after, said)

    def _failure(self, error: Exception) -> SweepError:
        # azure-identity calls every refusal "unavailable"; the status tells one that passes from one that does not.
        if isinstance(error, SweepError):
            return error
        status, after, said = self._heard or (None, None, str(error))
        _LOG.info("sign_in_failed %s", json.dumps({"status": status, "said": clean(said)}))
        if status is None:
            failure = mapped(Service.IDENTITY, Call.READ, error)
            fault = failure.fault if isinstance(failure, SweepError) else None
            return faulty(fault) if fault else refused(None, self._client_id)
        if status in (408, 429) or 500 <= status <= 599:
            return passing(status, retry_after(after, self._clock.now()))
        return faulty(Fault.GARBLED) if 200 <= status <= 299 else refused(status, self._client_id, said)

    def _waiting(self, error: SweepError, wait: float) -> None:
        self.retries += 1
        _LOG.info(
            "request_retried %s",
            json.dumps({"cause": "identity_sign_in", "status": error.status, "wait": round(wait, 2)}),
        )

    def _drop(self) -> None:
        if self._inner is not None:
            self._inner.close()
            self._inner = None

    def _forget(self) -> None:
        self._kept.clear()
        self._failed.clear()
        self._drop()


def sign_in(
    client_id: str = "",
    clock: Clock | None = None,
    *,
    deadline: Callable[[], float] = lambda: math.inf,
    limits: Limits = LIMITS,
) -> Credential:
    """The credential of this process: the managed identity `client_id` (the app's own when empty) where the platform
    offers one, else the developer's Azure CLI or azd sign-in, which know their cloud and its authority themselves.

    No request for a token goes on beyond `deadline()`, but each has LAST seconds at least."""
    ours = clock or SystemClock()

    def left() -> float:
        return max(deadline() - ours.monotonic(), LAST)

    def build(heard: Heard) -> Any:
        if not os.environ.get("IDENTITY_ENDPOINT"):
            return DeveloperSignIn(math.ceil(min(CLI_SECONDS, left())))
        from azure.identity import ManagedIdentityCredential  # slow to import, not wanted before the first request

        from shared.http.sdk_transport import BoundedTransport

        def hook(response: Any) -> None:
            answer = response.http_response
            heard(answer.status_code, answer.headers.get("Retry-After"), _text(answer))

        return ManagedIdentityCredential(
            client_id=client_id or None,
            transport=BoundedTransport(TOKEN_BYTES, limits, left),
            retry_total=0,  # ours is the one place that tries again
            raw_response_hook=hook,
        )

    return Credential(build, ours, client_id=client_id, limits=limits, deadline=deadline)


def _text(answer: Any) -> str:
    """The body of a refusal; of a token's answer nothing."""
    if answer.status_code < 300:
        return ""
    try:
        return str(answer.text())
    except Exception:  # noqa: BLE001 - a body that is no text; what the libraries raise for it is not documented
        return ""
