"""Operators' own exports of `EmailEvents`, read whole or not at all.

Taken: CSV as the Log Analytics and the Defender portal export it, NDJSON, JSON (one object or a list), gzip of any, and
the envelope of the streaming export around a JSON record.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.cloud.record import Row, read, shift

_NAMED = 10  # mistakes of a file that are named
_HEADER = re.compile(r"\s*(?P<name>\w+)\s*(?:\[(?P<zone>[^\]]*)\])?\s*")
_FILE = (
    "a CSV export of EmailEvents with its header, NDJSON (one record a line), or gzip of either; a record may be in the"
    " envelope of the streaming export"
)


class EventsInvalid(Exception):
    """A file cannot be taken; nothing of it was. The message names file, line and what was expected."""


def load_events(paths: Iterable[Path | str], shift_to: datetime | None = None) -> list[Row]:
    """The rows of all files, with `EmailEvents`' own columns and times as ISO 8601 text in UTC.

    With `shift_to` all times are moved by one amount, so that the newest `TimeGenerated` is that moment.

    Raises:
        EventsInvalid: for the first file that is not wholly an export of EmailEvents.
    """
    rows = [row for path in paths for row in _file(Path(path))]
    if not rows:
        raise EventsInvalid(f"no rows at all; expected {_FILE}")
    if shift_to is not None:
        shift(rows, shift_to)
    return rows


def _file(path: Path) -> list[Row]:
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
    except OSError as error:
        raise EventsInvalid(f"{path}: cannot be read ({error.strerror or 'damaged gzip'})") from None
    except (EOFError, zlib.error):
        raise EventsInvalid(f"{path}: damaged gzip; expected a whole file") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise EventsInvalid(f"{path}, line {line}: not UTF-8; expected {_FILE}") from None
    mistakes: list[str] = []
    rows: list[Row] = []
    for line, found in _records(path, text):
        try:
            if isinstance(found, str):
                raise ValueError(found)
            rows.append(read(found))
        except ValueError as error:
            mistakes.append(f"{path}, line {line}: {error}")
        if len(mistakes) >= _NAMED:
            mistakes.append("… and perhaps more")
            break
    if mistakes:
        raise EventsInvalid("\n".join(mistakes))
    if not rows:
        raise EventsInvalid(f"{path}: holds no row; expected {_FILE}")
    return rows


def _records(path: Path, text: str) -> Iterator[tuple[int, Row | str]]:
    """Line number and record, or what is wrong with that line, of whichever kind of file it is."""
    begins = text.lstrip()[:1]
    if not begins:
        return iter(())
    if begins not in ("{", "["):
        return _csv(path, text)
    first = text.lstrip().partition("\n")[0]
    if begins == "{" and _parsed(first) is not None:
        return _ndjson(text)
    return _json(path, text)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _ndjson(text: str) -> Iterator[tuple[int, Row | str]]:
    for line, content in enumerate(text.split("\n"), 1):
        if not content.strip():
            continue
        record = _parsed(content)
        if isinstance(record, dict) and isinstance(record.get("records"), list):
            yield from ((line, each) for each in record["records"])
        elif isinstance(record, dict):
            yield line, record
        else:
            yield line, "not a JSON object; expected one record of EmailEvents a line"


def _json(path: Path, text: str) -> Iterator[tuple[int, Row | str]]:
    try:
        whole = json.loads(text)
    except ValueError as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 1
        raise EventsInvalid(f"{path}, line {line}: not JSON; expected {_FILE}") from None
    records = whole if isinstance(whole, list) else whole.get("records", [whole])
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise EventsInvalid(f"{path}, line 1: expected a list of records, each a JSON object")
    return iter([(1, record) for record in records])


def _csv(path: Path, text: str) -> Iterator[tuple[int, Row | str]]:
    csv.field_size_limit(2**27)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        names = _names(path, header)
        before = reader.line_num
        for fields in reader:
            if fields and len(fields) != len(header):
                yield before + 1, f"{len(fields)} fields; expected {len(header)}, as in the header"
            elif fields:
                yield before + 1, dict(zip(names, fields, strict=True))
            before = reader.line_num
    except csv.Error as error:
        yield reader.line_num, f"{error}; expected CSV with quotes doubled inside quotes"


def _names(path: Path, header: Sequence[str]) -> list[str]:
    names = []
    for title in header:
        found = _HEADER.fullmatch(title)
        if found is None:
            raise EventsInvalid(f"{path}, line 1: {title[:40]!r} is no column's name; expected {_FILE}")
        if found["zone"] and found["zone"].strip().upper() != "UTC":
            raise EventsInvalid(
                f"{path}, line 1: {found['name']} is in {found['zone'][:40]!r}; expected an export in UTC"
                " (set the portal's time zone to UTC and export again)"
            )
        names.append(found["name"])
    known = {name.lower() for name in names}
    wanted = ("networkmessageid", "recipientemailaddress")
    if not all(name in known for name in wanted) or not known & {"timegenerated", "timestamp"}:
        raise EventsInvalid(
            f"{path}, line 1: expected a header with NetworkMessageId, RecipientEmailAddress and TimeGenerated or"
            f" Timestamp; found {', '.join(header)[:120]!r}. Expected {_FILE}"
        )
    return names
