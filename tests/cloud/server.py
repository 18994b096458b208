"""A small TLS server: HTTP/1.1 with keep-alive, a thread per connection, a port per service.

It knows nothing about Azure; it reads requests, passes them on and applies faults.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from tests.cloud.conversation import Broken, Conversation
from tests.cloud.faults import Fault
from tests.cloud.wire import Answer, Request


class Listener:
    """One service's port. `broken` connections are closed before their handshake (None: all of them)."""

    def __init__(self, service: str, server: Server) -> None:
        self.service = service
        self.broken: int | None = 0
        self._server = server
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._socket = self._bind(0)
        self.port: int = self._socket.getsockname()[1]
        self._thread = self._listen()

    @staticmethod
    def _bind(port: int) -> socket.socket:
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen(128)
        return listening

    def _listen(self) -> threading.Thread:
        thread = threading.Thread(target=self._accept, name=f"small-azure-{self.service}", daemon=True)
        thread.start()
        return thread

    def _accept(self) -> None:
        listening = self._socket
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return  # closed by `refuse` or `close`
            if self.broken is None or self.broken > 0:
                self.broken = None if self.broken is None else self.broken - 1
                connection.close()
                continue
            with self._lock:
                self._connections.add(connection)
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, raw: socket.socket) -> None:
        connection: socket.socket = raw
        try:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            raw.settimeout(15)
            connection = self._server.context.wrap_socket(raw, server_side=True)
            with self._lock:
                self._connections.discard(raw)
                self._connections.add(connection)
            connection.settimeout(None)
            Conversation(connection, self.service, self._server).run()
        except (Broken, OSError, ValueError):
            pass  # the peer went away, or a fault closed the connection
        finally:
            with self._lock:
                self._connections.discard(raw)
                self._connections.discard(connection)
            connection.close()
            raw.close()

    def hang_up(self) -> None:
        """Close every open connection."""
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            with suppress(OSError):  # it was closed already
                socket.socket.shutdown(connection, socket.SHUT_RDWR)  # not TLS's own: another thread reads it

    def refuse(self) -> None:
        """Stop listening: the next connections are refused."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes `accept`
        self._socket.close()
        self._thread.join(5)
        self.hang_up()

    def listen(self) -> None:
        """Listen again, on the same port."""
        self._socket = self._bind(self.port)
        self._thread = self._listen()

    def idle(self) -> bool:
        """Whether no connection is open."""
        with self._lock:
            return not self._connections


class Server:
    """A port for each service, answered by `handle`. `log` holds every request in the order it was read."""

    def __init__(
        self,
        context: ssl.SSLContext,
        services: tuple[str, ...],
        handle: Callable[[Request], Answer],
        fault: Callable[[Request], Fault | None],
        misanswer: Callable[[Request, Fault], Answer],
    ) -> None:
        self.context = context
        self.handle = handle
        self.fault = fault
        self.misanswer = misanswer
        self.log: list[Request] = []
        self.stopping = threading.Event()
        self.listeners = {service: Listener(service, self) for service in services}

    def close(self) -> None:
        """Stop listening, hang up, and wait (5 s at most) until every connection is closed."""
        self.stopping.set()
        for listener in self.listeners.values():
            listener.refuse()
        deadline = time.monotonic() + 5
        while not all(listener.idle() for listener in self.listeners.values()) and time.monotonic() < deadline:
            time.sleep(0.002)
