"""Sweeps that cannot read what Sentinel holds: never green, never wrong about what exists, a few requests only."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import pytest

from shared.app import exit_code, run_sweep
from shared.incidents import arm
from shared.model import incident_id
from shared.settings import from_values
from shared.sweep.workers import WORKERS
from tests.cloud import Fault, Wire
from tests.cloud.mail import SOFT, Mail
from tests.cloud.small_azure import WORKSPACE_RESOURCE_ID
from tests.cloud.wire import Request
from tests.support.tenant import Tenant, facts

WHO = "dana@contoso.com"
SEEDS = itertools.count(7_000)
GROUP = {"error": {"code": "ResourceGroupNotFound", "message": "Resource group 'soc-rg' could not be found."}}
ONBOARD = {"error": {"code": "BadRequest", "message": "Workspace 'soc' is not onboarded to Microsoft Sentinel."}}


@pytest.fixture
def tenant(tenant: Tenant) -> Tenant:
    """A tenant without heartbeats and reminders."""
    tenant.settings.update(HEARTBEAT_DAYS="0", REMIND_AFTER_DAYS="0")
    return tenant


def _name(recipient: str = WHO, episode: int = 0) -> str:
    """The id of an incident of this tenant."""
    return incident_id(WORKSPACE_RESOURCE_ID, recipient, episode)


def arrives(tenant: Tenant, many: int = 0, *recipients: str) -> None:
    """So many new remediated messages for each recipient, and a delivered one."""
    mail = Mail(tenant.clock.now(), seed=next(SEEDS))
    mail.add("quiet@contoso.com", "Delivered", mail.ago(0.04))
    rows = [row for who in recipients for row in mail.remediated(who, many, 0.3, (SOFT,))]
    tenant.cloud.append("EmailEvents", [*mail.events, *rows])


def _reads(tenant: Tenant) -> int:
    """How many GETs Sentinel has had since the log was cleared."""
    return sum(each.service == "sentinel" and each.method == "GET" for each in tenant.cloud.log)


# --- the list


def reopened(tenant: Tenant) -> None:
    """An incident was closed, a sweep saw that, and somebody opens it again while new messages come."""
    arrives(tenant, 12, WHO)
    tenant.sweep()
    tenant.clock.advance(hours=1)
    tenant.cloud.analyst.close(_name())
    tenant.clock.advance(days=1)
    arrives(tenant)
    assert facts(tenant.sweep())["settled"] == 1
    tenant.clock.advance(hours=1)
    tenant.cloud.analyst.reopen(_name(), "New")
    tenant.clock.advance(days=1)
    arrives(tenant, 3, WHO)


UNREADABLE: dict[str, dict[str, Any]] = {
    "refused": {"status": 400, "body": {"error": {"code": "BadRequest", "message": "filter"}}},
    "a page": {"status": 200, "body": "<html>sign in</html>"},
    "one odd incident": {"status": 200, "body": {"value": [{"name": "x"}]}},
    "leads elsewhere": {"status": 200, "body": {"value": [], "nextLink": "https://elsewhere.example/"}},
    "down": {"status": 503},
    "gone": {"status": 404, "body": GROUP},
}


@pytest.mark.parametrize("how", UNREADABLE)
def test_a_list_that_cannot_be_read_is_never_green(tenant: Tenant, how: str) -> None:
    """Day after day there is no all-clear: what an analyst has opened again may count as settled until it is read."""
    reopened(tenant)
    tenant.cloud.faults.add(Fault(service="sentinel", method="GET", match="filter", times=None, **UNREADABLE[how]))
    for _ in range(2):
        report = tenant.sweep()
        assert (report.receipt.event, exit_code(report.receipt)) == ("sweep_incomplete", 1)
        assert report.receipt.verdict == "flagged"
        assert any(reason.startswith("incidents_unread: ") for reason in report.receipt.reasons)
        tenant.clock.advance(days=1)
        arrives(tenant)
    tenant.cloud.faults.clear()
    report = tenant.sweep()
    assert (report.receipt.event, report.receipt.commented) == ("sweep_completed", 1)


def test_a_dry_run_says_so_too(tenant: Tenant) -> None:
    """A dry run whose list is refused plans nothing clean."""
    reopened(tenant)
    tenant.cloud.faults.add(
        Fault(service="sentinel", method="GET", match="filter", times=None, **UNREADABLE["refused"])
    )
    receipt = tenant.sweep(DRY_RUN="true").receipt
    assert (receipt.event, receipt.verdict) == ("sweep_planned", "flagged")


def test_a_page_of_our_own_incidents_hides_nothing(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an analyst changed before a sweep made a whole page of incidents is read by the next sweep."""
    monkeypatch.setattr(arm, "PAGE", 5)
    arrives(tenant, 12, WHO)
    tenant.sweep()
    tenant.clock.advance(hours=1)
    tenant.cloud.analyst.close(_name())
    tenant.clock.advance(days=1)
    arrives(tenant, 12, *(f"n{number}@contoso.com" for number in range(6)))

    def reopen(_: Request) -> None:
        tenant.cloud.analyst.reopen(_name(), "New")
        tenant.clock.advance(seconds=1)

    # After the list was read, before the first creation.
    tenant.cloud.faults.add(Fault(service="log_analytics", containing="SecurityIncident", effect=True, then=reopen))
    assert tenant.sweep().receipt.created == 6
    tenant.clock.advance(hours=12)
    arrives(tenant, 4, WHO)
    assert tenant.sweep().receipt.commented == 1


def test_a_list_without_an_end_ends_with_the_budget(tenant: Tenant) -> None:
    """The sweep says what is due when its time is up, and not when the list is."""
    arrives(tenant, 12, WHO)
    fault = Fault(service="sentinel", method="GET", status=200, times=None)

    def more(_: Request) -> None:
        tenant.clock.advance(seconds=0.5)
        fault.body = {"value": [], "nextLink": f"{tenant.cloud.address('sentinel')}/page?number={fault.hits}"}

    fault.then = more
    tenant.cloud.faults.add(fault)
    receipt = tenant.sweep(SWEEP_BUDGET_SECONDS="60").receipt
    assert (receipt.event, receipt.due) == ("sweep_incomplete", 1)
    assert receipt.seconds < 65


# --- single incidents


@pytest.mark.parametrize("body", [b"", "<html>404</html>", {"statusCode": 404, "message": "no route"}], ids=repr)
def test_a_gateway_s_404_deletes_nothing(tenant: Tenant, body: Any) -> None:
    """While a gateway answers in Sentinel's place everything is due; afterwards it goes on where it was."""
    who = [f"u{number}@contoso.com" for number in range(3)]
    arrives(tenant, 12, *who)
    tenant.sweep()
    tenant.clock.advance(days=1)
    arrives(tenant, 15, *who)
    tenant.cloud.faults.add(
        Fault(service="sentinel", method="GET", match="/incidents/", times=None, status=404, body=body)
    )
    assert tenant.sweep().receipt.due == 3
    assert "deleted" not in tenant.cloud.cards[-1]["summary"]
    tenant.cloud.faults.clear()
    tenant.clock.advance(days=1)
    arrives(tenant)
    assert tenant.sweep().receipt.commented == 3
    assert set(tenant.cloud.incidents) == {_name(each) for each in who}


STORMS: dict[str, tuple[str, dict[str, Any], int]] = {
    # what answers so, and the GETs that 60 recipients may cost: those under way, and their attempts
    "gone, the list too": ("", {"status": 404, "body": GROUP}, 1),
    "gone": ("/incidents/", {"status": 404, "body": GROUP}, WORKERS + 4),
    "without Sentinel": ("/incidents/", {"status": 400, "body": ONBOARD}, WORKERS + 4),
    "a gateway's 404": ("/incidents/", {"status": 404, "body": b""}, 5 * (WORKERS + 4)),
    "a gateway's page": ("/incidents/", {"status": 200, "body": "<html>sign in</html>"}, 2 * (WORKERS + 4)),
}


@pytest.mark.parametrize("how", STORMS)
def test_what_fails_for_all_is_not_found_out_by_each(tenant: Tenant, how: str) -> None:
    """A workspace that is gone, or not reached, costs a few requests however many recipients there are."""
    match, answer, most = STORMS[how]
    tenant.settings["LEASE_SECONDS"] = "600"  # the waits of all workers add up on the fake clock
    who = [f"u{number}@contoso.com" for number in range(60)]
    arrives(tenant, 12, *who)
    assert tenant.sweep().receipt.created == 60
    tenant.clock.advance(days=1)
    arrives(tenant, 3, *who)
    tenant.cloud.faults.add(Fault(service="sentinel", method="GET", match=match, times=None, **answer))
    tenant.cloud.log.clear()
    receipt = tenant.sweep().receipt
    assert (receipt.event, receipt.due) == ("sweep_incomplete", 60)
    assert 1 <= _reads(tenant) - (1 if match else 0) <= most
    tenant.cloud.faults.clear()
    tenant.clock.advance(days=1)
    arrives(tenant)
    assert tenant.sweep().receipt.commented == 60


def test_what_cannot_be_read_is_read_once(tenant: Tenant) -> None:
    """One incident whose workspace is gone: it is read, and nothing is written to what could not be read."""
    arrives(tenant, 12, WHO)
    tenant.sweep()
    tenant.clock.advance(days=1)
    arrives(tenant, 3, WHO)
    tenant.cloud.faults.add(Fault(service="sentinel", match="/incidents/", times=None, status=404, body=GROUP))
    tenant.cloud.log.clear()
    assert tenant.sweep().receipt.due == 1
    assert _reads(tenant) == 2  # the list among them
    assert not any(each.method == "PUT" for each in tenant.cloud.log)


def test_one_odd_incident_stops_no_other(tenant: Tenant) -> None:
    """An answer of Sentinel's own that cannot be used is about one incident, however often it comes."""
    who = [f"u{number}@contoso.com" for number in range(8)]
    arrives(tenant, 12, *who)
    tenant.sweep()
    tenant.clock.advance(days=1)
    arrives(tenant, 3, *who)
    odd = {"name": "x", "properties": {"status": "New", "severity": "Unheard of"}}
    for each in who[:5]:
        tenant.cloud.faults.add(
            Fault(service="sentinel", method="GET", match=f"/{_name(each)}?", times=None, status=200, body=odd)
        )
    assert tenant.sweep().receipt.commented >= 3


# --- time


DRIPS: dict[str, Callable[[], Fault]] = {
    "the hunt": lambda: Fault(service="log_analytics", match="/query", wire=Wire.DRIP, seconds=100, times=None),
    "the list": lambda: Fault(service="sentinel", match="filter", wire=Wire.DRIP, seconds=100, times=None),
}


@pytest.mark.slow
@pytest.mark.parametrize("where", DRIPS)
def test_a_drip_ends_with_the_budget(tenant: Tenant, where: str) -> None:
    """For real: a sweep with 30 seconds is over after them, has told Teams, and keeps nobody waiting for its lease."""
    tenant.clock.advance(seconds=time.time() - tenant.clock.now().timestamp())
    arrives(tenant, 12, WHO)
    tenant.cloud.faults.add(DRIPS[where]())
    values = {
        **tenant.cloud.environment,
        **tenant.settings,
        "LEDGER_URL": f"sqlite:///{tenant.ledger}",
        "SWEEP_BUDGET_SECONDS": "30",
        "LEASE_SECONDS": "5",
    }
    began = time.monotonic()
    receipt = run_sweep(from_values(values)).receipt
    assert exit_code(receipt) == 1
    assert time.monotonic() - began < 45
    assert tenant.cloud.cards
    tenant.cloud.faults.clear()
    assert run_sweep(from_values(values)).receipt.event == "sweep_completed"


def test_rights_that_are_taken_away_after_a_comment_stop_the_rest(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comment is made, the look after it is forbidden: nothing more is tried, and all of it is due."""
    monkeypatch.setattr("shared.sweep.workers.WORKERS", 1)
    people = [f"r{number}@contoso.com" for number in range(4)]
    arrives(tenant, 12, *people)
    tenant.sweep()
    tenant.clock.advance(days=1)
    arrives(tenant, 3, *people)
    for who in people:
        match = f"/incidents/{_name(who)}?"
        tenant.cloud.faults.add(Fault(service="sentinel", method="GET", match=match, after=1, times=None, status=403))
    found = facts(tenant.sweep())
    assert (found["event"], found["commented"], found["due"]) == ("sweep_incomplete", 1, 4)
    assert sum(map(len, tenant.cloud.comments.values())) == 1


def test_who_never_used_the_rule_need_not_read_its_table(tenant: Tenant) -> None:
    """With RAISE_BY=api the findings table may be closed to the app: day after day, incidents are made all the same."""
    tenant.cloud.faults.add(Fault(service="log_analytics", containing="let Handed = ", times=None, status=403))
    for day in range(2):
        arrives(tenant, 12, f"r{day}@contoso.com")
        found = facts(tenant.sweep())
        assert (found["created"], found["event"]) == (1, "sweep_completed")
        tenant.clock.advance(days=1)
