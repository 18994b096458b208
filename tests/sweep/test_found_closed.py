"""An incident that is met closed, while nobody can say when it was closed: nothing is settled on a guess."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from shared.ledger import keys
from tests.cloud import Request
from tests.cloud.faults import Fault, Wire
from tests.support.days import Days, incident_name

WHO = "a@contoso.com"


def _damage(days: Days) -> None:
    """The record of this recipient can no longer be read."""
    with closing(sqlite3.connect(days.tenant.ledger)) as ledger:
        ledger.execute("update rows set data = ? where key = ?", (b"broken", keys.record(WHO)))
        ledger.commit()


def test_a_closed_incident_of_a_damaged_record_waits_for_when_it_was_closed(days: Days) -> None:
    """Closed, six new messages, edited, six more: its last modification is no closing, and swallows none of them."""
    days.mail(WHO, 12)
    days.mail("other@contoso.com", 12)
    days.sweep()
    days.tenant.clock.advance(hours=2)
    days.tenant.cloud.analyst.close(incident_name(WHO))
    days.pass_by()
    days.sweep()
    days.pass_by(days=2)
    days.mail(WHO, 6)
    days.tenant.cloud.analyst.edit(incident_name(WHO), description="checked")
    days.tenant.clock.advance(hours=3)
    days.tenant.cloud.analyst.edit(incident_name("other@contoso.com"), description="checked")
    assert days.sweep()["settled"] == 1
    days.pass_by()
    days.mail(WHO, 6)
    _damage(days)
    days.tenant.cloud.faults.add(Fault(service="log_analytics", containing="SecurityIncident", times=None, status=400))
    found = days.sweep()
    assert (found["event"], found["due"], found.get("created")) == ("sweep_incomplete", 1, None)
    days.well()
    days.pass_by()
    assert days.sweep()["created"] == 1
    assert days.incident(WHO, 1) is not None


def test_a_comment_found_on_a_closed_incident_waits_for_when_it_was_closed(days: Days) -> None:
    """Closed just before our comment, whose answer was lost, and edited since: an edit is no closing."""
    days.mail(WHO, 12)
    days.sweep()
    days.pass_by()
    days.mail(WHO, 15)

    def close(_: Request) -> None:
        days.tenant.cloud.analyst.close(incident_name(WHO))
        days.tenant.clock.advance(seconds=30)

    faults = days.tenant.cloud.faults
    faults.add(Fault(service="sentinel", method="GET", match="/comments/", effect=True, then=close))
    faults.add(Fault(service="sentinel", method="PUT", match="/comments/", effect=True, wire=Wire.DROP))
    faults.add(Fault(service="sentinel", match="/comments/", times=None, status=503))
    days.sweep()
    days.well()
    days.pass_by(hours=1)
    days.tenant.cloud.analyst.edit(incident_name(WHO), description="checked")
    faults.add(Fault(service="log_analytics", containing="SecurityIncident", times=None, status=400))
    found = days.sweep()
    assert (found["event"], found["due"], found.get("created")) == ("sweep_incomplete", 1, None), days.causes
    days.well()
    days.pass_by(hours=1)
    found = days.sweep()
    assert (found["created"], found["event"]) == (1, "sweep_completed"), days.causes
    assert len(days.comments(WHO)) == 1
