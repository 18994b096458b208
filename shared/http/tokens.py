"""What the client needs of whoever signs in: tokens, and a way to renew them. `credential.py` implements it."""

from __future__ import annotations

from typing import Protocol


class Tokens(Protocol):
    """A source of bearer tokens, for many threads."""

    @property
    def retries(self) -> int:
        """How often a request for a token was retried."""
        ...

    def token(self, audience: str) -> str:
        """A bearer token for an audience such as `https://management.azure.com`. Raises SignInFailed."""
        ...

    def generation(self) -> int:
        """How often the tokens were renewed so far."""
        ...

    def renew(self, generation: int) -> None:
        """Discard the tokens of this generation: once, however many threads had theirs refused."""
        ...
