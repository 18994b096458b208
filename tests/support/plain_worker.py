"""A worker of the stand-in host: a process of this Python that has indexed an app and calls its functions.

It is forked from a process that has imported the libraries, so one that died is soon there again. It imports the app
from the app's own folder, as a deployed one does.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from tests.support.fast_wall_clock import take_over
from tests.support.functions_host import Ended, WorkerDied

_LIBRARIES = [
    "azure.core.pipeline.transport",
    "azure.core.pipeline.transport._bigger_block_size_http_adapters",
    "azure.core.rest._requests_basic",
    "azure.data.tables",
    "azure.functions",
    "azure.identity",
    "azure.identity._credentials.app_service",
    "azure.monitor.query",
    "azure.storage.queue",
    "netrc",
    "pydantic",
    "requests",
    "tests.support.plain_worker",
]


@dataclass(frozen=True, slots=True)
class Death:
    """The worker kills itself at its n-th request (from 1) of an invocation: before it is sent, or once answered."""

    request: int
    answered: bool


@dataclass
class PlainWorker:
    """A process for the app in `folder`, under this environment. `doom` says whether it dies in the next invocation.

    `lines` is all that its invocations have logged, those of a process that died included.
    """

    folder: Path
    environment: Mapping[str, str]
    function: str = "work"
    doom: Callable[[str], Death | None] = lambda _: None
    lines: list[str] = field(default_factory=list)
    _process: BaseProcess | None = None
    _pipe: Connection | None = None

    def invoke(self, body: str, metadata: Mapping[str, Any]) -> Ended:
        """See HostWorker."""
        return self._call(self.function, {"body": body, "metadata": dict(metadata)}, self.doom(body))

    def fire(self, status: Mapping[str, str], past_due: bool = False, death: Death | None = None) -> Ended:
        """Let the timer fire with this ScheduleStatus. Raises WorkerDied."""
        return self._call("sweep", {"status": dict(status), "past_due": past_due}, death)

    def _call(self, function: str, given: Mapping[str, Any], death: Death | None) -> Ended:
        lines: list[str] = []
        try:
            pipe = self._started()
            pipe.send((function, given, death))
            while (heard := pipe.recv())[0] == "line":
                lines.append(heard[1])
                self.lines.append(heard[1])
        except (EOFError, OSError):
            code = self._ended()
            if code != -signal.SIGKILL:
                raise RuntimeError(f"the worker failed: its process ended with {code}") from None
            raise WorkerDied(function) from None
        _, green, said, requests = heard
        return Ended(green, said, tuple(lines), requests)

    def _started(self) -> Connection:
        if self._process is None or self._pipe is None:
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload(_LIBRARIES)
            self._pipe, other = context.Pipe()
            arguments = (other, str(self.folder), dict(self.environment))
            self._process = context.Process(target=_serve, args=arguments, daemon=True)
            self._process.start()
            other.close()
        return self._pipe

    @property
    def pid(self) -> int | None:
        """Its process id, None when it is not running."""
        process = self._process
        return None if process is None else process.pid

    def kill(self) -> None:
        """Kill it, by SIGKILL; whoever waits for it learns that it died."""
        if (pid := self.pid) is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """End it."""
        self.kill()
        self._ended()

    def _ended(self) -> int | None:
        """Its exit code, once it has ended; it is started anew when it is needed."""
        process, self._process = self._process, None
        if process is None:
            return -signal.SIGKILL
        process.join(10)
        return process.exitcode


class _Lines(logging.Handler):
    def __init__(self, pipe: Connection) -> None:
        super().__init__(logging.INFO)
        self._pipe = pipe

    def emit(self, record: logging.LogRecord) -> None:
        self._pipe.send(("line", record.getMessage()))


def _serve(pipe: Connection, folder: str, environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.path.insert(0, folder)
    for name in [each for each in sys.modules if each.partition(".")[0] in ("shared", "function_app")]:
        del sys.modules[name]  # the program that started the workers may have imported the project's own
    logging.getLogger().addHandler(_Lines(pipe))
    logging.getLogger().setLevel(logging.INFO)
    import function_app

    take_over()
    functions = {each.get_function_name(): each.get_user_function() for each in function_app.app.get_functions()}
    requests = _Requests()
    while True:
        try:
            name, given, requests.death = pipe.recv()
        except EOFError:
            return
        requests.seen = 0
        try:
            functions[name](_request(given))
        except Exception as error:  # noqa: BLE001 - the host takes whatever a function raises
            pipe.send(("ended", False, f"{type(error).__name__}: {error}", requests.seen))
        else:
            pipe.send(("ended", True, "", requests.seen))


def _request(given: Mapping[str, Any]) -> Any:
    from azure.functions import queue
    from azure.functions.timer import TimerRequest

    if "status" in given:
        return TimerRequest(past_due=given["past_due"], schedule_status=given["status"])
    metadata = given["metadata"]
    made: Any = queue.QueueMessage
    return made(
        id=metadata["Id"],
        body=given["body"].encode(),
        dequeue_count=metadata["DequeueCount"],
        pop_receipt=metadata["PopReceipt"],
    )


class _Requests:
    """Counts the requests that leave the process, and kills it at the one that is named."""

    def __init__(self) -> None:
        from urllib3.connectionpool import HTTPConnectionPool

        self.death: Death | None = None
        self.seen = 0
        pools: Any = HTTPConnectionPool
        send = pools.urlopen
        counted = self

        def counting(pool: Any, *given: Any, **named: Any) -> Any:
            counted.seen += 1
            counted.die(answered=False)
            answer = send(pool, *given, **named)
            counted.die(answered=True)
            return answer

        pools.urlopen = counting

    def die(self, *, answered: bool) -> None:
        """Die now, if this is the moment."""
        if self.death == Death(self.seen, answered):
            os.kill(os.getpid(), signal.SIGKILL)
