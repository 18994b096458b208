"""The shell's two streams, readable on whatever shows them: narrow, plain ASCII, no colours, or no terminal at all.

NO_COLOR, TERM and COLUMNS are obeyed by rich itself.
"""

from __future__ import annotations

import atexit
import codecs
import logging
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import TextIO

from rich.console import Console

from shared.logs import quiet

INTERRUPTED = 130  # the exit code, as a shell gives it to a program that Ctrl-C ended
GRACE = 5.0  # seconds for the current work to end
WIDE = 180  # columns without a terminal: enough for the table

_REPORTED = threading.Event()
_PLAIN = str.maketrans(
    {"…": "...", "–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "·": "-", "•": "*", "→": "->", "×": "x"}
    | {"‹": "<", "›": ">", "\u00a0": " "}
)


def streams() -> Console:
    """A console on standard error. From now on both streams show plain letters for what their encoding lacks."""
    codecs.register_error("plain", _plain)
    if sys.stdout is None:  # the caller has closed it and wants no result
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 (as long as the process)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="plain")
    return Console(stderr=True)


def console(stream: TextIO) -> Console:
    """A console as wide as the terminal, or wide enough for the table where there is none."""
    return Console(file=stream, width=None if stream.isatty() else WIDE)


def spinner(errors: Console) -> str:
    """The name of a progress sign that the console's encoding can show."""
    return "dots" if errors.encoding.lower().startswith("utf") else "line"


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end].translate(_PLAIN)
    return "".join(char if char.isascii() else "?" for char in lost), error.end


class _Lines(logging.Handler):
    """Writes log lines through the console, so that they do not break its progress line."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self.console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Print one line."""
        try:
            self.console.print(self.format(record), markup=False, highlight=False, soft_wrap=True)
        except Exception:  # noqa: BLE001 (as every handler: a log line never ends the sweep)
            self.handleError(record)


def log_to(console: Console, *, quietly: bool, receipt: bool = True) -> None:
    """Send logs to the console; `quietly` leaves out what the table shows anyway.

    Without `receipt` the receipt's line is left out, because the same terminal shows the result.
    """
    quiet()
    formatter = logging.Formatter("%(asctime)sZ %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    lines = _Lines(console)
    lines.setFormatter(formatter)
    lines.setLevel(logging.WARNING if quietly else logging.INFO)
    if not receipt:
        lines.addFilter(lambda record: not getattr(record, "receipt", False))
    logging.getLogger().addHandler(lines)


def end_on_ctrl_c() -> None:
    """The first Ctrl-C is a KeyboardInterrupt, so that the lease is released. A second one, or GRACE seconds, end the
    process: what it has begun is written down, as for a process that is killed.
    """
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # a shell's background job ignores Ctrl-C
        signal.signal(signal.SIGINT, _first)
        # Python takes its handlers away at its very end, and Ctrl-C would then end the process by the signal.
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)


def unwritten(error: OSError) -> None:
    """Report that the output cannot be written, and why; discard what is still in its buffers."""
    reason = error.strerror or type(error).__name__
    with suppress(OSError):
        os.write(2, f"the output cannot be written: {reason}\n".encode())
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # otherwise the interpreter fails to write it at its end, too
        os.dup2(nowhere, stream)


def interrupted(errors: Console, left: str) -> None:
    """Report that Ctrl-C ended the command, and what is `left` behind."""
    _REPORTED.set()
    errors.print(f"interrupted: {left}", markup=False, highlight=False, soft_wrap=True)


def _first(_signal: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, _at_once)
    patience = threading.Timer(GRACE, _at_once)
    patience.daemon = True
    patience.start()
    raise KeyboardInterrupt


def _at_once(*_: object) -> None:
    if not _REPORTED.is_set():
        shown = b"\x1b[?25h" if os.isatty(2) else b""  # the progress line has hidden the cursor
        os.write(2, shown + b"\ninterrupted: what was begun is noted, and the next sweep completes it\n")
    os._exit(INTERRUPTED)
