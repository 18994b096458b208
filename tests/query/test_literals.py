"""Values as KQL literals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.query.literals import Value, let, literal
from tests.cloud.kql.tokens import TokenKind, tokenize

HOSTILE = (
    'a"b',
    "it's",
    "a\\",
    'a\\" | take 1 //',
    "x | where true // y",
    "/* not a comment */",
    "one\ntwo\r\nthree\ttab",
    "\x00\x1b\x7f\x85\u2028\u2029",
    "\u202egnp.exe \U0001f4e7 \u05d0",
    "{{DATE()}} ${x} %s {0}",
    '@"\\"',
    "\\u0041",
    "datetime(2020-01-01)",
    '"]; EmailEvents //',
    "",
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        (10, "long(10)"),
        (-1, "long(-1)"),
        (datetime(2026, 11, 23, 7, 55, 45, 735793, UTC), "datetime(2026-11-23T07:55:45.7357930Z)"),
        (datetime(2026, 11, 23, 1, tzinfo=timezone(timedelta(hours=2))), "datetime(2026-11-22T23:00:00.0000000Z)"),
        ("plain", '"plain"'),
        ('a"b\\c\n', '"a\\"b\\\\c\\u000a"'),
        (["a", 'b"'], 'datatable(Value: string)["a", "b\\""]'),
        ((), "datatable(Value: string)[]"),
    ],
)
def test_each_type_has_its_literal(value: Value, text: str) -> None:
    """A value is written as a literal of its own type."""
    assert literal(value) == text


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (datetime(2026, 11, 23), ValueError),  # noqa: DTZ001 - that it lacks a zone is the point
        (2**63, ValueError),
        ("\ud800", ValueError),
        (1.5, TypeError),
        (None, TypeError),
        ([1], TypeError),
        ({"a": 1}, TypeError),
    ],
)
def test_what_has_no_literal_is_refused(value: Value, error: type[Exception]) -> None:
    """What cannot be written exactly is not written at all."""
    with pytest.raises(error):
        literal(value)


@settings(max_examples=50, deadline=None)
@given(st.text())
def test_any_text_is_one_string_token(text: str) -> None:
    """Whatever a text holds, it is one string for a tokenizer of KQL, and reads back as itself."""
    (token,) = tokenize(literal(text))
    assert (token.kind, token.text) == (TokenKind.STRING, text)


def test_names_of_parameters_are_names() -> None:
    """A parameter's name is no place to smuggle KQL in either."""
    assert let({"Start": 1}) == "let Start = long(1);\n"
    with pytest.raises(ValueError, match="not a parameter name"):
        let({"x = 1; let y": 1})
