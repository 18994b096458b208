"""What a sweep does about the lease: it waits within its budget, and says what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.ledger import SqliteLedger
from tests.cloud import WORKSPACE_RESOURCE_ID, Fault
from tests.cloud.tenant import SOFT
from tests.cloud.tenant import Tenant as Mail
from tests.support.tenant import Tenant, facts, tenant


@pytest.fixture
def soc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tenant]:
    """A tenant with one finding."""
    with tenant(tmp_path, monkeypatch) as made:
        mail = Mail(made.clock.now(), seed=1)
        for _ in range(12):
            mail.add("ann@contoso.com", SOFT, mail.ago(0.1))
        made.cloud.append("EmailEvents", mail.events)
        yield made


def leave(soc: Tenant, seconds: float) -> None:
    """A sweep that was killed left its lease behind."""
    ledger = SqliteLedger(soc.ledger, WORKSPACE_RESOURCE_ID)
    ledger.take(None, "killed", seconds)
    ledger.close()


@pytest.mark.parametrize("budget", ["30", "45", "1500"])
def test_a_killed_sweeps_lease_is_waited_for_within_any_budget(soc: Tenant, budget: str) -> None:
    """However short the budget is, a sweep's lease is short enough for the next one to wait for it and then to work."""
    seen: list[float] = []

    def look(_: object) -> None:
        ledger = SqliteLedger(soc.ledger, WORKSPACE_RESOURCE_ID)
        row = ledger.lease()
        ledger.close()
        assert row is not None
        seen.append(row.seconds)

    soc.cloud.faults.add(Fault(service="log_analytics", then=look, times=1))
    first = soc.sweep(SWEEP_BUDGET_SECONDS=budget)
    assert facts(first)["event"] == "sweep_completed"
    leave(soc, seen[0])
    soc.clock.turn(days=1)
    begun = soc.clock.monotonic()
    assert facts(soc.sweep(SWEEP_BUDGET_SECONDS=budget))["event"] == "sweep_completed"
    assert seen[0] == min(60, float(budget) / 2)
    assert seen[0] <= soc.clock.monotonic() - begun < float(budget)


def test_a_lease_longer_than_the_budget_is_no_quiet_skip(soc: Tenant) -> None:
    """A sweep that cannot tell a dead holder from a living one within its budget fails, and says what to set."""
    leave(soc, 600)
    report = soc.sweep(SWEEP_BUDGET_SECONDS="30")
    assert facts(report) == {"event": "sweep_failed", "verdict": "failed"}
    (reason,) = report.receipt.reasons
    assert reason.startswith("lease_not_free: ")
    assert "SWEEP_BUDGET_SECONDS" in reason
    assert not soc.cloud.incidents
    assert facts(soc.sweep())["created"] == 1  # the deployed one has the budget for it


def test_a_dry_run_waits_for_nobody(soc: Tenant) -> None:
    """A dry run needs no lease: it plans at once beside one that is taken, and leaves it as it is."""
    leave(soc, 600)
    begun = soc.clock.monotonic()
    assert facts(soc.sweep(DRY_RUN="true"))["event"] == "sweep_planned"
    assert soc.clock.monotonic() - begun < 5
    ledger = SqliteLedger(soc.ledger, WORKSPACE_RESOURCE_ID)
    row = ledger.lease()
    ledger.close()
    assert row is not None
    assert row.holder == "killed"
