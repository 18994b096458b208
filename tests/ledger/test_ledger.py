"""What every ledger does, proved on each: SQLite, and a real table service."""

from __future__ import annotations

import random
import threading
from dataclasses import replace
from datetime import date, timedelta

import pytest

from shared.ledger import LedgerConflict, LedgerError, LedgerNewer, keys
from shared.ledger.rows import VERSION
from shared.model import IntentKind, Reason, Standing
from tests.support.ledgers import NOW, WORKSPACE, LedgerPlace, intent, record


def test_a_new_ledger_is_empty(place: LedgerPlace) -> None:
    """A ledger that was never written loads as nothing known."""
    loaded = place.open().load()
    assert (dict(loaded.records), loaded.intents, loaded.standing, loaded.damaged) == ({}, (), Standing(), ())
    assert place.open().lease() is None
    assert place.open().receipts(date.min) == []


def test_what_is_written_is_loaded(place: LedgerPlace) -> None:
    """Records, intents and the standing come back equal, in another process too."""
    people = [record(), record("bob@contoso.com", 0, tell=None, incident=None, told_at=None)]
    standing = Standing(NOW, 30, checked_guid="0b1c", card_at=NOW, causes=("2026-11-24/sentinel_forbidden",))
    writer = place.open()
    writer.note([intent("one"), intent("two", kind=IntentKind.CARD, body="")])
    writer.confirm([], people)
    writer.stand(standing)
    loaded = place.open().load()
    assert loaded.records == {each.recipient: each for each in people}
    assert loaded.intents == (intent("one"), intent("two", kind=IntentKind.CARD, body=""))
    assert loaded.standing == standing
    assert loaded == writer.load()


def test_workspaces_do_not_mix(place: LedgerPlace) -> None:
    """Two workspaces in one place see nothing of each other; the resource id's case does not matter."""
    place.open().confirm([], [record()])
    assert place.open(workspace=WORKSPACE + "2").load().records == {}
    assert place.open(workspace=WORKSPACE.upper()).load().records == {"ann@contoso.com": record()}


def test_intents_keep_their_order(place: LedgerPlace) -> None:
    """Intents load in the order they were first noted, whoever noted them; a replaced one keeps its place."""
    place.open().note([intent(f"first {number}") for number in range(20)])
    place.open().note([intent(f"second {number}") for number in range(20)])
    ledger = place.open()
    ledger.note([intent("first 7", told="2026-11-24/x"), intent("last")])
    expected = [*(f"first {n}" for n in range(20)), *(f"second {n}" for n in range(20)), "last"]
    loaded = place.open().load().intents
    assert [each.id for each in loaded] == expected
    assert [each.id for each in loaded if each.told] == ["first 7"]


def test_confirming_removes_the_intents_and_writes_the_records(place: LedgerPlace) -> None:
    """A confirmed intent is gone, its records are there, and confirming again changes nothing."""
    ledger = place.open()
    ledger.note([intent("one"), intent("two")])
    ledger.confirm(["one"], [record()])
    for again in (ledger, place.open()):
        again.confirm(["one", "never noted"], [record()])
        loaded = place.open().load()
        assert [each.id for each in loaded.intents] == ["two"]
        assert loaded.records == {"ann@contoso.com": record()}


def test_a_stale_ledger_cannot_write(place: LedgerPlace) -> None:
    """What somebody else wrote since it was loaded is not overwritten: LedgerConflict, which says what to do."""
    place.open().confirm([], [record()])
    stale, other = place.open(), place.open()
    stale.load()
    other.confirm([], [record(untold=7)])
    other.stand(Standing(NOW))
    other.note([intent("other's")])
    with pytest.raises(LedgerConflict, match="next sweep reads it afresh"):
        stale.confirm([], [record(untold=9)])
    with pytest.raises(LedgerConflict):
        stale.stand(Standing(NOW, 30))
    with pytest.raises(LedgerConflict):
        stale.note([intent("other's", body="mine")])
    loaded = place.open().load()
    assert loaded.records["ann@contoso.com"].untold == 7
    assert loaded.standing == Standing(NOW)
    assert loaded.intents == (intent("other's"),)


def test_a_confirmation_is_all_or_nothing(place: LedgerPlace) -> None:
    """Of a confirmation of 99 rows, one of which conflicts, nothing is written and nothing removed."""
    people = [record(f"{number}@contoso.com", 2) for number in range(90)]
    notes = [intent(f"{number}") for number in range(9)]
    ledger = place.open()
    ledger.note(notes)
    place.open().confirm([], [people[50]])
    with pytest.raises(LedgerConflict):
        ledger.confirm([each.id for each in notes], [replace(each, untold=9) for each in people])
    loaded = place.open().load()
    assert loaded.records == {people[50].recipient: people[50]}
    assert loaded.intents == tuple(notes)


def test_many_rows_at_once(place: LedgerPlace) -> None:
    """More rows than one transaction takes are written all the same."""
    people = [record(f"{number}@contoso.com", 2) for number in range(250)]
    notes = [intent(f"{number}") for number in range(120)]
    ledger = place.open()
    ledger.note(notes)
    ledger.confirm([each.id for each in notes[:110]], people)
    loaded = place.open().load()
    assert loaded.records == {each.recipient: each for each in people}
    assert loaded.intents == tuple(notes[110:])


def test_an_identical_write_is_no_conflict(place: LedgerPlace) -> None:
    """A write that is refused because it was made already, its answer lost, counts as made; then it can be changed."""
    first, second = place.open(), place.open()
    first.load()
    second.load()
    second.note([intent("one")])
    second.confirm(["one"], [record()])
    first.note([])
    first.confirm([], [record()])
    first.confirm([], [record(untold=9)])
    assert place.open().load().records["ann@contoso.com"].untold == 9


def test_a_record_remembers_every_message(place: LedgerPlace) -> None:
    """A record holds 5,000 messages of each of the four actions."""
    large = record(messages=20_000)
    place.open().confirm([], [large])
    assert place.open().load().records == {large.recipient: large}


def test_intents_of_any_size(place: LedgerPlace) -> None:
    """An intent larger than an entity is kept whole, replaced by a small one, made large again, and removed whole."""
    chance = random.Random(1)
    body = "".join(chance.choices("abcdefghijklmnop\N{ROBOT FACE}", k=1_500_000))
    tells = tuple(f"{chance.getrandbits(128):032x}/grew" for _ in range(20_000))
    card = intent("card", kind=IntentKind.CARD, body=body, tells=tells)
    ledger = place.open()
    ledger.note([intent("before"), card, intent("after")])
    assert place.open().load().intents == (intent("before"), card, intent("after"))
    small = replace(card, body="{}", tells=())
    place.open().note([small])
    assert place.open().load().intents == (intent("before"), small, intent("after"))
    again = place.open()
    again.note([card])
    again.confirm(["card", "before", "after"], [])
    assert place.open().load().intents == ()
    assert place.keys() == []


GARBAGE = [b"", b"\x00\xff", b"x\x9cgarbage", b"{", b"[1]", b"{}", b'{"v":"1"}', b'{"v":1}', b'{"v":1,"record":{}}']


@pytest.mark.parametrize("garbage", GARBAGE, ids=repr)
def test_a_damaged_record_is_set_aside(place: LedgerPlace, garbage: bytes) -> None:
    """A record that cannot be read is named by every load and left as it is, even when a new one is written."""
    place.open().confirm([], [record(), record("bob@contoso.com")])
    key = keys.record("ann@contoso.com")
    place.overwrite(key, garbage)
    for _ in range(2):
        loaded = place.open().load()
        assert loaded.damaged == (key,)
        assert list(loaded.records) == ["bob@contoso.com"]
    ledger = place.open()
    ledger.confirm([], [record(episode=5)])
    ledger.confirm([], [record(episode=6)])
    place.open().confirm([], [record(episode=7)])
    loaded = place.open().load()
    assert loaded.damaged == ()
    assert loaded.records == {"ann@contoso.com": record(episode=7), "bob@contoso.com": record("bob@contoso.com")}
    assert place.read(key) == garbage
    place.open().prune(["ann@contoso.com"], date.min)
    assert place.open().load().damaged == (key,)


def test_a_damaged_intent_is_set_aside(place: LedgerPlace) -> None:
    """An intent that cannot be read is named, survives being confirmed, and hinders no other."""
    place.open().note([intent("one")])
    (key,) = place.keys()
    place.overwrite(key, b"garbage")
    place.open().confirm(["one"], [record()])
    place.open().note([intent("two")])
    loaded = place.open().load()
    assert loaded.damaged == (key,)
    assert "one" not in key
    assert loaded.intents == (intent("two"),)
    place.open().note([intent("one")])
    assert set(place.open().load().intents) == {intent("one"), intent("two")}
    assert place.read(key) == b"garbage"


def test_a_damaged_standing_is_set_aside(place: LedgerPlace) -> None:
    """A standing that cannot be read counts as none, is named, and gives way to a new one."""
    place.open().stand(Standing(NOW))
    (key,) = place.keys()
    place.overwrite(key, b"garbage")
    loaded = place.open().load()
    assert (loaded.standing, loaded.damaged) == (Standing(), (key,))
    place.open().stand(Standing(NOW, 30))
    loaded = place.open().load()
    assert (loaded.standing, loaded.damaged) == (Standing(NOW, 30), ())


def test_a_row_of_no_known_kind_is_named(place: LedgerPlace) -> None:
    """A row that this code never writes is not dropped in silence."""
    place.open().stand(Standing(NOW))
    place.overwrite("b.what.is-this", b'{"v":1}')
    assert place.open().load().damaged == ("b.what.is-this",)


def test_a_newer_row_stops_the_sweep(place: LedgerPlace) -> None:
    """A row that a newer version wrote is no damage: loading it fails, and says to deploy the newer version."""
    place.open().confirm([], [record()])
    (key,) = place.keys()
    newer = b'{"v":%d,"record":"of a shape not known here"}' % (VERSION + 1)
    place.overwrite(key, newer)
    for verb in (lambda: place.open().load(), lambda: place.open().confirm([], [record()])):
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
    ledger.confirm([], [record(f"{number}@contoso.com") for number in range(5)])
    ledger.note([intent()])
    for days in range(5):
        ledger.keep_receipt(NOW.date() - timedelta(days=days), "r", {"days": days})
    place.open().prune(["1@contoso.com", "3@contoso.com", "nobody@contoso.com"], NOW.date() - timedelta(days=2))
    loaded = place.open().load()
    assert sorted(loaded.records) == ["0@contoso.com", "2@contoso.com", "4@contoso.com"]
    assert loaded.intents == (intent(),)
    assert [each["days"] for each in place.open().receipts(date.min)] == [2, 1, 0]


def test_reading_only_writes_nothing(place: LedgerPlace) -> None:
    """A ledger opened to be read makes no file and no table, and refuses every verb that writes."""
    ledger = place.open(read_only=True)
    assert ledger.load().records == {}
    assert ledger.lease() is None
    assert ledger.receipts(date.min) == []
    assert not place.exists()
    place.open().confirm([], [record()])
    before = place.keys()
    assert ledger.load().records == {"ann@contoso.com": record()}
    for verb in (
        lambda: ledger.take(None, "me", 60),
        lambda: ledger.note([intent()]),
        lambda: ledger.confirm([], [record(untold=9)]),
        lambda: ledger.stand(Standing(NOW)),
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
    """Several threads confirm different effects on one ledger while another renews the lease; nothing is lost."""
    ledger = place.open()
    people = [record(f"{number}@contoso.com", 3) for number in range(40)]
    ledger.note([intent(each.recipient) for each in people])
    lease = ledger.take(None, "me", 60)
    failed: list[BaseException] = []

    def work(share: list[int]) -> None:
        try:
            for number in share:
                ledger.confirm([people[number].recipient], [people[number]])
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
    assert loaded.intents == ()
    assert ledger.lease() == lease
