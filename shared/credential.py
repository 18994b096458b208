"""The identity that the sweep signs in with: the app's managed identity in Azure, the developer's own elsewhere.

One object serves the SDKs (as an azure-core credential) and our own requests (as Tokens), so that a token refused to
one is renewed for all. azure-identity keeps tokens, and refusals, where they cannot be thrown away; a fresh one comes
of a new instance.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from shared.answers import from_status
from shared.clock import Clock, SystemClock
from shared.errors import Call, Service, SignInFailed, SweepError
from shared.mapping import mapped, signed_out
from shared.retries import Limits, retry_after

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions

EARLY = 300.0  # a token is not used in its last seconds
_SCOPE = "/.default"
_LIMITS = Limits()

Heard = Callable[[int, str | None], None]
"""Told the status and the Retry-After of each answer of the identity endpoint."""


class Credential:
    """Tokens by audience, kept until shortly before they expire. Safe for many threads.

    `build` makes an azure-identity credential that reports what its endpoint answers; it is called again for a fresh
    token.
    """

    def __init__(self, build: Callable[[Heard], Any], clock: Clock | None = None) -> None:
        self._build = build
        self._clock = clock or SystemClock()
        self._inner: Any = None
        self._kept: dict[tuple[str, ...], AccessTokenInfo] = {}
        self._generation = 0
        self._heard: tuple[int, str | None] | None = None
        self._lock = threading.Lock()

    def token(self, audience: str) -> str:
        """A bearer token for an audience such as `https://management.azure.com`.

        Raises:
            SweepError: SignInFailed when there is no hope of one, else Unavailable or Throttled.
        """
        got = self._get(audience.rstrip("/") + _SCOPE)
        if isinstance(got, SweepError):
            raise got
        return got.token

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
            ClientAuthenticationError: there is no hope of one.
            ServiceRequestError: not now; it may be tried again.
        """
        from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError  # slow to import

        if options and options.get("claims"):
            self.renew(self._generation)
        got = self._get(*scopes)
        if isinstance(got, SignInFailed):
            raise ClientAuthenticationError(message=str(got))
        if isinstance(got, SweepError):
            raise ServiceRequestError(str(got))
        return got

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

    def _get(self, *scopes: str) -> AccessTokenInfo | SweepError:
        with self._lock:
            kept = self._kept.get(scopes)
            if kept is not None and kept.expires_on - EARLY > self._clock.now().timestamp():
                return kept
            self._heard = None
            try:
                self._inner = self._inner or self._build(self._hear)
                fresh: AccessTokenInfo = self._inner.get_token_info(*scopes)
            except Exception as error:  # noqa: BLE001 - what the libraries raise here is not documented
                self._forget()
                return self._failure(error)
            self._kept[scopes] = fresh
            return fresh

    def _hear(self, status: int, after: str | None) -> None:
        self._heard = (status, after)

    def _failure(self, error: Exception) -> SweepError:
        # azure-identity calls every refusal "unavailable"; the status tells one that passes from one that does not.
        if self._heard is not None:
            status, after = self._heard
            if status in (408, 429) or 500 <= status <= 599:
                seconds = retry_after(after, self._clock.now())
                return from_status(Service.IDENTITY, Call.READ, status, after=seconds)
        failure = mapped(Service.IDENTITY, Call.READ, error)
        return failure if isinstance(failure, SweepError) else signed_out(Call.READ)

    def _forget(self) -> None:
        self._kept.clear()
        if self._inner is not None:
            self._inner.close()
            self._inner = None


def sign_in(client_id: str = "", clock: Clock | None = None) -> Credential:
    """The credential of this process: the managed identity `client_id` (the app's own when empty) where the platform
    offers one, else the developer's Azure CLI or azd sign-in, which know their cloud and its authority themselves."""

    def build(heard: Heard) -> Any:
        # Slow to import, and not wanted before the first request.
        from azure.identity import (
            AzureCliCredential,
            AzureDeveloperCliCredential,
            ChainedTokenCredential,
            ManagedIdentityCredential,
        )

        def hook(response: Any) -> None:
            heard(response.http_response.status_code, response.http_response.headers.get("Retry-After"))

        if os.environ.get("IDENTITY_ENDPOINT"):
            return ManagedIdentityCredential(
                client_id=client_id or None,
                retry_total=0,  # ours is the one place that tries again
                connection_timeout=_LIMITS.connect,
                read_timeout=_LIMITS.read,
                raw_response_hook=hook,
            )
        return ChainedTokenCredential(
            AzureCliCredential(process_timeout=30), AzureDeveloperCliCredential(process_timeout=30)
        )

    return Credential(build, clock)
