"""Where a query service is, and for whom its tokens are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The https address of a service without a trailing slash, and the audience of its tokens."""

    url: str
    audience: str
