"""What every ledger does, proved on each: SQLite, and a real table service."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from shared.ledger import Ledger, LedgerConflict, LedgerError, LedgerNewer, keys
from shared.ledger.rows import VERSION
from shared.model import Reason, Record, ToldFinding, WorkspaceState
from tests.support.ledger_samples import NOW, WORKSPACE, card, owed_comment, record, state
from tests.support.ledgers import LedgerPlace


def test_a_new_ledger_is_empty(place: LedgerPlace) -> None:
    """A ledger that was never written loads as nothing known."""
    loaded = place.open().load()
    assert (loaded.records, loaded.cards, loaded.state, loaded.damaged) == ({}, {}, WorkspaceState(), ())
    assert place.open().lease() is None
    assert place.open().receipts(date.min) == []


def test_what_is_written_is_loaded(place: LedgerPlace) -> None:
    """Records with all that they owe, cards and the state come back equal, in another process too."""
    people = [record(), Record("bob@contoso.com")]
    cards = [card("one"), card("two", accepted=False, due=())]
    writer = place.open()
    writer.save(people, cards)
    writer.save_state(state())
    loaded = place.open().load()
    assert loaded.records == {each.recipient: each for each in people}
    assert loaded.cards == {each.id: each for each in cards}
    assert loaded.state == state()
    assert loaded == writer.load()


def test_workspaces_do_not_mix(place: LedgerPlace) -> None:
    """Two workspaces in one place see nothing of each other; the resource id's case does not matter."""
    place.open().save([record()])
    assert place.open(workspace=WORKSPACE + "2").load().records == {}
    assert place.open(workspace=WORKSPACE.upper()).load().records == {"ann@contoso.com": record()}


def test_saving_again_changes_nothing(place: LedgerPlace) -> None:
    """A card that is dropped is gone, what is saved with it is there, and the same once more changes nothing."""
    ledger = place.open()
    ledger.save(cards=[card("one"), card("two")])
    ledger.save([record()], dropped_cards=["one"])
    for again in (ledger, place.open()):
        again.save([record()], dropped_cards=["one", "never noted"])
        loaded = place.open().load()
        assert list(loaded.cards) == ["two"]
        assert loaded.records == {"ann@contoso.com": record()}


def test_what_is_no_longer_owed_is_gone(place: LedgerPlace) -> None:
    """What a record owed yesterday and does not today is not there tomorrow."""
    place.open().save([record()])
    paid = replace(record(), creation=None, comments=(), escalation=None, tell=None, untold={})
    place.open().save([paid])
    assert place.open().load().records == {"ann@contoso.com": paid}


STALE: dict[str, Callable[[Ledger], None]] = {
    "a record": lambda ledger: ledger.save([record(tell=Reason.ADOPTED)]),
    "a card": lambda ledger: ledger.save(cards=[card(doubtful=3)]),
    "a dropped card": lambda ledger: ledger.save(dropped_cards=["one"]),
    "the state": lambda ledger: ledger.save_state(state(lookback_days=90)),
    "a forgotten record": lambda ledger: ledger.prune(["ann@contoso.com"], date.min),
}


@pytest.mark.parametrize("what", STALE)
def test_a_stale_ledger_cannot_write(place: LedgerPlace, what: str) -> None:
    """What somebody else wrote since it was loaded stays as it is: LedgerConflict, which says what to do."""
    place.open().save([record()], [card()])
    stale, other = place.open(), place.open()
    stale.load()
    other.save([record(remediators="other")], [card(doubtful=7)])
    other.save_state(state(lookback_days=7))
    with pytest.raises(LedgerConflict, match="next sweep reads it afresh"):
        STALE[what](stale)
    loaded = place.open().load()
    assert loaded.records == {"ann@contoso.com": record(remediators="other")}
    assert loaded.cards == {"one": card(doubtful=7)}
    assert loaded.state == state(lookback_days=7)


def test_one_save_is_all_or_nothing(place: LedgerPlace) -> None:
    """Of a save of 99 rows, one of which conflicts, nothing is written and nothing removed."""
    people = [record(f"{number}@contoso.com", 2) for number in range(90)]
    cards = {f"{number}": card(f"{number}") for number in range(9)}
    ledger = place.open()
    ledger.save(cards=cards.values())
    place.open().save([people[50]])
    with pytest.raises(LedgerConflict):
        ledger.save([replace(each, tell=None) for each in people], dropped_cards=cards)
    loaded = place.open().load()
    assert loaded.records == {people[50].recipient: people[50]}
    assert loaded.cards == cards


def test_many_rows_at_once(place: LedgerPlace) -> None:
    """More rows than one transaction takes are written all the same."""
    people = [record(f"{number}@contoso.com", 2) for number in range(250)]
    cards = [card(f"{number}") for number in range(120)]
    ledger = place.open()
    ledger.save(cards=cards)
    ledger.save(people, dropped_cards=[each.id for each in cards[:110]])
    loaded = place.open().load()
    assert loaded.records == {each.recipient: each for each in people}
    assert loaded.cards == {each.id: each for each in cards[110:]}


def test_an_identical_write_is_no_conflict(place: LedgerPlace) -> None:
    """A write that is refused because it was made already, its answer lost, counts as made; then it can be changed."""
    first, second = place.open(), place.open()
    first.load()
    second.load()
    second.save([record()])
    first.save([record()])
    first.save([record(tell=Reason.ADOPTED)])
    assert place.open().load().records["ann@contoso.com"].tell is Reason.ADOPTED


def test_a_record_remembers_every_message(place: LedgerPlace) -> None:
    """A record holds 5,000 messages of each of the four actions, reported, untold and owed."""
    times = {key: 29_000_000 + key % 999 for key in range(20_000)}
    owed = replace(owed_comment(), messages=replace(owed_comment().messages, times=times))
    large = record(messages=20_000, comments=(owed,), untold=times)
    place.open().save([large])
    assert place.open().load().records == {large.recipient: large}


def test_cards_of_any_size(place: LedgerPlace) -> None:
    """A card larger than an entity is kept whole, replaced by a small one, made large again, and removed whole."""
    chance = random.Random(1)
    told = tuple(
        ToldFinding(f"{number}@contoso.com", f"{chance.getrandbits(128):032x}", 0, Reason.FIRST, chance.getrandbits(64))
        for number in range(40_000)
    )
    large, small = card("card", findings=told), card("card")
    others = {name: card(name) for name in ("before", "after")}
    ledger = place.open()
    ledger.save(cards=[others["before"], large, others["after"]])
    assert place.open().load().cards == {**others, "card": large}
    place.open().save(cards=[small])
    assert place.open().load().cards == {**others, "card": small}
    again = place.open()
    again.save(cards=[large])
    again.save(dropped_cards=["card", *others])
    assert place.open().load().cards == {}
    assert place.keys() == []


GARBAGE = [
    b"",
    b"\x00\xff",
    b"x\x9cgarbage",
    b"{",
    b"[1]",
    b"{}",
    b'{"v":"1"}',
    b'{"v":1}',
    b'{"v":1,"record":{}}',
    b'{"v":2}',
]
GARBAGE += [b'{"v":2,"record":{}}', b'{"v":2,"record":{"recipient":"a","reported":"AAAA"}}', b'{"v":0,"record":{}}']


@pytest.mark.parametrize("garbage", GARBAGE, ids=repr)
def test_a_damaged_record_is_set_aside(place: LedgerPlace, garbage: bytes) -> None:
    """A record that cannot be read is named by every load and left as it is, even when a new one is written."""
    place.open().save([record(), record("bob@contoso.com")])
    key = keys.record("ann@contoso.com")
    place.overwrite(key, garbage)
    for _ in range(2):
        loaded = place.open().load()
        assert loaded.damaged == (key,)
        assert list(loaded.records) == ["bob@contoso.com"]
    ledger = place.open()
    ledger.save([record(messages=5)])
    ledger.save([record(messages=6)])
    place.open().save([record(messages=7)])
    loaded = place.open().load()
    assert loaded.damaged == ()
    assert loaded.records == {"ann@contoso.com": record(messages=7), "bob@contoso.com": record("bob@contoso.com")}
    assert place.read(key) == garbage
    place.open().prune(["ann@contoso.com"], date.min)
    assert place.open().load().damaged == (key,)


def test_a_damaged_card_is_set_aside(place: LedgerPlace) -> None:
    """A card that cannot be read is named, stays when it is dropped, and hinders no other."""
    place.open().save(cards=[card("one")])
    (key,) = place.keys()
    place.overwrite(key, b"garbage")
    place.open().save([record()], dropped_cards=["one"])
    place.open().save(cards=[card("two")])
    loaded = place.open().load()
    assert loaded.damaged == (key,)
    assert "one" not in key
    assert loaded.cards == {"two": card("two")}
    place.open().save(cards=[card("one")])
    assert place.open().load().cards == {"one": card("one"), "two": card("two")}
    assert place.read(key) == b"garbage"


def test_a_damaged_state_is_set_aside(place: LedgerPlace) -> None:
    """A state that cannot be read counts as none, is named, and gives way to a new one."""
    place.open().save_state(state())
    (key,) = place.keys()
    place.overwrite(key, b"garbage")
    loaded = place.open().load()
    assert (loaded.state, loaded.damaged) == (WorkspaceState(), (key,))
    place.open().save_state(state(lookback_days=7))
    loaded = place.open().load()
    assert (loaded.state, loaded.damaged) == (state(lookback_days=7), ())


def test_a_row_of_no_known_kind_is_named(place: LedgerPlace) -> None:
    """A row that this code never writes is not dropped in silence."""
    place.open().save_state(state())
    place.overwrite("b.what.is-this", b'{"v":1}')
    assert place.open().load().damaged == ("b.what.is-this",)


def test_a_newer_row_stops_the_sweep(place: LedgerPlace) -> None:
    """A row that a newer version wrote is no damage: loading it fails, and says to deploy the newer version."""
    place.open().save([record()])
    (key,) = place.keys()
    newer = b'{"v":%d,"record":"of a shape not known here"}' % (VERSION + 1)
    place.overwrite(key, newer)
    for verb in (lambda: place.open().load(), lambda: place.open().save([record()])):
        with pytest.raises(LedgerNewer, match="deploy the newer version"):
            verb()
    assert place.read(key) == newer


def test_receipts(place: LedgerPlace) -> None:
    """Receipts come back oldest first, since a day; one that is kept again for the same run replaces the first."""
    ledger = place.open()
    today = NOW.date()
    for days, run in ((0, "b"), (2, "a"), (1, "c"), (0, "a")):
        started = NOW - timedelta(days=days, hours=1 if run == "a" else 0)
        ledger.keep_receipt(today - timedelta(days=days), run, {"run_id": run, "started": started, "flagged": days})
    ledger.keep_receipt(today, "b", {"run_id": "b", "started": NOW, "flagged": 9, "reasons": (Reason.GREW,)})
    found = place.open().receipts(today - timedelta(days=1))
    assert [(each["run_id"], each["flagged"]) for each in found] == [("c", 1), ("a", 0), ("b", 9)]
    assert found[-1]["reasons"] == ["grew"]
    assert place.open().load() == place.open(read_only=True).load()


def test_a_damaged_receipt_hides_no_other(place: LedgerPlace, caplog: pytest.LogCaptureFixture) -> None:
    """A receipt that cannot be read is logged by name, and the others come back."""
    ledger = place.open()
    ledger.keep_receipt(NOW.date(), "a", {"run_id": "a"})
    (key,) = place.keys()
    place.overwrite(key, b"garbage")
    ledger.keep_receipt(NOW.date(), "b", {"run_id": "b"})
    assert ledger.receipts(date.min) == [{"run_id": "b"}]
    assert f"ledger_row_damaged row={key}" in caplog.text


def test_pruning(place: LedgerPlace) -> None:
    """Pruning removes the named records and the receipts older than the day, and nothing else."""
    ledger = place.open()
    ledger.save([record(f"{number}@contoso.com") for number in range(5)], [card()])
    for days in range(5):
        ledger.keep_receipt(NOW.date() - timedelta(days=days), "r", {"days": days})
    place.open().prune(["1@contoso.com", "3@contoso.com", "nobody@contoso.com"], NOW.date() - timedelta(days=2))
    loaded = place.open().load()
    assert sorted(loaded.records) == ["0@contoso.com", "2@contoso.com", "4@contoso.com"]
    assert loaded.cards == {"one": card()}
    assert [each["days"] for each in place.open().receipts(date.min)] == [2, 1, 0]


def test_reading_only_writes_nothing(place: LedgerPlace) -> None:
    """A ledger opened to be read makes no file and no table, and refuses every verb that writes."""
    ledger = place.open(read_only=True)
    assert ledger.load().records == {}
    assert ledger.lease() is None
    assert ledger.receipts(date.min) == []
    assert not place.exists()
    place.open().save([record()], [card()])
    before = place.keys()
    assert ledger.load().records == {"ann@contoso.com": record()}
    for verb in (
        lambda: ledger.take(None, "me", 60),
        lambda: ledger.save(cards=[card(doubtful=3)]),
        lambda: ledger.save([record(tell=None)]),
        lambda: ledger.save(dropped_cards=["one"]),
        lambda: ledger.save_state(state()),
        lambda: ledger.keep_receipt(NOW.date(), "r", {}),
        lambda: ledger.prune(["ann@contoso.com"], NOW.date()),
    ):
        with pytest.raises(LedgerError, match="read only"):
            verb()
    assert place.keys() == before


def test_the_lease_is_taken_only_as_it_was_seen(place: LedgerPlace) -> None:
    """The lease is written and given back only by who saw it last; each write changes its version."""
    mine, other = place.open(), place.open()
    first = mine.take(None, "me", 60)
    assert mine.lease() == other.lease() == first
    with pytest.raises(LedgerConflict):
        other.take(None, "other", 60)
    renewed = mine.take(first, "me", 60)
    assert renewed.version != first.version
    with pytest.raises(LedgerConflict):
        other.take(first, "other", 60)
    taken = other.take(renewed, "other", 60)
    mine.release(renewed)
    assert mine.lease() == taken
    other.release(taken)
    other.release(taken)
    assert mine.lease() is None
    with pytest.raises(LedgerConflict):
        other.take(taken, "other", 60)


def test_a_damaged_lease_is_taken_as_it_was_seen(place: LedgerPlace) -> None:
    """A lease that cannot be read is nobody's, of no known length, and is taken over on the version that was seen."""
    first = place.open().take(None, "me", 60)
    place.overwrite("a.lease", b"garbage")
    seen = place.open().lease()
    assert seen is not None
    assert (seen.holder, seen.seconds) == ("", 0)
    with pytest.raises(LedgerConflict):
        place.open().take(first, "me", 60)
    assert place.open().take(seen, "other", 60).holder == "other"


def test_threads_share_a_ledger(place: LedgerPlace) -> None:
    """Several threads save records and drop cards on one ledger while another renews the lease; nothing is lost."""
    ledger = place.open()
    people = [record(f"{number}@contoso.com", 3) for number in range(40)]
    ledger.save(cards=[card(each.recipient) for each in people])
    lease = ledger.take(None, "me", 60)
    failed: list[BaseException] = []

    def work(share: list[int]) -> None:
        try:
            for number in share:
                ledger.save([people[number]], dropped_cards=[people[number].recipient])
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)

    threads = [threading.Thread(target=work, args=(list(range(start, 40, 8)),)) for start in range(8)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        lease = ledger.take(lease, "me", 60)
    for thread in threads:
        thread.join()
    assert failed == []
    loaded = place.open().load()
    assert loaded.records == {each.recipient: each for each in people}
    assert loaded.cards == {}
    assert ledger.lease() == lease


def test_a_workspace_is_cleared(place: LedgerPlace) -> None:
    """All that the ledger holds of a workspace goes, damaged rows too; the lease stays, and other workspaces do."""
    ledger, other = place.open(), place.open(workspace=WORKSPACE + "2")
    ledger.save([record()])
    place.overwrite(keys.record("eve@contoso.com"), b"garbage")
    for each in (ledger, other):
        each.save([Record("ann@contoso.com"), Record("bob@contoso.com")], [card("one")])
        each.save_state(state())
        each.keep_receipt(NOW.date(), "run", {"verdict": "clean"})
    held = ledger.take(None, "me", 60)
    assert place.open().load().damaged
    ledger.clear()
    ledger.clear()
    loaded = place.open().load()
    assert (loaded.records, loaded.cards, loaded.state, loaded.damaged) == ({}, {}, WorkspaceState(), ())
    assert place.open().receipts(date.min) == []
    assert place.open().lease() == held
    assert set(other.load().records) == {"ann@contoso.com", "bob@contoso.com"}
    assert len(other.receipts(date.min)) == 1
    ledger.save([record()])
    assert place.open().load().records == {"ann@contoso.com": record()}
    with pytest.raises(LedgerError, match="read only"):
        place.open(read_only=True).clear()
