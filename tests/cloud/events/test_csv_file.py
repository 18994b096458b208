"""CSV by the engine's reader and by Python's: where both read a text, they read the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as some

from tests.cloud.engine import engine
from tests.cloud.events import csv_file
from tests.cloud.events.csv_file import Chunk
from tests.cloud.events.header import Header
from tests.cloud.events.source import Source
from tests.cloud.events.staging import Staging
from tests.support.examples import examples_of

COLUMNS = ("NetworkMessageId", "", "Subject")
CELL = some.text(some.sampled_from("aé\U0001f600 ,;\"'\n\r\t\\N0{[-"), max_size=6)


@pytest.fixture(scope="module")
def staging() -> Iterator[Staging]:
    """A table for the texts."""
    with Staging() as made:
        yield made


def both(staging: Staging, text: str, delimiter: str) -> tuple[list[list[str]] | None, list[list[str]] | None]:
    """The known cells of a text as the engine reads them, and as Python does; None where it does not."""
    source = Source(len(staging.table) + staging.rows, Path("export.csv"))
    chunk = Chunk(Header(delimiter, ("a", "b", "c"), COLUMNS), 1, text.encode())
    known = [name for name in COLUMNS if name]
    theirs = None
    if staging.chunk(source, chunk):
        listed = ", ".join(known)
        answer = engine().sql(
            f"SELECT {listed} FROM {staging.table} WHERE _source = {source.place} ORDER BY _record",
            "JSONCompactEachRow",
        )
        theirs = [json.loads(line) for line in answer.split("\n") if line]
    ours: list[list[str]] | None = []
    for _, cells in csv_file.csv_records(source, chunk):
        if isinstance(cells, str) or ours is None:
            ours = None
        else:
            ours.append([cells[name] for name in known])
    return theirs, ours


def _quote(cell: str, delimiter: str, always: bool) -> str:
    """A cell as CSV is written."""
    if always or any(mark in cell for mark in f'{delimiter}"\n\r'):
        return '"' + cell.replace('"', '""') + '"'
    return cell


@pytest.mark.examples
@settings(max_examples=examples_of(100), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=some.lists(some.tuples(CELL, CELL, CELL), min_size=1, max_size=4),
    delimiter=some.sampled_from(",;\t"),
    end=some.sampled_from(["\n", "\r\n"]),
    always=some.booleans(),
)
def test_what_is_written_as_csv_is_read_by_both(
    staging: Staging, rows: list[tuple[str, str, str]], delimiter: str, end: str, always: bool
) -> None:
    """Whatever the cells hold, Python reads them back. The engine reads the same, or leaves it to Python, which it may
    do only of cells that are not quoted, or that hold a CR alone."""
    text = "".join(delimiter.join(_quote(cell, delimiter, always) for cell in row) + end for row in rows)
    theirs, ours = both(staging, text, delimiter)
    assert ours == [[row[0], row[2]] for row in rows]
    assert theirs in (None, ours)
    if always and text.count("\r") == text.count("\r\n"):
        assert theirs == ours


@pytest.mark.examples
@settings(max_examples=examples_of(200), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=some.text(some.sampled_from('ab,,""\n\n\r \t\\N\''), min_size=1, max_size=24))
@example("a,b,c\n")
@example("NetworkMessageId,_1,Subject\n")
@example("\r,,")
@example("a\rb,,\n")
@example("\\N,\\N,\\N\n")
@example('"a" ,b,c\n')
@example(" a, b, c \n")
@example('a,b,"c" \n')
@example("1,2,3\n4,5,6\n")
def test_any_text_is_read_alike_or_by_one(staging: Staging, text: str) -> None:
    """No text is read in two ways."""
    theirs, ours = both(staging, text, ",")
    assert theirs is None or ours is None or theirs == ours


def test_records_end_where_lines_end_outside_quotes() -> None:
    """Batches are cut at the ends of records, and together are the whole text."""
    text = b'a,b\n"x\ny",2\r\n"""\n",3\nlast,"\n"'
    pieces: list[bytes] = []
    for size in (1, 2, 3, 7, 100):
        blocks = [text[place : place + size] for place in range(0, len(text), size)]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(csv_file, "CHUNK", 1)
            pieces = list(csv_file.whole_records(Source(0, Path("x")), blocks))
        assert b"".join(pieces) == text
        assert all(piece.count(b'"') % 2 == 0 for piece in pieces)
    assert len(pieces) == 2
