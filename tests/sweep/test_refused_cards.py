"""Cards that Teams refuses in every form: those about others arrive, within a few days at most."""

from __future__ import annotations

import pytest

from tests.cloud.faults import Fault, Wire
from tests.support.days import Days, incident_name

REFUSED = [f"refused{number}@contoso.com" for number in range(8)]
TAKEN = [f"taken{number}@contoso.com" for number in range(6)]


def test_what_is_refused_for_ever_keeps_nobody_from_being_told(days: Days) -> None:
    """More of them than 16 posts can set apart, and first by their count: the rest is told all the same, once each."""
    for recipient in REFUSED:
        days.mail(recipient, 30)
    for recipient in TAKEN:
        days.mail(recipient, 12)
    days.tenant.cloud.faults.add(Fault(service="teams", containing="refused", times=None, status=400))
    for _ in range(6):
        days.sweep()
        assert days.last is not None
        assert days.last.receipt.requests["teams"] <= 16
        assert days.last.receipt.due >= len(REFUSED)
        days.pass_by()
    assert [days.told(recipient) for recipient in TAKEN] == [1] * len(TAKEN)
    days.well()
    days.sweep()
    assert [days.told(recipient) for recipient in REFUSED] == [1] * len(REFUSED)


@pytest.mark.parametrize("bad", [0, 1])
def test_what_a_minimal_card_does_not_say_is_on_the_next_one(days: Days, bad: int) -> None:
    """A cause is told once: by a full card, whether that comes before the minimal one or after it."""
    for number, recipient in enumerate(TAKEN[:2]):
        days.mail(recipient, 12, subject="EICAR" if number == bad else None)
    days.mail("third@contoso.com", 12)
    days.break_writes(containing="third", status=503)
    days.tenant.cloud.faults.add(Fault(service="teams", containing="EICAR", times=None, status=400))
    found = days.sweep(CARD_SUBJECTS="true")
    assert (found["told"], found["due"]) == (3, 1)
    assert sum("@contoso" not in card for card in days.cards) == 1, "the one that tried whether Teams takes any"


def test_a_deletion_that_could_not_be_told_is_due(days: Days) -> None:
    """It is no finding; that Teams did not answer for its card is said all the same."""
    days.mail(TAKEN[0], 12)
    days.sweep()
    days.tenant.cloud.analyst.delete(incident_name(TAKEN[0]))
    days.pass_by()
    days.mail(TAKEN[0], 2)
    days.tenant.cloud.faults.add(Fault(service="teams", times=None, wire=Wire.DROP))
    found = days.sweep()
    assert (found["event"], found["due"]) == ("sweep_incomplete", 1)
    days.well()
    days.pass_by()
    found = days.sweep()
    assert (found["event"], found["told"], found.get("due")) == ("sweep_completed", 1, None)
