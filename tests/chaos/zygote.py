"""The process that sweeps are forked from: it has imported everything, and has neither threads nor connections.

A command a line on standard input, an answer a line on standard output: `sweep <order>` begins one and says its
process id, `wait <pid>` says how that one ended. Its end ends them all.
"""

from __future__ import annotations

import gc
import importlib
import json
import logging
import os
import signal
import sys
import threading
import traceback
import uuid
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from shared.app import exit_code, opened_parts
from shared.clock import Clock, SystemClock
from shared.ledger import Ledger
from shared.ledger.table import TableLedger
from shared.settings import from_values
from shared.sweep.receipt import as_json
from shared.sweep.run import run
from tests.chaos.clock import SharedClock
from tests.chaos.deadly import Deadly
from tests.chaos.order import Order
from tests.support.azurite import Azurite

LATE = (
    "netrc",
    "shared.http.credential",
    "shared.incidents.finding_rows",
    "shared.incidents.rule",
    "shared.ledger",
    "azure.core.pipeline.transport._bigger_block_size_http_adapters",
    "azure.core.rest._requests_basic",
    "azure.identity._credentials.app_service",
    "shared.query.log_analytics",
)
"""What a sweep imports only when it needs it: here once for all."""


def sweep_here(order: Order) -> dict[str, Any]:
    """One sweep in this process, wired as shared/app.py does it: its receipt, exit code and its ledger's verbs."""
    os.environ.update(order.environment)
    settings = from_values(order.environment)
    clock: Clock = SharedClock(Path(order.clock)) if order.clock else SystemClock()
    with opened_parts(settings, str(uuid.uuid4()), clock) as parts:
        inner: Ledger = parts.ledger
        if order.tables:
            workspace = settings.sentinel_workspace_resource_id
            inner = TableLedger(order.tables, workspace, Azurite().credential, order.table)
        ledger = Deadly(inner, order)
        with closing(ledger):
            receipt = run(replace(parts, ledger=ledger)).receipt
    return {"receipt": as_json(receipt), "code": exit_code(receipt), "verbs": ledger.verbs}


class Zygote:
    """Forks sweeps and waits for them."""

    def __init__(self) -> None:
        self._results: dict[int, int] = {}  # what each running sweep will write its result to, by process id

    def begin(self, order: Order) -> int:
        """The process id of the sweep that has just begun."""
        if threading.active_count() != 1:
            raise RuntimeError("a process with threads must not be forked")
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            try:
                result = sweep_here(order)
            except BaseException:  # noqa: BLE001 - a fault is told to the test, which fails by it
                result = {"fault": traceback.format_exc()}
            with os.fdopen(writing, "w", encoding="utf-8") as pipe:
                json.dump(result, pipe)
            os._exit(0)
        os.close(writing)
        self._results[pid] = reading
        return pid

    def wait(self, pid: int) -> dict[str, Any]:
        """How that sweep ended, once it has."""
        with os.fdopen(self._results.pop(pid), encoding="utf-8") as pipe:
            result = pipe.read()
        _, status = os.waitpid(pid, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        return {"killed": killed, **(json.loads(result) if result and not killed else {})}

    def end(self) -> None:
        """Kill what still runs."""
        for pid in self._results:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def main() -> None:
    """Do what standard input says until it ends."""
    for module in LATE:
        importlib.import_module(module)
    logging.disable(logging.CRITICAL)  # what a sweep logs is in its receipt, which the test gets
    gc.freeze()  # what was imported stays shared with the forks
    zygote = Zygote()
    try:
        for line in sys.stdin:
            verb, _, rest = line.partition(" ")
            answer = zygote.begin(Order.from_json(rest)) if verb == "sweep" else zygote.wait(int(rest))
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
    finally:
        zygote.end()


if __name__ == "__main__":
    main()
