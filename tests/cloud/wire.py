"""What goes over the wire: a request as received, and a response as it will be sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

SERVICES = ("identity", "log_analytics", "sentinel", "graph", "teams", "ingestion")


@dataclass
class Request:
    """One request as the server read it. `path` is the target as sent, query string included.

    `status` is 0 until it was answered, and stays 0 when the connection was dropped instead; header names are
    lower-case; `at` is in seconds of the monotonic clock.
    """

    service: str
    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    at: float
    status: int = 0

    @property
    def route(self) -> str:
        """The path without its query string."""
        return self.path.partition("?")[0]

    @cached_property
    def query(self) -> dict[str, str]:
        """The decoded query string; of a name given twice, the last."""
        return dict(parse_qsl(self.path.partition("?")[2], keep_blank_values=True))

    @cached_property
    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ValueError: it is not JSON.
        """
        return json.loads(self.body)


@dataclass(slots=True)
class Answer:
    """The response of a service. `body` may be bytes, text or anything that JSON can hold; None is an empty body."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    def payload(self) -> bytes:
        """The body as bytes."""
        if self.body is None:
            return b""
        if isinstance(self.body, bytes):
            return self.body
        text = (
            self.body
            if isinstance(self.body, str)
            else json.dumps(self.body, ensure_ascii=False, separators=(",", ":"))
        )
        return text.encode("utf-8", "backslashreplace")  # half a character goes as JSON writes it: \ud83d


class Refused(Exception):
    """The response with which a service refuses a request."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


Handler = Callable[[Request], Answer]
