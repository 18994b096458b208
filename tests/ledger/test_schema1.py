"""A ledger that schema 1 wrote: what it held becomes what is owed, in doubt, told; however often it is begun."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest

from shared.ledger import Ledger, LedgerConflict, LedgerError, LedgerUnavailable, Loaded, keys
from shared.ledger.changes import Change, Delete, Put, Row
from shared.ledger.verbs import RowLedger
from shared.model import (
    CardNote,
    Counts,
    OwedComment,
    Reason,
    Record,
    Severity,
    ToldDue,
    ToldFinding,
    WorkspaceState,
    message_hash,
    minute_number,
)
from tests.support import schema1
from tests.support.ledger_samples import NOW, card, record, state
from tests.support.ledgers import LedgerPlace

SAMPLE = Path(__file__).parents[1] / "data" / "ledger_v1.json"
ANN, BOB, EVE = "ann@contoso.com", "bob@contoso.com", "eve@contoso.com"


class Memory:
    """Rows in memory, one change a transaction. After `life` transactions it fails for ever: a process that died."""

    def __init__(self, rows: schema1.Rows) -> None:
        self.rows = {key: Row(key, data, "0") for key, data in rows.items()}
        self.life = 10_000
        self.changes: list[Change] = []
        self.requests = self.retries = 0

    def scan(self, start: str, end: str) -> list[Row]:
        """See changes.Rows."""
        return [self.rows[key] for key in sorted(self.rows) if start <= key < end]

    def get(self, key: str) -> Row | None:
        """See changes.Rows."""
        return self.rows.get(key)

    def batches(self, changes: Sequence[Change]) -> list[Sequence[Change]]:
        """See changes.Rows."""
        return [[change] for change in changes]

    def apply(self, changes: Sequence[Change]) -> dict[str, str]:
        """See changes.Rows."""
        if len(self.changes) >= self.life:
            raise LedgerUnavailable("it died")
        (change,) = changes
        there = self.rows.get(change.key)
        if (there.version if there else None) != change.version:
            raise LedgerConflict("somebody else wrote it")
        self.changes.append(change)
        if isinstance(change, Delete):
            del self.rows[change.key]
            return {}
        self.rows[change.key] = Row(change.key, change.data, str(len(self.changes)))
        return {change.key: str(len(self.changes))}

    def scrub(self) -> None:
        """See changes.Rows."""

    def close(self) -> None:
        """See changes.Rows."""


def old_rows() -> schema1.Rows:
    """A ledger of schema 1 with an effect of every kind."""
    intents = schema1.Intents(NOW)
    intents.create(EVE, "eve-0", ["e1", "e2"], held=True)
    intents.create(BOB, "bob-0", ["b1"], told="2026-11-24/sentinel_forbidden")
    name = record().incident
    assert name is not None
    intents.escalate(ANN, name.id, 60)
    comment = intents.comment(ANN, name.id, ["a1", "a2"])
    intents.comment(ANN, name.id, ["a3"])
    intents.card(
        "accepted", f"record|{ANN}|1/3/grew", f"intent|{comment}|2026-11-24/x", f"reminder|{BOB}|",
        "cause|2026-11-24/hunt_failed|", f"deletion|{EVE}|", accepted=True,
    )  # fmt: skip
    intents.card("unanswered", f"record|{ANN}|0/3/first", f"record|{EVE}|0/2/first", "intent|gone|2026-11-24/x")
    return {**schema1.record_row(record(), untold=3, tell="grew"), **intents.rows}


def check_taken_over(loaded: Loaded) -> None:
    """All that `old_rows` hold is owed, in doubt or told."""
    ann, bob, eve = (loaded.records[who] for who in (ANN, BOB, EVE))
    assert eve.creation is not None
    assert (eve.creation.incident_id, eve.creation.episode, eve.creation.reason) == ("eve-0", 0, Reason.FIRST)
    assert (eve.creation.attempts.in_doubt, eve.creation.attempts.owed_since) == (False, NOW)
    assert eve.creation.messages.times.keys() == {message_hash("e1"), message_hash("e2")}
    assert bob.creation is not None
    attempts = bob.creation.attempts
    assert attempts.marked == NOW - timedelta(days=1)
    assert (attempts.told, attempts.told_cause) == (NOW.date(), "sentinel_forbidden")
    assert ann.escalation is not None
    assert (ann.escalation.severity, ann.escalation.counts) == (Severity.HIGH, Counts(soft_delete=60))
    assert ann.escalation.attempts.in_doubt
    assert [[*each.messages.times] for each in ann.comments] == [
        sorted(map(message_hash, names)) for names in (["a1", "a2"], ["a3"])
    ]
    assert all(each.attempts.in_doubt for each in ann.comments)
    assert all(minute_number(NOW) <= minute for minute in ann.comments[0].messages.times.values())
    assert (ann.tell, len(ann.untold), len(ann.reported)) == (Reason.GREW, 3, 12)
    assert ann.incident is not None
    finding = ToldFinding(ANN, ann.incident.id, 1, Reason.GREW)
    assert loaded.cards == {
        "accepted": CardNote(
            "accepted", NOW.date(), 1, True, (finding,), (ToldDue(ANN, ann.incident.id, "x"),),
            reminders=(BOB,), deletions=(EVE,), causes=("hunt_failed",),
        ),
        "unanswered": CardNote("unanswered", NOW.date()),  # it told of an earlier episode, and of nobody's
    }  # fmt: skip


def _old(place: LedgerPlace) -> list[str]:
    """The keys of rows that only schema 1 has."""
    found = place.keys()
    return [key for key in found if key.startswith(keys.SCHEMA_1_INTENT)]


def _write(place: LedgerPlace, rows: schema1.Rows) -> None:
    """Write these rows behind the ledger's back."""
    place.open().save_state(WorkspaceState())
    for key, data in rows.items():
        place.overwrite(key, data)


def test_the_rows_that_were_kept_load(place: LedgerPlace) -> None:
    """Rows that the first version wrote, and a file has kept since, load as what they meant."""
    sample = json.loads(SAMPLE.read_text(encoding="utf-8"))
    _write(place, {key: base64.b64decode(row) for key, row in sample.items()})
    loaded = place.open().load()
    assert loaded.damaged == ()
    ann, bob = loaded.records[ANN], loaded.records[BOB]
    assert ann.incident is not None
    assert (ann.incident.episode, ann.incident.severity, ann.incident.made_at) == (1, Severity.HIGH, NOW)
    assert ann.incident.seen is not None
    assert (ann.incident.seen.status, ann.incident.seen.number, ann.incident.seen.modified) == ("Active", 7, NOW)
    assert {key: seen.day for key, seen in ann.reported.items()} == {
        message_hash(f"{ANN} {number}"): 20_000 + number % 30 for number in range(12)
    }
    assert all(seen.minute == (seen.day + 1) * 1_440 for seen in ann.reported.values())
    assert (ann.counts, ann.tell, ann.told_at) == (Counts(1, 2, 3, 4), Reason.GREW, NOW - timedelta(days=1))
    newest = sorted(ann.reported, key=lambda key: (-ann.reported[key].day, key))[:3]
    assert ann.untold == {key: ann.reported[key].minute for key in newest}
    assert (bob.reported, bob.tell, bob.owed) == ({}, None, ())
    (comment,) = ann.comments
    assert isinstance(comment, OwedComment)
    assert comment.messages.times.keys() == {1, 2, 2**64 - 1}
    assert comment.counts == Counts(5)
    assert list(loaded.cards) == ["two"]
    assert loaded.cards["two"].accepted
    assert loaded.state == WorkspaceState(
        lookback_days=30, card_at=NOW, causes_day=date(2026, 11, 24), causes_told=("teams_forbidden",)
    )
    assert place.open().receipts(date.min) == [{"run_id": "r", "flagged": 3, "started": NOW.isoformat()}]
    lease = place.open().lease()
    assert lease is not None
    assert (lease.holder, lease.seconds) == ("me", 0)  # it said when it expires, not its length


def test_everything_is_taken_over(place: LedgerPlace) -> None:
    """What schema 1 had noted is owed, in doubt unless it was held; the first write leaves no row of schema 1."""
    _write(place, old_rows())
    check_taken_over(place.open(read_only=True).load())
    assert _old(place)
    ledger = place.open()
    check_taken_over(ledger.load())
    ledger.save_state(state())
    assert not _old(place)
    check_taken_over(place.open().load())
    assert place.open().load() == ledger.load()


def test_a_takeover_that_is_interrupted_is_done_again() -> None:
    """Wherever it dies, whoever loads the ledger next finds the same: records are written before old rows go."""
    whole = Memory(old_rows())
    RowLedger(whole).save_state(state())
    steps = [type(change) for change in whole.changes]
    assert steps == [Put] * 5 + [Delete] * 7 + [Put]
    for life in range(len(steps)):
        rows = Memory(old_rows())
        rows.life = life
        with pytest.raises(LedgerError):
            RowLedger(rows).save_state(state())
        check_taken_over(RowLedger(rows, read_only=True).load())
        rows.life = 10_000
        again = RowLedger(rows)
        check_taken_over(again.load())
        again.save_state(state())
        check_taken_over(RowLedger(rows).load())
        assert not [key for key in rows.rows if key.startswith(keys.SCHEMA_1_INTENT)]


def test_what_failed_once_is_tried_again_by_the_same_ledger() -> None:
    """A takeover that the storage refused is completed by the next write of the same ledger."""
    for life in range(1, 12):
        rows = Memory(old_rows())
        ledger = RowLedger(rows)
        rows.life = life
        with pytest.raises(LedgerError):
            ledger.save_state(state())
        rows.life = 10_000
        ledger.save_state(state())
        check_taken_over(RowLedger(rows).load())
        assert RowLedger(rows).load().state == state()


def test_threads_take_over_once(place: LedgerPlace) -> None:
    """Several threads whose first writes come at once: one takes over, and none overwrites what another has written."""
    _write(place, old_rows())
    ledger: Ledger = place.open()
    known = ledger.load().records
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            who = (ANN, BOB, EVE)[number] if number < 3 else f"{number}@contoso.com"
            ledger.save([Record(who, remediators="done")])
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)

    assert known.keys() == {ANN, BOB, EVE}
    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert {each.remediators for each in place.open().load().records.values()} == {"done"}


def test_a_card_of_todays_schema_stays_beside_it(place: LedgerPlace) -> None:
    """Records and cards of today's schema are loaded with those of schema 1."""
    _write(place, old_rows())
    place.open().save([Record("kim@contoso.com")], [card("new")])
    loaded = place.open().load()
    assert loaded.records.keys() == {ANN, BOB, EVE, "kim@contoso.com"}
    assert loaded.cards.keys() == {"accepted", "unanswered", "new"}


BAD_RECORDS = [
    {},
    {"recipient": "a"},
    {"recipient": "a", "episode": 0, "incident_id": "i", "severity": "High", "raised_at": 5},
    {"recipient": "a", "episode": 0, "incident_id": "i", "severity": "High", "raised_at": "x", "reported": "AAAA"},
    {"recipient": "a", "episode": 0, "incident_id": "i", "severity": "High", "raised_at": "x", "reported": 7},
    {"recipient": "a", "episode": 0, "incident_id": "i", "severity": "High", "raised_at": "x", "untold": "many"},
]
BAD_INTENTS = [
    {"kind": "create"},
    {"id": "x", "kind": "dance", "noted_at": NOW.isoformat(), "recipient": "a"},
    {"id": "x", "kind": "create", "noted_at": "yesterday", "recipient": "a"},
    {"id": "x", "kind": "create", "noted_at": NOW.isoformat()},
    {"id": "x", "kind": "create", "noted_at": NOW.isoformat(), "recipient": "a", "messages": "AAAA"},
    {"id": "x", "kind": "create", "noted_at": NOW.isoformat(), "recipient": "a", "messages": "\u00e4"},
    {"id": "x", "kind": "create", "noted_at": NOW.isoformat(), "recipient": "a", "told": "soon/x"},
    {"id": "x", "kind": "card", "noted_at": NOW.isoformat(), "tells": ["record|a|0"]},
    {"id": "x", "kind": "card", "noted_at": NOW.isoformat(), "tells": ["record|a|x/1/grew"]},
    {"id": "x", "kind": "card", "noted_at": NOW.isoformat(), "tells": ["record|a|0/1/whim"]},
]


@pytest.mark.parametrize(
    ("kind", "bad"), [*(("record", n) for n in BAD_RECORDS), *(("intent", n) for n in BAD_INTENTS)]
)
def test_an_old_row_that_does_not_fit_is_set_aside(kind: str, bad: dict[str, object]) -> None:
    """A row of schema 1 that cannot be taken over is named and stays as it is; all others are taken over."""
    damaged = f"b.{kind}.{'0' * 32}"
    rows = Memory({**old_rows(), damaged: schema1.row(kind, bad, place=99)})
    before = rows.rows[damaged]
    ledger = RowLedger(rows)
    loaded = ledger.load()
    assert loaded.damaged == (damaged,)
    check_taken_over(loaded)
    ledger.save_state(state())
    assert rows.rows[damaged] == before
    assert RowLedger(rows).load().damaged == (damaged,)


@pytest.mark.parametrize("bad", [7, {"causes": 7}, {"causes": [7]}, {"causes": ["soon/x"]}, {"card_at": "noon"}])
def test_an_old_state_that_does_not_fit_is_set_aside(bad: object) -> None:
    """A state of schema 1 that cannot be read counts as none, and is named."""
    row = json.dumps({"v": 1, "standing": bad}).encode()
    loaded = RowLedger(Memory({keys.STATE: row})).load()
    assert (loaded.state, loaded.damaged) == (WorkspaceState(), (keys.STATE,))
