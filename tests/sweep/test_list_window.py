"""Which changes of our incidents are read: none is missed, whatever this machine's clock says."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from urllib.parse import unquote

import pytest

from shared.ledger import SqliteLedger
from shared.model import incident_id
from tests.cloud import WORKSPACE_RESOURCE_ID, Fault
from tests.cloud.mail import SOFT, Mail
from tests.support.tenant import Tenant, facts

ANN = incident_id(WORKSPACE_RESOURCE_ID, "ann@contoso.com", 0)


@pytest.fixture
def tenant(tenant: Tenant) -> Tenant:
    """A tenant that is reminded of nothing."""
    tenant.settings.update({"HEARTBEAT_DAYS": "0", "REMIND_AFTER_DAYS": "0"})
    return tenant


def _mail(tenant: Tenant, who: str, many: int, seed: int) -> None:
    """So many messages of somebody were remediated in the last hours."""
    made = Mail(tenant.clock.now(), seed=seed)
    for _ in range(many):
        made.add(f"{who}@contoso.com", SOFT, made.ago(made.chance.uniform(0.1, 0.2)))
    tenant.cloud.append("EmailEvents", made.events)


def away(tenant: Tenant, hours: float) -> None:
    """Set Sentinel's clock so many hours away from this machine's."""
    tenant.cloud.clock = tenant.cloud.store.clock = lambda: tenant.clock.now() + timedelta(hours=hours)


def listed_to(tenant: Tenant) -> datetime | None:
    """From when on the next list begins, but for its overlap."""
    ledger = SqliteLedger(tenant.ledger, WORKSPACE_RESOURCE_ID)
    try:
        return ledger.load().state.listed_to
    finally:
        ledger.close()


def _lists(tenant: Tenant) -> list[str]:
    """The filters of the lists that were asked for."""
    asked = [unquote(each.path) for each in tenant.cloud.log if each.service == "sentinel"]
    paths = [path for path in asked if "$filter" in path]
    return [found[1] if (found := re.search(r"lastModifiedTimeUtc ge (\S+?)&", path)) else "" for path in paths]


@pytest.mark.parametrize("hours", [-2, 2, -30])
def test_a_reopening_just_after_a_sweep_is_seen(tenant: Tenant, hours: float) -> None:
    """An incident that is reopened half an hour after a sweep gets its comment, however far apart the clocks are."""
    away(tenant, hours)
    _mail(tenant, "ann", 12, 1)
    tenant.sweep()
    tenant.clock.advance(hours=3)
    tenant.cloud.analyst.close(ANN)
    tenant.clock.advance(hours=21)
    _mail(tenant, "quiet", 1, 2)
    assert facts(tenant.sweep())["settled"] == 1
    tenant.clock.advance(minutes=30)
    tenant.cloud.analyst.reopen(ANN, "New")
    tenant.clock.advance(hours=23)
    _mail(tenant, "ann", 9, 3)
    assert facts(tenant.sweep())["commented"] == 1


def test_a_clock_that_is_set_right_again_misses_nothing(tenant: Tenant) -> None:
    """After a sweep whose clock was a day ahead a change of that day is still seen."""
    _mail(tenant, "ann", 12, 1)
    tenant.sweep()
    tenant.clock.advance(days=1)
    away(tenant, -24)
    _mail(tenant, "quiet", 1, 2)
    tenant.sweep()
    tenant.cloud.analyst.close(ANN)
    tenant.clock.advance(hours=2)
    away(tenant, 0)
    _mail(tenant, "quiet", 1, 3)
    assert facts(tenant.sweep())["settled"] == 1


def test_the_list_begins_an_hour_before_the_newest_change_that_was_seen(tenant: Tenant) -> None:
    """The first list asks for all; each later one from Sentinel's own time on, less the hour by which lists lag."""
    _mail(tenant, "ann", 12, 1)
    tenant.sweep()
    assert listed_to(tenant) is None  # it was made after the list
    tenant.clock.advance(hours=5)
    away(tenant, -2)
    tenant.cloud.analyst.close(ANN)
    closed = tenant.cloud.clock()
    tenant.clock.advance(days=1)
    _mail(tenant, "quiet", 1, 2)
    for _ in range(2):  # nothing new keeps the point where it is
        tenant.sweep()
        assert listed_to(tenant) == closed
    tenant.cloud.analyst.delete(ANN)
    tenant.sweep()
    assert listed_to(tenant) == closed  # though nothing is listed any more
    assert _lists(tenant)[:3] == ["", "", (closed - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")]


def test_a_list_that_fails_is_asked_for_again(tenant: Tenant) -> None:
    """A list that could not be read moves nothing: what changed meanwhile is in the next one."""
    _mail(tenant, "ann", 12, 1)
    tenant.sweep()
    tenant.clock.advance(days=1)
    tenant.sweep()
    before = listed_to(tenant)
    tenant.cloud.analyst.close(ANN)
    tenant.clock.advance(days=1)
    _mail(tenant, "quiet", 1, 2)
    tenant.cloud.faults.add(Fault(service="sentinel", method="GET", match="24filter", status=403, times=None))
    tenant.sweep()
    assert listed_to(tenant) == before is not None
    tenant.cloud.faults.clear()
    tenant.clock.advance(days=1)
    _mail(tenant, "quiet", 1, 3)
    assert facts(tenant.sweep())["settled"] == 1
