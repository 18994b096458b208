"""The shell's two streams, readable on whatever shows them: narrow, plain ASCII, no colours, or no terminal at all.

NO_COLOR, TERM and COLUMNS are obeyed by rich itself.
"""

from __future__ import annotations

import codecs
import logging
import os
import signal
import sys
import time
from io import TextIOWrapper
from types import FrameType
from typing import TextIO

from rich.console import Console

from shared.logs import quiet

INTERRUPTED = 130  # the exit code, as a shell gives it to a program that Ctrl-C ended
WIDE = 180  # columns where there is no terminal: enough for the table

_PLAIN = str.maketrans(
    {"…": "...", "–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "·": "-", "•": "*", "→": "->", "×": "x"}
    | {"‹": "<", "›": ">", "\u00a0": " "}
)


def streams() -> Console:
    """A console on standard error; from now on either stream shows plain letters for what its encoding has not."""
    codecs.register_error("plain", _plain)
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
    """Log lines through the console, so that they do not tear its progress line."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self.console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Print one line."""
        try:
            self.console.print(self.format(record), markup=False, highlight=False, soft_wrap=True)
        except Exception:  # noqa: BLE001 (as every handler: a log line never ends the sweep)
            self.handleError(record)


def log_to(console: Console, *, quietly: bool) -> None:
    """Send logs to the console; `quietly` leaves out what the table beside it says anyway, the receipt first."""
    quiet()
    formatter = logging.Formatter("%(asctime)sZ %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    lines = _Lines(console)
    lines.setFormatter(formatter)
    lines.setLevel(logging.WARNING if quietly else logging.INFO)
    if quietly:
        lines.addFilter(lambda record: not getattr(record, "receipt", False))
    logging.getLogger().addHandler(lines)


def end_on_ctrl_c() -> None:
    """The first Ctrl-C is a KeyboardInterrupt, so that the lease is given back; a second one ends the process."""
    signal.signal(signal.SIGINT, _first)


def _first(_signal: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, _second)
    raise KeyboardInterrupt


def _second(_signal: int, _frame: FrameType | None) -> None:
    os.write(2, b"\ninterrupted\n")
    os._exit(INTERRUPTED)
