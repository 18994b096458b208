"""A whole tenant on which sweeps run: a small Azure, a fake clock and a ledger in a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared.model import ALONE, RoundEntry
from shared.settings import from_values
from tests.cloud import Cloud
from tests.support.clients import sign_in_to
from tests.support.clock import FakeClock

if TYPE_CHECKING:
    from shared.sweep.report import Report


@dataclass
class Tenant:
    """A small Azure, a clock and a ledger: where sweeps of one workspace run one after the other, each as `entry`."""

    cloud: Cloud
    clock: FakeClock
    ledger: Path
    settings: dict[str, str] = field(default_factory=dict)
    entry: RoundEntry = ALONE

    def sweep(self, **settings: str) -> Report:
        """One sweep, now, under these settings beside the tenant's own."""
        from shared.app import run_sweep  # many tests need the clock alone

        values: Mapping[str, str] = {
            **self.cloud.environment,
            "LEDGER_URL": f"sqlite:///{self.ledger}",
            **self.settings,
            **settings,
        }
        return run_sweep(from_values(values), clock=self.clock, entry=self.entry)


@contextmanager
def running_tenant(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Tenant]:
    """A tenant whose small Azure this process trusts and signs in to; its ledger is in the folder."""
    clock = FakeClock()
    with Cloud(clock=clock.now) as cloud:
        sign_in_to(cloud.environment, patch)
        yield Tenant(cloud, clock, folder / "ledger.db")


def facts(report: Report) -> dict[str, object]:
    """What a receipt counts, without the zeros."""
    counts = ("flagged", "created", "commented", "escalated", "standing", "settled", "excluded", "held", "due", "told")
    receipt = report.receipt
    found = {name: getattr(receipt, name) for name in (*counts, "reminded") if getattr(receipt, name)}
    return {"event": receipt.event, "verdict": receipt.verdict and receipt.verdict.value, **found}
