"""What the rule has made while Sentinel cannot be read: another ledger's incident, or that of a lost answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cloud.faults import Fault, Wire
from tests.cloud.mail import Mail, stamp
from tests.cloud.rule_definitions import load_rules
from tests.support.days import Days
from tests.support.tenant import Tenant

RULES = Path(__file__).parents[2] / "infra/findings-rule.json"
VIP = "vip@contoso.com"
MESSAGES = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(12)]


@pytest.fixture
def days(tenant: Tenant) -> Days:
    """A tenant with the findings table and the rules that are deployed."""
    tenant.cloud.deploy_findings(*load_rules(RULES))
    tenant.settings |= tenant.cloud.rule_road
    return Days(tenant)


def streamed(days: Days, messages: Sequence[str] = MESSAGES) -> None:
    """Each of these messages comes in, or comes in again, remediated now."""
    now = days.tenant.clock.now()
    mail = Mail(now, seed=7)
    for message in messages:
        row = mail.add(VIP, "Soft delete", now, message=message, state=now)
        row["TimeGenerated"] = row["LastEventExecutionTime"] = stamp(now)
    days.tenant.cloud.append("EmailEvents", mail.events)
    days.tenant.clock.advance(seconds=1)


def test_a_sweep_is_not_clean_while_an_open_incident_of_ours_cannot_be_read(days: Days) -> None:
    """This ledger knows the closed one only. It is due until the other one was read; then it is followed."""
    streamed(days)
    days.sweep()
    days.pass_by()
    days.sweep()
    (first,) = days.tenant.cloud.incidents
    days.tenant.cloud.analyst.close(first)
    days.pass_by()
    assert days.sweep()["settled"] == 1
    ours = days.tenant.ledger.read_bytes()
    days.lose_ledger()
    streamed(days)
    assert days.sweep()["created"] == 1
    days.pass_by()
    days.lose_ledger(ours)
    days.tenant.cloud.faults.add(Fault(service="sentinel", method="GET", match="/incidents/", status=503, times=None))
    blind = days.sweep()
    assert (blind["event"], blind["verdict"]) == ("sweep_incomplete", "flagged")
    assert days.causes.startswith("incidents_unread: an incident that the analytics rule has made could not be read: ")
    days.well()
    assert days.sweep()["standing"] == 1
    assert len(days.tenant.cloud.incidents) == 2


def test_the_messages_of_a_row_whose_answer_was_lost_are_not_reported_again(days: Days) -> None:
    """The rule makes the incident of it, and the tables say so first, in a sweep in which Sentinel is down."""
    cloud = days.tenant.cloud
    cloud.rules.switch(False)
    days.mail(VIP, 12)
    days.sweep()
    days.pass_by()
    days.mail(VIP, 1)
    cloud.faults.add(Fault(service="ingestion", effect=True, wire=Wire.DROP, times=None))
    assert days.sweep()["due"] == 1
    days.well()
    cloud.rules.switch(True)
    days.pass_by()
    cloud.faults.add(Fault(service="sentinel", status=503, times=None))
    assert days.sweep()["event"] == "sweep_incomplete"
    days.well()
    assert days.sweep()["event"] == "sweep_completed", days.causes
    (comments,) = cloud.comments.values()
    assert not comments
    days.mail(VIP, 1)
    assert days.sweep()["commented"] == 1


def test_nothing_is_made_over_arm_while_what_the_rule_has_made_is_not_known(days: Days) -> None:
    """An older copy of the ledger has used the rule, and does not know this finding: it waits, by either road."""
    days.mail("first@contoso.com", 12)
    days.sweep()
    days.pass_by()
    days.sweep()
    older = days.tenant.ledger.read_bytes()
    days.mail(VIP, 12)
    assert days.sweep()["created"] == 1
    days.pass_by()
    days.lose_ledger(older)
    days.tenant.cloud.faults.add(Fault(service="log_analytics", containing="SecurityIncident", status=500, times=None))
    blind = days.sweep(RAISE_BY="api")
    assert (blind["event"], blind["due"], blind.get("created")) == ("sweep_incomplete", 1, None)
    days.well()
    days.sweep(RAISE_BY="api")
    assert len(days.tenant.cloud.incidents) == 2


def test_what_only_a_lost_row_told_is_not_lost(days: Days) -> None:
    """Two answers are lost, the second row as well: the incident is that of the first, the rest is added."""
    cloud = days.tenant.cloud
    cloud.ingestion.delay = cloud.ingestion.first_delay = timedelta(hours=3)
    days.mail(VIP, 12)
    cloud.faults.add(Fault(service="ingestion", effect=True, wire=Wire.DROP, times=None))
    assert days.sweep()["due"] == 1
    days.well()
    days.pass_by(minutes=30)
    streamed(days, [f"{number:08x}-0000-4000-8000-000000000000" for number in range(50, 54)])
    cloud.faults.add(Fault(service="ingestion", effect=False, wire=Wire.DROP, times=None))
    assert days.sweep()["due"] == 1
    days.well()
    days.pass_by()
    assert days.sweep()["commented"] == 1
    assert days.sweep()["event"] == "sweep_completed", days.causes
    (comments,) = cloud.comments.values()
    assert len(comments) == 1
