"""Running whole sweeps in a test: a clock that only tests move, and one sweep against the small Azure."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared.settings import from_values
from tests.cloud import Cloud

if TYPE_CHECKING:
    from shared.sweep.run import Report

START = datetime(2026, 11, 24, 6, tzinfo=UTC)


class Hands:
    """A clock whose time passes only by sleeping, or when a test turns its hands."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now
        self._passed = 0.0
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The wall clock."""
        return self._now

    def monotonic(self) -> float:
        """Seconds passed since it was made."""
        return self._passed

    def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        with self._lock:
            self._now += timedelta(seconds=max(seconds, 0))
            self._passed += max(seconds, 0)

    def turn(self, **amount: float) -> None:
        """Let a `timedelta(**amount)` pass."""
        self.sleep(timedelta(**amount).total_seconds())


@dataclass
class Tenant:
    """A small Azure, a clock and a ledger: where sweeps of one workspace run one after the other."""

    cloud: Cloud
    clock: Hands
    ledger: Path
    settings: dict[str, str] = field(default_factory=dict)

    def sweep(self, **settings: str) -> Report:
        """One sweep, now, under these settings beside the tenant's own."""
        from shared.app import run  # many tests need the clock alone

        values: Mapping[str, str] = {
            **self.cloud.environment,
            "LEDGER_URL": f"sqlite:///{self.ledger}",
            **self.settings,
            **settings,
        }
        return run(from_values(values), clock=self.clock)


@contextmanager
def tenant(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Tenant]:
    """A tenant whose small Azure this process trusts and signs in to."""
    clock = Hands()
    with Cloud(clock=clock.now) as cloud:
        for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "REQUESTS_CA_BUNDLE"):
            patch.setenv(name, cloud.environment[name])
        yield Tenant(cloud, clock, folder / "ledger.db")


def facts(report: Report) -> dict[str, object]:
    """What a receipt counts, without the zeros."""
    counts = ("flagged", "created", "commented", "raised", "standing", "settled", "excluded", "held", "due", "told")
    receipt = report.receipt
    found = {name: getattr(receipt, name) for name in (*counts, "reminded") if getattr(receipt, name)}
    return {"event": receipt.event, "verdict": receipt.verdict and receipt.verdict.value, **found}
