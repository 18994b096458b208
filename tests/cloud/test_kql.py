"""The KQL that the small Azure runs: each lowering against a known answer, Kusto's names and forms, the refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cloud import Cloud
from tests.cloud.kql.errors import KqlError
from tests.cloud.kql.literals import quote
from tests.cloud.kql.tokens import TokenKind, tokenize
from tests.support.caller import Caller
from tests.support.kusto import parse

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
COLUMNS = {
    "t": "datetime",
    "u": "datetime",
    "s": "string",
    "n": "long",
    "i": "int",
    "b": "bool",
    "d": "dynamic",
    "r": "real",
}
ROWS: list[dict[str, Any]] = [
    {"t": "2026-11-23T07:55:45.7357933Z", "s": "a", "n": 1, "i": 1, "b": True, "d": ["x"], "r": 1.0},
    {"t": "2026-11-22T07:00:00Z", "u": "2026-11-23T08:00:00Z", "s": "B", "n": 2, "b": False, "r": 2.5},
    {"t": "2026-11-21T00:00:00Z", "i": 3},
]
LAST, MIDDLE, FIRST = "2026-11-23T07:55:45.7357933Z", "2026-11-22T07:00:00Z", "2026-11-21T00:00:00Z"
LONG_MIDDLE, LONG_FIRST = "2026-11-22T07:00:00.0000000Z", "2026-11-21T00:00:00.0000000Z"

# Query, and its rows; those of a query without an order are given in any order.
ANSWERS: dict[str, list[list[Any]]] = {
    # Forms
    "T | project t, u, s, n, i, b, d, r": [
        [LAST, None, "a", 1, 1, True, '["x"]', 1.0],
        [MIDDLE, "2026-11-23T08:00:00Z", "B", 2, None, False, None, 2.5],
        [FIRST, None, "", None, 3, None, None, None],
    ],
    "T | project x = t - u, y = 90m, z = t + 1d": [
        [None, "01:30:00", "2026-11-24T07:55:45.7357933Z"],
        ["-1.01:00:00", "01:30:00", "2026-11-23T07:00:00Z"],
        [None, "01:30:00", "2026-11-22T00:00:00Z"],
    ],
    'T | project x = strcat(s, @"\\", t, "|", n, "|", b, "|", r)': [
        [f"a\\{LAST}|1|true|1.0"],
        [f"B\\{LONG_MIDDLE}|2|false|2.5"],
        [f"\\{LONG_FIRST}|||"],
    ],
    "T | where n == 1 | project x = tostring(t), y = tostring(u), w = tostring(d)": [[LAST, "", '["x"]']],
    # Nothing there
    "T | where n > 9 | summarize max(t), min(n), count(), countif(b), dcount(s), make_list(s), sum(n)": [
        [None, None, 0, 0, 0, "[]", 0]
    ],
    "T | extend c = 1 | where n > 9 | summarize max(c), x = max(array_length(d)), arg_max(t, c, s)": [
        [None, None, None, None, ""]
    ],
    "T | where n > 9 | summarize max(n) by s": [],
    "T | where n > 9": [],
    # Missing values
    "T | where n == 1 | count": [[1]],
    "T | where n != 1 | count": [[2]],
    "T | where not(n == 1) | count": [[2]],
    "T | where u == u | count": [[1]],
    'T | where s != "a" | count': [[2]],
    "T | summarize make_list(u), make_list(i)": [['["2026-11-23T08:00:00.0000000Z"]', "[1,3]"]],
    'T | project x = coalesce(s, "none"), y = coalesce(u, t)': [
        ["a", LAST],
        ["B", "2026-11-23T08:00:00Z"],
        ["none", FIRST],
    ],
    "T | project x = isempty(s), y = isnull(n), z = isnotempty(u)": [
        [False, False, False],
        [False, False, True],
        [True, True, False],
    ],
    # Lists
    "T | order by t asc | summarize make_list(s)": [['["","B","a"]']],
    "T | order by t desc | summarize make_list(s, 2)": [['["a","B"]']],
    'T | order by t desc | summarize make_list_if(s, s != "B"), make_list_if(s, b), make_list_if(t, n > 1)': [
        ['["a",""]', '["a"]', f'["{LONG_MIDDLE}"]']
    ],
    "T | order by t desc | summarize make_list_if(s, true, 1)": [['["a"]']],
    "T | summarize l = make_list(s) | project x = array_length(l)": [[3]],
    # The row with the largest value, missing values and all
    "T | summarize arg_max(t, *)": [[LAST, None, "a", 1, 1, True, '["x"]', 1.0]],
    "T | summarize arg_max(coalesce(u, t), n, u)": [["2026-11-23T08:00:00Z", 2, "2026-11-23T08:00:00Z"]],
    "T | where isnull(u) | summarize arg_max(u, s) by i | order by i asc": [[1, None, "a"], [3, None, ""]],
    "T | summarize arg_max(n, t, y = s) by b | order by n asc": [
        [None, None, FIRST, ""],
        [True, 1, LAST, "a"],
        [False, 2, MIDDLE, "B"],
    ],
    "T | summarize l = make_list(s), m = max(n) by b | summarize arg_max(m, l, *) | project m, l, b": [
        [2, '["B"]', False]
    ],
    "T | summarize a = max(u - t) by n | summarize arg_max(a, *)": [["1.01:00:00", 2]],
    "T | summarize arg_max(i, n, b, r, d)": [[3, None, None, None, None]],
    # Time
    "print datetime(2026-11-22 07:00), x = datetime(2026-11-22T07:00:00.5+02:00), y = datetime(null), z = 2d": [
        ["2026-11-22T07:00:00Z", "2026-11-22T05:00:00.5Z", None, "2.00:00:00"]
    ],
    "print x = now(), y = ago(1d), z = now(-1h), w = ago(1d + 1h)": [
        ["2026-11-24T06:00:00Z", "2026-11-23T06:00:00Z", "2026-11-24T05:00:00Z", "2026-11-23T05:00:00Z"]
    ],
    "T | where t > ago(1d) | count": [[1]],
    "T | where t between (datetime(2026-11-21) .. datetime(2026-11-22T07:00:00Z)) | count": [[2]],
    "T | summarize c = count() by bin(t, 1d) | order by t asc": [
        ["2026-11-21T00:00:00Z", 1],
        ["2026-11-22T00:00:00Z", 1],
        ["2026-11-23T00:00:00Z", 1],
    ],
    "T | where n == 1 | project x = datetime_diff('hour', t, ago(1d))": [[1]],
    'print x = todatetime("2026-11-22T07:00:00.1234567Z"), y = todatetime("no")': [
        ["2026-11-22T07:00:00.1234567Z", None]
    ],
    # Columns that may not be there
    'T | project x = column_ifexists("s", "none"), y = column_ifexists("zz", "none"), z = column_ifexists("zz", n)': [
        ["a", "none", 1],
        ["B", "none", 2],
        ["", "none", None],
    ],
    'T | project s | extend x = column_ifexists("n", 7) | distinct x': [[7]],
    # Texts
    'print x = substring("a\U0001f600ßb", 1, 2), y = tolower("ÄB")': [["\U0001f600ß", "äb"]],
    'T | where s =~ "A" or s in~ ("b") | count': [[2]],
    r'print x = trim(@"\s+", " \ta b "), y = trim(@"\s+", "  "), z = trim("a", "aba")': [["a b", "", "b"]],
    r'T | project x = trim(@"\s+", s) | where isempty(x) | count': [[1]],
    "T | summarize dcountif(s, n > 1), dcountif(s, n > 9)": [[1, 0]],
    'T | where s !~ "b" | count': [[2]],
    'print "ÄB" =~ "äb", "aB" !~ "Ab", "Ab" in~ ("x", "aB"), "Éa" in~ ("x", "éA"), "a" =~ "aa", "" =~ ""': [
        [True, False, True, True, False, True]
    ],
    'T | where s =~ "" or "A" =~ s | count': [[2]],
    'T | where s in~ ("") or s in~ ("A", s) | count': [[3]],
    r'print "onetwo" contains "", "a%" contains "%", "ab" contains "_", @"a\b" contains @"\B", "ÉA" contains "éa"': [
        [True, True, False, True, True]
    ],
    'T | where s contains "" | count': [[3]],
    'T | where d contains "X" | count': [[1]],
    'T | where s in ("a", "b") | count': [[1]],
    'print x = "one two" has "TWO", y = "onetwo" has "two", z = "onetwo" contains "TW", w = "abc" !startswith "AB"': [
        [True, False, True, False]
    ],
    "print x = extract('b(.)', 1, 'abc'), y = iff(1 > 2, 'y', 'n'), z = case(false, 1, true, 2, 3)": [["c", "n", 2]],
    "print x = tolong('5'), y = tolong('x'), z = todouble('1.5'), w = tolong(2.7)": [[5, None, 1.5, 2]],
    # Operators
    "T | where n in (1, 2) and (b or n == 2) | count": [[2]],
    "print x = 5 / 2, y = 5.0 / 2, z = 1 + 2 * 3 - -4, v = (1 + 2) * 3": [[2, 2.5, 11, 9]],
    "T | order by b asc, n desc | project b": [[None], [False], [True]],
    "T | order by n | project n": [[2], [1], [None]],
    "T | order by n asc | project n": [[None], [1], [2]],
    "T | top 1 by t | project s": [["a"]],
    "T | order by t asc | take 1 | project s": [[""]],
    "T | distinct b, isempty(s) | count": [[3]],
    "T | extend n = n + 1, q = n | where n == 2 | project n, q": [[2, 1]],
    "T | extend q = 1, x = s in (T | extend q = s | where q == 'a' | project q) | where x | project q": [[1]],
    "T | count": [[3]],
    'datatable(a: string, b: long) ["x", 1, "y", long(null)]': [["x", 1], ["y", None]],
    "datatable(a: string, b: long) [] | extend c = a | count": [[0]],
    'print x = \'["a", "b"]\' | mv-expand y = parse_json(x) to typeof(string) | project y': [["a"], ["b"]],
    "print x = '[]' | mv-expand y = parse_json(x) to typeof(string) | count": [[0]],
    "print x = '' | mv-expand y = parse_json(x) to typeof(string) | count": [[1]],
    # Several inputs
    "union (T | project n), (T | project s, n) | summarize count(), countif(isempty(s)), sum(n)": [[6, 4, 6]],
    "T | where s in (T | where n == 2 | project s) | project s": [["B"]],
    "union (T | summarize a = count()), (T | summarize b = countif(n > 1)) | summarize x = max(a), y = max(b)": [
        [3, 1]
    ],
    "union (T | summarize a = count()), (T | summarize b = count()) | where isnull(a) | count": [[1]],
    "T | where s in ((T | where n == 2 | project s)) or s in (('a'), 'x') | count": [[2]],
    "union (T | project u, b, r, i, d), (T | project s) | where isempty(s) and isnull(u) and isnull(b) | count": [[2]],
    # Names
    "let one = 1; let X = T | where n == one; let Y = (X | project s); union Y, (X | project s) | count": [[2]],
    "let yes = true; let no = false; T | where yes and not(no) | count": [[3]],
    "T | extend ['a b'] = n | where ['a b'] == 1 | project ['a b']": [[1]],
    "T // | where a comment | \n| where s == 'a' // 'another\n| count": [[1]],
    'print x = "// no comment", y = \'a | b\', z = "it\'s; "': [["// no comment", "a | b", "it's; "]],
    'print x = "tab\\t quote\\" back\\\\ \\u00e4 \\U0001F600", y = @"a\\b""c", z = \'d\\\'e\', w = "a" \'b\'': [
        ['tab\t quote" back\\ ä \U0001f600', 'a\\b"c', "d'e", "ab"]
    ],
}

# Only how columns are named matters here; what they hold is above.
NAMES = (
    "T | summarize arg_max(t, s) by b",
    "T | summarize arg_max(coalesce(t, u), s), take_any(s), take_any(n)",
    "T | summarize arg_max(t, s), arg_max(u, s) by b",
    "T | summarize max(n), count(), count(), countif(b), countif(n > 1), dcount(s), sum(n + 1), min(r)",
    "T | summarize make_list(s), make_list(s), make_list_if(s, b), make_list(strcat(s, 'x')), make_list_if(n, b, 9)",
    "T | summarize maxif(t, b), max(bin(t, 1d)), max(n + 1)",
    "T | summarize count() by bin(t, 1d), tolower(s), s, n + 1",
    "T | summarize take_any(s) by s",
    "T | summarize n = max(n), max(n) by b",
    "T | summarize by s",
    "T | distinct bin(t, 1d), tolower(s)",
    "T | project s, n + 1, strcat(s, 'x'), t, tolower(s), bin(t, 1d), tolong(s), tostring(d), (n), n == 1",
    "T | project n, iff(b, n, n), todatetime(s), todouble(s), now(), column_ifexists('u', t)",
    "T | extend n + 1, tolower(s)",
    "T | extend tolong(s), bin(t, 1d)",
    "T | count",
    "print 1, 'x'",
)

REFUSED = {
    "Nowhere | count": ("SemanticError", "Failed to resolve table or column expression named 'Nowhere'"),
    "union T, Nowhere": ("SemanticError", "'Nowhere' could not be found"),
    "let X = Nowhere | where a == 1; T | count": ("SemanticError", "'Nowhere' could not be found"),
    "T | where nothing == 1": ("SemanticError", "expression named 'nothing'"),
    "T | project s | where t > ago(1d)": ("SemanticError", "named 't'"),
    "T | summarize arg_max(t, nothing)": ("SemanticError", "named 'nothing'"),
    "T | extend a = 1, c = a": ("SemanticError", "named 'a'"),
    "T | project s, s": ("SemanticError", "already declared"),
    "T | where strcat(s, null) == 'a'": ("SemanticError", "named 'null'"),
    "T | project x = groupArray(s)": ("SemanticError", "Unknown function: 'groupArray'"),
    "T | project x = sleepEachRow(1)": ("SemanticError", "Unknown function: 'sleepEachRow'"),
    "T | project x = make_list_of(s)": ("SemanticError", "Unknown function: 'make_list_of'"),
    "T | summarize kql_text(s)": ("SemanticError", "Unknown function: 'kql_text'"),
    "T | where count() > 1": ("S", ""),
    "T | summarize make_list(s, 1, 2)": ("SemanticError", "expects 1 to 2"),
    "T | project x = hash()": ("SemanticError", "expects 1 to 2"),
    "T | where s > n": ("SemanticError", ""),
    "T | project x = coalesce(t, b)": ("SemanticError", ""),
    "T | project s[0]": ("SyntaxError", "'['"),
    "T | order by nothing": ("SemanticError", "named 'nothing'"),
    "T | project q = n, x = q": ("SemanticError", "named 'q'"),
    "T | summarize q = max(n), x = max(q)": ("SemanticError", "named 'q'"),
    "T | where t > datetime(2026-13-01)": ("SemanticError", "not a valid datetime"),
    "kql_table_1 | count": ("SemanticError", "'kql_table_1' could not be found"),
    "union (T | project x = s), (T | project x = n)": ("SyntaxError", "'x' has different types"),
    "union (T | project x = 1), (T | project d, y = t - u)": ("SemanticError", "missing value"),
    "T | where s in (Nothing | project s)": ("SemanticError", "'Nothing' could not be found"),
    "datatable(a: string) [1]": ("SemanticError", "no string literal"),
    "datatable(a: long) [s]": ("SemanticError", "no literal of type long"),
    "datatable(a: long, b: long) [1]": ("SemanticError", "no multiple"),
    "print long('x')": ("SemanticError", "expects a literal"),
    "print ago()": ("SemanticError", "number of arguments"),
    "print column_ifexists('a', 1)": ("SemanticError", "expects the name of a column"),
    "print dynamic([s])": ("S", "'['"),
    "print guid(00000000-0000-0000-0000-000000000001)": ("SyntaxError", "guid"),
    "print datetime(2026-11-22": ("SyntaxError", "')' is missing"),
    "print x = '\\uZZZZ'": ("SyntaxError", "escape"),
    "T | parse s with x": ("SyntaxError", "the operator 'parse' is not understood here; tests/cloud/kql/lower.py"),
    "T | project-reorder s": ("SyntaxError", "the operator 'project-reorder' is not understood here"),
    "T | join kind=inner (T) on s": ("SyntaxError", "the operator 'join' is not understood here"),
    "T | union (T)": ("SyntaxError", "the operator 'union' is not understood here"),
    "T | project x = strlen(s)": (
        "SemanticError",
        "Unknown function: 'strlen'. If KQL has it, add it to tests/cloud/kql",
    ),
    "T | where s has_any ('a')": ("SyntaxError", "at 'has_any' (offset 12); operators of values"),
    "T | where s !contains 'a'": ("SyntaxError", "'!'"),
    "T | where t > ago(3days)": ("SyntaxError", "'3'"),
    "T | where": ("SyntaxError", "end of query"),
    "T | where (n == 1": ("SyntaxError", "end of query"),
    "T | where n == 1)": ("SyntaxError", "')'"),
    "T | | count": ("SyntaxError", "'|'"),
    "T; T": ("SyntaxError", "'T'"),
    "T | count; SET dialect='clickhouse'": ("SyntaxError", ""),
    "T | where s == 'open": ("SyntaxError", "Unterminated"),
    'T | where s == "bad \\q escape"': ("SyntaxError", "escape"),
    "T | where s == `a`": ("SyntaxError", "'`'"),
    "SELECT 1": ("S", ""),
    "T | summarize": ("SyntaxError", "end of query"),
    "T | take": ("SyntaxError", ""),
    "T | order s": ("SyntaxError", "'s'"),
    "T | project strcat(1h, 'x')": ("SemanticError", "timespan"),
    "declare query_parameters(x: long); T": ("S", ""),
}


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """A small Azure with one small table, at a fixed time."""
    with Cloud(clock=lambda: NOW) as made:
        made.define("T", COLUMNS)
        made.load("T", ROWS)
        yield made


@pytest.mark.parametrize("query", ANSWERS)
def test_known_answers(caller: Caller, query: str) -> None:
    """A query is answered as Kusto documents it, in Kusto's forms."""
    rows, expected = caller.rows(query), ANSWERS[query]
    if " by " not in query or "summarize" in query.rpartition("order by")[2]:
        rows, expected = sorted(rows, key=str), sorted(expected, key=str)
    assert rows == expected


@pytest.mark.parametrize("query", REFUSED)
def test_refusals(caller: Caller, query: str) -> None:
    """A query that Kusto would refuse, or that is beyond the small Azure, is a 400 that says why; it never guesses."""
    kind, said = REFUSED[query]
    answer = caller.query(query)
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert error["code"] == "BadArgumentError"
    assert error["innererror"]["code"].startswith(kind), answer.text
    assert said in error["innererror"]["innererror"]["message"], answer.text
    assert "kql_table" not in answer.text or "kql_table" in query


def test_columns_are_named_and_typed_as_microsofts_binder_says(caller: Caller) -> None:
    """Every answer's columns have the names, order and types that Microsoft's own binder gives the query."""
    queries = [*NAMES, *ANSWERS]
    (bound,) = parse([({"T": COLUMNS}, queries)])
    for query, said in zip(queries, bound, strict=True):
        columns = {column["name"]: column["type"] for column in caller.query(query).json()["tables"][0]["columns"]}
        assert columns == said["columns"], query
        assert list(columns) == list(said["columns"]), query
        assert not [found for found in said["diagnostics"] if found["severity"] == "Error"], query


def test_a_hash_is_stable_and_spreads(caller: Caller) -> None:
    """hash(x, n) gives each value one of n parts, the same every time, and uses all of them."""
    caller.cloud.define("Numbers", {"x": "long"})
    caller.cloud.load("Numbers", [{"x": number} for number in range(1000)])
    kql = "Numbers | summarize count() by part = hash(tostring(x), 4) | order by part asc"
    parts = caller.rows(kql)
    assert [part for part, _ in parts] == [0, 1, 2, 3]
    assert sum(count for _, count in parts) == 1000
    assert min(count for _, count in parts) > 150
    assert caller.rows(kql) == parts
    caller.cloud.remove("Numbers")


def test_a_large_list_keeps_its_order(caller: Caller) -> None:
    """`order by` before make_list decides the list's order, of many rows read by many threads too."""
    caller.cloud.define("Many", {"k": "string", "v": "long"})
    size = 250_000
    caller.cloud.load("Many", [{"k": f"g{number % 50}", "v": number * 7919 % size} for number in range(size)])
    rows = caller.rows("Many | order by v desc | extend w = v | where v >= 0 | summarize make_list(w) by k")
    assert len(rows) == 50
    for _, listed in rows:
        values = json.loads(listed)
        assert values == sorted(values, reverse=True)
        assert len(values) == size // 50
    caller.cloud.remove("Many")


def test_the_published_query_runs_as_it_is(caller: Caller) -> None:
    """The published hunting query runs word for word, on a table with `Timestamp`, and counts as it says."""
    events = [
        ("n1", "a@contoso.com", "2026-11-20T10:00:00.1234567Z", "One\\two", "Hard delete"),
        ("n2", "a@contoso.com", "2026-11-21T10:00:00Z", "", "Soft delete"),
        ("n3", "a@contoso.com", "2026-11-21T10:00:00Z", "x", "soft delete"),
        ("n4", "b@contoso.com", "2026-11-21T10:00:00Z", "x", "Moved to junk folder"),
        ("n5", "b@contoso.com", "2026-10-01T10:00:00Z", "old", "Moved to deleted items"),
        ("n6", "c@contoso.com", "2026-11-21T10:00:00Z", "x", None),
    ]
    names = ("NetworkMessageId", "RecipientEmailAddress", "Timestamp", "Subject", "LatestDeliveryAction")
    caller.cloud.load("EmailEvents", [dict(zip(names, event, strict=True)) for event in events])
    rows = caller.rows((Path(__file__).parents[1] / "data" / "published_hunt.kql").read_text("utf-8"))
    assert rows == [
        [
            "a@contoso.com",
            2,
            1,
            1,
            0,
            0,
            '["n1\\\\2026-11-20T10:00:00.1234567Z\\\\One\\\\two"]',
            '["n2\\\\2026-11-21T10:00:00.0000000Z\\\\"]',
            "[]",
            "[]",
        ],
        ["b@contoso.com", 1, 0, 0, 1, 0, "[]", "[]", '["n4\\\\2026-11-21T10:00:00.0000000Z\\\\x"]', "[]"],
    ]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
@settings(max_examples=50, deadline=None)
def test_any_text_comes_back_as_it_went(text: str) -> None:
    """A quoted text is one token that holds just that text, whatever is in it."""
    (token,) = tokenize(quote(text))
    assert (token.kind, token.text) == (TokenKind.STRING, text)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=30))
@settings(max_examples=50, deadline=None)
def test_verbatim_texts_hold_everything_but_line_ends(text: str) -> None:
    """In a verbatim text only its own quote is doubled; nothing else means anything."""
    (token,) = tokenize('@"' + text.replace('"', '""') + '"')
    assert token.text == text


@given(st.text("T|where()[]\"'@\\\\/;=!~.,-1dand \n", max_size=40))
@settings(max_examples=50, deadline=None)
def test_garbage_is_refused_and_never_crashes(text: str) -> None:
    """Whatever characters come, they are tokens or a refusal."""
    with suppress(KqlError):
        places = [token.at for token in tokenize(text)]
        assert places == sorted(places)
