"""A worker of the stand-in host that is the real one: the Functions host's own worker library, on Python 3.13."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.functions_host import Ended, WorkerDied

_ROOT = Path(__file__).resolve().parents[2]
LIBRARY_PYTHON = _ROOT / ".venv-worker" / "bin" / "python"
"""It is there when `make worker` has found a Python 3.13."""


@dataclass
class LibraryWorker:
    """A process for the app in `folder`, under this environment. `lines` is all that it has logged."""

    folder: Path
    environment: Mapping[str, str]
    lines: list[str] = field(default_factory=list)
    functions: tuple[str, ...] = ()
    _process: subprocess.Popen[str] | None = None

    def invoke(self, body: str, metadata: Mapping[str, Any]) -> Ended:
        """See HostWorker."""
        return self._call({"function": "work", "body": body, "metadata": dict(metadata)})

    def fire(self, status: Mapping[str, str]) -> Ended:
        """Let the timer fire with this ScheduleStatus. Raises WorkerDied."""
        return self._call({"function": "sweep", "timer": dict(status)})

    def start(self) -> None:
        """Start it, and wait until it has indexed the app. Raises WorkerDied."""
        if self._process is None:
            environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **self.environment}
            self._process = subprocess.Popen(
                [str(LIBRARY_PYTHON), str(_ROOT / "tests/worker/serve.py"), str(self.folder)],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            self.functions = tuple(self._hear("functions", [])["functions"])

    def close(self) -> None:
        """End it."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(10)
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()

    def _call(self, call: Mapping[str, Any]) -> Ended:
        self.start()
        lines: list[str] = []
        try:
            assert self._process is not None
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(call) + "\n")
            self._process.stdin.flush()
        except OSError:
            raise WorkerDied from None
        ended = self._hear("status", lines)
        return Ended(ended["status"] == 1, ended["exception"] or "", tuple(lines))

    def _hear(self, word: str, lines: list[str]) -> dict[str, Any]:
        """The next thing it says with this word; what it logs before goes to the lines."""
        assert self._process is not None
        assert self._process.stdout is not None
        for text in self._process.stdout:
            try:
                said = json.loads(text)
            except ValueError:
                continue  # a library that prints
            if isinstance(said, dict) and word in said:
                return said
            if isinstance(said, dict) and "line" in said:
                lines.append(said["line"])
                self.lines.append(said["line"])
        raise WorkerDied(word)
