"""What holds of the ledger in Table storage only: its requests, its limits, its faults on the wire."""

from __future__ import annotations

import http.client
import logging
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import ascii_letters, digits
from typing import Any

import pytest
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import ClientAuthenticationError

from shared.ledger import Ledger, LedgerConflict, LedgerError, LedgerUnavailable, open_ledger
from shared.ledger.table import TableLedger
from shared.model import CardNote, Reason, ToldFinding
from tests.support.azurite import Azurite, TokenCredential
from tests.support.clock import FakeClock
from tests.support.ledger_samples import NOW, WORKSPACE, card, record, state
from tests.support.ledgers import TablePlace


class Between:
    """A proxy before a table service that answers the next requests as a test wants.

    Each of `plan` is for one request: a status with headers and a body, "drop" (the connection breaks before the
    request is passed on), "lose" (it is passed on, and the answer lost), or None (passed on).
    """

    def __init__(self, azurite: Azurite) -> None:
        self.plan: list[Any] = []
        self.seen: list[str] = []
        between = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                what = between.plan.pop(0) if between.plan else None
                between.seen.append(f"{self.command} {what if what is None or isinstance(what, str) else what[0]}")
                if what == "drop":
                    self.close_connection = True
                    return
                if isinstance(what, tuple):
                    status, headers, answer = what
                else:
                    onward = http.client.HTTPConnection("127.0.0.1", azurite.port, timeout=30)
                    onward.request(self.command, self.path, body, dict(self.headers.items()))
                    got = onward.getresponse()
                    status, headers, answer = got.status, dict(got.getheaders()), got.read()
                    onward.close()
                    if what == "lose":
                        self.close_connection = True
                        return
                self.send_response_only(status)
                for name, value in headers.items():
                    if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST = do_PUT = do_DELETE = _any  # noqa: N815 - as http.server names them

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}/devstoreaccount1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def between(azurite: Azurite) -> Iterator[Between]:
    """A proxy before the session's table service."""
    proxy = Between(azurite)
    yield proxy
    proxy.close()


@pytest.fixture
def ledger(
    between: Between, table_place: TablePlace, clock: FakeClock, close: Callable[[Ledger], Ledger]
) -> TableLedger:
    """A ledger on the test's table, through the proxy; it has written a record and been loaded."""
    table_place.open().save([record()])
    found = TableLedger(between.endpoint, WORKSPACE, table_place.azurite.credential, table_place.table, clock=clock)
    close(found)
    found.load()
    return found


@pytest.mark.slow
def test_ten_thousand_records_load_in_eleven_requests(table_place: TablePlace) -> None:
    """All records, cards and the state come in one query of 1,000 rows a page."""
    writer = table_place.open()
    people = [record(f"{number}@contoso.com", 12) for number in range(9_990)]
    writer.save(people)
    writer.save(cards=[card(f"{number}") for number in range(9)])
    writer.save_state(state())
    for day in range(5):
        writer.keep_receipt(NOW.date() - timedelta(days=day), "r", {"flagged": 9_990})
    reader = table_place.open(read_only=True)
    loaded = reader.load()
    assert loaded.records == {each.recipient: each for each in people}
    assert len(loaded.cards) == 9
    assert 10 <= reader.requests <= 11
    assert reader.retries == 0
    assert writer.requests <= 1 + 1 + 3 + 100 + 1 + 1 + 5, "a load, the table, its first write, and the batches"


def test_a_quiet_sweep_is_five_requests(table_place: TablePlace) -> None:
    """Claiming, loading, keeping the receipt and releasing cost one request each; a renewal one more."""
    table_place.open().save([record()])
    ledger = table_place.open()
    assert ledger.lease() is None
    lease = ledger.take(None, "me", 60)
    ledger.load()
    lease = ledger.take(lease, "me", 60)
    ledger.keep_receipt(NOW.date(), "r", {})
    ledger.release(lease)
    assert ledger.requests == 6


def test_one_transaction_while_it_fits_one(ledger: TableLedger, between: Between) -> None:
    """A save of 99 rows is one request, of a hundred and one two, and the records go first."""
    ledger.save(cards=[card(f"{number}") for number in range(60)])
    between.seen.clear()
    ledger.save([record(f"{number}@contoso.com") for number in range(90)], dropped_cards=map(str, range(9)))
    assert between.seen == ["POST None"]
    between.plan[:] = [None, (400, {}, b"")]
    with pytest.raises(LedgerUnavailable):
        ledger.save([record(f"{n}@contoso.com", 1) for n in range(85)], dropped_cards=map(str, range(20, 40)))
    loaded = ledger.load()
    assert len(loaded.cards) == 60 - 9 - 15
    assert all(len(loaded.records[f"{number}@contoso.com"].reported) == 1 for number in range(85))


@pytest.mark.parametrize(
    "fault",
    [
        "drop",
        "lose",
        (500, {}, b""),
        (503, {"Retry-After": "3"}, b"<html>busy</html>"),
        (429, {}, b""),
        (408, {}, b""),
        (504, {}, b""),
    ],
    ids=lambda fault: str(fault[0]) if isinstance(fault, tuple) else fault,
)
def test_what_passes_is_tried_again(ledger: TableLedger, between: Between, clock: FakeClock, fault: object) -> None:
    """A fault that passes costs a further attempt, whether or not the first was made; nothing is written twice."""
    verbs: dict[str, Callable[[], object]] = {
        "note": lambda: ledger.save(cards=[card("one")]),
        "save": lambda: ledger.save([record(remediators="eve")], dropped_cards=["one"]),
        "state": lambda: ledger.save_state(state()),
        "take": lambda: ledger.release(ledger.take(None, "me", 60)),
        "receipt": lambda: ledger.keep_receipt(NOW.date(), "r", {"n": 1}),
        "load": ledger.load,
    }
    for name, verb in verbs.items():
        between.plan[:] = [fault]
        retries, sleeps = ledger.retries, len(clock.sleeps)
        verb()
        assert ledger.retries == retries + 1, name
        assert len(clock.sleeps) == sleeps + 1
        if isinstance(fault, tuple) and fault[1]:
            assert clock.sleeps[-1] == 3.0
    loaded = ledger.load()
    assert (loaded.records, loaded.cards) == ({"ann@contoso.com": record(remediators="eve")}, {})
    assert loaded.state == state()
    assert ledger.receipts(date.min) == [{"n": 1}]
    assert ledger.lease() is None
    ledger.save([record(remediators="bob")])


def test_a_lost_answer_hides_no_conflict(ledger: TableLedger, between: Between, table_place: TablePlace) -> None:
    """When the write whose answer was lost was refused, somebody else's row is not taken for ours."""
    table_place.open().save([record(remediators="eve")])
    between.plan[:] = ["lose"]
    with pytest.raises(LedgerConflict):
        ledger.save([record(remediators="bob")])
    assert table_place.open().load().records["ann@contoso.com"].remediators == "eve"


BODY = b'{"odata.error":{"code":"%s","message":{"lang":"en-US","value":"said\\nRequestId:1"}}}'
JSON = {"Content-Type": "application/json"}
FINAL = [
    ((403, JSON, BODY % b"AuthorizationPermissionMismatch"), "Storage Table Data Contributor"),
    ((403, JSON, BODY % b"AuthorizationFailure"), "firewall"),
    ((403, JSON, BODY % b"AuthenticationFailed"), "managed identity"),
    ((400, JSON, BODY % b"InvalidInput"), "LEDGER_URL"),
    ((404, JSON, BODY % b"ResourceTypeMismatch"), "LEDGER_URL"),
    ((302, {"Location": "https://evil.example/"}, b""), "LEDGER_URL"),
]


@pytest.mark.parametrize(("answer", "advice"), FINAL, ids=lambda value: str(value)[:40])
def test_a_refusal_says_what_to_do(
    ledger: TableLedger, between: Between, clock: FakeClock, answer: tuple[int, object, bytes], advice: str
) -> None:
    """What will not pass is asked once, and the message names the ledger and what to do."""
    for verb in (ledger.load, lambda: ledger.save_state(state())):
        between.seen.clear()
        between.plan[:] = [answer]
        with pytest.raises(LedgerUnavailable, match=advice) as caught:
            verb()
        assert f"the ledger {between.endpoint}" in str(caught.value)
        assert f" answered {answer[0]}" in str(caught.value)
        assert len(between.seen) == 1
    assert clock.sleeps == []


PASSING: dict[str, list[Any]] = {
    "gone": ["drop"] * 5,
    "503": [(503, {}, b"")] * 5,
    "429": [(429, {}, b"")] * 5,
    "html": [(200, {"Content-Type": "text/html"}, b"<html>sign in</html>")] * 2,
    "other json": [(200, JSON, b"{}")] * 2,
    "other rows": [(200, JSON, b'{"value":[{"a":1}]}')] * 2,
    "cut json": [(200, JSON, b'{"value":[{"Part')] * 2,
    "long": [(503, {"Retry-After": "3600"}, b"")],
    "being deleted": [(409, JSON, BODY % b"TableBeingDeleted")],
}


@pytest.mark.parametrize("name", PASSING)
def test_attempts_are_bounded(ledger: TableLedger, between: Between, clock: FakeClock, name: str) -> None:
    """At most five attempts and two minutes, and a Retry-After that does not fit is not waited for."""
    between.seen.clear()
    between.plan[:] = PASSING[name]
    with pytest.raises(LedgerUnavailable, match=r"next sweep goes on") as caught:
        ledger.load()
    assert between.endpoint in str(caught.value)
    assert len(between.seen) == len(PASSING[name]) <= 5
    assert between.plan == []
    assert clock.slept <= 120


def test_a_service_that_is_gone_is_named(close: Callable[[Ledger], Ledger]) -> None:
    """With the service stopped every verb ends in LedgerUnavailable with advice; with it back, all goes on."""
    clock = FakeClock()
    with Azurite() as azurite:
        ledger = TableLedger(azurite.endpoint, WORKSPACE, azurite.credential, clock=clock)
        close(ledger)
        ledger.save([record()])
        lease = ledger.take(None, "me", 60)
        azurite.stop()
        verbs: list[Callable[[], object]] = [
            ledger.load,
            ledger.lease,
            lambda: ledger.take(lease, "me", 60),
            lambda: ledger.release(lease),
            lambda: ledger.save(cards=[card()]),
            lambda: ledger.save([record(remediators="bob")]),
            lambda: ledger.save_state(state()),
            lambda: ledger.keep_receipt(NOW.date(), "r", {}),
            lambda: ledger.receipts(date.min),
            lambda: ledger.prune(["ann@contoso.com"], NOW.date()),
        ]
        for verb in verbs:
            with pytest.raises(LedgerUnavailable, match=r"could not be reached: .*check LEDGER_URL, the storage"):
                verb()
        azurite.start()
        assert ledger.load().records == {}
        ledger.save([record()])


def test_the_table_is_made_once(table_place: TablePlace) -> None:
    """Sweeps that find no table make it, also when several do so at once."""
    threads = [
        threading.Thread(target=lambda n=number: table_place.open(workspace=f"/w/{n}").save_state(state()))
        for number in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert table_place.keys() == ["b.standing.workspace"] * 6


def test_a_row_that_lost_a_part_is_damaged(table_place: TablePlace) -> None:
    """A large row of which an entity is missing is set aside, not read in part."""
    table_place.open().save(cards=[_large_card("one", 30_000)])
    first, second = table_place.keys()
    assert second == f"{first}~01"
    table_place.remove(second)
    loaded = table_place.open().load()
    assert (loaded.cards, loaded.damaged) == ({}, (first,))


def test_what_no_transaction_takes_is_said(ledger: TableLedger, table_place: TablePlace) -> None:
    """A row larger than a transaction is refused by name before anything is written."""
    before = ledger.requests
    with pytest.raises(LedgerError, match=r"b\.card\.\w+ is too large .* nothing was written"):
        ledger.save(cards=[*(card(f"{number}") for number in range(200)), _large_card("large", 100_000)])
    assert ledger.requests == before
    assert table_place.open().load().cards == {}


def _large_card(name: str, findings: int) -> CardNote:
    """A card that tells so many findings, each of about 40 bytes that do not deflate."""
    chance = random.Random(1)
    ids = ("".join(chance.choices(ascii_letters + digits, k=50)) for _ in range(findings))
    return card(name, findings=tuple(ToldFinding("a", each, 0, Reason.FIRST) for each in ids))


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Azurite, Path]]:
    """A table service that speaks TLS and takes tokens, as the deployed one does."""
    folder = tmp_path_factory.mktemp("tls")
    with Azurite(folder) as azurite:
        yield azurite, folder / "ca.pem"


def test_the_identity_is_enough(
    tls: tuple[Azurite, Path], close: Callable[[Ledger], Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over TLS, with nothing but tokens for storage's audience, the ledger works: no key anywhere."""
    azurite, authority = tls
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
    close(open_ledger(azurite.endpoint, WORKSPACE, TokenCredential())).save([record()])
    reader = close(open_ledger(azurite.endpoint, WORKSPACE, TokenCredential(), read_only=True))
    assert reader.load().records == {"ann@contoso.com": record()}
    with pytest.raises(LedgerError, match="read only"):
        reader.save_state(state())


def test_a_refused_token_is_renewed_once(azurite: Azurite, between: Between, close: Callable[[Ledger], Ledger]) -> None:
    """After a 401 a credential that can is asked for a fresh token, and the request sent once more."""

    class Renewing(AzureNamedKeyCredential):
        """A key, for the proxy speaks no TLS, which a token needs; asked to renew as the sweep's own credential is."""

        renewed = 0

        def generation(self) -> int:
            return self.renewed

        def renew(self, generation: int) -> None:
            assert generation == self.renewed
            self.renewed += 1

    credential = Renewing(*azurite.credential.named_key)
    ledger = TableLedger(between.endpoint, WORKSPACE, credential, clock=FakeClock())
    close(ledger)
    refused = (401, JSON, BODY % b"InvalidAuthenticationInfo")
    between.plan[:] = [refused]
    ledger.load()
    assert credential.renewed == 1
    between.plan[:] = [refused] * 2
    with pytest.raises(LedgerUnavailable, match="managed identity"):
        ledger.load()
    assert (credential.renewed, between.plan) == (2, [])


def test_no_sign_in_is_said(close: Callable[[Ledger], Ledger]) -> None:
    """Without a token nothing is sent, and the message says how to sign in; a token needs https."""

    class Nobody(TokenCredential):
        def get_token(self, *scopes: str, **_: object) -> Any:
            """As azure-identity does without an identity."""
            raise ClientAuthenticationError("no identity; secret=hunter2")

    ledger = TableLedger("https://127.0.0.1:1/a", WORKSPACE, Nobody(), clock=FakeClock())
    close(ledger)
    with pytest.raises(LedgerUnavailable, match="az login") as caught:
        ledger.load()
    assert "hunter2" not in str(caught.value)
    with pytest.raises(LedgerUnavailable, match="HTTPS"):
        TableLedger("http://127.0.0.1:1/a", WORKSPACE, TokenCredential())


def test_no_secret_is_said(
    tls: tuple[Azurite, Path],
    ledger: TableLedger,
    between: Between,
    close: Callable[[Ledger], Ledger],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever fails, no key, signature or token is in a message, in what caused it, or in any log."""
    azurite, authority = tls
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    for answers in [[answer] for answer, _ in FINAL] + list(PASSING.values()):
        between.plan[:] = answers
        with pytest.raises(LedgerUnavailable) as caught:
            ledger.load()
        said += _chain(caught.value)
    credential = TokenCredential("https://elsewhere.example")
    wrong = TableLedger(azurite.endpoint, WORKSPACE, credential, clock=FakeClock())
    close(wrong)
    with pytest.raises(LedgerUnavailable) as caught:
        wrong.load()
    said += _chain(caught.value)
    name, key = azurite.credential.named_key
    everything = "\n".join(said) + caplog.text
    assert credential.token
    for secret in (key, credential.token, f"SharedKey {name}:", credential.token.split(".")[1]):
        assert secret not in everything


def _chain(error: BaseException | None) -> list[str]:
    found = []
    while error is not None:
        found.append(repr(error) + str(error))
        error = error.__cause__ or error.__context__
    return found


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_service_that_hangs_is_given_up(azurite: Azurite, close: Callable[[Ledger], Ledger]) -> None:
    """A service that takes the connection and says nothing is given up within two minutes, for real."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = f"http://127.0.0.1:{server.getsockname()[1]}/devstoreaccount1"
        ledger = TableLedger(endpoint, WORKSPACE, azurite.credential)
        close(ledger)
        began = time.monotonic()
        with pytest.raises(LedgerUnavailable, match="storage account"):
            ledger.load()
        assert time.monotonic() - began <= 121
