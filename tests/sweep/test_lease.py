"""What a sweep does about the lease: it waits within its budget, and says what came of it."""

from __future__ import annotations

import sqlite3

import pytest

from shared.ledger import SqliteLedger
from tests.cloud import WORKSPACE_RESOURCE_ID, Fault
from tests.cloud.mail import SOFT, Mail
from tests.support.tenant import Tenant, facts


@pytest.fixture
def tenant(tenant: Tenant) -> Tenant:
    """A tenant with one finding."""
    mail = Mail(tenant.clock.now(), seed=1)
    for _ in range(12):
        mail.add("ann@contoso.com", SOFT, mail.ago(0.1))
    tenant.cloud.append("EmailEvents", mail.events)
    return tenant


def leave(tenant: Tenant, seconds: float) -> None:
    """A sweep that was killed left its lease behind."""
    ledger = SqliteLedger(tenant.ledger, WORKSPACE_RESOURCE_ID)
    ledger.take(None, "killed", seconds)
    ledger.close()


@pytest.mark.parametrize("budget", ["30", "45", "1500"])
def test_a_killed_sweeps_lease_is_waited_for_within_any_budget(tenant: Tenant, budget: str) -> None:
    """However short the budget is, a sweep's lease is short enough for the next one to wait for it and then to work."""
    seen: list[float] = []

    def look(_: object) -> None:
        ledger = SqliteLedger(tenant.ledger, WORKSPACE_RESOURCE_ID)
        row = ledger.lease()
        ledger.close()
        assert row is not None
        seen.append(row.seconds)

    tenant.cloud.faults.add(Fault(service="log_analytics", then=look, times=1))
    first = tenant.sweep(SWEEP_BUDGET_SECONDS=budget)
    assert facts(first)["event"] == "sweep_completed"
    leave(tenant, seen[0])
    tenant.clock.advance(days=1)
    begun = tenant.clock.monotonic()
    assert facts(tenant.sweep(SWEEP_BUDGET_SECONDS=budget))["event"] == "sweep_completed"
    assert seen[0] == min(60, float(budget) / 2)
    assert seen[0] <= tenant.clock.monotonic() - begun < float(budget)


def test_a_lease_longer_than_the_budget_is_no_quiet_skip(tenant: Tenant) -> None:
    """A sweep that cannot tell a dead holder from a living one within its budget fails, and says what to set."""
    leave(tenant, 600)
    report = tenant.sweep(SWEEP_BUDGET_SECONDS="30")
    assert facts(report) == {"event": "sweep_failed", "verdict": "failed"}
    (reason,) = report.receipt.reasons
    assert reason.startswith("lease_not_free: ")
    assert "SWEEP_BUDGET_SECONDS" in reason
    assert not tenant.cloud.incidents
    assert facts(tenant.sweep())["created"] == 1  # the deployed one has the budget for it


def test_a_dry_run_waits_for_nobody(tenant: Tenant) -> None:
    """A dry run needs no lease: it plans at once beside one that is taken, and leaves it as it is."""
    leave(tenant, 600)
    begun = tenant.clock.monotonic()
    assert facts(tenant.sweep(DRY_RUN="true"))["event"] == "sweep_planned"
    assert tenant.clock.monotonic() - begun < 5
    ledger = SqliteLedger(tenant.ledger, WORKSPACE_RESOURCE_ID)
    row = ledger.lease()
    ledger.close()
    assert row is not None
    assert row.holder == "killed"


def test_a_sweep_that_is_overtaken_says_what_it_has_done(tenant: Tenant) -> None:
    """What Sentinel has accepted is in its receipt, although it posts no card any more."""

    def overtake(_: object) -> None:
        ledger = SqliteLedger(tenant.ledger, WORKSPACE_RESOURCE_ID)
        ledger.take(ledger.lease(), "another sweep", 60)
        ledger.close()

    tenant.cloud.faults.add(Fault(service="sentinel", method="PUT", then=overtake))
    report = tenant.sweep()
    assert facts(report) == {"event": "sweep_failed", "verdict": "failed", "created": 1}
    assert [reason.partition(":")[0] for reason in report.receipt.reasons] == ["lease_lost"]
    assert len(tenant.cloud.incidents) == 1
    assert not tenant.cloud.cards


@pytest.mark.parametrize(
    ("fault", "done"),
    [
        (Fault(service="sentinel", method="PUT"), {"created": 1}),
        (Fault(service="teams"), {"created": 1, "told": 1}),
    ],
    ids=["an incident", "a card"],
)
def test_a_sweep_without_its_ledger_says_what_it_has_done(tenant: Tenant, fault: Fault, done: dict[str, int]) -> None:
    """Also when just that could not be written down. The next sweep finds it, and does nothing twice."""

    def lose(_: object) -> None:
        with sqlite3.connect(tenant.ledger) as connection:
            connection.execute("ALTER TABLE rows RENAME TO aside")

    fault.then = lose
    tenant.cloud.faults.add(fault)
    report = tenant.sweep()
    assert facts(report) == {"event": "sweep_failed", "verdict": "failed", **done}
    with sqlite3.connect(tenant.ledger) as connection:
        connection.execute("ALTER TABLE aside RENAME TO rows")
    tenant.clock.advance(days=1)
    tenant.sweep()
    assert len(tenant.cloud.incidents) == 1
