"""Which changes of our incidents are read: none is missed, whatever this machine's clock says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

import pytest

from shared.ledger import SqliteLedger
from shared.model import incident_id
from tests.cloud import WORKSPACE_RESOURCE_ID, Fault
from tests.cloud.tenant import SOFT
from tests.cloud.tenant import Tenant as Mail
from tests.support.tenant import Tenant, facts, tenant

ANN = incident_id(WORKSPACE_RESOURCE_ID, "ann@contoso.com", 0)


@pytest.fixture
def soc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tenant]:
    """A tenant that is reminded of nothing."""
    with tenant(tmp_path, monkeypatch) as made:
        made.settings.update({"HEARTBEAT_DAYS": "0", "REMIND_AFTER_DAYS": "0"})
        yield made


def mail(soc: Tenant, who: str, many: int, seed: int) -> None:
    """So many messages of somebody were remediated in the last hours."""
    made = Mail(soc.clock.now(), seed=seed)
    for _ in range(many):
        made.add(f"{who}@contoso.com", SOFT, made.ago(made.chance.uniform(0.1, 0.2)))
    soc.cloud.append("EmailEvents", made.events)


def away(soc: Tenant, hours: float) -> None:
    """Set Sentinel's clock so many hours away from this machine's."""
    soc.cloud.clock = soc.cloud.store.clock = lambda: soc.clock.now() + timedelta(hours=hours)


def listed_to(soc: Tenant) -> datetime | None:
    """From when on the next list begins, but for its overlap."""
    ledger = SqliteLedger(soc.ledger, WORKSPACE_RESOURCE_ID)
    try:
        return ledger.load().standing.listed_to
    finally:
        ledger.close()


def lists(soc: Tenant) -> list[str]:
    """The filters of the lists that were asked for."""
    asked = [unquote(each.path) for each in soc.cloud.log if each.service == "sentinel"]
    paths = [path for path in asked if "$filter" in path]
    return [found[1] if (found := re.search(r"lastModifiedTimeUtc ge (\S+?)&", path)) else "" for path in paths]


@pytest.mark.parametrize("hours", [-2, 2, -30])
def test_a_reopening_just_after_a_sweep_is_seen(soc: Tenant, hours: float) -> None:
    """An incident that is reopened half an hour after a sweep gets its comment, however far apart the clocks are."""
    away(soc, hours)
    mail(soc, "ann", 12, 1)
    soc.sweep()
    soc.clock.turn(hours=3)
    soc.cloud.analyst.close(ANN)
    soc.clock.turn(hours=21)
    mail(soc, "quiet", 1, 2)
    assert facts(soc.sweep())["settled"] == 1
    soc.clock.turn(minutes=30)
    soc.cloud.analyst.reopen(ANN, "New")
    soc.clock.turn(hours=23)
    mail(soc, "ann", 9, 3)
    assert facts(soc.sweep())["commented"] == 1


def test_a_clock_that_is_set_right_again_misses_nothing(soc: Tenant) -> None:
    """After a sweep whose clock was a day ahead a change of that day is still seen."""
    mail(soc, "ann", 12, 1)
    soc.sweep()
    soc.clock.turn(days=1)
    away(soc, -24)
    mail(soc, "quiet", 1, 2)
    soc.sweep()
    soc.cloud.analyst.close(ANN)
    soc.clock.turn(hours=2)
    away(soc, 0)
    mail(soc, "quiet", 1, 3)
    assert facts(soc.sweep())["settled"] == 1


def test_the_list_begins_an_hour_before_the_newest_change_that_was_seen(soc: Tenant) -> None:
    """The first list asks for all; each later one from Sentinel's own time on, less the hour by which lists lag."""
    mail(soc, "ann", 12, 1)
    soc.sweep()
    assert listed_to(soc) is None  # it was made after the list
    soc.clock.turn(hours=5)
    away(soc, -2)
    soc.cloud.analyst.close(ANN)
    closed = soc.cloud.clock()
    soc.clock.turn(days=1)
    mail(soc, "quiet", 1, 2)
    for _ in range(2):  # nothing new keeps the point where it is
        soc.sweep()
        assert listed_to(soc) == closed
    soc.cloud.analyst.delete(ANN)
    soc.sweep()
    assert listed_to(soc) == closed  # though nothing is listed any more
    assert lists(soc)[:3] == ["", "", (closed - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")]


def test_a_list_that_fails_is_asked_for_again(soc: Tenant) -> None:
    """A list that could not be read moves nothing: what changed meanwhile is in the next one."""
    mail(soc, "ann", 12, 1)
    soc.sweep()
    soc.clock.turn(days=1)
    soc.sweep()
    before = listed_to(soc)
    soc.cloud.analyst.close(ANN)
    soc.clock.turn(days=1)
    mail(soc, "quiet", 1, 2)
    soc.cloud.faults.add(Fault(service="sentinel", method="GET", match="24filter", status=403, times=None))
    soc.sweep()
    assert listed_to(soc) == before is not None
    soc.cloud.faults.clear()
    soc.clock.turn(days=1)
    mail(soc, "quiet", 1, 3)
    assert facts(soc.sweep())["settled"] == 1
