"""The small Azure's wire: starting and stopping, keep-alive, and every fault that can be asked for."""

from __future__ import annotations

import gc
import http.client
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import pytest
import requests

from tests.cloud import Cloud, Fault, Wire
from tests.support.caller import Caller


def test_starts_quickly_and_stops_without_a_trace() -> None:
    """A cloud starts within 1.5 s, trusts nothing but its own CA, and leaves no thread, socket or file behind."""
    threads = set(threading.enumerate())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        began = time.perf_counter()
        with Cloud() as cloud:
            assert time.perf_counter() - began < 1.5
            bundle = Path(cloud.environment["REQUESTS_CA_BUNDLE"])
            assert bundle.read_text().count("BEGIN CERTIFICATE") == 1
            with Caller(cloud) as caller:
                assert caller.put("a").status_code == 201
            with Caller(cloud) as caller:
                assert caller.arm("GET", "/a").status_code == 200
        gc.collect()
    assert not bundle.exists()
    deadline = time.monotonic() + 5
    while set(threading.enumerate()) - threads and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not set(threading.enumerate()) - threads


def test_one_connection_carries_many_requests(caller: Caller) -> None:
    """A connection is kept alive, and serves some hundred requests a second."""
    context = ssl.create_default_context(cafile=caller.cloud.environment["REQUESTS_CA_BUNDLE"])
    port = int(caller.cloud.address("teams").rsplit(":", 1)[1])
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=10)
    began = time.perf_counter()
    for _ in range(200):
        connection.request("POST", "/nowhere", body=b"{}")
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 404
    took = time.perf_counter() - began
    connection.close()
    assert len(caller.cloud.log) == 200
    assert took < 10  # some 0.2 s on an idle core


def test_a_body_may_come_in_chunks(caller: Caller) -> None:
    """A request without a length is read by its chunks, and the next one on the connection after it."""
    for _ in range(2):
        answer = caller.card(data=iter([b'{"type":', b'"message"}']), headers={"Content-Type": "application/json"})
        assert answer.status_code == 400
    assert [request.body for request in caller.cloud.log] == [b'{"type":"message"}'] * 2


def test_the_log_holds_what_came_and_how_it_was_answered(caller: Caller) -> None:
    """Each request is logged in order with its service, method, path, body and status."""
    caller.put("a", title="One")
    caller.arm("GET", "/b")
    made, asked = caller.cloud.log
    assert (made.service, made.method, made.status) == ("sentinel", "PUT", 201)
    assert made.route.endswith("/incidents/a")
    assert made.query == {"api-version": "2025-09-01"}
    assert made.json["properties"]["title"] == "One"
    assert (asked.method, asked.status) == ("GET", 404)


def test_a_status_instead_of_the_effect(caller: Caller) -> None:
    """A fault with a status answers it with its headers, does nothing, and is over after its times."""
    caller.cloud.faults.add(
        Fault(service="sentinel", method="PUT", status=503, headers={"Retry-After": "Wed, 21 Oct 2099 07:28:00 GMT"})
    )
    refused = caller.put("a")
    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "Wed, 21 Oct 2099 07:28:00 GMT"
    assert refused.json()["error"]["code"] == "ServiceError"
    assert not caller.cloud.incidents
    assert caller.put("a").status_code == 201


def test_which_requests_a_fault_hits(caller: Caller) -> None:
    """A fault hits by service, method, path and body, after some, each n-th, so many times."""
    fault = Fault(service="sentinel", method="PUT", match="/incidents/x", after=1, every=2, times=2, status=409)
    caller.cloud.faults.add(fault, Fault(containing="Zebra", status=400))
    assert caller.put("y", title="Zebra").status_code == 400
    assert caller.put("y").status_code == 201
    statuses = [caller.put(f"x{number}").status_code for number in range(8)]
    assert statuses == [201, 201, 409, 201, 409, 201, 201, 201]
    assert (fault.seen, fault.hits) == (8, 2)


def test_one_service_can_be_forbidden(caller: Caller) -> None:
    """A lasting 403 on one service has that service's usual error and touches no other."""
    caller.cloud.faults.add(Fault(service="log_analytics", status=403, times=None))
    for _ in range(2):
        answer = caller.query("print 1")
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "InsufficientAccessError")
    assert caller.put("a").status_code == 201
    caller.cloud.faults.clear()
    assert caller.query("print 1").status_code == 200


@pytest.mark.parametrize(("effect", "made"), [(None, 0), (True, 1)])
def test_a_connection_dropped(caller: Caller, effect: bool | None, made: int) -> None:
    """A dropped connection breaks the call before the effect, or after it: committed, its answer lost."""
    caller.cloud.faults.add(Fault(service="sentinel", wire=Wire.DROP, effect=effect))
    with pytest.raises(requests.ConnectionError):
        caller.put("a")
    assert len(caller.cloud.incidents) == made
    assert caller.cloud.log[0].status == 0


def test_a_hang_ends(caller: Caller) -> None:
    """A hang keeps the caller waiting as long as it says, and never keeps the cloud from stopping."""
    caller.cloud.faults.add(Fault(service="sentinel", wire=Wire.HANG, seconds=0.3))
    began = time.monotonic()
    with pytest.raises(requests.ConnectionError):
        caller.put("a")
    assert time.monotonic() - began >= 0.3
    caller.cloud.faults.add(Fault(service="sentinel", wire=Wire.HANG, seconds=600))
    with pytest.raises(requests.ReadTimeout):
        caller.call("GET", caller.cloud.address("sentinel"), "sentinel", timeout=0.2)
    began = time.monotonic()
    caller.cloud.close()
    assert time.monotonic() - began < 5


def test_a_slow_drip(caller: Caller) -> None:
    """A dripped answer is whole, and takes as long as it says."""
    caller.cloud.faults.add(Fault(service="sentinel", wire=Wire.DRIP, seconds=0.4))
    began = time.monotonic()
    assert caller.put("a").json()["name"] == "a"
    assert time.monotonic() - began >= 0.35


def test_a_truncated_body(caller: Caller) -> None:
    """A truncated answer promises more bytes than come; the effect is done."""
    caller.cloud.faults.add(Fault(service="sentinel", wire=Wire.TRUNCATE))
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        caller.put("a")
    assert list(caller.cloud.incidents) == ["a"]


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [(200, "<html>Bad gateway</html>", "<html>Bad gateway</html>"), (200, b"", ""), (204, None, ""), (302, None, "")],
)
def test_answers_that_lie(caller: Caller, status: int, body: str | bytes | None, text: str) -> None:
    """HTML or nothing under 200, a 204, a redirect: as asked for, word for word."""
    caller.cloud.faults.add(Fault(status=status, body=body, headers={"Content-Type": "text/html"}))
    answer = caller.call("POST", caller.cloud.address("log_analytics"), "log_analytics", allow_redirects=False)
    assert (answer.status_code, answer.text) == (status, text)
    assert answer.headers["Content-Type"] == "text/html"
    assert caller.query("print 1").status_code == 200


def test_tokens_expire_in_mid_sweep(caller: Caller) -> None:
    """From a chosen request on, every token handed out before is expired; new ones are good."""
    token = {"Authorization": f"Bearer {caller.token('sentinel')}"}
    caller.cloud.faults.add(Fault(service="sentinel", after=1, expire_tokens=True))
    url = caller.cloud.address("sentinel") + caller.cloud.environment["SENTINEL_WORKSPACE_RESOURCE_ID"]
    url += "?api-version=2023-09-01"
    statuses = [caller.call("GET", url, headers=token).status_code for _ in range(3)]
    assert statuses == [200, 401, 401]
    refused = caller.call("GET", url, headers=token)
    assert refused.json()["error"]["code"] == "ExpiredAuthenticationToken"
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
    assert caller.call("GET", url, "sentinel").status_code == 200


def test_something_happens_right_after_the_effect(caller: Caller) -> None:
    """A fault's callback runs when the effect is done and before its answer is sent."""
    seen = []
    caller.cloud.faults.add(Fault(method="PUT", then=lambda _: seen.append(list(caller.cloud.incidents))))
    assert caller.put("a").status_code == 201
    assert seen == [["a"]]


@pytest.mark.parametrize(("effect", "made"), [(None, 0), (True, 1)])
def test_a_process_is_killed_at_a_chosen_request(caller: Caller, effect: bool | None, made: int) -> None:
    """SIGKILL hits a process before or after the effect of the n-th request that matches."""
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    caller.cloud.faults.add(Fault(method="PUT", after=1, kill=lambda: sleeper.pid, effect=effect))
    assert caller.put("a").status_code == 201
    assert sleeper.poll() is None
    with pytest.raises(requests.ConnectionError):
        caller.put("b")
    assert sleeper.wait(10) == -signal.SIGKILL
    assert len(caller.cloud.incidents) == 1 + made


def test_connections_refused_and_taken_again(caller: Caller) -> None:
    """One service can refuse connections, the open ones too, and take them again on the same port."""
    assert caller.put("a").status_code == 201
    address = caller.cloud.address("sentinel")
    caller.cloud.refuse("sentinel")
    with pytest.raises(requests.ConnectionError):
        caller.put("b")
    assert caller.query("print 1").status_code == 200
    caller.cloud.accept("sentinel")
    assert caller.cloud.address("sentinel") == address
    assert caller.put("b").status_code == 201


def test_a_handshake_that_breaks(caller: Caller) -> None:
    """A number of connections can be closed before TLS has shaken hands."""
    caller.cloud.break_handshakes("sentinel", 1)
    with pytest.raises(requests.ConnectionError):
        caller.put("a")
    assert caller.put("a").status_code == 201


def test_what_is_no_http_is_hung_up_on(caller: Caller) -> None:
    """Garbage ends the connection, not the cloud."""
    context = ssl.create_default_context(cafile=caller.cloud.environment["REQUESTS_CA_BUNDLE"])
    port = int(caller.cloud.address("teams").rsplit(":", 1)[1])
    for garbage in (b"hello\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: many\r\n\r\n"):
        with (
            socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
        ):
            secure.sendall(garbage)
            assert secure.recv(100) == b""
    assert caller.put("a").status_code == 201


def test_a_bug_of_the_cloud_fails_the_test() -> None:
    """When the small Azure itself breaks, it says so at its end instead of passing for a fault."""
    cloud = Cloud()
    with Caller(cloud) as caller:
        cloud.incidents["a"] = {"etag": "broken"}
        assert caller.arm("GET").status_code == 500
    with pytest.raises(AssertionError, match="the small Azure itself failed"):
        cloud.__exit__(None, None, None)
