"""The shell on a terminal of its own: what a person sees there, and what Ctrl-C does."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")


@dataclass(frozen=True, slots=True)
class TerminalRun:
    """How a command ended, and all that its terminal was sent."""

    code: int
    raw: bytes

    @property
    def text(self) -> str:
        """It as text, without what moves the cursor or sets colours; lines that were written over are kept."""
        return _ESCAPES.sub("", self.raw.decode("utf-8", "replace")).replace("\r", "\n")

    @property
    def lines(self) -> list[str]:
        """Its lines that are not blank."""
        return [line.rstrip() for line in self.text.splitlines() if line.strip()]


def on_a_terminal(
    environment: Mapping[str, str],
    *arguments: str,
    columns: int = 160,
    ctrl_c: Callable[[bytes], bool] | None = None,
    again: bool = False,
    seconds: float = 60,
    module: str = "shared",
    folder: Path = ROOT,
) -> TerminalRun:
    """`python -m shared …` (or another module, elsewhere) with all three streams on a terminal; Ctrl-C as soon as
    `ctrl_c(seen)` says so, and perhaps
    `again` a moment later."""
    screen, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    running = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=folder, env={"TERM": "xterm-256color", **environment}, stdin=terminal, stdout=terminal, stderr=terminal,
    )  # fmt: skip
    os.close(terminal)
    seen = bytearray()
    reader = threading.Thread(target=_read, args=(screen, seen), daemon=True)
    reader.start()
    ends = time.monotonic() + seconds
    try:
        while running.poll() is None and time.monotonic() < ends:
            if ctrl_c is not None and ctrl_c(bytes(seen)):
                running.send_signal(signal.SIGINT)
                ctrl_c = None
                if again:
                    time.sleep(0.5)
                    running.send_signal(signal.SIGINT)
            time.sleep(0.02)
        assert running.poll() is not None, f"still running: {bytes(seen)!r}"
    finally:
        running.kill()
        running.wait()
        reader.join(5)
        os.close(screen)
    return TerminalRun(running.returncode, bytes(seen))


def _read(screen: int, seen: bytearray) -> None:
    while True:
        try:
            chunk = os.read(screen, 65_536)
        except OSError:  # the other end is closed
            return
        if not chunk:
            return
        seen += chunk
