"""The rows of rounds: the same in SQLite and in Table storage, for several writers at once."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from shared.ledger import LedgerConflict, OrderedRows, open_rows, round_keys
from shared.ledger.changes import Put
from shared.ledger.rows import pack
from shared.ledger.table import table_rows
from shared.model import CardNote, EntryEnd, EntryTold
from shared.rounds.decide import begun_try
from shared.rounds.rows import EntryTries, RoundBegun, RoundProgress, RoundsState
from shared.rounds.store import RoundStore
from tests.support.azurite import Azurite
from tests.support.clock import START

ROUND = "2026-11-24T06:00Z"
BEGUN = RoundBegun(ROUND, START, ("ada", "adam"))


@pytest.fixture(params=["sqlite", "table"])
def rows(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OrderedRows]:
    """Each adapter's rows in turn."""
    if request.param == "sqlite":
        found = open_rows(f"sqlite:///{tmp_path}/ledger.db", round_keys.PARTITION, None)
    else:
        azurite: Azurite = request.getfixturevalue("azurite")
        table = f"t{uuid.uuid4().hex}"
        found = table_rows(azurite.endpoint, round_keys.PARTITION, azurite.credential, table)
    with closing(found):
        yield found


def begun(store: RoundStore) -> None:
    """A round whose two entries have their rows."""
    assert store.begin(BEGUN, lambda state: replace(state, untold=(ROUND,)))
    assert store.list_entries(ROUND, BEGUN.names, RoundProgress(), RoundProgress(listed=2))


def test_nothing_yet(rows: OrderedRows) -> None:
    """Whatever is asked of rows that are not there, the table included, is answered."""
    store = RoundStore(rows)
    assert store.state() == RoundsState()
    assert (store.begun(ROUND), store.progress(ROUND), store.tries(ROUND, "ada")) == (None, None, None)
    assert not store.anybody_open(ROUND)
    assert store.ended(ROUND) == {}
    assert store.change_tries(ROUND, "ada", lambda each: each) is None
    assert not store.end(ROUND, EntryTold("ada", EntryEnd.CLEAN))


def test_from_its_begin_to_its_end(rows: OrderedRows) -> None:
    """What is written is read, and a round begins once."""
    store = RoundStore(rows)
    begun(store)
    assert not store.begin(replace(BEGUN, names=("zoe",)), lambda _: RoundsState())
    assert (store.begun(ROUND), store.state().untold) == (BEGUN, (ROUND,))
    assert store.anybody_open(ROUND)
    tried = store.change_tries(ROUND, "ada", lambda each: begun_try(each, START))
    assert tried == EntryTries("ada", 1, START) == store.tries(ROUND, "ada")
    told = EntryTold("ada", EntryEnd.FAILED, "sweep_failed", ("a: b",), 1, 2, 3, 4.5, tries=1)
    assert store.end(ROUND, told)
    assert not store.end(ROUND, replace(told, end=EntryEnd.CLEAN))
    assert store.ended(ROUND) == {"ada": told}
    assert store.tries(ROUND, "ada") is None
    assert store.anybody_open(ROUND)
    assert store.end(ROUND, EntryTold("adam", EntryEnd.CLEAN))
    assert not store.anybody_open(ROUND)
    store.remove(ROUND)
    assert (store.ended(ROUND), store.begun(ROUND), store.progress(ROUND)) == ({}, None, None)


def test_entries_are_listed_once(rows: OrderedRows) -> None:
    """Who comes second, or knows an older progress, lists nobody: an entry that has ended is never open again."""
    store = RoundStore(rows)
    begun(store)
    store.end(ROUND, EntryTold("ada", EntryEnd.CLEAN))
    assert not store.list_entries(ROUND, BEGUN.names, RoundProgress(), RoundProgress(listed=2))
    assert store.tries(ROUND, "ada") is None


def test_rounds_do_not_mix(rows: OrderedRows) -> None:
    """One round's entries are not another's, whichever way their ids begin."""
    store = RoundStore(rows)
    begun(store)
    for other in (f"manual-{ROUND}", "2026-11-24T06:01Z", "2026-11-25T06:00Z"):
        assert not store.anybody_open(other)
        assert store.tries(other, "ada") is None


def test_many_rows_and_one_request(rows: OrderedRows) -> None:
    """Whether anybody is open is one request and one row, however many there are."""
    store = RoundStore(rows)
    store.begin(BEGUN, lambda state: state)
    for part in range(3):
        progress = store.progress(ROUND) or RoundProgress()
        names = [f"t{part}-{number}" for number in range(99)]
        assert store.list_entries(ROUND, names, progress, replace(progress, listed=99 * (part + 1)))
    before = rows.requests
    assert store.anybody_open(ROUND)
    assert rows.requests - before <= 1
    assert len(rows.scan(*round_keys.all_open(ROUND))) == 297


def test_cards(rows: OrderedRows) -> None:
    """How a card stands, written over."""
    store = RoundStore(rows)
    for card in (CardNote(ROUND, START.date(), doubtful=1), CardNote(ROUND, START.date(), accepted=True)):
        store.note_card(card)
        assert store.card(ROUND) == card


def test_a_damaged_row_is_replaced(rows: OrderedRows, caplog: pytest.LogCaptureFixture) -> None:
    """It counts as missing and is logged; who was listed keeps their row, who has ended stays so."""
    store = RoundStore(rows)
    begun(store)
    store.change_tries(ROUND, "adam", lambda each: begun_try(each, START))
    store.end(ROUND, EntryTold("ada", EntryEnd.CLEAN))
    for key in (round_keys.progress_row(ROUND), round_keys.STATE):
        there = rows.get(key)
        assert there is not None
        rows.apply([Put(key, b"nonsense", there.version)])
    assert store.state() == RoundsState()
    assert "ledger_row_damaged row=state" in caplog.text
    assert store.begin(BEGUN, lambda state: replace(state, last=ROUND))
    assert store.state().last == ROUND
    progress = store.progress(ROUND)
    assert progress is not None
    assert store.list_entries(ROUND, BEGUN.names, progress, replace(progress, listed=2))
    assert store.tries(ROUND, "ada") is None
    assert store.tries(ROUND, "adam") == EntryTries("adam", 1, START)


def test_a_lost_answer_is_no_conflict(rows: OrderedRows) -> None:
    """A write whose answer was lost is refused when it is sent again; it is known as our own all the same."""

    class Lossy:
        def __getattr__(self, name: str) -> object:
            return getattr(rows, name)

        def apply(self, changes: list[Put]) -> dict[str, str]:
            rows.apply(changes)
            return rows.apply(changes)

    store, lossy = RoundStore(rows), RoundStore(Lossy())  # type: ignore[arg-type]
    assert lossy.begin(BEGUN, lambda state: state)
    assert lossy.list_entries(ROUND, BEGUN.names, RoundProgress(), RoundProgress(listed=2))
    assert lossy.change_tries(ROUND, "ada", lambda each: begun_try(each, START)) == store.tries(ROUND, "ada")
    assert store.tries(ROUND, "ada") == EntryTries("ada", 1, START)
    assert lossy.end(ROUND, EntryTold("ada", EntryEnd.CLEAN))


def test_the_same_write_of_another_is_a_conflict(rows: OrderedRows) -> None:
    """Two workers who count the same try at the same time count two."""
    store = RoundStore(rows)
    begun(store)
    met = threading.Barrier(4)
    raised: list[Exception] = []

    def count() -> None:
        met.wait()
        try:
            for _ in range(3):
                store.change_tries(ROUND, "ada", lambda each: begun_try(each, START))
        except Exception as error:  # noqa: BLE001 - whatever it is, the test fails
            raised.append(error)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert raised == []
    assert store.tries(ROUND, "ada") == EntryTries("ada", 12, START)


def test_one_of_many_claims(rows: OrderedRows) -> None:
    """Of several who would tell the round at the same moment one does."""
    store = RoundStore(rows)
    begun(store)
    met, won = threading.Barrier(4), []

    def claim(name: str) -> None:
        met.wait()
        won.append(
            store.change_progress(
                ROUND, lambda each: None if each.over else replace(each, claimed_at=START, claimed_by=name)
            )
        )

    threads = [threading.Thread(target=claim, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([each for each in won if each is not None]) == 1


def test_rows_of_others_are_apart(tmp_path: Path) -> None:
    """The partition of rounds holds nothing of a workspace's ledger, nor the other way round."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    with (
        closing(open_rows(url, round_keys.PARTITION, None)) as ours,
        closing(open_rows(url, "/subscriptions/x", None)) as other,
    ):
        RoundStore(ours).begin(BEGUN, lambda state: state)
        other.apply([Put("b.record.x", pack("value", EntryTries("x")), None)])
        assert [row.key for row in other.scan("", "~")] == ["b.record.x"]
        with pytest.raises(LedgerConflict):
            other.apply([Put("b.record.x", b"", None)])
        assert RoundStore(ours).progress(ROUND) == RoundProgress()
