"""What an independent reading of the contracts found wanting: each sentence of theirs that was not kept, kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud.faults import Fault
from tests.sweeping import Tenant, facts, tenant
from tests.test_sweep import fresh, mails


@pytest.fixture
def soc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tenant]:
    """A tenant with one ordinary delivered message a day, so that its data is trusted."""
    with tenant(tmp_path, monkeypatch) as made:
        fresh(made)
        yield made


def days(soc: Tenant, many: int, took: float) -> Iterator[int]:
    """So many days with a sweep at the same time of each; a card takes so many seconds to be accepted."""
    soc.cloud.faults.add(Fault(service="teams", times=None, effect=True, then=lambda _: soc.clock.turn(seconds=took)))
    for day in range(many):
        began = soc.clock.now()
        yield day
        soc.clock.turn(seconds=86_400 - (soc.clock.now() - began).total_seconds())
        fresh(soc)


def test_a_role_that_does_not_cover_the_workspace_itself_stops_nothing(soc: Tenant) -> None:
    """That the workspace resource cannot be read is said in the receipt; incidents are raised all the same."""
    soc.cloud.faults.add(
        Fault(service="sentinel", method="GET", match="api-version=2023-09-01", times=None, status=403)
    )
    fresh(soc, mails(soc, 11))
    report = soc.sweep()
    assert facts(report) == {
        "event": "sweep_completed", "verdict": "flagged", "flagged": 1, "created": 1, "told": 1,
    }  # fmt: skip
    assert any("one workspace" in note for note in report.receipt.notes)


def test_daily_sweeps_remind_on_the_day_although_a_card_takes_its_time(soc: Tenant) -> None:
    """Every 3 days is every third daily sweep, not every fourth because the last card took some seconds."""
    fresh(soc, mails(soc, 11))
    assert [day for day in days(soc, 10, took=20) if soc.sweep().receipt.reminded] == [3, 6, 9]


def test_daily_sweeps_send_the_heartbeat_on_the_day(soc: Tenant) -> None:
    """Every 7 days is every seventh daily sweep."""
    assert [day for day in days(soc, 16, took=20) if soc.sweep().receipt.card_id] == [7, 14]


def test_an_edited_label_costs_no_time(soc: Tenant) -> None:
    """An absurd episode in a label of an incident, which anybody may edit, does not make the sweep look for so many."""
    fresh(soc, mails(soc, 11))
    soc.sweep()
    (incident,) = soc.cloud.incidents.values()
    incident["properties"]["labels"].append({"labelName": "episode:999999999"})
    soc.ledger.unlink()
    fresh(soc, mails(soc, 12, "erin@contoso.com"))
    assert soc.sweep().receipt.created == 1
