"""Starting sweeps in processes of their own, cheaply: each is forked from one process that has imported everything."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos.order import Order, Outcome

_ROOT = Path(__file__).parent.parent.parent


class Sweeper:
    """One zygote (tests/chaos/zygote.py); for use by one thread."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def begin(self, order: Order) -> Running:
        """Start a sweep."""
        return Running(self, int(self._ask("sweep", order.to_json())))

    def wait(self, pid: int) -> Outcome:
        """How a sweep ended, once it has. Fails when it ended by a fault of its own."""
        told = self._ask("wait", str(pid))
        outcome = Outcome(**{**told, "verbs": tuple(told.get("verbs", ()))})
        if outcome.fault:
            raise AssertionError(f"the sweep itself failed:\n{outcome.fault}")
        if not outcome.killed and not outcome.receipt:
            raise AssertionError("the sweep's process ended without a word")
        return outcome

    def _ask(self, verb: str, what: str) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{verb} {what}\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@dataclass(frozen=True, slots=True)
class Running:
    """A sweep that has begun."""

    sweeper: Sweeper
    pid: int

    def kill(self) -> None:
        """Kill it, by SIGKILL."""
        os.kill(self.pid, signal.SIGKILL)

    def freeze(self) -> None:
        """Take its processor away, as a host that suspends it does; its lease is not renewed meanwhile."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on as if nothing had happened."""
        os.kill(self.pid, signal.SIGCONT)

    def end(self) -> Outcome:
        """Wait for its end."""
        return self.sweeper.wait(self.pid)


@contextmanager
def sweeper() -> Iterator[Sweeper]:
    """A zygote for as long as the context lasts."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.zygote"],
        cwd=_ROOT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        yield Sweeper(process)
        assert process.stdin is not None
        process.stdin.close()
