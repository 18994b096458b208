"""Malformed responses to the hunt: no cell is used before it is checked, and none is decoded before it is read."""

from __future__ import annotations

import copy
import gc
from typing import Any

import pytest

from shared.errors import PartialData, Service
from shared.query.answer import COLUMNS, Answer, findings

KINDS = ["string", *["long"] * 5, *["dynamic"] * 8]
ITEM = "m1\\2026-11-23T07:55:45.7357933Z\\s"
TIMES = "2026-11-23T07:55:45.7357933Z\\2026-11-23T07:55:45.7357933Z"
ROW: list[Any] = [
    "a@contoso.com",
    2,
    1,
    1,
    0,
    0,
    f'["{ITEM}"]'.replace("\\", "\\\\"),
    [ITEM],
    [],
    "[]",
    [""],
    [TIMES],
    [],
    [],
]


def _read(*rows: list[Any], names: Any = COLUMNS, kinds: Any = KINDS, threshold: int = 1) -> Any:
    """The evidence of all findings in an answer of these rows."""
    found = findings(Answer(names, kinds, rows, Service.LOG_ANALYTICS), threshold)
    return [finding.evidence() for finding in found]


def changed(place: int, value: Any) -> list[Any]:
    """The good row with one cell changed."""
    row = copy.copy(ROW)
    row[place] = value
    return row


def test_a_good_answer_is_read() -> None:
    """Lists come as JSON text or as lists, and both are read."""
    (evidence,) = _read(ROW)
    assert [item.message_id for item in evidence] == ["m1", "m1"]


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (changed(0, None), "RecipientEmailAddress"),
        (changed(0, ""), "RecipientEmailAddress"),
        (changed(0, 5), "RecipientEmailAddress"),
        (changed(1, 3), "Sum_case"),
        (changed(1, "2"), "Sum_case"),
        (["a@contoso.com", 1, 1, 0, 0, 0, [ITEM], [], [], [], [""], [], [], []], "Sum_case"),
        (changed(2, -1), "HardDelete_case"),
        (changed(2, None), "HardDelete_case"),
        (changed(3, True), "SoftDelete_case"),
        (changed(4, 0.0), "MoveToJunk_case"),
        (ROW[:-1], "MoveToDelete_States"),
        (changed(6, [ITEM, ITEM]), "HardDelete_NetworkID"),
        (changed(6, []), "HardDelete_NetworkID"),
        (changed(6, None), "HardDelete_NetworkID"),
        (changed(6, '["m1'), "HardDelete_NetworkID"),
        (changed(6, '{"a": 1}'), "HardDelete_NetworkID"),
        (changed(6, [5]), "HardDelete_NetworkID"),
        (changed(6, ["m1\\2026-11-23T07:55:45Z"]), "HardDelete_NetworkID"),
        (changed(6, ["m1\\yesterday\\s"]), "HardDelete_NetworkID"),
        (changed(6, ["m1\\2026-11-23T07:55:45\\s"]), "HardDelete_NetworkID"),
        (changed(6, [f"m1\\2026-11-23T07:55:45Z\\{'s' * 10_000_000}"]), "HardDelete_NetworkID"),
        (changed(9, [ITEM]), "MoveToDelete_NetworkID"),
        (changed(10, []), "HardDelete_States"),
        (changed(11, ["2026-11-23T07:55:45Z"]), "SoftDelete_States"),
        (changed(11, [None]), "SoftDelete_States"),
        (changed(11, ["x\\y"]), "SoftDelete_States"),
    ],
)
def test_a_malformed_response_names_its_column(row: list[Any], column: str) -> None:
    """Whichever cell is malformed, the error names its column, says what to do, and quotes little of the cell."""
    with pytest.raises(PartialData) as caught:
        _read(row)
    assert f"a column {column} " in str(caught.value)
    assert caught.value.code == f"column {column}"
    assert "run the query in the portal" in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("place", range(len(COLUMNS)))
def test_a_missing_or_mistyped_column_is_named(place: int) -> None:
    """A column that is missing, renamed or of another type is named, even when there is no row."""
    name, kinds = COLUMNS[place], KINDS[:]
    kinds[place] = "datetime"
    for names, types in (
        ([*COLUMNS[:place], *COLUMNS[place + 1 :]], [*KINDS[:place], *KINDS[place + 1 :]]),
        ([*COLUMNS[:place], "Other", *COLUMNS[place + 1 :]], KINDS),
        (COLUMNS, kinds),
    ):
        with pytest.raises(PartialData, match=f"a column {name} "):
            _read(names=names, kinds=types)


@pytest.mark.parametrize("was", [True, False])
def test_the_garbage_collector_is_left_as_it_was(was: bool) -> None:
    """Also when the response is malformed: a process without it would grow."""
    try:
        (gc.enable if was else gc.disable)()
        _read(changed(0, "a@contoso.com"))
        assert gc.isenabled() is was
        with pytest.raises(PartialData):
            _read(changed(1, -1))
        assert gc.isenabled() is was
    finally:
        gc.enable()


def test_a_recipient_comes_once() -> None:
    """Two rows about one recipient are malformed: one of them would be lost."""
    with pytest.raises(PartialData, match="RecipientEmailAddress that names a recipient twice"):
        _read(ROW, ROW)


def test_lists_are_decoded_only_when_read() -> None:
    """A list that nobody reads is not decoded: even a malformed one says nothing until then."""
    (found,) = findings(Answer(COLUMNS, KINDS, [changed(6, "not JSON")], Service.GRAPH), 1)
    assert found.total == 2
    with pytest.raises(PartialData, match="Graph sent a malformed response to the hunt: a column HardDelete_NetworkID"):
        found.evidence()
