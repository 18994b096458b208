"""Cards that Teams refuses in every form: those about others arrive, within a few days at most."""

from __future__ import annotations

from tests.cloud.faults import Fault
from tests.support.days import Days

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
