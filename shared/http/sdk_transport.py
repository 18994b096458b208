"""How Azure's SDKs send: over connections of ours, so that their answers are bounded in time and size like our own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import requests
from azure.core.pipeline.transport import RequestsTransport
from urllib3.util.retry import Retry

from shared.http.retry import Limits
from shared.http.size_limit import within
from shared.http.total_timeout import TotalTimeoutAdapter

CONNECTIONS = 16  # kept per host; as many as ever work at once


class BoundedTransport(RequestsTransport):  # type: ignore[misc]  # azure-core loads it lazily, without a type
    """A transport on which `limits.read` bounds an exchange as a whole, and so does `left()`: both in seconds.

    An SDK that gets a transport forgets the timeouts that its client is made with. An answer of more than `most`
    bytes, unpacked, is an AnswerTooLarge. No connection is tried again here.
    """

    def __init__(self, most: int, limits: Limits, left: Callable[[], float] = lambda: math.inf) -> None:
        session = requests.Session()
        session.adapters.clear()
        never = Retry(total=False, redirect=False, raise_on_status=False)
        # Plain http is for the identity endpoint, which is on the app's own machine.
        for scheme in ("https://", "http://"):
            session.mount(scheme, _BoundedAdapter(most, pool_maxsize=CONNECTIONS, max_retries=never))
        super().__init__(session=session, connection_timeout=limits.connect, read_timeout=limits.read)
        self._left = left

    def send(self, request: Any, **kwargs: Any) -> Any:
        """As azure-core sends, in the time that is left."""
        read = min(kwargs.pop("read_timeout", self.connection_config.read_timeout), self._left())
        connect = min(kwargs.pop("connection_timeout", self.connection_config.timeout), read)
        return super().send(request, connection_timeout=connect, read_timeout=read, **kwargs)


class _BoundedAdapter(TotalTimeoutAdapter):
    def __init__(self, most: int, **kwargs: Any) -> None:
        self._most = most
        super().__init__(**kwargs)

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        response = super().build_response(req, resp)
        response.raw = _BoundedBody(response.raw, self._most)
        return response


class _BoundedBody:
    """A body that requests reads by `stream`; everything else is the body's own."""

    def __init__(self, body: Any, most: int) -> None:
        self._body = body
        self._most = most

    def stream(self, *args: Any, **kwargs: Any) -> Iterator[bytes]:
        try:
            yield from within(self._most, self._body.stream(*args, **kwargs))
        except BaseException:
            self._body.close()  # half an answer is on its way: nobody may use this connection again
            raise

    def __getattr__(self, name: str) -> Any:
        return getattr(self._body, name)
