"""Responses to the hunt: checked when they arrive, their lists decoded when they are read.

A finding keeps the lists as the service sent them. A malformed response is PartialData that names the column; nothing
in it is used.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import islice, pairwise
from operator import attrgetter
from typing import Any

from shared.errors import PartialData, Service
from shared.model import Counts, Evidence, Finding, Remedy

SUBJECT_LIMIT = 256  # characters; hunt.kql cuts there
LIST_LIMIT = 5_000  # items of the newest state time that a list holds; counts are exact beyond it

_SHORT = ("HardDelete", "SoftDelete", "MoveToJunk", "MoveToDelete")  # in the order of Remedy
COUNTS = tuple(f"{name}_case" for name in _SHORT)
LISTS = tuple(f"{name}_NetworkID" for name in _SHORT)
STATES = tuple(f"{name}_States" for name in _SHORT)
COLUMNS = ("RecipientEmailAddress", "Sum_case", *COUNTS, *LISTS, *STATES)

_TEXTS = frozenset({"string"})
NUMBERS = frozenset({"long", "int", "int32", "int64", "uint64", "sbyte", "int16", "byte"})
_DYNAMICS = frozenset({"dynamic", "object", "string", "array", "collection(string)"})
_TYPES = (_TEXTS, *[NUMBERS] * 5, *[_DYNAMICS] * 8)


@dataclass(frozen=True, slots=True)
class Answer:
    """A table as the service sent it: the names and types of the columns, and the cells of each row in that order."""

    names: Sequence[str]
    types: Sequence[str]
    rows: Iterable[Iterable[Any]]
    service: Service

    def malformed(self, column: str, what: str) -> PartialData:
        """The error for a response with a column that is not what the query asks for."""
        return PartialData(
            f"{self.service.words} sent a malformed response to the hunt: a column {column} {what}. It was discarded."
            " If the next sweep says the same, run the query in the portal and compare, and report it",
            service=self.service,
            code=f"column {column}",
        )


def check_columns(answer: Answer, expected: Sequence[str], types: Sequence[frozenset[str]]) -> None:
    """Raise PartialData unless the response begins with exactly these columns, each of one of its allowed types."""
    for place, (name, allowed) in enumerate(zip(expected, types, strict=True)):
        if place >= len(answer.names) or answer.names[place] != name:
            found = answer.names[place] if place < len(answer.names) else "nothing"
            raise answer.malformed(name, f"missing: place {place + 1} holds {found[:64]!r}")
        if answer.types[place].lower() not in allowed:
            raise answer.malformed(name, f"of type {answer.types[place][:32]!r}, not {' or '.join(sorted(allowed))}")


def findings(answer: Answer, threshold: int) -> list[Finding]:
    """The findings in a response, `Sum_case` descending, then by recipient.

    Raises:
        PartialData: for missing columns, wrong types, counts that are negative or do not add up, a recipient that is
            empty or comes twice, a `Sum_case` that does not exceed the threshold. Lists are checked when read.
    """
    check_columns(answer, COLUMNS, _TYPES)
    width = len(COLUMNS)
    decoded = partial(_decode, replace(answer, rows=()))  # with its rows it would keep them all in memory
    with _no_collection():
        found = [_finding(answer, list(islice(row, width)), decoded, threshold) for row in answer.rows]
    return _sorted(found, answer.service)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Without the garbage collector: beside a large answer each of its rounds costs more than what is made here, and
    nothing of it refers to itself.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def joined(parts: Iterable[list[Finding]], service: Service) -> list[Finding]:
    """The findings of all parts of a hunt, in the order of a hunt in one piece.

    Raises:
        PartialData: when two parts name the same recipient.
    """
    return _sorted([finding for part in parts for finding in part], service)


def _sorted(found: list[Finding], service: Service) -> list[Finding]:
    found.sort(key=attrgetter("recipient"))
    for one, other in pairwise(found):
        if one.recipient == other.recipient:
            raise Answer((), (), (), service).malformed(COLUMNS[0], "that names a recipient twice")
    found.sort(key=attrgetter("counts.total"), reverse=True)
    return found


def _finding(
    answer: Answer, cells: list[Any], decoded: Callable[[Any], tuple[Evidence, ...]], threshold: int
) -> Finding:
    if len(cells) != len(COLUMNS):
        raise answer.malformed(COLUMNS[min(len(cells), len(COLUMNS) - 1)], "missing in a row")
    recipient, total, hard, soft, junk, deleted = cells[:6]
    if type(recipient) is not str or not recipient:
        raise answer.malformed(COLUMNS[0], "that is not an address")
    # One look at all five; which of them is wrong is asked only then: a large answer has many rows.
    if not type(total) is type(hard) is type(soft) is type(junk) is type(deleted) is int or min(cells[1:6]) < 0:
        wrong = (name for name, count in zip(COLUMNS[1:6], cells[1:6], strict=True) if not _is_count(count))
        raise answer.malformed(next(wrong), "that is not a count")
    if total != hard + soft + junk + deleted:
        raise answer.malformed("Sum_case", "that is not the sum of the four counts")
    if total <= threshold:
        raise answer.malformed("Sum_case", f"that does not exceed the threshold {threshold}")
    return Finding(_without_surrogates(recipient), Counts(hard, soft, junk, deleted), tuple(cells[2:]), decoded)


def _is_count(cell: Any) -> bool:
    return type(cell) is int and cell >= 0


def _decode(answer: Answer, cells: tuple[Any, ...]) -> tuple[Evidence, ...]:
    """All evidence in a finding's cells, newest state time first, then by message.

    Raises:
        PartialData: a cell is not a list, its length is not its count (5,000 at most), or an item is malformed.
    """
    evidence: list[Evidence] = []
    for place, remedy in enumerate(Remedy):
        length = min(cells[place], LIST_LIMIT)
        items = _list(answer, LISTS[place], cells[4 + place], length)
        states = _list(answer, STATES[place], cells[8 + place], length)
        for item, state in zip(items, states, strict=True):
            evidence.append(_evidence(answer, place, remedy, item, state))
    evidence.sort(key=attrgetter("message_id"))
    evidence.sort(key=attrgetter("state_time"), reverse=True)
    return tuple(evidence)


def _list(answer: Answer, column: str, cell: Any, length: int) -> list[Any]:
    """A dynamic cell, which services send as JSON text or as a list."""
    if isinstance(cell, str):
        try:
            cell = json.loads(cell)
        except ValueError:
            raise answer.malformed(column, "that holds text which is not JSON") from None
    if not isinstance(cell, list):
        raise answer.malformed(column, "that does not hold a list")
    if len(cell) != length:
        raise answer.malformed(column, f"with a list of {len(cell):,} items where {length:,} were counted")
    return cell


def _evidence(answer: Answer, place: int, remedy: Remedy, item: Any, state: Any) -> Evidence:
    parts = item.split("\\", 2) if isinstance(item, str) else ()
    if len(parts) != 3:
        raise answer.malformed(LISTS[place], "with an item that is not NetworkMessageId\\Timestamp\\Subject")
    message_id, stamp, subject = _without_surrogates(parts[0]), parts[1], parts[2]
    if len(subject) > SUBJECT_LIMIT:
        raise answer.malformed(
            LISTS[place], f"with a subject of {len(subject):,} characters, not {SUBJECT_LIMIT} at most"
        )
    time = _time(answer, LISTS[place], stamp)
    if state == "":
        return Evidence(message_id, time, subject, remedy, time, time)
    moments = state.split("\\") if isinstance(state, str) else ()
    if len(moments) != 2:
        raise answer.malformed(STATES[place], "with an item that is not two times")
    changed, generated = (_time(answer, STATES[place], moment) for moment in moments)
    return Evidence(message_id, time, subject, remedy, changed, generated)


def _without_surrogates(text: str) -> str:
    """The text without lone surrogates: JSON can hold them, but neither a ledger nor an id can."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _time(answer: Answer, column: str, text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise answer.malformed(column, f"with {text[:40]!r} where a time is expected")
    return time.astimezone(UTC)


def time_cell(answer: Answer, column: str, cell: Any) -> datetime | None:
    """A datetime cell, which services send as a datetime or as ISO 8601 text; None when it is empty."""
    if cell is None or cell == "":
        return None
    if isinstance(cell, datetime) and cell.tzinfo is not None:
        return cell.astimezone(UTC)
    return _time(answer, column, str(cell))


def cut_note(found: Iterable[Finding]) -> str:
    """A note about the lists that were cut, "" when none was."""
    many = sum(1 for finding in found if max(_counts(finding.counts)) > LIST_LIMIT)
    if not many:
        return ""
    who = "one recipient has" if many == 1 else f"{many:,} recipients have"
    return (
        f"{who} more than {LIST_LIMIT:,} messages of one action: the newest {LIST_LIMIT:,} are listed, all are counted"
    )


def _counts(counts: Counts) -> tuple[int, int, int, int]:
    return counts.hard_delete, counts.soft_delete, counts.move_to_junk, counts.move_to_delete
