"""A privacy request: nothing that names the person stays in the ledger, and the same messages are not raised again."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from shared.cli.forget import Erasure
from shared.ledger import LedgerError, SqliteLedger, keys
from shared.model import Record, ToldDue, ToldFinding, address_digest, pseudonym
from tests.cloud import WORKSPACE_RESOURCE_ID, Fault
from tests.support.days import incident_name
from tests.support.ledger_samples import WORKSPACE, card, owed_comment, owed_creation, record
from tests.support.ledgers import LedgerPlace, SqlitePlace
from tests.support.operators_shell import Operator

ANN, BOB = "ann@contoso.com", "bob@contoso.com"
STANDING = {"event": "sweep_completed", "verdict": "flagged", "flagged": 1, "standing": 1}
SETTLED = {"event": "sweep_completed", "verdict": "clean", "flagged": 1, "settled": 1}


def with_an_incident(operator: Operator, many: int = 12) -> None:
    """One person with an incident, which is told."""
    operator.days.mail(ANN, many, subject="the secret plan")
    assert operator.sweep()["created"] == 1
    assert operator.naming(ANN)


def test_an_open_incident_is_neither_raised_again_nor_named(operator: Operator) -> None:
    """With its incident open: nothing is written to Sentinel or Teams while no more than a threshold of messages are
    new, and nothing in the ledger names the person. More of them are told, as a comment on the same incident.
    """
    with_an_incident(operator)
    assert operator.forget(ANN) == Erasure(messages=12, incident_id=incident_name(ANN))
    operator.days.tenant.settings["REMIND_AFTER_DAYS"] = "1"
    cards, puts = len(operator.days.cards), operator.puts()
    for many in (0, 10):
        operator.days.pass_by()
        operator.days.mail(ANN, many)
        assert operator.sweep() == STANDING
        assert operator.naming(ANN) == operator.naming("secret plan") == []
    assert (len(operator.days.cards), operator.puts()) == (cards, puts)
    operator.days.mail(ANN, 1)
    assert operator.sweep() == {**STANDING, "commented": 1, "told": 1}
    assert "11 new messages" in operator.days.comments(ANN)[0]
    assert list(operator.days.tenant.cloud.incidents) == [incident_name(ANN)]
    assert operator.naming(ANN)


@pytest.mark.slow
def test_a_closed_incident_stays_closed(operator: Operator) -> None:
    """What an analyst does after the person was forgotten is still read: closed as benign, twice a threshold of new
    messages is needed; then the next episode is made, which names the last.
    """
    with_an_incident(operator)
    operator.forget(ANN)
    operator.days.pass_by()
    operator.days.tenant.cloud.analyst.close(incident_name(ANN), "FalsePositive")
    operator.days.mail(ANN, 20)
    assert operator.sweep() == SETTLED
    assert not operator.naming(ANN)
    assert operator.forget(ANN).before
    operator.days.mail(ANN, 1)
    assert operator.sweep() == {"event": "sweep_completed", "verdict": "flagged", "flagged": 1, "created": 1, "told": 1}
    made = operator.days.incident(ANN, 1)
    assert made is not None
    assert incident_name(ANN) in made["description"]


@pytest.mark.slow
def test_a_deleted_incident_is_not_mentioned(of_file: Operator) -> None:
    """Its deletion goes on no card, which would name the person; new messages make the next episode."""
    with_an_incident(of_file)
    of_file.forget(ANN)
    of_file.days.pass_by()
    of_file.days.tenant.cloud.analyst.delete(incident_name(ANN))
    cards = len(of_file.days.cards)
    assert of_file.sweep()["verdict"] == "flagged"  # a list does not show what was deleted
    assert len(of_file.days.cards) == cards
    of_file.days.mail(ANN, 11)
    assert of_file.sweep()["created"] == 1
    assert of_file.days.incident(ANN, 1) is not None


@pytest.mark.slow
def test_what_was_owed_lapses(operator: Operator) -> None:
    """An incident that was to be made is not made, and its messages count as reported; new ones are raised."""
    operator.days.mail(ANN, 12)
    operator.days.break_writes(status=400)
    assert operator.sweep()["due"] == 1
    operator.days.well()
    assert operator.forget(ANN).owed == 1
    operator.days.pass_by()
    assert operator.sweep() == SETTLED
    assert not operator.naming(ANN)
    operator.days.mail(ANN, 11)
    assert operator.sweep()["created"] == 1
    made = operator.days.incident(ANN)
    assert made is not None
    assert re.search(r"Newest messages.* of 11\b", made["description"])


@pytest.mark.parametrize("owed", [{"creation": owed_creation()}, {"comments": (owed_comment(),)}])
def test_what_may_have_been_made_is_looked_up_first(of_file: Operator, owed: dict[str, Any]) -> None:
    """While an attempt is in doubt nobody is forgotten: the next sweep looks up what came of it."""
    in_doubt = Record(ANN, **owed)
    of_file.place.open(workspace=WORKSPACE_RESOURCE_ID).save([in_doubt])
    assert "let the next sweep look it up" in of_file.forget(ANN).refused
    assert of_file.loaded().records == {ANN: in_doubt}


@pytest.mark.slow
def test_cards_in_doubt_no_longer_name_the_person(operator: Operator) -> None:
    """A card that may have arrived names two: one stays, and is told; of the other there is nothing left to tell."""
    operator.days.mail(ANN, 12)
    operator.days.mail(BOB, 12)
    operator.days.tenant.cloud.faults.add(Fault(service="teams", effect=False, status=504, times=None))
    operator.sweep()
    operator.days.well()
    assert operator.forget(ANN).cards == 1
    assert not operator.naming(ANN)
    (noted,) = operator.loaded().cards.values()
    assert {each.recipient for each in noted.findings} == {BOB}
    operator.days.pass_by()
    assert operator.sweep()["told"] == 1
    assert (operator.days.told(ANN), operator.days.told(BOB)) == (0, 1)


@pytest.mark.slow
def test_who_was_forgotten_is_pruned_in_the_end(of_file: Operator) -> None:
    """Once its incident is closed, and its messages were unseen for the look-back plus 30 days, the hash goes, too."""
    with_an_incident(of_file)
    of_file.days.tenant.cloud.analyst.close(incident_name(ANN))
    of_file.forget(ANN)
    for days in (35, 40):
        of_file.days.pass_by(days=days)
        of_file.sweep()
    assert pseudonym(ANN) not in of_file.loaded().records


@pytest.mark.slow
def test_another_ledgers_incident_about_the_person(of_file: Operator) -> None:
    """An incident that another ledger's sweep has made since is taken into what is left of the record, although its
    recipient is not over our threshold.
    """
    with_an_incident(of_file)
    of_file.days.tenant.cloud.analyst.close(incident_name(ANN))
    of_file.forget(ANN)
    of_file.days.pass_by()
    of_file.days.mail(ANN, 11)
    assert of_file.days.tenant.sweep().receipt.created == 1  # the tenant's own ledger is another file
    assert of_file.days.incident(ANN, 1) is not None
    of_file.sweep(SUM_CASE_THRESHOLD="500")
    (known,) = of_file.loaded().records.values()
    assert (known.recipient, known.forgotten, len(known.reported)) == (ANN, False, 12)
    assert known.incident is not None
    assert known.incident.episode == 1


def _forgotten() -> Record:
    """The sample's record, as it is kept once its person is forgotten."""
    return replace(record(comments=(), creation=None, escalation=None, tell=None, untold={}), forgotten=True)


def test_a_row_without_an_address_is_the_same_person_s(place: LedgerPlace) -> None:
    """The record of somebody who was forgotten is kept under the same key, loads by its pseudonym, and is written
    without an address whichever name it has in memory.
    """
    ledger = place.open()
    ledger.save([record(), Record(BOB)])
    ledger.forget(_forgotten())
    assert place.keys() == sorted([keys.record(ANN), keys.record(BOB)])
    loaded = place.open().load()
    assert loaded.records.keys() == {pseudonym(ANN), BOB}
    kept = loaded.records[pseudonym(ANN)]
    assert (kept.forgotten, kept.remediators, kept.reported) == (True, "", record().reported)
    again = place.open()
    again.load()
    again.save([replace(kept, recipient=ANN, reported={})])
    assert place.open().load().records[pseudonym(ANN)].reported == {}
    assert keys.record(pseudonym(ANN)) == keys.record(ANN)
    assert address_digest(pseudonym(ANN)) == address_digest(ANN)


def test_damaged_rows_about_the_person_go_as_well(place: LedgerPlace) -> None:
    """Rows that cannot be read are removed with the rest; another's stay."""
    place.open().save([record(), Record(BOB)])
    for who in (ANN, BOB):
        place.overwrite(keys.record(who), b"{damaged " + who.encode())
    place.open().save([record(), Record(BOB)])  # good ones beside them
    ledger = place.open()
    ledger.forget(_forgotten())
    ledger.save([_forgotten()])
    assert place.keys() == sorted([keys.record(ANN), keys.record(BOB), f"{keys.record(BOB)}.1"])
    assert place.open().load().records.keys() == {pseudonym(ANN), BOB}
    assert ANN.encode() not in b"".join(map(place.read, place.keys()))


def test_cards_go_with_it(place: LedgerPlace) -> None:
    """Cards are changed and dropped in the same call."""
    place.open().save([record()], [card("one"), card("two")])
    place.open().forget(_forgotten(), [card("one", findings=())], ["two"])
    assert place.open().load().cards == {"one": card("one", findings=())}


def test_nothing_is_left_in_the_file(sqlite_place: SqlitePlace) -> None:
    """Neither the file nor its log holds what a row held: not from this ledger, nor from one that left its free pages
    as they were.
    """
    ledger = sqlite_place.open()
    marked = [Record(f"{ANN}{number}", remediators="x" * 50) for number in range(30)]
    ledger.save([record(), *marked])
    ledger.close()
    with closing(sqlite3.connect(sqlite_place.path, isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("DELETE FROM rows WHERE length(data) < 200")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert ANN.encode() in _bytes(sqlite_place.path)
    old = sqlite_place.read(keys.record(ANN))
    ledger = sqlite_place.open()
    ledger.forget(_forgotten())
    assert old[20:80] not in _bytes(sqlite_place.path)
    assert ANN.encode() not in _bytes(sqlite_place.path)
    ledger.close()
    assert ANN.encode() not in _bytes(sqlite_place.path)


def test_what_is_pruned_is_overwritten(sqlite_place: SqlitePlace) -> None:
    """Also a record that goes with time leaves nothing in the file, once its log is taken in."""
    people = [f"{ANN}{number}" for number in range(30)]
    ledger = sqlite_place.open()
    ledger.save([Record(each, remediators="x" * 50) for each in people])
    ledger.close()
    assert ANN.encode() in _bytes(sqlite_place.path)
    ledger = sqlite_place.open()
    ledger.prune(people, date.min)
    ledger.close()
    assert ANN.encode() not in _bytes(sqlite_place.path)


def _bytes(path: Path) -> bytes:
    """The file and what is beside it."""
    return b"".join(each.read_bytes() for each in sorted(path.parent.glob(f"{path.name}*")))


def test_a_file_that_another_process_reads_cannot_be_cleaned_now(sqlite_place: SqlitePlace) -> None:
    """While somebody else reads, what was removed may still be in the file: that is said, and a second call does it."""
    sqlite_place.open().save([record(), Record(BOB)])
    with closing(sqlite3.connect(sqlite_place.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM rows").fetchone()
        ledger = SqliteLedger(sqlite_place.path, WORKSPACE, patience=0.1)
        with pytest.raises(LedgerError, match="run the command again"):
            ledger.forget(_forgotten())
    assert sqlite_place.open().load().records.keys() == {pseudonym(ANN), BOB}
    ledger.forget(_forgotten())
    ledger.close()
    assert ANN.encode() not in _bytes(sqlite_place.path)


def test_other_peoples_rows_and_cards(of_file: Operator) -> None:
    """Whoever is named as a remediator in another's record, or on every kind of line of a card, is named no more; what
    else the cards tell stays.
    """
    ledger = of_file.place.open(workspace=WORKSPACE_RESOURCE_ID)
    due = (ToldDue(ANN, "i", "c"), ToldDue(BOB, "i", "c"))
    finding = ToldFinding(ANN, "i", 0, record().tell or _forgotten().tell, 1)  # type: ignore[arg-type]
    cards = [
        card("several", accepted=False, findings=(finding,), unanswered=(finding,), due=due, reminders=(ANN, BOB)),
        card(
            "deletions", accepted=False, findings=(), unanswered=(), due=(), reminders=(), deletions=(ANN,), causes=()
        ),
        card("causes", accepted=False, findings=(finding,), unanswered=(), due=(), reminders=(), deletions=()),
    ]
    people = [Record(BOB, remediators=f"{ANN.title()}, 3 messages"), Record("eve@contoso.com", remediators="joe")]
    ledger.save(people, cards)
    assert of_file.forget(ANN) == Erasure(cards=3, lines=1)
    loaded = of_file.loaded()
    assert loaded.cards.keys() == {"several", "causes"}
    assert loaded.cards["several"].due == due[1:]
    assert loaded.cards["several"].reminders == (BOB,)
    assert (loaded.records[BOB].remediators, loaded.records["eve@contoso.com"].remediators) == ("", "joe")
    assert not of_file.naming(ANN)
