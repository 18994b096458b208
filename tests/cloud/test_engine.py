"""The embedded engine keeps what it answered of tables without rows, and only that."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.cloud.engine import Result, engine
from tests.cloud.kql.lower import lower
from tests.cloud.tables import Tables

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
QUERY = "T | summarize n = count(), s = make_list(s)"


@pytest.fixture
def tables() -> Iterator[Tables]:
    """A table without rows."""
    made = Tables()
    made.define("T", {"s": "string"})
    try:
        yield made
    finally:
        made.close()


def answer(tables: Tables, query: str = QUERY) -> Result:
    """What the engine says now."""
    lowered = lower(query, tables, NOW)
    return engine().query(lowered.text, lowered.rows)


def test_rows_are_seen_when_they_arrive(tables: Tables) -> None:
    """However often nothing was found before."""
    assert [answer(tables).rows for _ in range(2)] == [[[0, []]], [[0, []]]]
    tables.append("T", [{"s": "a"}])
    assert answer(tables).rows == [[1, ["a"]]]
    tables.load("T", [])
    assert answer(tables).rows == [[0, []]]


def test_another_query_is_another_answer(tables: Tables) -> None:
    """Also when it differs by a literal alone."""
    assert answer(tables, f"{QUERY} | extend x = 1").rows == [[0, [], 1]]
    assert answer(tables, f"{QUERY} | extend x = 2").rows == [[0, [], 2]]


def test_an_answer_is_its_askers_own(tables: Tables) -> None:
    """What one makes of it, no other sees."""
    first = answer(tables)
    first.rows[0][1].append("x")
    first.rows.append([9, []])
    assert answer(tables).rows == [[0, []]]
