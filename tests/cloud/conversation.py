"""One connection of the small Azure: HTTP/1.1 with keep-alive, with little overhead, and with faults."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Protocol

from tests.cloud.faults import Fault, Wire
from tests.cloud.wire import Answer, Request

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_MAX_BODY = 256 * 1024 * 1024


class Broken(Exception):
    """The peer closed the connection or sent no HTTP."""


class Room(Protocol):
    """What a conversation needs of the server."""

    log: list[Request]
    stopping: threading.Event

    def handle(self, request: Request) -> Answer:
        """The response of a service."""

    def fault(self, request: Request) -> Fault | None:
        """The fault that hits the request."""

    def misanswer(self, request: Request, fault: Fault) -> Answer:
        """The response of a fault with a status."""


class Conversation:
    """One connection: requests one after the other until either side closes."""

    def __init__(self, connection: socket.socket, service: str, room: Room) -> None:
        self._connection = connection
        self._service = service
        self._room = room
        self._buffer = b""

    def run(self) -> None:
        """Serve requests until the peer or a fault closes the connection.

        Raises:
            Broken: the peer went away or does not speak HTTP.
        """
        while True:
            request = self._read()
            if request is None or not self._answer(request):
                return

    def _more(self) -> bytes:
        chunk = self._connection.recv(262_144)
        if not chunk:
            raise Broken
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
            raise Broken from None
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
            raise Broken
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
        room = self._room
        room.log.append(request)
        fault = room.fault(request)
        if fault is None:
            self._send(request, room.handle(request))
            return request.headers.get("connection", "").lower() != "close"
        return self._break(request, fault)

    def _break(self, request: Request, fault: Fault) -> bool:
        answer = self._room.handle(request) if fault.works else Answer(500)
        if fault.then is not None:
            fault.then(request)
        if fault.kill is not None:
            os.kill(fault.kill if isinstance(fault.kill, int) else fault.kill(), signal.SIGKILL)
        if fault.status is not None:
            answer = self._room.misanswer(request, fault)
        if fault.wire is Wire.HANG:
            self._room.stopping.wait(fault.seconds)
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
            if self._room.stopping.wait(seconds / len(pieces)):
                return
