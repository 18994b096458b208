"""Sending to a real queue service: what the host will read, when, and what an operator is told when it fails."""

from __future__ import annotations

import base64
import json
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from azure.storage.queue import QueueClient

from shared.clock import SystemClock
from shared.http.retry import Limits
from shared.rounds.messages import QUEUE, WorkMessage
from shared.rounds.queue import QueueUnavailable, WorkQueue
from tests.support.azurite import Azurite, TokenCredential
from tests.support.clock import FakeClock

SHORT = Limits(attempts=3, seconds=20.0, connect=2.0, read=2.0)


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """A queue service as the deployed app meets it: over TLS, with tokens and no key."""
    folder = tmp_path_factory.mktemp("queue")
    with pytest.MonkeyPatch.context() as patch, Azurite(folder, service="queue") as service:
        patch.setenv("REQUESTS_CA_BUNDLE", str(folder / "ca.pem"))
        yield service


def received(storage: Azurite, name: str) -> list[tuple[str, dict[str, str]]]:
    """What a receiver gets now: the text as it lies on the queue, and the JSON in it."""
    with QueueClient(storage.endpoint, name, credential=TokenCredential()) as client:
        texts = [str(message.content) for message in client.receive_messages(max_messages=32)]
    return [(text, json.loads(base64.b64decode(text, validate=True))) for text in texts]


def test_what_the_host_reads(storage: Azurite) -> None:
    """The first message makes the queue; each is JSON in base64; one that is hidden is not there yet."""
    name = f"q{uuid.uuid4().hex}"
    with closing(WorkQueue(storage.endpoint, TokenCredential(), SystemClock(), name=name)) as queue:
        queue.send(WorkMessage("r", "ada"))
        queue.send(WorkMessage("r"), timedelta(minutes=10))
        assert queue.requests == 4  # refused, made, sent; sent
    assert [message for _, message in received(storage, name)] == [{"round": "r", "workspace": "ada"}]
    with QueueClient(storage.endpoint, name, credential=TokenCredential()) as client:
        assert client.get_queue_properties().approximate_message_count == 2


def test_two_that_make_the_queue_at_once(storage: Azurite) -> None:
    """Whoever is second sends all the same."""
    name = f"q{uuid.uuid4().hex}"
    met = threading.Barrier(4)

    def send(who: str) -> None:
        with closing(WorkQueue(storage.endpoint, TokenCredential(), SystemClock(), name=name)) as queue:
            met.wait()
            queue.send(WorkMessage("r", who))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(send, "abcd"))
    assert sorted(message["workspace"] for _, message in received(storage, name)) == ["a", "b", "c", "d"]


def test_the_queues_own_name(storage: Azurite) -> None:
    """It is the one that the function's trigger reads. A token of another audience is refused, which is said."""
    with closing(WorkQueue(storage.endpoint, TokenCredential(), SystemClock())) as queue:
        queue.send(WorkMessage("r", "ada"))
    assert [message for _, message in received(storage, QUEUE)] == [{"round": "r", "workspace": "ada"}]
    refused = WorkQueue(storage.endpoint, TokenCredential("https://elsewhere.example"), FakeClock())
    with closing(refused), pytest.raises(QueueUnavailable, match=r"answered 40[13]"):
        refused.send(WorkMessage("r", "bob"))


def test_a_service_that_is_not_there() -> None:
    """It is tried again within its time, and then the message says which queue, and what to do."""
    clock = FakeClock()
    gone = WorkQueue("http://127.0.0.1:1/devstoreaccount1", Azurite().credential, clock, limits=SHORT)
    with closing(gone), pytest.raises(QueueUnavailable, match=r"could not be reached.*check the storage account"):
        gone.send(WorkMessage("r", "ada"))
    assert len(clock.sleeps) == 2


def test_a_queue_that_somebody_removed(storage: Azurite) -> None:
    """It is made anew with the next message."""
    name = f"q{uuid.uuid4().hex}"
    with closing(WorkQueue(storage.endpoint, TokenCredential(), SystemClock(), name=name)) as queue:
        queue.send(WorkMessage("r", "ada"))
        with QueueClient(storage.endpoint, name, credential=TokenCredential()) as client:
            client.delete_queue()
        queue.send(WorkMessage("r", "bob"))
    assert [message["workspace"] for _, message in received(storage, name)] == ["bob"]


def test_no_token_over_http() -> None:
    """A token is never sent in clear: the message names the setting."""
    with pytest.raises(QueueUnavailable, match="AzureWebJobsStorage__queueServiceUri"):
        WorkQueue("http://127.0.0.1:1/a", TokenCredential(), FakeClock())


class Scripted:
    """A service that answers the next requests with these statuses, and then takes everything."""

    def __init__(self) -> None:
        self.plan: list[int] = []
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status = scripted.plan.pop(0) if scripted.plan else 201
                body = TAKEN if status == 201 else REFUSED % status
                self.send_response_only(status)
                self.send_header("Content-Type", "application/xml")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}/devstoreaccount1"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()


DAY = "Tue, 24 Nov 2026 06:00:00 GMT"
TAKEN = (
    "<?xml version='1.0'?><QueueMessagesList><QueueMessage><MessageId>1</MessageId><PopReceipt>x</PopReceipt>"
    f"<InsertionTime>{DAY}</InsertionTime><ExpirationTime>{DAY}</ExpirationTime><TimeNextVisible>{DAY}"
    "</TimeNextVisible></QueueMessage></QueueMessagesList>"
).encode()
REFUSED = b"<?xml version='1.0'?><Error><Code>Status%d</Code><Message>sig=SECRET</Message></Error>"


@pytest.mark.parametrize(
    ("plan", "waits", "fails"),
    [
        ([503, 500], 2, ""),
        ([429], 1, ""),
        ([408], 1, ""),
        ([503, 503, 503], 2, "answered 503.*the host tries again"),
        ([403], 0, "answered 403.*Storage Queue Data Contributor"),
        ([400], 0, "answered 400"),
    ],
)
def test_what_is_sent_again(plan: list[int], waits: int, fails: str) -> None:
    """What passes is; what is refused is not, and the message says what to do, and nothing that the service quoted."""
    clock = FakeClock()
    with (
        closing(Scripted()) as service,
        closing(WorkQueue(service.endpoint, Azurite().credential, clock, limits=SHORT)) as queue,
    ):
        service.plan = list(plan)
        with pytest.raises(QueueUnavailable, match=fails) if fails else nullcontext() as caught:
            queue.send(WorkMessage("r", "ada"))
        assert len(clock.sleeps) == waits
        assert not caught or "SECRET" not in str(caught.value)
