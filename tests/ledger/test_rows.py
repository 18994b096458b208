"""Values as rows and back: nothing is lost, and a row that does not fit is found out."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields
from datetime import UTC, date, datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.ledger import LedgerNewer
from shared.ledger.rows import VERSION, RowDamaged, json_value, pack, read, unpack
from shared.model import (
    Attempts,
    CardNote,
    Counts,
    Messages,
    OurIncident,
    OwedCreation,
    Reason,
    Record,
    Seen,
    Severity,
    Window,
    WorkspaceState,
)
from tests.support.ledger_samples import NOW, card, record, state

hashes = st.integers(min_value=0, max_value=2**64 - 1)
minutes = st.integers(min_value=0, max_value=2**32 - 1)
days = st.integers(min_value=0, max_value=2**16 - 1)
SHAPES: dict[object, st.SearchStrategy[Any]] = {
    str: st.text(max_size=30),
    int: st.integers(min_value=0, max_value=2**40),
    bool: st.booleans(),
    datetime: st.datetimes(timezones=st.just(UTC)),
    date: st.dates(),
    Mapping[int, Seen]: st.dictionaries(hashes, st.builds(Seen, minutes, days), max_size=20),
    Mapping[int, int]: st.dictionaries(hashes, minutes, max_size=20),
}


def anything(hint: Any) -> st.SearchStrategy[Any]:
    """Any value of a field of the model with this type; of a dataclass, one with every field set."""
    if hint in SHAPES:
        return SHAPES[hint]
    if get_origin(hint) is UnionType:
        return st.none() | st.one_of(*(anything(arm) for arm in get_args(hint) if arm is not NoneType))
    if get_origin(hint) is tuple:
        return st.lists(anything(get_args(hint)[0]), max_size=3).map(tuple)
    if issubclass(hint, Enum):
        return st.sampled_from(hint)
    return st.builds(hint, **{name: anything(kind) for name, kind in get_type_hints(hint).items()})


@pytest.mark.parametrize("kind", [Record, CardNote, WorkspaceState], ids=lambda kind: kind.__name__)
def test_nothing_is_lost(kind: Any) -> None:
    """Every record, card and state comes back equal from its row, and equal ones make equal rows."""

    @settings(max_examples=50, deadline=None)
    @given(anything(kind))
    def holds(value: Any) -> None:
        row = pack("it", value, place=3)
        document = unpack(row)
        back = read(kind, document, "it")
        assert back == value
        assert read(int, document, "place") == 3
        assert pack("it", back, place=3) == row

    holds()


@pytest.mark.parametrize(
    ("kind", "value"),
    [(Record, record(forgotten=True)), (CardNote, card()), (WorkspaceState, state())],
    ids=["record", "card", "state"],
)
def test_every_field_is_kept(kind: Any, value: Any) -> None:
    """A value of which every field is set, to another value than its default, comes back equal."""
    assert all(getattr(value, field.name) != field.default for field in fields(value))
    assert read(kind, unpack(pack("it", value)), "it") == value


def test_records_are_small() -> None:
    """A reported message costs less than 14 bytes, a record of a dozen without anything owed half a kilobyte."""
    small = record(messages=12, creation=None, comments=(), escalation=None)
    assert len(pack("record", small)) < 600
    large = record(messages=20_000, creation=None, comments=(), escalation=None)
    assert len(pack("record", large)) < 20_000 * 14


def test_a_missing_field_takes_its_default() -> None:
    """A field that is missing takes its default, and one that is not known is passed over."""
    document = {"v": VERSION, "record": {"recipient": "a", "mood": "good"}}
    found = read(Record, unpack(json.dumps(document).encode()), "record")
    assert found == Record("a")


def test_a_newer_row_is_refused() -> None:
    """A row of a newer version is refused with what to do, whatever it holds."""
    with pytest.raises(LedgerNewer, match="deploy the newer version"):
        unpack(b'{"v":%d}' % (VERSION + 1))


GOOD: dict[str, Any] = {
    "recipient": "a",
    "incident": {"id": "i", "episode": 0, "severity": "High", "made_at": "2026-11-24T06:00:00+00:00"},
    "creation": {
        "incident_id": "i",
        "episode": 0,
        "reason": "first",
        "severity": "High",
        "counts": {},
        "messages": {},
        "attempts": {"owed_since": "2026-11-24T06:00:00+00:00"},
    },
}
WRONG: dict[str, tuple[str, ...]] = {
    "7": ("recipient", "remediators", "incident.id", "creation.attempts.cause", "comments"),
    "true": ("incident.episode", "creation.episode", "creation.attempts.tried", "incident"),
    "null": ("recipient", "incident.id", "creation.counts", "creation.attempts", "reported"),
    '"Severe"': ("incident.severity", "creation.severity", "creation.reason", "tell"),
    '"AAAA"': ("reported", "untold", "creation.messages.times"),
    '"\u00e4"': ("reported", "untold", "creation.messages.times"),
    '{"hard_delete": "1"}': ("counts", "creation.counts"),
    '"2026-11-24T06:00:00"': (
        "told_at",
        "reminded_at",
        "reported_before",
        "incident.made_at",
        "creation.attempts.told",
    ),
    '"2026-99-24"': ("told_at", "creation.attempts.told", "creation.attempts.owed_since"),
    '{"id": "i"}': ("incident", "incident.seen", "escalation", "creation", "creation.attempts.cause"),
    "1.5": ("creation.attempts.tried", "incident.episode"),
    "1": ("incident.deleted", "creation.attempts.refused"),
    "[7]": ("comments", "creation.messages.newest", "incident"),
}


@pytest.mark.parametrize(("wrong", "field"), [(wrong, field) for wrong, names in WRONG.items() for field in names])
def test_a_field_that_does_not_fit_is_damage(wrong: str, field: str) -> None:
    """A row with a field of the wrong shape, however deep, is damaged; the reason names no content."""
    good = Record(
        "a",
        OurIncident("i", 0, Severity.HIGH, datetime(2026, 11, 24, 6, tzinfo=UTC)),
        creation=OwedCreation(
            "i", 0, Reason.FIRST, Severity.HIGH, Counts(), Messages(), Attempts(datetime(2026, 11, 24, 6, tzinfo=UTC))
        ),
    )
    assert read(Record, {"record": GOOD}, "record") == good
    changed = json.loads(json.dumps(GOOD))
    *path, name = field.split(".")
    inner = changed
    for step in path:
        inner = inner[step]
    inner[name] = json.loads(wrong)
    with pytest.raises(RowDamaged) as caught:
        read(Record, {"record": changed}, "record")
    assert len(wrong) < 8 or wrong.strip('"') not in str(caught.value)


@pytest.mark.parametrize(
    "field", ["recipient", *(f"{what}.{name}" for what in ("incident", "creation") for name in GOOD[what])]
)
def test_a_field_that_is_missing_is_damage(field: str) -> None:
    """A row without a field that has no default is damaged."""
    changed = json.loads(json.dumps(GOOD))
    *path, name = field.split(".")
    del (changed[path[0]] if path else changed)[name]
    with pytest.raises(RowDamaged):
        read(Record, {"record": changed}, "record")


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda tail: b"x\x9c" + tail))
def test_any_bytes_are_a_row_or_damage(data: bytes) -> None:
    """Whatever bytes a row holds, reading it ends in one of two ways."""
    with suppress(RowDamaged, LedgerNewer):
        assert isinstance(unpack(data), dict)


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_a_changed_byte_is_found_out(data: st.DataObject) -> None:
    """A deflated row with one byte changed does not load."""
    row = bytearray(pack("record", record()))
    assert row[:1] == b"x"
    row[data.draw(st.integers(2, len(row) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(RowDamaged):
        unpack(bytes(row))


def test_times_need_a_zone() -> None:
    """A time without a time zone is a mistake in the code, and is not written."""
    with pytest.raises(ValueError, match="time zone"):
        json_value(datetime(2026, 11, 24))  # noqa: DTZ001


def test_receipts_are_said_plainly() -> None:
    """What a receipt holds (values, times, days, sets) becomes what JSON can say."""
    said = json_value(
        {"window": Window(NOW, NOW), "day": NOW.date(), "kind": Reason.GREW, "all": {"a"}, "none": None, "n": 1.5}
    )
    assert said == {
        "window": {"start": NOW.isoformat(), "end": NOW.isoformat()},
        "day": "2026-11-24",
        "kind": "grew",
        "all": ["a"],
        "none": None,
        "n": 1.5,
    }
    assert json.loads(zlib.decompress(pack("receipt", {"a": "b" * 500})))["receipt"] == {"a": "b" * 500}
