"""How large an answer may become: what a few packed bytes inflate to is thrown away before it fills the memory."""

from __future__ import annotations

import gzip
import socket
import threading
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from shared.clock import SystemClock
from shared.errors import Forbidden, PartialData, SignInFailed
from shared.http.client import Limits
from shared.http.credential import sign_in
from shared.http.size_limit import MIB, OTHER_BYTES, QUERY_BYTES, TOKEN_BYTES, ResponseTooLarge, within
from shared.incidents.port import Ended
from shared.ledger.port import LedgerUnavailable
from shared.ledger.service import TableService
from tests.cloud import CLIENT_ID, Fault
from tests.http.test_total_timeout import KEY, listening_server
from tests.support.clients import CARD, INCIDENT, Clients, incident_body

ROOM = 24 * MIB
"""What a request may take beside its answer."""
QUESTIONS: dict[str, tuple[str, int, Callable[[Clients], Any]]] = {
    "log analytics": ("log_analytics", QUERY_BYTES, lambda azure: azure.workspace.ask("EmailEvents | count")),
    "graph": ("graph", QUERY_BYTES, lambda azure: azure.graph.ask("EmailEvents | count")),
    "list": ("sentinel", OTHER_BYTES, lambda azure: list(azure.sentinel.changed(None))),
    "incident": ("sentinel", OTHER_BYTES, lambda azure: azure.sentinel.read(INCIDENT)),
}


def packed(size: int, how: str = "gzip") -> bytes:
    """JSON of this many bytes, packed; "gzip, gzip" twice over."""
    compress = zlib.compressobj(9, wbits=31 if how.startswith("gzip") else 15)
    pieces = [compress.compress(b'{"value":[],"x":"')]
    pieces += [compress.compress(b"0" * MIB) for _ in range(size // MIB)]
    pieces += [compress.compress(b'"}'), compress.flush()]
    whole = b"".join(pieces)
    return gzip.compress(whole, 9) if how == "gzip, gzip" else whole


def bomb(service: str, size: int, how: str = "gzip", status: int = 200, times: int | None = None) -> Fault:
    """A service that answers with it."""
    return Fault(
        service=service,
        status=status,
        times=times,
        body=packed(size, how),
        headers={"Content-Encoding": how, "Content-Type": "application/json"},
    )


def _peak(work: Callable[[], object]) -> int:
    """The most bytes of Python's that this took at once."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_answer_that_inflates_is_refused(azure: Clients, name: str) -> None:
    """Half a megabyte that unpacks to half a gigabyte is an error that says so, and never was in memory as a whole."""
    service, most, ask = QUESTIONS[name]
    azure.credential.token(azure.settings.cloud.arm_audience)
    azure.cloud.faults.add(bomb(service, 512 * MIB))

    def asked() -> None:
        with pytest.raises(PartialData, match=f"more than {most // MIB} MiB"):
            ask(azure)

    assert _peak(asked) < most + ROOM
    assert len(azure.sent(service)) == 2  # as an answer that is not the service's own: once more


@pytest.mark.parametrize("how", ["gzip", "deflate", "gzip, gzip"])
def test_it_is_refused_however_it_is_packed(azure: Clients, how: str) -> None:
    """Packed twice, a kilobyte is enough."""
    azure.credential.token(azure.settings.cloud.arm_audience)
    azure.cloud.faults.add(bomb("sentinel", 512 * MIB, how))

    def asked() -> None:
        with pytest.raises(PartialData, match="more than 64 MiB"):
            azure.sentinel.read(INCIDENT)

    assert _peak(asked) < OTHER_BYTES + ROOM


def test_it_is_refused_without_being_packed(azure: Clients) -> None:
    """What is simply too long is too large as well."""
    azure.cloud.faults.add(Fault(service="sentinel", status=200, times=None, body=b" " * (OTHER_BYTES + 1)))
    with pytest.raises(PartialData, match="more than 64 MiB"):
        azure.sentinel.read(INCIDENT)


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_largest_answer_is_taken(azure: Clients, name: str) -> None:
    """An answer within the bound is read whole: it is refused, if at all, for what is in it."""
    service, most, ask = QUESTIONS[name]
    azure.cloud.faults.add(bomb(service, most - MIB))
    try:
        ask(azure)
    except PartialData as error:
        assert "MiB" not in str(error)  # noqa: PT017 - some take it, some miss what it should hold


def test_a_refusal_counts_by_its_status(azure: Clients) -> None:
    """The body of a refusal is left out when it is too large: what to do about it is still said."""
    azure.cloud.faults.add(bomb("sentinel", 128 * MIB, status=403))
    with pytest.raises(Forbidden, match="Microsoft Sentinel Responder"):
        azure.sentinel.read(INCIDENT)


def test_a_write_whose_answer_is_too_large_is_looked_up(azure: Clients) -> None:
    """It was made all the same: that is found out, and nothing is made twice."""
    fault = bomb("sentinel", 128 * MIB, times=1)
    fault.method, fault.effect = "PUT", True
    azure.cloud.faults.add(fault)
    assert azure.sentinel.create(INCIDENT, incident_body()).ended is Ended.DONE
    assert azure.methods() == "GET PUT GET"


def test_a_card_s_answer_is_not_read(azure: Clients) -> None:
    """Teams took the card, whatever it sends after that."""
    azure.cloud.faults.add(bomb("teams", 128 * MIB, status=202))
    azure.webhook.post(CARD)
    assert len(azure.sent("teams")) == 1


def test_a_token_is_small(azure: Clients) -> None:
    """What the identity endpoint sends is bounded, too, and is no sign-in."""
    azure.cloud.faults.add(bomb("identity", 8 * MIB))
    credential = sign_in(CLIENT_ID, azure.clock, limits=Limits(attempts=1))

    def asked() -> None:
        with pytest.raises(SignInFailed, match="without a token"):
            credential.token(azure.settings.cloud.arm_audience)

    asked()  # the libraries are loaded
    azure.clock.advance(minutes=5)
    assert _peak(asked) < 2 * TOKEN_BYTES + 2 * MIB
    credential.close()


def test_table_storage_is_bounded_too() -> None:
    """An answer to the ledger that does not end is an error that says so, by the real SDK."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n"
    answer = head + packed(2 * OTHER_BYTES)

    def serve(connection: socket.socket, _: threading.Event) -> None:
        connection.recv(65_536)
        connection.sendall(answer)

    with listening_server(serve) as port:
        service = TableService(
            f"http://127.0.0.1:{port}/account", "ledger", KEY, SystemClock(), limits=Limits(attempts=1)
        )
        with pytest.raises(LedgerUnavailable) as caught:
            service.send(lambda: next(service.client.list_entities().by_page()))
        assert "64 MiB" in str(caught.value.__cause__)
        service.client.close()


def test_the_bound_is_exact() -> None:
    """As many bytes as allowed pass; one more does not."""
    assert b"".join(within(4, [b"ab", b"", b"cd"])) == b"abcd"
    with pytest.raises(ResponseTooLarge):
        list(within(4, [b"ab", b"cd", b"e"]))
