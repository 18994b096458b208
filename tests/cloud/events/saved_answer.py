"""Saved responses of the query APIs: tables of columns and rows, and the errors in a response."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.cloud.events.json_text import JsonText
from tests.cloud.events.record import Cells, cells

Record = tuple[int, Cells | str]
_LARGE = re.compile(r"partial|too[ _]?large|size[ _]?(limit|error)|time[ds]?[ _-]?out|memory", re.IGNORECASE)
"""Errors of a query that asks for too much at once."""
_ROW = "expected a row with a cell for each column"


def saved_rows(text: JsonText) -> Iterator[Record]:
    """The rows of those tables in a list of tables that are EmailEvents: those that have NetworkMessageId.

    Older answers carry further tables, about the query. Both ways of writing the keys are read.
    """
    line, seen, taken = text.line, list[str](), False
    for _ in text.elements():
        start = text.place
        names = _names(text)
        seen += names
        if _events(names):
            taken = True
            end = text.place
            text.place = start
            yield from _rows(text, names)
            text.place = end
    if not taken:
        yield (
            line,
            f"no table with NetworkMessageId; expected an answer of EmailEvents, found {', '.join(seen)[:120]!r}",
        )


def _names(text: JsonText) -> list[str]:
    """The names of the columns of the table that is next; it is read to its end."""
    names: list[str] = []
    if text.begins != "{":
        text.read()
        return names
    for key in text.members():
        if key.lower() == "rows" and text.begins == "[":
            for _ in text.elements():
                text.read()
        else:
            value = text.read()
            names = _named(value) if key.lower() == "columns" else names
    return names


def _rows(text: JsonText, names: Sequence[str]) -> Iterator[Record]:
    """The rows of the table that is next."""
    line = text.line
    for key in text.members():
        if key.lower() == "rows" and text.begins == "[":
            for _ in text.elements():
                line = text.line
                yield _row(line, names, text.read())
        else:
            text.read()


def frame(line: int, value: Mapping[str, Any]) -> Iterator[Record]:
    """The rows of a frame of Kusto's own, newer answers; most frames are about the query."""
    names = _named(value.get("Columns", []))
    if _events(names):
        for row in value.get("Rows", []):
            yield _row(line, names, row)


def _named(columns: Any) -> list[str]:
    if not isinstance(columns, list):
        return []
    both = [(each.get("name"), each.get("ColumnName"), each.get("Name")) for each in columns if isinstance(each, dict)]
    return [str(next(filter(None, each), "")) for each in both]


def _events(names: Sequence[str]) -> bool:
    return "networkmessageid" in (name.lower() for name in names)


def _row(line: int, names: Sequence[str], row: Any) -> Record:
    if not isinstance(row, list) or len(row) != len(names):
        return line, _ROW
    try:
        return line, cells(dict(zip(names, row, strict=True)))
    except ValueError as error:
        return line, str(error)


def error_of(answer: Mapping[str, Any], listed: bool) -> str:
    """Why an answer cannot be taken as a whole, from what stands beside its rows; "" when it can."""
    error = answer.get("error", answer.get("Error"))
    if isinstance(error, str) and not listed:  # a sign-in's
        error = {"code": error, "message": answer.get("error_description", "")}
    if not isinstance(error, dict):
        return ""
    code, message = (str(error.get(key, "")) for key in ("code", "message"))
    large = listed or _LARGE.search(json.dumps(error))
    todo = "ask for fewer days, or for fewer columns" if large else "run the query again when this is solved"
    what = "a partial answer" if listed else "an error that the query API answered"
    return f"{what} ({code}: {message})"[:300] + f"; expected a whole one: {todo}"
