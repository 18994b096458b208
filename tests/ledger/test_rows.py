"""Nouns as rows and back: nothing is lost, old rows load, rows that lie are found out."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.ledger import LedgerNewer
from shared.ledger.port import LeaseRow
from shared.ledger.rows import VERSION, RowDamaged, noun, pack, plain, unpack
from shared.model import Counts, Intent, IntentKind, Reason, Record, Severity, Standing, Window
from tests.support.ledgers import NOW, LedgerPlace, intent, record

SAMPLE = Path(__file__).parents[1] / "data" / "ledger_v1.json"

hashes = st.integers(min_value=0, max_value=2**64 - 1)
days = st.integers(min_value=0, max_value=2**16 - 1)
SHAPES: dict[object, st.SearchStrategy[Any]] = {
    str: st.text(max_size=30),
    int: st.integers(min_value=0, max_value=2**40),
    bool: st.booleans(),
    datetime: st.datetimes(timezones=st.just(UTC)),
    tuple[int, ...]: st.lists(hashes, max_size=20).map(tuple),
    tuple[str, ...]: st.lists(st.text(max_size=30), max_size=5).map(tuple),
    Mapping[int, int]: st.dictionaries(hashes, days, max_size=20),
}


def anything(hint: Any) -> st.SearchStrategy[Any]:
    """Any value of a field of the model with this type; of a dataclass, one with every field set."""
    if hint in SHAPES:
        return SHAPES[hint]
    if get_origin(hint) is UnionType:
        return st.none() | st.one_of(*(anything(arm) for arm in get_args(hint) if arm is not NoneType))
    if issubclass(hint, Enum):
        return st.sampled_from(hint)
    fields = {name: anything(kind) for name, kind in get_type_hints(hint).items()}
    return st.builds(hint, **fields)


@pytest.mark.parametrize("kind", [Record, Intent, Standing], ids=lambda kind: kind.__name__)
def test_nothing_is_lost(kind: Any) -> None:
    """Every record, intent and standing comes back equal from its row, and equal ones make equal rows."""

    @settings(max_examples=50, deadline=None)
    @given(anything(kind))
    def holds(value: Any) -> None:
        row = pack("it", value, place=3)
        document = unpack(row)
        back = noun(kind, document, "it")
        assert back == value
        assert noun(int, document, "place") == 3
        assert pack("it", back, place=3) == row

    holds()


def test_records_are_small() -> None:
    """A message id costs less than ten bytes, a record of a dozen less than half a kilobyte."""
    assert len(pack("record", record(messages=12))) < 512
    assert len(pack("record", record(messages=20_000))) < 20_000 * 10


def test_a_row_of_the_first_version_loads(place: LedgerPlace) -> None:
    """Rows that were written in schema version 1, and kept in a file since, load as what they meant."""
    sample = json.loads(SAMPLE.read_text(encoding="utf-8"))
    ledger = place.open()
    ledger.stand(Standing())
    for key, row in sample.items():
        place.overwrite(key, base64.b64decode(row))
    loaded = place.open().load()
    assert loaded.damaged == ()
    assert loaded.records == {
        "ann@contoso.com": record(told_at=NOW - timedelta(days=1)),
        "bob@contoso.com": record("bob@contoso.com", 0, tell=None, told_at=None, incident=None),
    }
    assert loaded.intents == (intent("one"), intent("two", kind=IntentKind.CARD, body="{}" * 200, accepted=True))
    # It does not say which GUID had been checked: the next sweep checks again.
    assert loaded.standing == Standing(None, 30, card_at=NOW, causes=("2026-11-24/teams_forbidden",))
    assert place.open().receipts(date.min) == [{"run_id": "r", "flagged": 3, "started": NOW.isoformat()}]
    lease = place.open().lease()
    assert lease == LeaseRow("me", 0, 0, lease.version if lease else "")  # it said when it expires, not its length


def test_rows_of_a_neighbouring_code_load() -> None:
    """A field that is missing takes its default, and one that is not known is passed over."""
    document = {"v": 1, "record": {"recipient": "a", "episode": 0, "incident_id": "i", "severity": "High"}}
    document["record"] |= {"reported": "", "counts": {}, "raised_at": "2026-11-24T06:00:00Z", "mood": "good"}  # type: ignore[operator]
    found = noun(Record, unpack(json.dumps(document).encode()), "record")
    assert found == Record("a", 0, "i", Severity.HIGH, {}, Counts(), datetime(2026, 11, 24, 6, tzinfo=UTC))


def test_a_newer_row_is_refused() -> None:
    """A row of a newer version is refused with what to do, whatever it holds."""
    with pytest.raises(LedgerNewer, match="deploy the newer version"):
        unpack(b'{"v":%d}' % (VERSION + 1))


GOOD = {
    "recipient": "a",
    "episode": 0,
    "incident_id": "i",
    "severity": "High",
    "reported": "",
    "counts": {},
    "raised_at": "2026-11-24T06:00:00+00:00",
}
WRONG: dict[str, object] = {
    "recipient": 7,
    "episode": True,
    "incident_id": None,
    "severity": "Severe",
    "reported": "AAAA",
    "counts": {"hard_delete": "1"},
    "raised_at": "2026-11-24T06:00:00",
    "tell": "whim",
    "told_at": 5,
    "incident": {"id": "i"},
    "untold": 1.5,
    "deleted": 1,
}


@pytest.mark.parametrize("field", WRONG)
def test_a_field_that_does_not_fit_is_damage(field: str) -> None:
    """A row with a field of the wrong shape is damaged; the reason names no content."""
    assert noun(Record, {"record": GOOD}, "record").recipient == "a"
    with pytest.raises(RowDamaged) as caught:
        noun(Record, {"record": GOOD | {field: WRONG[field]}}, "record")
    assert str(WRONG[field]) not in str(caught.value) or len(str(WRONG[field])) < 3


@pytest.mark.parametrize("field", GOOD)
def test_a_field_that_is_missing_is_damage(field: str) -> None:
    """A row without a field that has no default is damaged."""
    with pytest.raises(RowDamaged):
        noun(Record, {"record": {name: value for name, value in GOOD.items() if name != field}}, "record")


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
        plain(datetime(2026, 11, 24))  # noqa: DTZ001


def test_receipts_are_said_plainly() -> None:
    """What a receipt holds (nouns, times, days, sets) becomes what JSON can say."""
    said = plain(
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
