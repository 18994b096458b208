"""Connections whose read timeout is a total timeout: from the first packet sent to the last byte received.

The libraries' own timeouts apply to each address, handshake and piece of a response separately, so a response that
arrives byte by byte never times out.
"""

from __future__ import annotations

import http.client
import io
import math
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from shared.clock import SystemClock

_MACHINE = SystemClock()  # a socket waits in the machine's time, whichever clock the sweep uses
_SOON = 0.001  # seconds; a timeout of 0 would mean "do not wait", which sockets report in another way


class _Exchange(threading.local):
    """When this thread's current exchange must end, in the machine's monotonic seconds."""

    ends = math.inf


_exchange = _Exchange()


class TotalTimeoutAdapter(HTTPAdapter):
    """An adapter whose connections, those to a proxy included, end an exchange when its total timeout is over."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools as requests does, with our connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = dict(_POOLS)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Make the pools for a proxy as requests does, with our connections."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = {**manager.pool_classes_by_scheme, **_POOLS}
        return manager

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send as requests does; `timeout` must be a pair, and its second number is the total timeout."""
        _, seconds = kwargs["timeout"]
        with _ends_in(seconds):
            return super().send(request, *args, **kwargs)


@contextmanager
def _ends_in(seconds: float) -> Iterator[None]:
    _exchange.ends = _MACHINE.monotonic() + seconds
    try:
        yield
    finally:
        _exchange.ends = math.inf


def _left(timeout: float | None) -> float | None:
    """The timeout, or what this thread's exchange has left when that is shorter."""
    if _exchange.ends == math.inf:
        return timeout
    left = max(_exchange.ends - _MACHINE.monotonic(), _SOON)
    return left if timeout is None else min(timeout, left)


class _Stream(io.RawIOBase):
    """What a socket receives, until the timeout that it has at the start is over."""

    def __init__(self, stream: io.RawIOBase, sock: socket.socket) -> None:
        self._stream = stream
        self._sock = sock
        timeout = sock.gettimeout()
        self._ends = None if timeout is None else _MACHINE.monotonic() + timeout

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        if self._ends is not None:
            left = self._ends - _MACHINE.monotonic()
            if left <= 0:
                raise TimeoutError("the response took too long")
            self._sock.settimeout(left)
        return self._stream.readinto(buffer)

    def close(self) -> None:
        self._stream.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Stream(self.fp.detach(), sock), 65_536)


class _Connection(HTTPConnection):
    """Shortens the timeout of each step to what is left; urllib3 gives each step a full timeout."""

    response_class = _Response

    def _new_conn(self) -> socket.socket:
        self.timeout = _left(self.timeout)
        sock = super()._new_conn()
        sock.settimeout(_left(self.timeout))  # for the handshake
        return sock

    def send(self, data: Any) -> None:
        if self.sock is not None:
            self.sock.settimeout(_left(self.timeout))
        super().send(data)

    def getresponse(self) -> Any:
        self.timeout = _left(self.timeout)
        return super().getresponse()


class _SecureConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


_POOLS = {"http": _Pool, "https": _SecurePool}
