"""The stand-in for the host's queue listener keeps the documented rules, on a real queue whose clock runs fast."""

from __future__ import annotations

import base64
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.storage.queue import QueueClient

from tests.support.azurite import Azurite
from tests.support.functions_host import Ended, FunctionsHost, Invocation, QueueRules, WorkerDied
from tests.support.waiting import wait_until

HASTE = 600
"""Ten minutes in a second."""
RULES = QueueRules(1, 0, 3, 600)


class ScriptedWorker:
    """A worker that does what the script says, by the message's text and its number of tries."""

    def __init__(self, script: Callable[[str, int], Ended]) -> None:
        self.seen: list[tuple[str, int]] = []
        self._script = script

    def invoke(self, body: str, metadata: dict[str, Any]) -> Ended:
        """Note the message, and do as the script says."""
        self.seen.append((body, metadata["DequeueCount"]))
        return self._script(body, metadata["DequeueCount"])

    def close(self) -> None:
        """Nothing to end."""


@pytest.fixture(scope="module")
def queues() -> Iterator[Callable[[str], QueueClient]]:
    """Clients of the queues of a service whose clock runs fast."""
    with Azurite(service="queue", haste=HASTE) as azurite:

        def client(name: str) -> QueueClient:
            account = azurite.credential.named_key
            return QueueClient(azurite.endpoint, name, {"account_name": account.name, "account_key": account.key})

        yield client


def host_of(queues: Callable[[str], QueueClient], name: str, *workers: ScriptedWorker, **more: Any) -> FunctionsHost:
    """A host of these workers with a queue of its own."""
    return FunctionsHost(queues, workers, RULES, name, HASTE, **more)


def send(queue: QueueClient, text: str) -> None:
    """Send a message as the app does."""
    queue.send_message(base64.b64encode(text.encode()).decode())


def left(queue: QueueClient) -> int:
    """How many messages the queue holds, those that are invisible now included."""
    return int(queue.get_queue_properties().approximate_message_count or 0)


def test_a_success_deletes_a_failure_comes_back_and_the_last_is_poison(queues: Callable[[str], QueueClient]) -> None:
    """A failed message is tried three times, ten minutes apart, and then lies on the poison queue."""
    worker = ScriptedWorker(lambda body, _: Ended(body == "good"))
    with host_of(queues, "rules", worker) as running:
        queue = queues("rules")
        send(queue, "bad")
        send(queue, "good")
        wait_until(lambda: len(worker.seen) == 4 and not running.busy() and left(queue) == 0)
        assert sorted(worker.seen) == [("bad", 1), ("bad", 2), ("bad", 3), ("good", 1)]
        began = [each.began for each in running.invocations if each.body == "bad"]
        assert min(later - earlier for earlier, later in itertools.pairwise(began)) > 0.9
        poison = queues("rules-poison").receive_message()
        assert poison is not None
        assert poison.content == "YmFk"


def test_what_is_not_base64_is_never_handed_over(queues: Callable[[str], QueueClient]) -> None:
    """Plain text goes to the poison queue unread."""
    worker = ScriptedWorker(lambda *_: Ended(True))
    with host_of(queues, "plain", worker):
        queue = queues("plain")
        queue.send_message('{"workspace": "contoso"}')
        send(queue, "good")
        wait_until(lambda: len(worker.seen) == 1 and left(queue) == 0 and left(queues("plain-poison")) == 1)


def test_a_long_one_stays_taken(queues: Callable[[str], QueueClient]) -> None:
    """A message that takes thirty minutes is handed to nobody else, and is gone after its success."""

    def thirty_minutes(*_: object) -> Ended:
        time.sleep(3)
        return Ended(True)

    slow, other = ScriptedWorker(thirty_minutes), ScriptedWorker(thirty_minutes)
    with host_of(queues, "long", slow, other) as running:
        send(queues("long"), "long")
        wait_until(lambda: bool(running.invocations) and not running.busy() and left(queues("long")) == 0)
        assert len(slow.seen + other.seen) == 1


def test_a_dead_worker_leaves_its_message(queues: Callable[[str], QueueClient]) -> None:
    """Ten minutes after a worker died its message is there again, and its number has grown."""

    def die_once(_: str, times: int) -> Ended:
        if times == 1:
            raise WorkerDied
        return Ended(True)

    worker = ScriptedWorker(die_once)
    with host_of(queues, "dead", worker) as running:
        send(queues("dead"), "x")
        wait_until(lambda: len(worker.seen) == 2 and not running.busy() and left(queues("dead")) == 0)
        assert worker.seen == [("x", 1), ("x", 2)]


def test_at_least_once(queues: Callable[[str], QueueClient]) -> None:
    """A success whose deletion is lost is handed over again."""

    def first(invocation: Invocation) -> bool:
        return invocation.dequeue_count == 1

    worker = ScriptedWorker(lambda *_: Ended(True))
    with host_of(queues, "again", worker, forgets=first):
        send(queues("again"), "x")
        wait_until(lambda: len(worker.seen) == 2 and left(queues("again")) == 0)


def test_who_has_lost_a_message_does_not_delete_it(queues: Callable[[str], QueueClient]) -> None:
    """A success after somebody else has taken the message deletes nothing: the receipt is not the newest."""
    taken = threading.Event()

    def stolen(_: str, times: int) -> Ended:
        if times == 1:
            taken.wait(10)
        return Ended(True)

    worker = ScriptedWorker(stolen)
    with host_of(queues, "stolen", worker) as running:
        queue = queues("stolen")
        send(queue, "x")
        wait_until(lambda: len(worker.seen) == 1)
        (message,) = running.invocations
        # Its receipt is not the newest any more.
        queue.clear_messages()
        send(queue, "y")
        taken.set()
        wait_until(lambda: [body for body, _ in worker.seen] == ["x", "y"] and left(queue) == 0)
        assert message.ended == Ended(True)


def test_only_one_at_a_time_is_known(queues: Callable[[str], QueueClient], tmp_path: Path) -> None:
    """The rules come from host.json with the host's defaults; a host with batches is refused."""
    path = tmp_path / "host.json"
    path.write_text("{}", encoding="utf-8")
    assert QueueRules.of(path) == QueueRules(16, 8, 5, 0)
    with pytest.raises(ValueError, match="batchSize 1"):
        FunctionsHost(queues, [], QueueRules.of(path)).__enter__()
    queues_of = {"batchSize": 1, "newBatchThreshold": 0, "maxDequeueCount": 100, "visibilityTimeout": "00:10:00"}
    path.write_text(json.dumps({"extensions": {"queues": queues_of}}), encoding="utf-8")
    assert QueueRules.of(path) == QueueRules(1, 0, 100, 600)
