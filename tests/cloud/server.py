"""The lean TLS server: HTTP/1.1 with keep-alive, a thread per connection, a port per service.

It knows nothing of Azure; it reads requests, has them answered and applies faults.
"""

from __future__ import annotations

import os
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus

from tests.cloud.faults import Fault, Wire
from tests.cloud.wire import Answer, Request

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_MAX_BODY = 256 * 1024 * 1024


class _Broken(Exception):
    """The peer went away or does not speak HTTP."""


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
        except (_Broken, OSError, ValueError):
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


class Conversation:
    """One connection: requests one after the other until either side closes."""

    def __init__(self, connection: socket.socket, service: str, server: Server) -> None:
        self._connection = connection
        self._service = service
        self._server = server
        self._buffer = b""

    def run(self) -> None:
        """Answer requests until the peer closes or a fault does.

        Raises:
            _Broken: the peer went away or does not speak HTTP.
        """
        while True:
            request = self._read()
            if request is None or not self._answer(request):
                return

    def _more(self) -> bytes:
        chunk = self._connection.recv(262_144)
        if not chunk:
            raise _Broken
        return chunk

    def _read(self) -> Request | None:
        buffer = self._buffer
        while (end := buffer.find(b"\r\n\r\n")) < 0:
            chunk = self._connection.recv(65_536)
            if not chunk or len(buffer) > 65_536:
                return None
            buffer += chunk
        lines = buffer[:end].decode("latin-1").split("\r\n")
        try:
            method, target, _ = lines[0].split(" ")
        except ValueError:
            raise _Broken from None
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        self._buffer = buffer[end + 4 :]
        body = self._body(headers)
        return Request(self._service, method, target, headers, body, time.monotonic())

    def _body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self._chunked()
        length = int(headers.get("content-length") or 0)
        if length > _MAX_BODY:
            raise _Broken
        parts, have = [self._buffer], len(self._buffer)
        while have < length:
            chunk = self._more()
            parts.append(chunk)
            have += len(chunk)
        whole = b"".join(parts)
        self._buffer = whole[length:]
        return whole[:length]

    def _chunked(self) -> bytes:
        parts = []
        while True:
            while (end := self._buffer.find(b"\r\n")) < 0:
                self._buffer += self._more()
            size = int(self._buffer[:end].split(b";")[0], 16)
            while len(self._buffer) < end + 2 + size + 2:
                self._buffer += self._more()
            parts.append(self._buffer[end + 2 : end + 2 + size])
            self._buffer = self._buffer[end + 2 + size + 2 :]
            if not size:
                return b"".join(parts)

    def _answer(self, request: Request) -> bool:
        server = self._server
        server.log.append(request)
        fault = server.fault(request)
        if fault is None:
            self._send(request, server.handle(request))
            return request.headers.get("connection", "").lower() != "close"
        return self._break(request, fault)

    def _break(self, request: Request, fault: Fault) -> bool:
        answer = self._server.handle(request) if fault.works else Answer(500)
        if fault.then is not None:
            fault.then(request)
        if fault.kill is not None:
            os.kill(fault.kill if isinstance(fault.kill, int) else fault.kill(), signal.SIGKILL)
        if fault.status is not None:
            answer = self._server.misanswer(request, fault)
        if fault.wire is Wire.HANG:
            self._server.stopping.wait(fault.seconds)
        if fault.wire in (Wire.DROP, Wire.HANG) or (fault.kill is not None and fault.status is None):
            return False
        self._send(request, answer, fault)
        return fault.wire is not Wire.TRUNCATE

    def _send(self, request: Request, answer: Answer, fault: Fault | None = None) -> None:
        body = answer.payload()
        status = answer.status
        head = [f"HTTP/1.1 {status} {_PHRASES.get(status, 'Unknown')}"]
        headers = answer.headers
        if body and "Content-Type" not in headers:
            head.append("Content-Type: application/json; charset=utf-8")
        head += [f"{name}: {value}" for name, value in headers.items()]
        if status >= 200 and status not in (204, 304):
            head.append(f"Content-Length: {len(body)}")
        else:
            body = b""
        whole = ("\r\n".join(head) + "\r\n\r\n").encode("latin-1") + body
        request.status = status
        if fault is None or fault.wire is Wire.ANSWER:
            self._connection.sendall(whole)
        elif fault.wire is Wire.TRUNCATE:
            self._connection.sendall(whole[: len(whole) - len(body) + len(body) // 2])
        else:
            self._drip(whole, fault.seconds)

    def _drip(self, whole: bytes, seconds: float) -> None:
        size = max(1, len(whole) // 100)
        pieces = [whole[start : start + size] for start in range(0, len(whole), size)]
        for piece in pieces:
            self._connection.sendall(piece)
            if self._server.stopping.wait(seconds / len(pieces)):
                return


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
