"""What is believed about what exists: never raised twice, never swallowed; not being able to read is never green."""

from __future__ import annotations

import sqlite3

import pytest

from shared.model import Severity
from tests.cloud.faults import Fault
from tests.support.days import Days, incident_name
from tests.support.tenant import Tenant

WHO = "a@contoso.com"


def _throttled() -> Fault:
    """What the workspace remembers of our incidents cannot be asked."""
    return Fault(
        service="log_analytics",
        containing="SecurityIncident",
        times=None,
        status=429,
        headers={"Retry-After": "600"},
    )


def _copy(days: Days) -> bytes:
    """The ledger as it is now."""
    with sqlite3.connect(days.tenant.ledger) as open_ledger:
        open_ledger.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    open_ledger.close()
    return days.tenant.ledger.read_bytes()


def test_after_a_lost_ledger_an_edit_of_a_closed_incident_swallows_nothing(days: Days) -> None:
    """Closed, then many new messages, then the incident is labelled: only those before the closing are settled."""
    days.mail(WHO, 12)
    days.sweep()
    days.tenant.clock.advance(hours=3)
    days.tenant.cloud.analyst.close(incident_name(WHO))
    days.pass_by(hours=12)
    days.mail(WHO, 60, days=0.05)
    days.tenant.clock.advance(hours=3)
    labels = days.tenant.cloud.incidents[incident_name(WHO)]["properties"]["labels"]
    days.tenant.cloud.analyst.edit(
        incident_name(WHO), labels=[*labels, {"labelName": "Q4-review", "labelType": "User"}]
    )
    days.lose_ledger()
    days.pass_by(hours=6)
    found = days.sweep()
    assert (found["created"], found["told"], found["event"]) == (1, 1, "sweep_completed")
    assert days.incident(WHO, 1) is not None


def test_after_a_lost_ledger_what_was_deleted_is_not_raised_while_nobody_can_say(days: Days) -> None:
    """The ledger is lost and SecurityIncident is throttled: nothing is raised, it is due; later it is known."""
    days.mail(WHO, 12)
    days.sweep()
    days.tenant.clock.advance(hours=1)
    days.tenant.cloud.analyst.delete(incident_name(WHO))
    days.pass_by()
    days.sweep()
    days.lose_ledger()
    days.tenant.cloud.faults.add(_throttled())
    days.pass_by(hours=1)
    found = days.sweep()
    assert (found.get("created"), found["due"], found["event"]) == (None, 1, "sweep_incomplete")
    days.well()
    days.pass_by(hours=1)
    found = days.sweep()
    assert (found.get("created"), found["settled"], found["event"]) == (None, 1, "sweep_completed")
    assert days.tenant.cloud.incidents == {}


def test_a_throttled_history_stops_nothing_on_an_established_ledger(days: Days) -> None:
    """A ledger that has seen the table answer raises newcomers although it is throttled today, and says so."""
    days.mail(WHO, 12)
    days.sweep()
    days.tenant.cloud.faults.add(_throttled())
    days.pass_by()
    days.mail("new@contoso.com", 60)
    found = days.sweep()
    assert (found["created"], found["told"], found["event"]) == (1, 1, "sweep_completed")
    assert days.last is not None
    assert any("SecurityIncident" in note for note in days.last.receipt.notes)


def test_nobody_is_reminded_of_an_incident_whose_label_is_gone(days: Days) -> None:
    """An analyst tidies our label away and closes: twelve incidents that no list shows are not called waiting."""
    days.tenant.settings["REMIND_AFTER_DAYS"] = "3"
    for number in range(12):
        days.mail(f"u{number:02}@contoso.com", 12)
    days.sweep()
    days.tenant.clock.advance(hours=5)
    for number in range(12):
        days.tenant.cloud.analyst.edit(incident_name(f"u{number:02}@contoso.com"), labels=[])
        days.tenant.cloud.analyst.close(incident_name(f"u{number:02}@contoso.com"))
    for _ in range(4):
        days.pass_by()
        assert "reminded" not in days.sweep()


def test_a_label_removed_from_an_open_incident_hides_no_closing(days: Days) -> None:
    """The label goes first, the incident is closed later: it is read before it is written to, and nothing is lost."""
    days.mail(WHO, 12)
    days.sweep()
    days.tenant.cloud.analyst.edit(incident_name(WHO), labels=[])
    days.pass_by()
    days.mail(WHO, 3)
    assert days.sweep()["commented"] == 1
    days.tenant.clock.advance(hours=1)
    days.tenant.cloud.analyst.close(incident_name(WHO))
    days.pass_by()
    days.mail(WHO, 9)
    found = days.sweep()
    assert (found["settled"], found.get("commented")) == (1, None)
    days.pass_by()
    days.mail(WHO, 2)
    assert days.sweep()["created"] == 1, "eleven new since the closing"


def test_an_older_ledger_learns_of_closings_and_deletions_since(days: Days) -> None:
    """From a copy: an incident closed since and one deleted since are settled, a third goes on; none is new."""
    open_, closed, deleted = "open@contoso.com", "closed@contoso.com", "deleted@contoso.com"
    for recipient in (open_, closed, deleted):
        days.mail(recipient, 12)
    days.sweep()
    days.pass_by(hours=1)
    days.sweep()
    before = _copy(days)
    days.pass_by()
    for recipient in (open_, closed, deleted):
        days.mail(recipient, 15)
    assert days.sweep()["commented"] == 3
    days.tenant.clock.advance(hours=1)
    days.tenant.cloud.analyst.close(incident_name(closed))
    days.tenant.cloud.analyst.delete(incident_name(deleted))
    days.pass_by()
    days.sweep()
    days.lose_ledger(before)
    days.pass_by(hours=1)
    found = days.sweep()
    assert len(days.tenant.cloud.incidents) <= 4, "a repeat at most, never a second open incident"
    assert [len(days.comments(each)) for each in (open_, closed)] == [1, 1]
    assert found["event"] == "sweep_completed"
    days.pass_by()
    assert days.sweep().get("created") is None


def test_two_reads_of_one_recipient_make_one_record(days: Days) -> None:
    """An older ledger, episode 0 deleted since, episode 1 missing from the list: one plan, one incident."""
    days.mail(WHO, 12)
    days.sweep()
    days.tenant.clock.advance(hours=1)
    days.tenant.cloud.analyst.close(incident_name(WHO))
    days.pass_by()
    days.sweep()
    before = _copy(days)
    days.mail(WHO, 15)
    assert days.sweep()["created"] == 1
    days.lose_ledger(before)
    days.tenant.cloud.analyst.delete(incident_name(WHO))
    days.tenant.cloud.store.hidden.add(incident_name(WHO, 1))
    days.pass_by(hours=2)
    found = days.sweep()
    assert (found.get("created"), found["event"]) == (None, "sweep_completed")
    assert list(days.tenant.cloud.incidents) == [incident_name(WHO, 1)]


def test_a_second_ledger_beside_makes_no_second_incident(days: Days) -> None:
    """A laptop sweeps beside the app, each with its own ledger: one incident, one episode, one severity for each."""
    laptop = Days(Tenant(days.tenant.cloud, days.tenant.clock, days.tenant.ledger.with_name("laptop.db")))
    days.mail(WHO, 12)
    days.sweep()
    days.pass_by(hours=1)
    laptop.sweep()
    assert list(days.tenant.cloud.incidents) == [incident_name(WHO)]
    again = [card for card in days.cards if WHO in card]
    assert len(again) <= 2
    assert all("told again" in card for card in again[1:])
    days.pass_by()
    days.mail(WHO, 60)
    days.sweep()
    laptop.sweep()
    incident = days.incident(WHO)
    assert incident is not None
    assert incident["severity"] == Severity.HIGH
    assert len(set(days.comments(WHO))) == len(days.comments(WHO))
    assert sum("raised-to:High" in each["labelName"] for each in incident["labels"]) == 1
    days.tenant.cloud.analyst.close(incident_name(WHO))
    days.pass_by()
    for ledger in (days, laptop):
        assert ledger.sweep().get("created") is None
    days.mail(WHO, 12)
    days.pass_by()
    assert [ledger.sweep().get("created") for ledger in (laptop, days)] == [1, None]
    assert set(days.tenant.cloud.incidents) == {incident_name(WHO), incident_name(WHO, 1)}


@pytest.mark.parametrize("known", [True, False])
def test_an_interrupted_creation_that_somebody_deleted_stays_deleted(days: Days, known: bool) -> None:
    """Made, the answer lost, then deleted: done where the workspace remembers it, due where it cannot be asked."""
    days.mail(WHO, 12)
    faults = days.tenant.cloud.faults
    faults.add(Fault(service="sentinel", method="PUT", effect=True, status=500))
    faults.add(Fault(service="sentinel", match=incident_name(WHO), after=1, times=None, status=500))
    assert days.sweep()["due"] == 1
    assert list(days.tenant.cloud.incidents) == [incident_name(WHO)]
    days.tenant.clock.advance(hours=1)
    days.tenant.cloud.analyst.delete(incident_name(WHO))
    days.well()
    if not known:
        faults.add(_throttled())
    days.pass_by(hours=1)
    found = days.sweep()
    assert days.tenant.cloud.incidents == {}
    assert found.get("due") == (None if known else 1)
    days.well()
    days.pass_by()
    days.sweep()
    assert days.tenant.cloud.incidents == {}
