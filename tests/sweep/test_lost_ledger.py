"""A ledger that was deleted, or restored from two sweeps ago, with incidents open, closed and deleted meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.model import incident_id
from tests.cloud.small_azure import WORKSPACE_RESOURCE_ID
from tests.cloud.tenant import SOFT
from tests.cloud.tenant import Tenant as Mail
from tests.support.tenant import Tenant, facts, tenant

OPEN, CLOSED, DELETED, NEW = (f"{name}@contoso.com" for name in ("open", "closed", "deleted", "new"))


@pytest.fixture
def soc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tenant]:
    """Three recipients raised and told; then one incident is closed and one deleted."""
    with tenant(tmp_path, monkeypatch) as made:
        mail(made, 1, OPEN, CLOSED, DELETED, many=11)
        assert facts(made.sweep())["created"] == 3
        keep(made, 0)
        made.clock.turn(hours=1)
        made.cloud.analyst.close(name(CLOSED))
        made.cloud.analyst.delete(name(DELETED))
        made.clock.turn(days=1)
        mail(made, 50, "quiet@contoso.com", many=1)
        yield made


def name(recipient: str, episode: int = 0) -> str:
    """The derived id."""
    return incident_id(WORKSPACE_RESOURCE_ID, recipient, episode)


def mail(soc: Tenant, seed: int, *recipients: str, many: int) -> None:
    """So many messages to each, remediated in the last hours."""
    made = Mail(soc.clock.now(), seed=seed)
    for recipient in recipients:
        made.remediated(recipient, many, 0.2, (SOFT,))
    soc.cloud.append("EmailEvents", made.events)


def keep(soc: Tenant, number: int) -> None:
    """Back the ledger up."""
    (soc.ledger.parent / f"copy{number}").write_bytes(soc.ledger.read_bytes())


def lose(soc: Tenant, restore: int | None = None) -> None:
    """Delete the ledger, or put an old copy in its place."""
    for file in soc.ledger.parent.glob("ledger.db*"):
        file.unlink()
    if restore is not None:
        soc.ledger.write_bytes((soc.ledger.parent / f"copy{restore}").read_bytes())


def puts(soc: Tenant) -> int:
    """How many writes Sentinel has seen."""
    return sum(each.service == "sentinel" and each.method == "PUT" for each in soc.cloud.log)


def test_a_deleted_ledger_raises_nothing_again(soc: Tenant) -> None:
    """Open incidents are adopted, closed and deleted ones stay dealt with; nothing is written to Sentinel."""
    soc.sweep()
    lose(soc)
    before = puts(soc)
    assert facts(soc.sweep()) == {
        "event": "sweep_completed", "verdict": "flagged", "flagged": 3, "standing": 1, "settled": 2, "told": 1,
    }  # fmt: skip
    assert puts(soc) == before
    assert set(soc.cloud.incidents) == {name(OPEN), name(CLOSED)}
    assert facts(soc.sweep()) == {
        "event": "sweep_completed", "verdict": "flagged", "flagged": 3, "standing": 1, "settled": 2,
    }  # fmt: skip


def test_after_a_lost_ledger_what_is_new_is_still_found(soc: Tenant) -> None:
    """More than a threshold of new messages makes the next episode of dealt-with ones, a few comment the open."""
    soc.sweep()
    lose(soc)
    mail(soc, 2, CLOSED, DELETED, NEW, many=11)
    mail(soc, 3, OPEN, many=2)
    assert facts(soc.sweep()) == {
        "event": "sweep_completed", "verdict": "flagged", "flagged": 4,
        "created": 3, "commented": 1, "standing": 1, "told": 4,
    }  # fmt: skip
    assert {name(CLOSED, 1), name(DELETED, 1), name(NEW)} < set(soc.cloud.incidents)
    assert name(CLOSED) in soc.cloud.incidents[name(CLOSED, 1)]["properties"]["description"]


def test_a_stale_ledger_catches_up(soc: Tenant) -> None:
    """Restored from two sweeps ago: later episodes are adopted, comments are found by their ids, nothing is twice."""
    soc.sweep()
    mail(soc, 2, CLOSED, DELETED, many=11)
    mail(soc, 3, OPEN, many=2)
    soc.sweep()
    incidents, comments = set(soc.cloud.incidents), json.dumps(soc.cloud.comments[name(OPEN)])
    soc.cloud.analyst.delete(name(DELETED, 1))
    soc.clock.turn(hours=1)
    before = puts(soc)
    lose(soc, restore=0)
    report = soc.sweep()
    assert report.receipt.event == "sweep_completed"
    assert set(soc.cloud.incidents) == incidents - {name(DELETED, 1)}
    assert json.dumps(soc.cloud.comments[name(OPEN)]) == comments
    assert puts(soc) == before
    assert facts(soc.sweep())["standing"] == 2


def test_an_incident_raised_but_not_told_is_told_after_the_ledger_is_lost(tmp_path: Path) -> None:
    """Nothing is lost: an open incident that nobody has taken is told again when the ledger does not know it."""
    with pytest.MonkeyPatch.context() as patch, tenant(tmp_path, patch) as soc:
        mail(soc, 1, OPEN, many=11)
        soc.sweep(TEAMS_WEBHOOK_URL=soc.cloud.webhook_url.replace("/workflows/", "/workflows/0"))
        assert len(soc.cloud.incidents) == 1
        assert soc.cloud.cards == []
        lose(soc)
        assert facts(soc.sweep())["told"] == 1
        assert OPEN in json.dumps(soc.cloud.cards)


def test_incidents_are_found_by_their_titles_when_nobody_is_flagged(soc: Tenant) -> None:
    """After a lost ledger, reminders still come for open incidents whose recipients are not flagged today."""
    soc.sweep()
    lose(soc)
    soc.settings["SUM_CASE_THRESHOLD"] = "500"
    assert facts(soc.sweep())["told"] == 1
    soc.clock.turn(days=3)
    mail(soc, 9, "quiet@contoso.com", many=1)
    assert facts(soc.sweep())["reminded"] == 1
