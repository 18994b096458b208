"""A zero means zero: what a verdict may not be called when something is due, was raised, or went to another place."""

from __future__ import annotations

import pytest

from shared.model import LABEL, incident_id
from tests.cloud.faults import Fault
from tests.cloud.mail import SOFT, Mail
from tests.cloud.small_azure import WORKSPACE_RESOURCE_ID
from tests.support.tenant import Tenant, facts

OTHER = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
def tenant(tenant: Tenant) -> Tenant:
    """A tenant without reminders or heartbeats."""
    tenant.settings.update({"HEARTBEAT_DAYS": "0", "REMIND_AFTER_DAYS": "0"})
    return tenant


def _mail(tenant: Tenant, recipient: str, many: int) -> None:
    """So many messages, remediated in the last hours."""
    made = Mail(tenant.clock.now(), seed=int(tenant.clock.monotonic()) + many)
    made.remediated(recipient, many, 0.2, (SOFT,))
    tenant.cloud.append("EmailEvents", made.events)


def _next_day(tenant: Tenant, days: int = 1) -> None:
    """Later, with some mail, so that the data is fresh."""
    tenant.clock.advance(days=days)
    _mail(tenant, "quiet@contoso.com", 1)


def test_nothing_is_clean_while_a_finding_waits_nor_when_it_is_raised(tenant: Tenant) -> None:
    """A finding that Sentinel refused and that has left the window keeps the sweep from `clean` until it is raised."""
    _mail(tenant, "ceo@contoso.com", 60)
    tenant.cloud.faults.add(Fault(service="sentinel", method="PUT", times=None, status=403))
    assert facts(tenant.sweep())["verdict"] == "flagged"
    _next_day(tenant, 31)
    assert facts(tenant.sweep()) | {"told": 0} == {
        "event": "sweep_incomplete",
        "verdict": "flagged",
        "due": 1,
        "told": 0,
    }
    tenant.cloud.faults.clear()
    _next_day(tenant)
    assert facts(tenant.sweep()) == {"event": "sweep_completed", "verdict": "flagged", "created": 1, "told": 1}
    _next_day(tenant)
    assert facts(tenant.sweep()) == {"event": "sweep_completed", "verdict": "clean"}


def test_nothing_is_clean_while_a_card_waits_nor_when_it_is_told(tenant: Tenant) -> None:
    """A finding that was raised, but that Teams took no card of, is told after it has left the window: `flagged`."""
    _mail(tenant, "ceo@contoso.com", 60)
    tenant.cloud.faults.add(Fault(service="teams", times=None, status=404))
    assert facts(tenant.sweep())["due"] == 1
    _next_day(tenant, 31)
    found = facts(tenant.sweep())
    assert (found["event"], found["verdict"], found["due"]) == ("sweep_incomplete", "flagged", 1)
    tenant.cloud.faults.clear()
    _next_day(tenant)
    assert facts(tenant.sweep()) == {"event": "sweep_completed", "verdict": "flagged", "told": 1}
    _next_day(tenant)
    assert facts(tenant.sweep()) == {"event": "sweep_completed", "verdict": "clean"}


def test_a_dry_run_is_not_clean_while_a_card_waits(tenant: Tenant) -> None:
    """What an earlier sweep left to be told is due in a dry run, too, also when its mail has left the window."""
    _mail(tenant, "ceo@contoso.com", 60)
    tenant.cloud.faults.add(Fault(service="teams", times=None, status=404))
    assert facts(tenant.sweep())["due"] == 1
    tenant.cloud.faults.clear()
    _next_day(tenant, 31)
    planned = {"event": "sweep_planned", "verdict": "flagged", "due": 1}
    assert facts(tenant.sweep(DRY_RUN="true")) == planned
    assert facts(tenant.sweep()) == {"event": "sweep_completed", "verdict": "flagged", "told": 1}
    assert facts(tenant.sweep(DRY_RUN="true")) == {"event": "sweep_planned", "verdict": "clean"}


def test_a_reminder_alone_is_clean(tenant: Tenant) -> None:
    """Reminding about an incident that waits is no finding."""
    _mail(tenant, "ceo@contoso.com", 11)
    tenant.sweep()
    _next_day(tenant, 31)
    assert facts(tenant.sweep(REMIND_AFTER_DAYS="3")) == {"event": "sweep_completed", "verdict": "clean", "reminded": 1}


def test_a_proxys_page_is_told_again_until_teams_answers(tenant: Tenant) -> None:
    """A card that a proxy answered with its own page is due, and is told once by the sweep that reaches Teams."""
    _mail(tenant, "ceo@contoso.com", 60)
    tenant.cloud.faults.add(Fault(service="teams", times=None, status=200, body="<html>Blocked by policy.</html>"))
    report = tenant.sweep()
    assert facts(report) == {"event": "sweep_incomplete", "verdict": "flagged", "flagged": 1, "created": 1, "due": 1}
    assert "with a web page" in report.receipt.reasons[0]
    tenant.cloud.faults.clear()
    _next_day(tenant)
    assert facts(tenant.sweep())["told"] == 1
    assert len(tenant.cloud.cards) == 1
    _next_day(tenant)
    assert "told" not in facts(tenant.sweep())
    assert len(tenant.cloud.cards) == 1


@pytest.mark.parametrize("settings", [{"SENTINEL_WORKSPACE_ID": OTHER}, {"SENTINEL_WORKSPACE_ID": OTHER.upper()}])
def test_another_workspaces_guid_is_noticed(tenant: Tenant, settings: dict[str, str]) -> None:
    """The GUID is checked again when it has changed, in a dry run too; that it was right once says nothing."""
    _next_day(tenant)
    assert facts(tenant.sweep())["verdict"] == "clean"
    _next_day(tenant)
    for dry_run in ("true", "false"):
        report = tenant.sweep(**settings, DRY_RUN=dry_run)
        assert report.receipt.reasons[0].startswith("workspace_mismatch: SENTINEL_WORKSPACE_ID is")
        assert facts(report)["verdict"] == "failed"
    reads = sum(
        "Microsoft.SecurityInsights" not in each.path for each in tenant.cloud.log if each.service == "sentinel"
    )
    for _ in range(2):
        assert facts(tenant.sweep())["verdict"] == "clean"
    after = sum(
        "Microsoft.SecurityInsights" not in each.path for each in tenant.cloud.log if each.service == "sentinel"
    )
    assert after == reads  # the right one is known, and not asked for again


@pytest.mark.parametrize("odd", ["\ud83d", "\udc00\ud83d", "\x00\x1b[31m", "\u202e\ufeff", "a\nb", "\uffff", ""])
def test_an_odd_text_of_an_incident_costs_no_sweep(tenant: Tenant, odd: str) -> None:
    """Half a character, or a control character, in what an analyst typed names nobody; all else is raised and told."""
    for name in ("a", "b"):
        _mail(tenant, f"{name}@contoso.com", 12)
    tenant.sweep()
    tenant.clock.advance(hours=1)
    text = f"Unusual volume of remediated email: {odd}"
    labels = [{"labelName": LABEL}, {"labelName": "episode:0"}, {"labelName": f"x{odd}"}]
    ids = [incident_id(WORKSPACE_RESOURCE_ID, f"{name}@contoso.com", 0) for name in ("a", "b")]
    tenant.cloud.analyst.edit(ids[0], title=text, description=odd, labels=labels)
    tenant.cloud.analyst.edit(ids[1], title=f"b@contoso.com{odd}", classificationComment=odd)
    for file in tenant.ledger.parent.glob("ledger.db*"):
        file.unlink()
    _next_day(tenant)
    _mail(tenant, "new@contoso.com", 60)
    _mail(tenant, "a@contoso.com", 61)
    for _ in range(2):
        report = tenant.sweep()
        assert report.receipt.verdict == "flagged", report.receipt.reasons
        _next_day(tenant)
    new = tenant.cloud.incidents[incident_id(WORKSPACE_RESOURCE_ID, "new@contoso.com", 0)]
    assert new["properties"]["severity"] == "High"
    escalated = tenant.cloud.incidents[ids[0]]["properties"]
    assert (escalated["severity"], escalated["title"], escalated["description"]) == ("High", text, odd)
    assert len(tenant.cloud.incidents) == 3
