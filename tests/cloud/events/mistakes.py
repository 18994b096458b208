"""What is wrong with an export, in words: the file, the line, what was expected and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

NAMED = 10
"""So many mistakes of a load are named."""

EXPECTED = (
    "a CSV export of EmailEvents with its header, NDJSON (one record a line), JSON, a saved answer of the query API, or"
    " gzip of any; a record may be in the envelope of the streaming export"
)


class EventsInvalid(Exception):
    """The files cannot be taken; nothing of them was. The message names file, line and what was expected."""


def at(path: Path, line: int, words: str) -> str:
    """A mistake with its place."""
    return f"{path}, line {line}: {words}"


class Mistakes:
    """The first mistakes of a load. Reading goes on behind one, so that several are named at once."""

    def __init__(self) -> None:
        self._named: list[str] = []

    def add(self, path: Path, line: int, words: str) -> None:
        """Note one; the last that is named ends the load.

        Raises:
            EventsInvalid: there are enough.
        """
        self._named.append(at(path, line, words))
        if len(self._named) >= NAMED:
            self._named.append("… and perhaps more")
            self.check()

    def check(self) -> None:
        """Raise what was noted.

        Raises:
            EventsInvalid: anything was.
        """
        if self._named:
            raise EventsInvalid("\n".join(self._named))


Advance = Callable[[int], None]
"""Told how many bytes of the files, as they lie on disk, are read."""


def shown(values: Iterable[str], limit: int = 120) -> str:
    """Some words of a file, for a message."""
    return repr(", ".join(values)[:limit])
