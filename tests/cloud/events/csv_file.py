"""A CSV file in chunks of whole records, and the same records one by one with their lines.

The engine reads the chunks. Where it does not take one, the records are read here, which names what is wrong; what is
right all the same (a blank line, another line end) is staged from here.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.cloud.events.header import Header, read_header
from tests.cloud.events.mistakes import EventsInvalid, at
from tests.cloud.events.source import Source, decoded

CHUNK = 16 << 20
FIELD = 1 << 27
"""Bytes of the longest record."""

_PREFACE = re.compile(rb'(?:(?:"?sep=.?"?|#TYPE [^\r\n]*|[ \t]*)\r?\n)*', re.IGNORECASE)
"""What may stand above a header: Excel's and PowerShell's own lines, blank ones."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole records of a file, its header left out, and the line that they begin on."""

    header: Header
    line: int
    data: bytes


def chunks(source: Source, blocks: Iterable[bytes]) -> Iterator[Chunk]:
    """The file in chunks of some megabytes; the first may be a header alone, without data.

    Raises:
        EventsInvalid: its header is none of EmailEvents; a record does not end.
    """
    header: Header | None = None
    line = 1
    for data in whole_records(source, blocks):
        rest = data
        if header is None and b"\n" not in rest:
            rest = rest.replace(b"\r", b"\n")  # the line ends of old Macs
        lines, first = rest.count(b"\n"), header is None
        if header is None:
            above = _PREFACE.match(rest)
            start = above.end() if above else 0
            if start == len(rest):
                line += lines
                continue  # nothing but blank lines so far
            end = _first_end(rest, start)
            line_of = line + rest.count(b"\n", 0, start)
            header = read_header(source, line_of, decoded(source, rest[start:end], line_of))
            line, lines, rest = line + rest.count(b"\n", 0, end), rest.count(b"\n", end), rest[end:]
        if rest or first:
            yield Chunk(header, line, rest)
        line += lines


def whole_records(source: Source, blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Bytes that end where a record does: at a line's end with an even number of quotes before it."""
    rest, lines = b"", 1
    for block in blocks:
        rest += block
        if len(rest) < CHUNK:
            continue
        end = _last_end(rest)
        if end:
            yield rest[:end]
            lines += rest.count(b"\n", 0, end)
            rest = rest[end:]
        elif len(rest) > FIELD:
            words = f"no record ends within {FIELD >> 20} MB of here; expected CSV with quotes doubled inside quotes"
            raise EventsInvalid(at(source.path, lines, words))
    if rest:
        yield rest


def _last_end(data: bytes) -> int:
    odd, place = data.count(b'"') % 2, len(data)
    while (newline := data.rfind(b"\n", 0, place)) >= 0:
        odd ^= data.count(b'"', newline, place) % 2
        if not odd:
            return newline + 1
        place = newline
    return 0


def _first_end(data: bytes, start: int) -> int:
    odd, place = 0, start
    while (newline := data.find(b"\n", place)) >= 0:
        odd ^= data.count(b'"', place, newline) % 2
        place = newline + 1
        if not odd:
            return place
    return len(data)


def csv_records(source: Source, chunk: Chunk) -> Iterator[tuple[int, dict[str, str] | str]]:
    """Line and cells of each record of a chunk, or what is wrong with that line."""
    csv.field_size_limit(FIELD)
    text = decoded(source, chunk.data, chunk.line)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=chunk.header.delimiter)
    width, before = len(chunk.header.titles), 0
    try:
        for fields in reader:
            if fields and len(fields) != width:
                yield chunk.line + before, f"{len(fields)} fields; expected {width}, as in the header"
            elif fields:
                cells = zip(chunk.header.columns, fields, strict=True)
                yield chunk.line + before, {name: cell for name, cell in cells if name}
            before = reader.line_num
    except csv.Error as error:
        line = chunk.line + max(reader.line_num, 1) - 1
        rest = ": was the file cut off? Expected" if "end of data" in str(error) else "; expected"
        yield line, f"{error}{rest} CSV with quotes doubled inside quotes"
