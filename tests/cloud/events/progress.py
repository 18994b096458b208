"""How far a load is, on a terminal; nothing elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

Report = Callable[[str, int], None]
"""Called with the current step and the number of bytes read in all."""


@contextmanager
def reported(console: Console | None, total: int) -> Iterator[Report]:
    """A bar for so many bytes."""
    if console is None or not console.is_terminal:
        yield lambda _words, _read: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("reading", total=total)
        yield lambda words, read: progress.update(task, description=words, completed=read)
