"""Connections on which an exchange has its read timeout as a whole, from the first packet to the answer's last byte.

The libraries' own timeouts are for each address, handshake and piece of an answer, so that an answer which drips never
ends.
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

_MACHINE = SystemClock()  # a socket waits in the machine's time, whatever clock the sweep goes by
_SOON = 0.001  # seconds; a timeout of 0 would mean "do not wait", which sockets report in another way


class _Exchange(threading.local):
    """When the exchange that this thread is at must be over, in the machine's monotonic seconds."""

    ends = math.inf


_exchange = _Exchange()


class TimelyAdapter(HTTPAdapter):
    """An adapter whose connections, a proxy's as well, end an exchange when its read timeout is over."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """As requests makes its pools, of our connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = dict(_POOLS)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """As requests makes a proxy's pools, of our connections."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = {**manager.pool_classes_by_scheme, **_POOLS}
        return manager

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """As requests sends; `timeout` must be a pair, whose second number bounds everything together."""
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
    """The timeout, cut to what this thread's exchange has left."""
    if _exchange.ends == math.inf:
        return timeout
    left = max(_exchange.ends - _MACHINE.monotonic(), _SOON)
    return left if timeout is None else min(timeout, left)


class _Stream(io.RawIOBase):
    """What a socket receives until the timeout that it has at the start is over."""

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
                raise TimeoutError("the answer took too long")
            self._sock.settimeout(left)
        return self._stream.readinto(buffer)

    def close(self) -> None:
        self._stream.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Stream(self.fp.detach(), sock), 65_536)


class _Timely(HTTPConnection):
    """Cuts the timeout of each step, of which urllib3 gives every one its own, to what is left."""

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


class _SecureConnection(_Timely, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Timely


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


_POOLS = {"http": _Pool, "https": _SecurePool}
