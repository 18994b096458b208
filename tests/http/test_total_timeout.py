"""Every exchange is bounded as a whole: by its own timeout, and by what is left of the sweep's budget."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from azure.core.credentials import AzureNamedKeyCredential

from shared.app import hunt_options
from shared.clock import SystemClock
from shared.errors import Call, Service, SignInFailed, SweepError, Unavailable
from shared.http.client import Http, Limits
from shared.http.credential import sign_in
from shared.http.exchange import Session
from shared.incidents.arm import ArmIncidents
from shared.ledger.port import LedgerUnavailable
from shared.ledger.service import LATE, TableService
from shared.query.advanced_hunting import AdvancedHunting
from shared.query.log_analytics import Workspace, connect
from tests.cloud import CLIENT_ID, WORKSPACE_ID, Fault, Wire
from tests.cloud.tls import Certificate
from tests.support.clients import CARD, INCIDENT, Clients
from tests.support.clock import FakeClock

BUDGET = 1.0
"""Seconds that are left of the budget when a question is asked; a drip takes forty times as long."""
KEY = AzureNamedKeyCredential("account", "a2V5")


def sentinel(azure: Clients, http: Http) -> ArmIncidents:
    """The incidents client over another Http."""
    settings = azure.settings
    return ArmIncidents(http, settings.arm, settings.cloud.arm_audience, settings.sentinel_workspace_resource_id)


def _workspace(azure: Clients, http: Http) -> Workspace:
    """The Log Analytics client over another Http, with the real SDK."""
    return Workspace(connect(hunt_options(azure.settings).log_analytics, azure.credential), WORKSPACE_ID, http)


QUESTIONS: dict[str, tuple[str, Callable[[Clients, Http], Any]]] = {
    "log analytics": ("log_analytics", lambda azure, http: _workspace(azure, http).ask("EmailEvents | count")),
    "graph": (
        "graph",
        lambda azure, http: AdvancedHunting(hunt_options(azure.settings).graph, azure.settings.lookback_days, http).ask(
            "EmailEvents | count"
        ),
    ),
    "list": ("sentinel", lambda azure, http: list(sentinel(azure, http).changed(None))),
    "incident": ("sentinel", lambda azure, http: sentinel(azure, http).read(INCIDENT)),
}


SLOW: dict[str, Callable[[str], Fault]] = {
    "head drips": lambda service: Fault(service=service, wire=Wire.DRIP, seconds=40 * BUDGET, times=None),
    "body drips": lambda service: Fault(
        service=service, wire=Wire.DRIP, seconds=40 * BUDGET, times=None, status=200, body=b" " * 90_000
    ),
    "silence": lambda service: Fault(service=service, wire=Wire.HANG, seconds=40 * BUDGET, times=None),
}


@pytest.mark.parametrize("how", SLOW)
@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_ends_with_the_budget(azure: Clients, name: str, how: str) -> None:
    """However an answer fails to come, and however slowly: the question is over when the sweep's budget is."""
    service, ask = QUESTIONS[name]
    clock = SystemClock()
    azure.credential.token(azure.settings.cloud.arm_audience)
    began = clock.monotonic()
    http = Http(azure.credential, clock=clock, rate_limits={}, deadline=lambda: began + BUDGET)
    azure.cloud.faults.add(SLOW[how](service))
    with pytest.raises(Unavailable, match="no complete response arrived"):
        ask(azure, http)
    assert BUDGET - 0.5 < clock.monotonic() - began < BUDGET + 1.5
    http.close()


@pytest.mark.parametrize("name", QUESTIONS)
def test_no_question_is_asked_after_the_budget(azure: Clients, name: str) -> None:
    """After the deadline nothing is sent, and the error names the setting; a card still goes."""
    service, ask = QUESTIONS[name]
    azure.http.deadline = lambda: 5.0
    azure.clock.advance(seconds=5)
    with pytest.raises(Unavailable, match="SWEEP_BUDGET_SECONDS"):
        ask(azure, azure.http)
    assert azure.sent(service) == []
    azure.webhook.post(CARD)
    assert len(azure.cloud.cards) == 1


@pytest.mark.parametrize(("left", "wait"), [(42.9, 42), (0.5, 1), (4_000, 600)])
def test_the_service_is_told_how_long_a_query_may_run(azure: Clients, left: float, wait: int) -> None:
    """A query is not left running in the service after nobody waits for it any more."""
    azure.http.deadline = lambda: left
    azure.workspace.ask("EmailEvents | count")
    assert f"wait={wait}" in azure.sent("log_analytics")[0].headers["prefer"].split(",")


@pytest.mark.parametrize("wire", [Wire.DRIP, Wire.HANG], ids=lambda wire: str(wire.name))
def test_a_token_is_not_waited_for_longer_than_its_timeout(azure: Clients, wire: Wire) -> None:
    """An identity endpoint that drips is given up as one that is silent."""
    azure.cloud.faults.add(Fault(service="identity", wire=wire, seconds=60, times=None))
    credential = sign_in(CLIENT_ID, limits=Limits(attempts=1, read=1.0))
    began = time.monotonic()
    with pytest.raises(SignInFailed):
        credential.token(azure.settings.cloud.arm_audience)
    assert time.monotonic() - began < 3
    credential.close()


@pytest.mark.slow
def test_a_token_is_not_waited_for_after_the_budget(azure: Clients) -> None:
    """A token that is needed when the budget is over has some seconds, whatever its own limits are."""
    azure.cloud.faults.add(Fault(service="identity", wire=Wire.DRIP, seconds=120, times=None))
    credential = sign_in(CLIENT_ID, deadline=lambda: 0.0, limits=Limits(attempts=5, read=60.0))
    began = time.monotonic()
    with pytest.raises(SignInFailed):
        credential.token(azure.settings.cloud.arm_audience)
    assert 4 < time.monotonic() - began < 8
    credential.close()


# --- whoever listens at the other end


@contextmanager
def listening_server(serve: Callable[[socket.socket, threading.Event], None]) -> Iterator[int]:
    """The port of a server that does this with each connection, until the end."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def converse(connection: socket.socket) -> None:
            with suppress(OSError), connection:
                serve(connection, over)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    threading.Thread(target=converse, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        over.set()
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def dripping(head: bytes, body: bytes = b"") -> Callable[[socket.socket, threading.Event], None]:
    """Sends these a byte every tenth of a second, the body for ever."""

    def serve(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65_536)
        pieces = [bytes([each]) for each in head]
        while not over.wait(0.1):
            connection.sendall(pieces.pop(0) if pieces else body)

    return serve


@pytest.mark.parametrize(
    "serve",
    [
        dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\nX-Long: " + b"x" * 900),
        dripping(b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        dripping(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        dripping(b"HTTP/1.1 100 Continue\r\n\r\n" * 90),
        lambda _, over: over.wait(60),
    ],
    ids=["head", "body without an end", "chunks without an end", "go on, for ever", "silence"],
)
def test_table_storage_that_drips_is_given_up(serve: Callable[[socket.socket, threading.Event], None]) -> None:
    """A request to the ledger, by the real SDK, has its timeout as a whole, wherever the drip is."""
    with listening_server(serve) as port:
        service = TableService(
            f"http://127.0.0.1:{port}/account", "ledger", KEY, SystemClock(), limits=Limits(attempts=1, read=1.0)
        )
        began = time.monotonic()
        with pytest.raises(LedgerUnavailable):
            service.send(lambda: next(service.client.list_entities().by_page()))
        assert time.monotonic() - began < 3
        service.client.close()


def test_the_ledger_is_not_asked_again_long_after_the_budget() -> None:
    """Before the end of the budget a request has until then; after it half a minute, for what is to be written down."""
    clock = FakeClock()
    tries = 0

    def fails() -> None:
        nonlocal tries
        tries += 1
        clock.advance(seconds=12)
        raise Unavailable("busy", service=Service.LEDGER, call=Call.READ, status=503)

    service = TableService("https://127.0.0.1:1", "ledger", KEY, clock, lambda: 100.0)
    for begins, ends in ((0.0, 100.0), (80.0, 110.0), (500.0, 500.0 + LATE)):
        clock.advance(seconds=begins - clock.monotonic())
        with pytest.raises(LedgerUnavailable):
            service.send(fails)
        assert begins + 12 < clock.monotonic() <= ends + 12
        clock = FakeClock()
        service = TableService("https://127.0.0.1:1", "ledger", KEY, clock, lambda: 100.0)
    assert tries > 6


def test_connecting_and_the_answer_share_one_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handshake, a head and a body that each come just in time are together too late."""
    certificate = Certificate()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.bundle))

    def serve(connection: socket.socket, over: threading.Event) -> None:
        over.wait(0.8)
        with certificate.context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(65_536)
            over.wait(0.8)
            secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    session = Session()
    with listening_server(serve) as port, suppress(ssl.SSLError):
        began = time.monotonic()
        with pytest.raises(SweepError):
            session.exchange(
                Service.SENTINEL,
                Call.READ,
                f"https://127.0.0.1:{port}/x",
                token="",
                body=None,
                connect=1.2,
                read=1.2,
            )
        assert time.monotonic() - began < 1.5
    session.close()
    certificate.close()
