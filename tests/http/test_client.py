"""The plumbing under every client: limits, waits, tokens, connections."""

import logging
import math
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from shared import __version__
from shared.app import hunt_options
from shared.clock import SystemClock
from shared.errors import Call, PartialData, Rejected, Service, SignInFailed, SweepError, Throttled, Unavailable
from shared.http.client import Http, Limits
from shared.http.rate_limit import standard_rate_limits
from shared.http.retry import retry_after
from shared.incidents.port import Ended
from shared.query.log_analytics import Workspace, connect
from tests.cloud import WORKSPACE_ID, Fault, Wire
from tests.support.clients import CARD, INCIDENT, Clients, connected, incident_body
from tests.support.clock import START, FakeClock


def passed(azure: Clients) -> float:
    """Seconds waited so far."""
    return azure.clock.monotonic()


def put(status: int, times: int | None = None, **headers: str) -> Fault:
    """A webhook that answers so."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fault(service="teams", status=status, times=times, headers=named)


# --- waiting


def test_backoff_doubles(azure: Clients) -> None:
    """Without Retry-After the waits are at most 1, 2, 4 and 8 seconds; five attempts, then the error."""
    azure.cloud.faults.add(put(503))
    with pytest.raises(Unavailable):
        azure.webhook.post(CARD)
    assert len(azure.sent("teams")) == 5
    assert passed(azure) == 1 + 2 + 4 + 8


def test_backoff_has_full_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chance may shorten a wait to nothing."""
    draws = iter([0.0, 0.5, 0.25, 1.0, 1.0])
    with connected(monkeypatch, chance=lambda: next(draws)) as azure:
        azure.cloud.faults.add(put(503))
        with pytest.raises(Unavailable):
            azure.webhook.post(CARD)
        assert passed(azure) == 0 + 1 + 1 + 8


@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        ("7", 7),
        ("1.5", 1.5),
        (format_datetime(START + timedelta(seconds=20), usegmt=True), 20),
        ("0", 1),
        ("-5", 1),
        ("NaN", 1),
        ("inf", 1),
        ("soon", 1),
        ("", 1),
        (format_datetime(START - timedelta(days=1), usegmt=True), 1),
        ("Tue, 99 Foo 2026 25:61:61 GMT", 1),
    ],
)
def test_retry_after_is_obeyed_or_absurd(azure: Clients, asked: str, waited: float) -> None:
    """A Retry-After in seconds or as a date is waited for; one that makes no sense is as good as none."""
    azure.cloud.faults.add(put(503, times=1, Retry_After=asked))
    azure.webhook.post(CARD)
    assert passed(azure) == waited


@pytest.mark.parametrize("asked", ["121", "86400", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
@pytest.mark.parametrize("status", [429, 503])
def test_a_retry_after_that_does_not_fit_ends_it(azure: Clients, asked: str, status: int) -> None:
    """A Retry-After beyond the request's 120 seconds is not waited for: the error comes at once and holds it."""
    azure.cloud.faults.add(put(status, Retry_After=asked))
    with pytest.raises((Throttled, Unavailable)) as caught:
        azure.webhook.post(CARD)
    assert caught.value.retry_after is not None
    assert 120 < caught.value.retry_after <= 86_400
    assert len(azure.sent("teams")) == 1
    assert passed(azure) == 0


def test_no_more_than_two_minutes(azure: Clients) -> None:
    """Waits that fit one by one but not together end with the request's 120 seconds."""
    azure.cloud.faults.add(put(429, Retry_After="50"))
    with pytest.raises(Throttled):
        azure.webhook.post(CARD)
    assert len(azure.sent("teams")) == 3
    assert passed(azure) == 100


def test_no_wait_beyond_the_budget(azure: Clients) -> None:
    """No wait goes beyond the sweep's deadline; what is sent at its end is still sent, once."""
    azure.http.deadline = lambda: 5.0
    azure.cloud.faults.add(put(503, Retry_After="3"))
    with pytest.raises(Unavailable):
        azure.webhook.post(CARD)
    assert len(azure.sent("teams")) == 2
    azure.cloud.faults.clear()
    azure.clock.advance(seconds=60)
    azure.webhook.post(CARD)
    assert len(azure.cloud.cards) == 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        (" 3 ", 3.0),
        ("٣", None),
        ("1e3", None),
        ("0x10", None),
        ("Tue, 24 Nov 2026 06:00:09 +0000", 9.0),
        ("Tue, 24 Nov 2026 06:00:09", 9.0),
        ("Mon, 01 Jan 0001 00:00:00 +2359", None),
    ],
)
def test_retry_after_is_read_strictly(value: str | None, seconds: float | None) -> None:
    """A Retry-After is plain digits or an HTTP date, whose time zone is UTC when it says none."""
    assert retry_after(value, START) in (seconds, 0.0 if seconds is None and value and "0001" in value else seconds)


# --- counting


def test_requests_and_repetitions_are_counted(azure: Clients) -> None:
    """Every request that is sent counts for its service, every repetition as a retry."""
    azure.cloud.faults.add(put(503, times=2), Fault(service="log_analytics", status=503))
    azure.webhook.post(CARD)
    azure.workspace.ask("EmailEvents | count")
    azure.sentinel.create(INCIDENT, incident_body())
    assert azure.http.requests == {"teams": 3, "log_analytics": 2, "sentinel": 2}
    assert azure.http.retries == 3


# --- an SDK's calls


def test_an_sdk_s_call_is_tried_again(azure: Clients) -> None:
    """`retrying` calls again after what the classifier says passes, and hands back what the call returns."""
    tries = iter([OSError("no"), OSError("no"), None])

    def attempt() -> str:
        if (error := next(tries)) is not None:
            raise error
        return "an answer"

    def classify(_: Exception) -> SweepError:
        return Unavailable("not now: wait", service=Service.GRAPH, call=Call.QUERY, status=503)

    assert azure.http.sdk_call(Service.GRAPH, attempt, classify) == "an answer"
    assert azure.http.requests == {"graph": 3}


def test_a_bug_in_an_sdk_s_call_is_seen(azure: Clients) -> None:
    """An exception that is no library's own comes out of `retrying` as it is, after one attempt."""

    def attempt() -> None:
        raise KeyError("a bug")

    with pytest.raises(KeyError, match="a bug"):
        azure.http.sdk_call(Service.LOG_ANALYTICS, attempt)
    assert azure.http.retries == 0


# --- tokens


def test_a_token_that_expires_in_mid_sweep_is_renewed_once(azure: Clients) -> None:
    """When many threads have the same token refused, one fresh token is fetched and all go on."""
    assert azure.sentinel.read(INCIDENT) is None
    assert len(azure.sent("identity")) == 1
    azure.cloud.expire_tokens()
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(azure.sentinel.read, [INCIDENT] * 40)) == [None] * 40
    assert len(azure.sent("identity")) == 2


def test_a_query_s_refused_token_is_renewed(azure: Clients) -> None:
    """The SDK's calls get the fresh token, too."""
    azure.workspace.ask("EmailEvents | count")
    azure.cloud.expire_tokens()
    azure.workspace.ask("EmailEvents | count")
    assert [each.status for each in azure.sent("log_analytics")] == [200, 401, 200]


def test_a_fresh_token_that_is_refused_is_final(azure: Clients) -> None:
    """After one fresh token a second 401 is the end."""
    azure.cloud.faults.add(Fault(service="sentinel", status=401, times=None))
    with pytest.raises(SignInFailed):
        azure.sentinel.read(INCIDENT)
    assert len(azure.sent("sentinel")) == 2
    assert len(azure.sent("identity")) == 2


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_identity_endpoint_that_is_busy_is_asked_again(azure: Clients, status: int) -> None:
    """What passes at the identity endpoint is waited for like any other service's trouble."""
    azure.cloud.faults.add(Fault(service="identity", status=status, times=2, headers={"Retry-After": "4"}))
    assert azure.sentinel.read(INCIDENT) is None
    assert len(azure.sent("identity")) == 3
    assert passed(azure) == 8


def test_an_identity_endpoint_out_of_reach_is_asked_again(azure: Clients) -> None:
    """An identity endpoint that drops connections is asked five times, and blamed by name."""
    azure.cloud.faults.add(Fault(service="identity", wire=Wire.DROP, times=None))
    with pytest.raises(SignInFailed, match="the identity endpoint did not answer") as caught:
        azure.sentinel.read(INCIDENT)
    assert caught.value.cause == "identity_sign_in"
    assert len(azure.sent("identity")) == 5
    assert not azure.sent("sentinel")


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_an_identity_that_does_not_exist_is_final(azure: Clients, status: int) -> None:
    """A token that is refused for good is asked for once, and the message says what to check."""
    azure.cloud.faults.add(Fault(service="identity", status=status, times=None))
    with pytest.raises(SignInFailed, match="AZURE_CLIENT_ID") as caught:
        azure.sentinel.read(INCIDENT)
    assert caught.value.cause == "identity_sign_in"
    assert len(azure.sent("identity")) == 1


def test_html_from_the_identity_endpoint_is_no_token(azure: Clients) -> None:
    """A page where a token should be is asked for once more, then an error."""
    azure.cloud.faults.add(Fault(service="identity", status=200, body="<html>", times=None))
    with pytest.raises(SignInFailed, match="the identity endpoint sent a response without a token"):
        azure.sentinel.read(INCIDENT)
    assert len(azure.sent("identity")) == 2


def test_tokens_are_kept_per_audience(azure: Clients) -> None:
    """One token per audience serves every request until it is about to expire."""
    for _ in range(3):
        azure.sentinel.read(INCIDENT)
        azure.workspace.ask("EmailEvents | count")
        azure.graph.ask("EmailEvents | count")
    assert len(azure.sent("identity")) == 3


def test_the_webhook_gets_no_token(azure: Clients) -> None:
    """A card is posted without our identity's token."""
    azure.webhook.post(CARD)
    assert "authorization" not in azure.sent("teams")[0].headers
    assert not azure.sent("identity")


# --- on the wire


def test_who_asks_is_said(azure: Clients) -> None:
    """Every request names the program and its version, and takes JSON."""
    azure.sentinel.read(INCIDENT)
    azure.webhook.post(CARD)
    for service in ("sentinel", "teams"):
        headers = azure.sent(service)[0].headers
        assert headers["user-agent"] == f"email-remediation-sweep/{__version__}"
        assert headers["accept"] == "application/json"


def test_nothing_is_remembered(azure: Clients) -> None:
    """A cookie that a service sets is not sent back."""
    cookie = {"Set-Cookie": "a=b; Path=/"}
    azure.cloud.faults.add(Fault(service="sentinel", status=200, body={}, headers=cookie))
    azure.sentinel.create(INCIDENT, incident_body())
    azure.sentinel.read(INCIDENT)
    assert all("cookie" not in each.headers for each in azure.cloud.log)


def test_no_password_is_looked_up(azure: Clients, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A .netrc file on the machine neither adds to a request nor replaces our token."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password guessed\n")
    monkeypatch.setenv("NETRC", str(netrc))
    azure.sentinel.read(INCIDENT)
    azure.webhook.post(CARD)
    assert azure.sent("sentinel")[0].headers["authorization"].startswith("Bearer ")
    assert "authorization" not in azure.sent("teams")[0].headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(azure: Clients, status: int) -> None:
    """A redirect is a refusal: our token goes nowhere else, whatever the Location says."""
    for place in (azure.cloud.address("graph") + "/elsewhere", "http://[", "", "\\"):
        azure.cloud.faults.add(Fault(service="sentinel", status=status, headers={"Location": place}))
        with pytest.raises(Rejected):
            azure.sentinel.read(INCIDENT)
    assert len(azure.sent("sentinel")) == 4
    assert not azure.sent("graph")


def test_plain_http_is_not_spoken(azure: Clients) -> None:
    """An address without TLS is refused before anything is sent."""
    with pytest.raises(Rejected, match="app settings"):
        azure.http.send(Service.SENTINEL, Call.READ, "http://127.0.0.1:9/x", audience="https://management.azure.com")


@pytest.mark.parametrize("url", ["https://", "https://[::1", "https://a b/", "no address", "https://x:99999/"])
def test_a_malformed_address_is_final(azure: Clients, url: str) -> None:
    """An address that is none is refused at once."""
    with pytest.raises(Rejected, match="app settings"):
        azure.http.send(Service.SENTINEL, Call.READ, url)
    assert azure.http.retries == 0


def test_an_untrusted_certificate_is_named(azure: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service whose certificate is not trusted is not talked to, and the message names the setting."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with pytest.raises(Unavailable, match="REQUESTS_CA_BUNDLE"):
        azure.webhook.post(CARD)
    assert not azure.cloud.log


def test_connections_are_kept(azure: Clients) -> None:
    """Requests one after the other share a connection: a fresh one each would cost a handshake each."""
    azure.sentinel.read(INCIDENT)
    before = threading.active_count()
    for _ in range(10):
        azure.sentinel.read(INCIDENT)
    assert threading.active_count() == before  # the small Azure has a thread per connection


def test_a_body_that_drips_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that comes byte by byte has the read timeout as a whole, not anew for each byte."""
    with connected(monkeypatch) as azure:
        clock = SystemClock()
        limits = Limits(attempts=1, read=0.4)
        http = Http(azure.credential, clock=clock, limits=limits, rate_limits={})
        azure.cloud.faults.add(Fault(service="sentinel", wire=Wire.DRIP, seconds=20))
        began = clock.monotonic()
        with pytest.raises(Unavailable):
            http.send(Service.SENTINEL, Call.READ, azure.settings.arm + "/x?" + "y" * 4_000, audience=AUDIENCE)
        assert clock.monotonic() - began < 5
        http.close()


AUDIENCE = "https://management.azure.com"


def test_the_last_attempts_get_what_time_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """An attempt near the end of the 120 seconds is given no more than what is left of them."""
    with connected(monkeypatch, limits=Limits(seconds=2.0, read=2.0)) as azure:
        late = FakeClock()
        azure.cloud.faults.add(Fault(service="sentinel", wire=Wire.HANG, seconds=6))
        late.advance(seconds=1.0)
        clock = SystemClock()
        began = clock.monotonic()
        http = Http(azure.credential, clock=late, limits=Limits(seconds=2.0, read=2.0), rate_limits={})
        with pytest.raises(Unavailable):
            http.once(Service.SENTINEL, Call.READ, azure.settings.arm + "/x", 2.0, audience=AUDIENCE)
        assert clock.monotonic() - began < 2.0
        http.close()


def test_urllib3_says_nothing_below_errors(azure: Clients, caplog: pytest.LogCaptureFixture) -> None:
    """With the root logger at DEBUG the library under us still logs no path: the webhook's is a secret."""
    caplog.set_level(logging.DEBUG)
    azure.cloud.faults.add(put(503, times=1))
    azure.webhook.post(CARD)
    assert not [record for record in caplog.records if record.name.startswith("urllib3")]
    retried = [record.getMessage() for record in caplog.records if record.name == "sweep.http"]
    assert retried == ['request_retried {"cause": "teams_unavailable", "status": 503, "wait": 1.0}']


@contextmanager
def resetting() -> Iterator[str]:
    """The address of somebody who takes connections and resets them at once."""
    listening = socket.create_server(("127.0.0.1", 0))

    def work() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            connection.recv(1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield f"https://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(10)


def test_a_connection_reset_in_its_handshake_never_was(azure: Clients) -> None:
    """A reset before TLS is up means that nothing was sent: five attempts, and surely nothing done."""
    with resetting() as address:
        for call in (Call.READ, Call.WRITE, Call.TELL, Call.QUERY):
            before = azure.http.requests["graph"]
            with pytest.raises(Unavailable, match="could not be reached") as caught:
                azure.http.send(Service.GRAPH, call, address, body=None if call is Call.READ else b"{}")
            assert not caught.value.maybe_done
            assert azure.http.requests["graph"] - before == 5
        there = azure.settings.model_copy(update={"log_analytics_endpoint": address})
        with pytest.raises(Unavailable, match="could not be reached"):
            Workspace(connect(hunt_options(there).log_analytics, azure.credential), WORKSPACE_ID, azure.http).ask(
                "EmailEvents | count"
            )
        assert azure.http.requests["log_analytics"] == 5


# --- queries


@pytest.mark.parametrize(("status", "body"), [(204, None), (200, ""), (200, " \n")])
def test_an_answer_without_a_body_is_no_data(azure: Clients, status: int, body: str | None) -> None:
    """A query that is answered without a body was answered: there is no data."""
    azure.cloud.faults.add(Fault(service="graph", status=status, body=body))
    assert azure.graph.ask("EmailEvents | count") is None


@pytest.mark.parametrize("body", ["[1, 2]", '"text"', "12", "nonsense", "[" * 100_000])
def test_an_answer_that_is_no_object_cannot_be_trusted(azure: Clients, body: str) -> None:
    """JSON that is no object, or no JSON at all, is asked for once more and then an error."""
    azure.cloud.faults.add(Fault(service="graph", status=200, body=body, times=None))
    with pytest.raises(PartialData):
        azure.graph.ask("EmailEvents | count")
    assert len(azure.sent("graph")) == 2


def test_the_budget_may_be_without_end(azure: Clients) -> None:
    """Without a deadline only the request's own limits count."""
    assert azure.http.deadline() == math.inf


# --- many at once


def _run(work: Callable[[int], Ended], count: int) -> set[Ended]:
    """Do this work so many times with eight threads; how it ended."""
    with ThreadPoolExecutor(8) as pool:
        return set(pool.map(work, range(count)))


def test_ten_callers_do_not_mix_answers(azure: Clients) -> None:
    """What one thread asks for never reaches another."""
    ids = [f"00000000-0000-0000-0000-{number:012}" for number in range(60)]
    _run(lambda n: azure.sentinel.create(ids[n], incident_body(title=f"number {n}")).ended, len(ids))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(azure.sentinel.read, ids))
    assert [each.title for each in found if each] == [f"number {number}" for number in range(60)]


def test_the_clock_is_the_machine_s_at_the_edge() -> None:
    """The edge's clock is aware, in UTC, and sleeps."""
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)
    before = clock.monotonic()
    clock.sleep(0.01)
    clock.sleep(-1)
    assert clock.monotonic() - before >= 0.009


def test_a_cloud_that_throttles_is_never_made_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """With ARM's bucket enforced and ours kept, eight threads get no 429 and leave nothing due."""
    clock = SystemClock()
    with connected(monkeypatch, throttle=20, rate_limits=standard_rate_limits(clock, 20)) as azure:
        ends = _run(
            lambda n: azure.sentinel.create(f"00000000-0000-0000-0000-{n:012}", incident_body()).ended,
            330,
        )
        assert ends == {Ended.DONE}
        assert not [each for each in azure.cloud.log if each.status == 429]
