"""Whether a sweep is at work: asked before an entry counts as abandoned."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from shared.ledger import LeaseRow, Ledger, open_ledger
from shared.rounds.at_work import is_at_work
from shared.settings import Settings
from tests.support.clock import FakeClock
from tests.support.settings import settings_for


class Renewing(FakeClock):
    """While somebody waits on it, a holder renews its lease."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__()
        self.ledger = ledger
        self.held: LeaseRow | None = ledger.take(None, "another", 60)

    def sleep(self, seconds: float) -> None:
        """Let time pass, and the holder renew."""
        super().sleep(seconds)
        self.held = self.ledger.take(self.held, "another", 60)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of a workspace whose ledger is in a file."""
    return settings_for(ledger_url=f"sqlite:///{tmp_path}/ledger.db")


def ledger_of(settings: Settings) -> Ledger:
    """The workspace's ledger."""
    return open_ledger(settings.ledger_url, settings.sentinel_workspace_resource_id, None)


def test_nobody_has_the_lease(settings: Settings) -> None:
    """Nobody is at work, which is known at once; the lease is given back."""
    clock = FakeClock()
    assert not is_at_work(settings, None, clock)
    assert clock.slept == 0
    with closing(ledger_of(settings)) as ledger:
        assert ledger.lease() is None


def test_a_lease_that_is_renewed(settings: Settings) -> None:
    """Its holder is at work, and keeps it."""
    with closing(ledger_of(settings)) as ledger:
        assert is_at_work(settings, None, Renewing(ledger))
        held = ledger.lease()
        assert held is not None
        assert held.holder == "another"


def test_the_lease_of_a_worker_that_died(settings: Settings) -> None:
    """It does not change for as long as it lasts: nobody is at work."""
    clock = FakeClock()
    with closing(ledger_of(settings)) as ledger:
        ledger.take(None, "the dead one", 60)
        assert not is_at_work(settings, None, clock)
    assert clock.slept == pytest.approx(60)


def test_a_budget_too_short_to_know(settings: Settings) -> None:
    """When the wait cannot end within the budget, the holder counts as at work."""
    short = settings.model_copy(update={"sweep_budget_seconds": 30})
    with closing(ledger_of(settings)) as ledger:
        ledger.take(None, "another", 600)
        assert is_at_work(short, None, FakeClock())
