"""What is wrong with an export, in words: the file, the line, what was expected and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

NAMED = 10
"""So many causes of a load are named."""

EXPECTED = (
    "a CSV export of EmailEvents with its header, NDJSON (one record a line), JSON, a saved answer of the query API, or"
    " gzip of any; a record may be in the envelope of the streaming export"
)


_VALUE = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\d+")
"""What differs between two rows with the same cause."""


class EventsInvalid(Exception):
    """The files cannot be used, and nothing of them was. The message names file, line and what was expected."""


def at(path: Path, line: int, words: str) -> str:
    """A mistake with its place."""
    return f"{path}, line {line}: {words}"


class Mistakes:
    """The mistakes of a load by cause: where each is first, and in how many rows. Reading continues after one."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}
        self._rows: dict[str, int] = {}

    def add(self, path: Path, line: int, words: str, rows: int = 1) -> None:
        """Note what is wrong in so many rows, first in this line. The last cause that is named ends the load.

        Raises:
            EventsInvalid: there are too many.
        """
        cause = _VALUE.sub("", words)
        self._first.setdefault(cause, at(path, line, words))
        self._rows[cause] = self._rows.get(cause, 0) + rows
        if len(self._first) >= NAMED:
            raise EventsInvalid("\n".join([*self._lines(), "… and perhaps more"]))

    def check(self) -> None:
        """Raise what was noted.

        Raises:
            EventsInvalid: anything was.
        """
        if self._first:
            raise EventsInvalid("\n".join(self._lines()))

    def _lines(self) -> Iterator[str]:
        for cause, first in self._first.items():
            yield first
            if more := self._rows[cause] - 1:
                yield f"  the same in {more:,} more row{'s' if more > 1 else ''}"


Advance = Callable[[int], None]
"""Called with the number of bytes read so far, as stored on disk."""


def shown(values: Iterable[str], limit: int = 120) -> str:
    """Some words of a file, for a message."""
    return repr(", ".join(values)[:limit])
