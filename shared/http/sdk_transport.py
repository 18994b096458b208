"""The transport of Azure's SDKs: it limits time and size of their responses as for our own requests."""

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

_POOL_SIZE = 16  # connections kept per host; no more requests than these run at once


class BoundedTransport(RequestsTransport):  # type: ignore[misc]  # azure-core loads it lazily, without a type
    """A transport that limits each exchange to `limits.read` and to `left()` seconds in total.

    An SDK with a transport of its own ignores the timeouts of its client. A response of more than `most` bytes,
    unpacked, is a ResponseTooLarge. Connections are not retried here.
    """

    def __init__(self, most: int, limits: Limits, left: Callable[[], float] = lambda: math.inf) -> None:
        session = requests.Session()
        session.adapters.clear()
        never = Retry(total=False, redirect=False, raise_on_status=False)
        # The identity endpoint on the app's own machine uses plain http.
        for scheme in ("https://", "http://"):
            session.mount(scheme, _BoundedAdapter(most, pool_maxsize=_POOL_SIZE, max_retries=never))
        super().__init__(session=session, connection_timeout=limits.connect, read_timeout=limits.read)
        self._left = left

    def send(self, request: Any, **kwargs: Any) -> Any:
        """Send as azure-core does, within the time that is left."""
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
    """A body that limits what requests reads by `stream`; everything else goes to the original body."""

    def __init__(self, body: Any, most: int) -> None:
        self._body = body
        self._most = most

    def stream(self, *args: Any, **kwargs: Any) -> Iterator[bytes]:
        try:
            yield from within(self._most, self._body.stream(*args, **kwargs))
        except BaseException:
            self._body.close()  # the rest of the response is still arriving: this connection cannot be reused
            raise

    def __getattr__(self, name: str) -> Any:
        return getattr(self._body, name)
