"""A ledger that was deleted, or restored from two sweeps ago, with incidents open, closed and deleted meanwhile."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from shared.ledger import SqliteLedger
from shared.model import incident_id
from tests.cloud.faults import Fault
from tests.cloud.mail import SOFT, Mail
from tests.cloud.small_azure import WORKSPACE_RESOURCE_ID
from tests.support.days import Days, incident_name
from tests.support.tenant import Tenant, facts, running_tenant

OPEN, CLOSED, DELETED, NEW = (f"{name}@contoso.com" for name in ("open", "closed", "deleted", "new"))


@pytest.fixture
def tenant(tenant: Tenant) -> Tenant:
    """Three recipients raised and told; then one incident is closed and one deleted."""
    _mail(tenant, 1, OPEN, CLOSED, DELETED, many=11)
    assert facts(tenant.sweep())["created"] == 3
    _keep(tenant, 0)
    tenant.clock.advance(hours=1)
    tenant.cloud.analyst.close(_name(CLOSED))
    tenant.cloud.analyst.delete(_name(DELETED))
    tenant.clock.advance(days=1)
    _mail(tenant, 50, "quiet@contoso.com", many=1)
    return tenant


def _name(recipient: str, episode: int = 0) -> str:
    """The derived id."""
    return incident_id(WORKSPACE_RESOURCE_ID, recipient, episode)


def _mail(tenant: Tenant, seed: int, *recipients: str, many: int) -> None:
    """So many messages to each, remediated in the last hours."""
    made = Mail(tenant.clock.now(), seed=seed)
    for recipient in recipients:
        made.remediated(recipient, many, 0.2, (SOFT,))
    tenant.cloud.append("EmailEvents", made.events)


def _keep(tenant: Tenant, number: int) -> None:
    """Back the ledger up."""
    (tenant.ledger.parent / f"copy{number}").write_bytes(tenant.ledger.read_bytes())


def lose(tenant: Tenant, restore: int | None = None) -> None:
    """Delete the ledger, or put an old copy in its place."""
    for file in tenant.ledger.parent.glob("ledger.db*"):
        file.unlink()
    if restore is not None:
        tenant.ledger.write_bytes((tenant.ledger.parent / f"copy{restore}").read_bytes())


def _puts(tenant: Tenant) -> int:
    """How many writes Sentinel has seen."""
    return sum(each.service == "sentinel" and each.method == "PUT" for each in tenant.cloud.log)


def test_a_deleted_ledger_raises_nothing_again(tenant: Tenant) -> None:
    """Open incidents are adopted, closed and deleted ones stay dealt with; nothing is written to Sentinel."""
    tenant.sweep()
    lose(tenant)
    before = _puts(tenant)
    assert facts(tenant.sweep()) == {
        "event": "sweep_completed", "verdict": "flagged", "flagged": 3, "standing": 1, "settled": 2, "told": 1,
    }  # fmt: skip
    assert _puts(tenant) == before
    assert set(tenant.cloud.incidents) == {_name(OPEN), _name(CLOSED)}
    assert facts(tenant.sweep()) == {
        "event": "sweep_completed", "verdict": "flagged", "flagged": 3, "standing": 1, "settled": 2,
    }  # fmt: skip


def test_after_a_lost_ledger_what_is_new_is_still_found(tenant: Tenant) -> None:
    """More than a threshold of new messages makes the next episode of dealt-with ones, a few comment the open."""
    tenant.sweep()
    lose(tenant)
    _mail(tenant, 2, CLOSED, DELETED, NEW, many=11)
    _mail(tenant, 3, OPEN, many=2)
    assert facts(tenant.sweep()) == {
        "event": "sweep_completed", "verdict": "flagged", "flagged": 4,
        "created": 3, "commented": 1, "standing": 1, "told": 4,
    }  # fmt: skip
    assert {_name(CLOSED, 1), _name(DELETED, 1), _name(NEW)} < set(tenant.cloud.incidents)
    assert _name(CLOSED) in tenant.cloud.incidents[_name(CLOSED, 1)]["properties"]["description"]


def test_a_stale_ledger_catches_up(tenant: Tenant) -> None:
    """Restored from two sweeps ago: later episodes are adopted, comments are found by their ids, nothing is twice."""
    tenant.sweep()
    _mail(tenant, 2, CLOSED, DELETED, many=11)
    _mail(tenant, 3, OPEN, many=2)
    tenant.sweep()
    incidents, comments = set(tenant.cloud.incidents), json.dumps(tenant.cloud.comments[_name(OPEN)])
    tenant.cloud.analyst.delete(_name(DELETED, 1))
    tenant.clock.advance(hours=1)
    before = _puts(tenant)
    lose(tenant, restore=0)
    report = tenant.sweep()
    assert report.receipt.event == "sweep_completed"
    assert set(tenant.cloud.incidents) == incidents - {_name(DELETED, 1)}
    assert json.dumps(tenant.cloud.comments[_name(OPEN)]) == comments
    assert _puts(tenant) == before
    assert facts(tenant.sweep())["standing"] == 2


def test_an_incident_raised_but_not_told_is_told_after_the_ledger_is_lost(tmp_path: Path) -> None:
    """Nothing is lost: an open incident that nobody has taken is told again when the ledger does not know it."""
    with pytest.MonkeyPatch.context() as patch, running_tenant(tmp_path, patch) as tenant:
        _mail(tenant, 1, OPEN, many=11)
        tenant.sweep(TEAMS_WEBHOOK_URL=tenant.cloud.webhook_url.replace("/workflows/", "/workflows/0"))
        assert len(tenant.cloud.incidents) == 1
        assert tenant.cloud.cards == []
        lose(tenant)
        assert facts(tenant.sweep())["told"] == 1
        assert OPEN in json.dumps(tenant.cloud.cards)


def test_incidents_are_found_by_their_titles_when_nobody_is_flagged(tenant: Tenant) -> None:
    """After a lost ledger, reminders still come for open incidents whose recipients are not flagged today."""
    tenant.sweep()
    lose(tenant)
    tenant.settings["SUM_CASE_THRESHOLD"] = "500"
    assert facts(tenant.sweep())["told"] == 1
    tenant.clock.advance(days=3)
    _mail(tenant, 9, "quiet@contoso.com", many=1)
    assert facts(tenant.sweep())["reminded"] == 1


def test_the_last_of_many_incidents_is_found_at_once(days: Days) -> None:
    """Six were closed and are deleted by now: without the ledger the next sweep makes the seventh."""
    for episode in range(6):
        days.mail(NEW, 12)
        assert days.sweep()["created"] == 1
        days.tenant.cloud.analyst.close(incident_name(NEW, episode))
        days.pass_by()
    for episode in range(6):
        days.tenant.cloud.analyst.delete(incident_name(NEW, episode))
    days.lose_ledger()
    days.pass_by(days=31)
    days.mail(NEW, 12)
    found = days.sweep()
    assert (found["created"], found["event"]) == (1, "sweep_completed"), days.causes
    assert days.incident(NEW, 6) is not None


def test_a_ledger_that_has_made_incidents_goes_on_without_the_workspaces_memory(days: Days) -> None:
    """SecurityIncident cannot be read, and by this ledger never was: it knows what it has made itself."""
    days.mail(OPEN, 12)
    days.sweep()
    ledger = SqliteLedger(days.tenant.ledger, WORKSPACE_RESOURCE_ID)
    ledger.save_state(replace(ledger.load().state, history_known=False))
    ledger.close()
    days.pass_by()
    days.mail(NEW, 12)
    days.tenant.cloud.faults.add(Fault(service="log_analytics", containing="let TitleBegins", times=None, status=400))
    assert days.sweep()["created"] == 1, days.causes
