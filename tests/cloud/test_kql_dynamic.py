"""Dynamic values, mv-expand and ingestion_time() in the small Azure's KQL, beside Microsoft's own binder."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.cloud import Cloud
from tests.cloud.kql.context import INGESTED
from tests.support.caller import Caller
from tests.support.kusto import parse

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
COLUMNS = {"TimeGenerated": "datetime", "k": "string", "n": "int", "d": "dynamic", "s": "string"}
DETAILS = '{"Custom Details":"{\\"F\\":[\\"g\\"],\\"N\\":[\\"17\\"]}","empty":null}'


def timed_row(k: str, minutes: float, ingested: float, d: Any, s: str = "", n: int = 1) -> dict[str, Any]:
    """A row that was generated and ingested so many minutes ago."""
    times = {"TimeGenerated": NOW - timedelta(minutes=minutes), INGESTED: NOW - timedelta(minutes=ingested)}
    return {"k": k, "n": n, "d": d, "s": s, **times}


ROWS = [
    timed_row("a", 30, 20, ["x", {"k": "v", "n": 5}, None, 'q"uote'], DETAILS),
    timed_row("b", 130, 110, [], "not JSON"),
    timed_row("b", 10, 9, {"z": 1}, "5"),
    timed_row("late", 3, -5, None),
    timed_row("c", 59, 59, None, "null", n=2),
]

ANSWERS: dict[str, list[list[Any]]] = {
    # What was not ingested by now is not there; ingestion_time() is the time at which a row was.
    "F | count": [[4]],
    "F | where ingestion_time() > ago(1h) | project k": [["a"], ["b"], ["c"]],
    "F | extend t = ingestion_time() | where n == 2 | project t": [["2026-11-24T05:01:00Z"]],
    "F | extend s = 'new', t = ingestion_time() | where ingestion_time() < ago(1h) | project k, s": [["b", "new"]],
    "F | where n == 2": [["2026-11-24T05:01:00Z", "c", 2, None, "null"]],
    "F | summarize firstIn = min(ingestion_time()), arg_max(TimeGenerated, *) by k | where firstIn > ago(1h)"
    " | project k": [
        ["a"],
        ["c"],
    ],
    "F | extend firstIn = ingestion_time() | extend age = now() - firstIn | summarize arg_max(age, *) by k"
    " | where firstIn > ago(1h) | project k, age, firstIn, n": [
        ["a", "00:20:00", "2026-11-24T05:40:00Z", 1],
        ["c", "00:59:00", "2026-11-24T05:01:00Z", 2],
    ],
    "let New = F | where ingestion_time() > ago(1h); union New, (F | project s) | count": [[7]],
    "F | where k in (F | where ingestion_time() < ago(1h) | project k) | where ingestion_time() > ago(1h)"
    " | project s": [["5"]],
    "union F, F | summarize count() by k | order by k asc": [["a", 2], ["b", 4], ["c", 2]],
    # Lists: a row for each element; an empty list gives none, what is no list or missing stays one row.
    "F | mv-expand d | project k, d": [
        ["a", '"x"'],
        ["a", '{"k":"v","n":5}'],
        ["a", None],
        ["a", '"q\\"uote"'],
        ["b", '{"z":1}'],
        ["c", None],
    ],
    "F | where k == 'a' | mv-expand x = d to typeof(string) | project x, l = array_length(d)": [
        ["x", 4],
        ['{"k":"v","n":5}', 4],
        ["", 4],
        ['q"uote', 4],
    ],
    "F | mv-expand d to typeof(string) | where d == 'x' | summarize count(), make_set(k) by d": [["x", 1, '["a"]']],
    "F | mv-expand d | where ingestion_time() < ago(30m) | project k": [["c"]],
    "F | order by k asc | summarize l = make_list(k) | mv-expand l to typeof(string) | where l != 'b' | project l": [
        ["a"],
        ["c"],
    ],
    "F | mv-expand d to typeof(long) | where isnotnull(d) | count": [[0]],
    # Parts of a dynamic value
    "F | where k == 'a' | project a = d[0], b = d[1].k, c = tostring(d[1]['k']), e = tolong(d[1].n), z = d.z,"
    " y = d[9]": [['"x"', '"v"', "v", 5, None, None]],
    "F | project x = array_length(d), z = tostring(d.z), w = tostring(d[-1])": [
        [4, "", 'q"uote'],
        [0, "", ""],
        [None, "1", ""],
        [None, "", ""],
    ],
    "F | where k == 'a' | project p = d[1][0], q = d.k, r = d[0].k, s = d[-4], t = d[-5]": [
        [None, None, None, '"x"', None]
    ],
    "F | where d[0] == 'x' | where 'x' == d[0] | where d[0] != 'y' | count": [[1]],
    # Texts that hold JSON, and texts in them that do again
    'F | extend c = parse_json(tostring(parse_json(s)["Custom Details"])) | where isnotempty(c.F)'
    " | project f = tostring(c.F[0]), n = toint(c.N[0]), m = tolong(c.N[0]), e = parse_json(s).empty": [
        ["g", 17, 17, None]
    ],
    "F | project p = tostring(todynamic(s)), q = isnull(parse_json(s))": [
        [DETAILS, False],
        ["not JSON", False],
        ["5", False],
        ["", True],
    ],
    "print t = todatetime(parse_json('{\"at\":\"2026-11-22T07:00:00Z\"}').at), r = todouble(parse_json('[1.5]')[0])": [
        ["2026-11-22T07:00:00Z", 1.5]
    ],
}

REFUSED = {
    "F | project s | where ingestion_time() > ago(1h)": "ingestion_time() is known here of a table",
    "F | summarize by k | extend t = ingestion_time()": "ingestion_time() is known here of a table",
    "F | where ingestion_time(k) > ago(1h)": "expects no argument",
    "EmailEvents | where ingestion_time() > ago(1h)": "ingestion_time() is known here of a table",
    f"F | where {INGESTED} > ago(1h)": f"named '{INGESTED}'",
    "F | mv-expand s": "must be of type dynamic",
    "F | mv-expand strcat(s, k)": "without a name is not understood",
    "F | mv-expand d to typeof(guid)": "could not be parsed at 'guid'",
    "F | mv-expand d, x = d": "could not be parsed at ','",
    "F | project s.z": "could not be parsed at '.'",
    "F | project d[n]": "by a name or a whole number",
}


@pytest.fixture(scope="module")
def asked() -> Iterator[Caller]:
    """A caller of a small Azure with one table whose rows carry the times of their ingestion."""
    with Cloud(clock=lambda: NOW) as cloud, Caller(cloud) as made:
        cloud.tables.define("F", COLUMNS, timed=True)
        cloud.append("F", ROWS)
        yield made


@pytest.mark.parametrize("query", ANSWERS)
def test_known_answers_of_dynamic_values(asked: Caller, query: str) -> None:
    """A query is answered as Kusto documents it."""
    assert sorted(asked.rows(query), key=str) == sorted(ANSWERS[query], key=str)


@pytest.mark.parametrize("query", REFUSED)
def test_refusals_about_dynamic_values(asked: Caller, query: str) -> None:
    """What is beyond the small Azure is a 400 that says so."""
    answer = asked.query(query)
    assert answer.status_code == 400, answer.text
    assert REFUSED[query] in answer.json()["error"]["innererror"]["innererror"]["message"]


def test_microsofts_binder_takes_the_same_queries(asked: Caller) -> None:
    """The binder finds no error in them and gives their columns the same names, types and order."""
    (bound,) = parse([({"F": COLUMNS}, list(ANSWERS))])
    for query, said in zip(ANSWERS, bound, strict=True):
        assert not [found for found in said["diagnostics"] if found["severity"] == "Error"], query
        columns = {column["name"]: column["type"] for column in asked.query(query).json()["tables"][0]["columns"]}
        assert list(columns.items()) == list(said["columns"].items()), query


def test_a_row_without_a_time_of_ingestion_was_ingested_when_it_was_generated(asked: Caller) -> None:
    """Rows that a test puts into such a table are there from their TimeGenerated on."""
    asked.cloud.tables.define("G", {"TimeGenerated": "datetime"}, timed=True)
    times = [NOW - timedelta(minutes=minutes) for minutes in (90, 30, -1)]
    asked.cloud.append("G", [{"TimeGenerated": time} for time in times])
    assert asked.rows("G | summarize count(), countif(ingestion_time() > ago(1h))") == [[2, 1]]
    asked.cloud.load("G", [{"TimeGenerated": NOW}])
    assert asked.rows("G | where ingestion_time() == now() | count") == [[1]]
