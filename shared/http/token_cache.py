"""Tokens until shortly before they expire, and for a minute the failures to get one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from shared.errors import SignInFailed

if TYPE_CHECKING:
    from azure.core.credentials import AccessTokenInfo

EARLY = 300.0
"""Seconds before it expires in which a token is no longer used."""
REMEMBERED = 60.0
"""Seconds for which a failure is raised again without a new attempt."""

Scopes = tuple[str, ...]


@dataclass(slots=True)
class TokenCache:
    """Tokens and failures by scopes. Not safe for several threads: the credential holds a lock."""

    _tokens: dict[Scopes, AccessTokenInfo] = field(default_factory=dict)
    _failures: dict[Scopes, tuple[SignInFailed, float]] = field(default_factory=dict)

    def token(self, scopes: Scopes, now: datetime) -> AccessTokenInfo | None:
        """The token, None when there is none that may still be used."""
        token = self._tokens.get(scopes)
        return token if token is not None and token.expires_on - EARLY > now.timestamp() else None

    def failure(self, scopes: Scopes, monotonic: float) -> SignInFailed | None:
        """The failure that still counts, None when there is none.

        Until a first token was issued, the failure for one audience counts for all.
        """
        failures = [self._failures.get(scopes)] if self._tokens else [*self._failures.values()]
        return next((_copy(each[0]) for each in failures if each is not None and monotonic < each[1]), None)

    def keep(self, scopes: Scopes, token: AccessTokenInfo) -> None:
        """Keep a token."""
        self._tokens[scopes] = token

    def keep_failure(self, scopes: Scopes, failure: SignInFailed, monotonic: float) -> None:
        """Keep a failure that was noticed at this monotonic time."""
        self._failures[scopes] = (_copy(failure), monotonic + REMEMBERED)

    def forget_failure(self, scopes: Scopes) -> None:
        """Discard the failure, if there is one."""
        self._failures.pop(scopes, None)

    def clear(self) -> None:
        """Discard everything."""
        self._tokens.clear()
        self._failures.clear()


def _copy(error: SignInFailed) -> SignInFailed:
    """A new exception: a cached one that is raised would keep its traceback, and the frames in it."""
    return SignInFailed(str(error), service=error.service, status=error.status, fault=error.fault)
