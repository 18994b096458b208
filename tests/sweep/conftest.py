"""Fixtures of sweeps: day after day on one tenant, and those that are killed or overtaken."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos.scene import scene
from tests.chaos.story import Story, any_day
from tests.chaos.sweeper import Sweeper, sweeper
from tests.support.days import Days
from tests.support.tenant import Tenant


@pytest.fixture
def days(tenant: Tenant) -> Days:
    """A tenant without reminders or heartbeats, day after day."""
    return Days(tenant)


@pytest.fixture(scope="module")
def forks() -> Iterator[Sweeper]:
    """Where sweeps are forked from."""
    with sweeper() as made:
        yield made


@pytest.fixture(scope="module")
def story(forks: Sweeper, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """A day like any other, its ledger in SQLite."""
    with scene(forks, tmp_path_factory.mktemp("story")) as made:
        yield any_day(made)
