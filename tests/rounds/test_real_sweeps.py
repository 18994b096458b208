"""Rounds with the very sweep, on a small Azure with one tenant."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from shared.app import run_sweep
from shared.model import EntryEnd, Receipt, RoundEntry
from shared.settings import Settings
from tests.cloud.faults import Fault
from tests.cloud.mail import sample
from tests.support.rounds import Deployment, deployed_on, logged_of
from tests.support.tenant import Tenant


@pytest.fixture
def round_of_one(tenant: Tenant) -> Iterator[Deployment]:
    """A deployment whose one entry is the tenant of the small Azure, with the rows of both in one file."""
    url = f"sqlite:///{tenant.ledger}"
    with deployed_on(url, tenant.clock) as deployment:
        deployment.names = ["contoso"]
        deployment.overrides["contoso"] = {**tenant.cloud.environment, "LEDGER_URL": url}

        def sweep(settings: Settings, entry: RoundEntry) -> Receipt:
            return run_sweep(settings, clock=tenant.clock, entry=entry).receipt

        deployment.real = sweep
        tenant.cloud.load("EmailEvents", sample(tenant.clock.now()).events)
        yield deployment


def test_a_sweep_of_a_round(round_of_one: Deployment, tenant: Tenant, caplog: pytest.LogCaptureFixture) -> None:
    """The receipt carries round and name; what was raised is on the round's card; a day later it only stands."""
    first = round_of_one.begin(tenant.clock.now())
    assert round_of_one.work_off() == []
    (receipt,) = logged_of(caplog, "sweep_completed")
    assert (receipt["round"], receipt["workspace_name"], receipt["verdict"]) == (first.id, "contoso", "flagged")
    told = round_of_one.store.ended(first.id)["contoso"]
    assert (told.end, told.created, told.run_id) == (EntryEnd.FLAGGED, len(tenant.cloud.incidents), receipt["run_id"])
    assert len(round_of_one.channel.posted) == 1
    tenant.clock.advance(hours=1)
    second = round_of_one.begin(tenant.clock.now())
    assert round_of_one.work_off() == []
    assert round_of_one.store.ended(second.id)["contoso"].created == 0
    assert len(round_of_one.channel.posted) == 1
    assert len(logged_of(caplog, "round_completed")) == 2


def test_a_second_try_goes_on(round_of_one: Deployment, tenant: Tenant, caplog: pytest.LogCaptureFixture) -> None:
    """Sentinel is down during the first try; the second one, ten minutes later, does what is left."""
    tenant.cloud.faults.add(Fault(service="sentinel", times=None, status=503))
    begun = round_of_one.begin(tenant.clock.now())
    assert len(round_of_one.work_off()) == 1
    assert round_of_one.store.anybody_open(begun.id)
    tenant.cloud.faults.clear()
    round_of_one.work_off(minutes=15)
    told = round_of_one.store.ended(begun.id)["contoso"]
    assert (told.end, told.due, told.tries) == (EntryEnd.FLAGGED, 0, 2)
    assert told.created == len(tenant.cloud.incidents) > 0
    assert len(logged_of(caplog, "sweep_completed")) == 1


def test_a_role_that_is_missing_costs_one_try(round_of_one: Deployment, tenant: Tenant) -> None:
    """A 403 is not tried again: it fails at once, and the card says why."""
    both = ("log_analytics", "sentinel")
    tenant.cloud.faults.add(*(Fault(service=each, times=None, status=403) for each in both))
    begun = round_of_one.begin(tenant.clock.now())
    assert round_of_one.work_off(minutes=30) == []
    told = round_of_one.store.ended(begun.id)["contoso"]
    assert (told.end, told.tries, told.event) == (EntryEnd.FAILED, 1, "sweep_failed")
    assert "403" in told.reasons[0]
    assert json.loads(round_of_one.channel.posted[0])["ends"] == {"contoso": "failed"}


def test_a_dry_run_writes_nothing_of_the_workspace(round_of_one: Deployment, tenant: Tenant) -> None:
    """That it ended is noted in the round, as planned."""
    round_of_one.overrides["contoso"]["DRY_RUN"] = "true"
    begun = round_of_one.begin(tenant.clock.now())
    assert round_of_one.work_off() == []
    assert round_of_one.store.ended(begun.id)["contoso"].end is EntryEnd.PLANNED
    assert (tenant.cloud.incidents, tenant.cloud.cards) == ({}, [])
