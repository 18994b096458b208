"""A stand-in for the Functions host's queue listener: takes messages from a real queue and hands them to workers.

It keeps the rules that the host documents, and those that its source shows:

- an instance takes `batchSize` messages at a time (here only one, with `newBatchThreshold` 0), for ten minutes;
- while a message is worked on, it is taken for another ten minutes whenever half of them are over;
- a success deletes the message, with the receipt of this instance alone: when somebody else has taken it meanwhile,
  nothing happens;
- a failure makes it visible again after `visibilityTimeout`; at the last of `maxDequeueCount` tries it is put on the
  poison queue `<queue>-poison`, which is made when it is first needed;
- what is not base64 is put there unread, and so is a message that was taken too often without an end.
"""

from __future__ import annotations

import base64
import binascii
import json
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from azure.core.exceptions import AzureError, ResourceExistsError
from azure.storage.queue import QueueClient, QueueMessage

TAKEN_SECONDS = 600
"""How long a message is taken for; renewed at half of it."""
POLL_SECONDS = 0.1  # between two looks at an empty queue


@dataclass(frozen=True, slots=True)
class QueueRules:
    """`extensions.queues` of host.json, with the host's own defaults."""

    batch_size: int = 16
    new_batch_threshold: int = 8
    max_dequeue_count: int = 5
    visibility_seconds: int = 0
    encoding: str = "base64"

    @classmethod
    def of(cls, host_json: Path) -> QueueRules:
        """The rules of that file."""
        queues = json.loads(host_json.read_text(encoding="utf-8")).get("extensions", {}).get("queues", {})
        batch = queues.get("batchSize", 16)
        hours, minutes, seconds = (int(part) for part in queues.get("visibilityTimeout", "00:00:00").split(":"))
        return cls(
            batch,
            queues.get("newBatchThreshold", batch // 2),
            queues.get("maxDequeueCount", 5),
            (hours * 60 + minutes) * 60 + seconds,
            queues.get("messageEncoding", "base64"),
        )


class WorkerDied(Exception):
    """The worker's process ended while it worked on a message."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a function ended: without an exception, or with one. `lines` are what it has logged; `requests` how many it
    has sent, where the worker counts them.
    """

    green: bool
    said: str = ""
    lines: tuple[str, ...] = ()
    requests: int = 0


class HostWorker(Protocol):
    """A process that the host calls functions in; it is started again after it has died."""

    def invoke(self, body: str, metadata: dict[str, Any]) -> Ended:
        """Call the function with a message. Raises WorkerDied."""
        ...

    def close(self) -> None:
        """End it."""
        ...


@dataclass(slots=True)
class Invocation:
    """A message that an instance worked on. `ended` is None when the worker died, and until the end."""

    instance: int
    body: str
    message_id: str
    dequeue_count: int
    began: float
    seconds: float = 0.0
    ended: Ended | None = None


@dataclass(slots=True)
class FunctionsHost:
    """The instances of one app, one for each worker, and their queue, until the `with` ends.

    `queue(name)` makes a client of a queue, which neither encodes nor decodes. The queue service's clock is `haste`
    times as fast as the machine's. `forgets` says of which ended invocations the deletion is lost, as when an instance
    goes away just then.
    """

    queue: Callable[[str], QueueClient]
    workers: Sequence[HostWorker]
    rules: QueueRules
    name: str = "sweep-work"
    haste: int = 1
    forgets: Callable[[Invocation], bool] = lambda _: False
    invocations: list[Invocation] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        if (self.rules.batch_size, self.rules.new_batch_threshold) != (1, 0):
            raise ValueError("this host knows instances with one message at a time: batchSize 1, newBatchThreshold 0")
        with suppress(ResourceExistsError):
            self.queue(self.name).create_queue()
        for place, worker in enumerate(self.workers):
            thread = threading.Thread(target=self._instance, args=(place, worker), daemon=True)
            self._threads.append(thread)
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for worker in self.workers:
            worker.close()
        for thread in self._threads:
            thread.join(10)
        if kind is None and self.faults:
            raise AssertionError("the stand-in for the host failed:\n" + "\n".join(self.faults))

    def busy(self) -> bool:
        """Whether an instance works on a message."""
        return any(not each.seconds for each in list(self.invocations))

    def _instance(self, place: int, worker: HostWorker) -> None:
        queue = self.queue(self.name)
        while not self._stop.is_set():
            try:
                message = queue.receive_message(visibility_timeout=TAKEN_SECONDS)
                if message is None:
                    self._stop.wait(POLL_SECONDS)
                elif self._stop.is_set():
                    return
                else:
                    self._process(queue, message, place, worker)
            except AzureError as error:
                if not self._stop.is_set():
                    self.faults.append(f"{type(error).__name__}: {error}")

    def _process(self, queue: QueueClient, message: QueueMessage, place: int, worker: HostWorker) -> None:
        body, times = _decoded(message.content), message.dequeue_count or 0
        if body is None or times > self.rules.max_dequeue_count:
            self._poison(queue, message)
            return
        invocation = Invocation(place, body, message.id, times, time.monotonic())
        self.invocations.append(invocation)
        with _Taken(queue, message, self.haste) as taken:
            try:
                invocation.ended = worker.invoke(body, _metadata(message))
            except WorkerDied:
                pass  # and its instance with it: the message is visible again when its ten minutes are over
            except Exception as error:  # noqa: BLE001 - the test is told
                self.faults.append(f"{type(error).__name__}: {error}")
        if invocation.ended is not None:
            self._complete(queue, taken.message, invocation.ended, invocation)
        invocation.seconds = time.monotonic() - invocation.began

    def _complete(self, queue: QueueClient, message: QueueMessage, ended: Ended, invocation: Invocation) -> None:
        if ended.green:
            if not self.forgets(invocation):
                _if_ours(lambda: queue.delete_message(message))
        elif invocation.dequeue_count >= self.rules.max_dequeue_count:
            self._poison(queue, message)
        else:
            _if_ours(lambda: queue.update_message(message, visibility_timeout=self.rules.visibility_seconds))

    def _poison(self, queue: QueueClient, message: QueueMessage) -> None:
        poison = self.queue(f"{self.name}-poison")
        with suppress(ResourceExistsError):
            poison.create_queue()
        poison.send_message(message.content)
        _if_ours(lambda: queue.delete_message(message))


class _Taken:
    """Keeps a message taken while a `with` lasts; `message` has the newest receipt."""

    def __init__(self, queue: QueueClient, message: QueueMessage, haste: int) -> None:
        self.message = message
        self._queue = queue
        self._every = TAKEN_SECONDS / 2 / haste
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _renew(self) -> None:
        while not self._done.wait(self._every):
            try:
                newest = self._queue.update_message(self.message, visibility_timeout=TAKEN_SECONDS)
            except AzureError:
                return  # another instance has it by now; this one goes on, as the host does
            self.message.pop_receipt = newest.pop_receipt


def _if_ours(act: Callable[[], object]) -> None:
    """Do it, unless another instance has taken the message meanwhile."""
    with suppress(AzureError):
        act()


def _decoded(content: str) -> str | None:
    try:
        return base64.b64decode(content, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _metadata(message: QueueMessage) -> dict[str, Any]:
    return {
        "Id": message.id,
        "DequeueCount": message.dequeue_count,
        "PopReceipt": message.pop_receipt,
        **{
            name: when.isoformat()
            for name, when in (
                ("InsertionTime", message.inserted_on),
                ("ExpirationTime", message.expires_on),
                ("NextVisibleTime", message.next_visible_on),
            )
            if when is not None
        },
    }
