"""JSON files: one record a line, or whole texts with lists of records or saved answers in them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from typing import Any

from tests.cloud.events.json_text import JsonText, ends_early
from tests.cloud.events.mistakes import EXPECTED, EventsInvalid, at
from tests.cloud.events.record import Cells, cells
from tests.cloud.events.saved_answer import error_of, frame, saved_rows
from tests.cloud.events.source import Source, decoded

Record = tuple[int, Cells | str]
LONG = 4 << 20
"""A line of so many bytes is no record: it is walked."""
_NOT_UTF_8 = "use the file as it was downloaded, or save it as UTF-8"
_CUT = "ends in the middle: was it cut off? Expected a whole file"
_LISTS = ("records", "results")
_AROUND = frozenset(name for each in (*_LISTS, "tables", "error") for name in (each, each.capitalize()))


def json_records(source: Source, blocks: Iterable[bytes]) -> Iterator[Record]:
    """Line and cells of each record, or what is wrong with that line.

    Raises:
        EventsInvalid: the file is no JSON, or a partial answer.
    """
    lines = _lines(blocks)
    blank = 0
    for first in lines:
        if first.strip():
            break
        blank += 1
    else:
        return
    if _one_object(first):
        yield from _by_line(source, itertools.chain([first], lines), blank + 1)
    else:
        whole = bytearray(b"\n" * blank + first)
        for line in lines:
            whole += line
        yield from _whole(source, whole)


def _lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    rest: list[bytes] = []
    for block in blocks:
        first, *others = block.split(b"\n")
        rest.append(first)
        for other in others:
            yield b"".join(rest) + b"\n"
            rest = [other]
    yield b"".join(rest)


def _one_object(line: bytes) -> bool:
    if not line.lstrip().startswith(b"{") or len(line) > LONG:
        return False
    try:
        json.loads(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return False
    return True


def _by_line(source: Source, lines: Iterable[bytes], number: int) -> Iterator[Record]:
    for place, content in enumerate(lines, number):
        if not content.strip():
            continue
        text = decoded(source, content, place, _NOT_UTF_8)
        try:
            value = None if len(text) > LONG else json.loads(text)
            if isinstance(value, dict) and not value.keys() & _AROUND:
                yield place, cells(value)
            elif value is None or isinstance(value, dict):
                for _, found in _top(source, JsonText(text)):
                    yield place, found
            else:
                yield place, "not a JSON object; expected one record of EmailEvents a line"
        except json.JSONDecodeError as error:
            # Only the last line of a file has no end.
            cut = not content.endswith(b"\n") and content.lstrip().startswith(b"{") and ends_early(error)
            yield place, _CUT if cut else "not a JSON object; expected one record of EmailEvents a line"
        except (ValueError, RecursionError) as error:
            yield place, _words(error)


def _whole(source: Source, data: bytearray) -> Iterator[Record]:
    text = JsonText(decoded(source, data, 1, _NOT_UTF_8))
    data.clear()  # it may be large, and is in memory as text now
    try:
        while text.begins:
            yield from _top(source, text)
    except json.JSONDecodeError as error:
        words = _CUT if ends_early(error) else f"not JSON; expected {EXPECTED}"
        raise EventsInvalid(at(source.path, error.lineno, words)) from None
    except (ValueError, RecursionError) as error:
        raise EventsInvalid(at(source.path, text.line, _words(error))) from None


def _top(source: Source, text: JsonText) -> Iterator[Record]:
    """The records of one value: a record itself, a list of them, or an answer around one."""
    line = text.line
    if text.begins == "[":
        for _ in text.elements():
            yield from _record(text.line, text.read())
    elif text.begins == "{":
        others: dict[str, Any] = {}
        listed = False
        for key in text.members():
            if key.lower() in _LISTS and text.begins == "[":
                listed = True
                for _ in text.elements():
                    yield from _record(text.line, text.read())
            elif key.lower() == "tables" and text.begins == "[":
                listed = True
                yield from saved_rows(text)
            else:
                others[key] = text.read()
        if why := error_of(others, listed):
            raise EventsInvalid(at(source.path, line, why))
        if not listed:
            yield from _record(line, others)
    else:
        text.read()
        yield line, "expected a list of records, each a JSON object"


def _record(line: int, value: Any) -> Iterator[Record]:
    if not isinstance(value, dict) or any(key.lower() in _LISTS for key in value):
        yield line, "expected a list of records, each a JSON object"
    elif "FrameType" in value:
        yield from frame(line, value)
    else:
        try:
            yield line, cells(value)
        except ValueError as error:
            yield line, str(error)


def _words(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)
