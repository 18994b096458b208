"""Connections on which an answer has its read timeout as a whole, from its first byte to its last.

The libraries' own read timeout is for each piece of the network's, so that an answer which drips never ends.
"""

from __future__ import annotations

import http.client
import io
import socket
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool

from shared.clock import SystemClock

_MACHINE = SystemClock()  # a socket waits in the machine's time, whatever clock the sweep goes by


class TimelyAdapter(HTTPAdapter):
    """An adapter for https whose connections, a proxy's as well, are such."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """As requests makes its pools, of our connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"https": _Pool}

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """As requests makes a proxy's pools, of our connections."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = {**manager.pool_classes_by_scheme, "https": _Pool}
        return manager


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


class _Connection(HTTPSConnection):
    response_class = _Response


class _Pool(HTTPSConnectionPool):
    ConnectionCls = _Connection
