"""A world in memory: the real steps of a sweep over ports that are Python objects."""

from __future__ import annotations

import itertools
from functools import cache

import pytest

from shared.ledger.verbs import RowLedger
from shared.model import Receipt
from shared.settings import Settings, from_values
from shared.sweep import workers
from shared.sweep.context import Parts
from shared.sweep.run import run
from tests.cloud.incidents import Incidents
from tests.cloud.small_azure import WORKSPACE_ID, WORKSPACE_RESOURCE_ID
from tests.support.settings import REQUIRED
from tests.sweep.history.fate import Fate
from tests.sweep.history.ports import MemoryHunt, MemoryIncidents, MemoryRows, MemoryWebhook, QuietHttp
from tests.sweep.history.steps import Sweep
from tests.sweep.history.world import Killed, Post, World

Stored = dict[str, tuple[bytes, str]]


class MemoryWorld(World):
    """One effect at a time, so that the same history always goes the same way."""

    def __init__(self) -> None:
        super().__init__()
        self._store = Incidents(
            f"{WORKSPACE_RESOURCE_ID}/providers/Microsoft.SecurityInsights",
            "https://portal.example",
            self.true_time,
            "email-remediation-sweep",
        )
        self._main: Stored = {}
        self._other: Stored = {}
        self._kept: Stored | None = None
        self._versions = itertools.count(1)

    @property
    def store(self) -> Incidents:
        """See World."""
        return self._store

    def ledger(self, what: str) -> None:
        """See World."""
        if what == "keep":
            self._kept = dict(self._main)
        elif what == "lose":
            self._main = {}
        elif self._kept is not None:
            self._main = dict(self._kept)

    def rows(self) -> object:
        """All that the ledgers hold."""
        return dict(self._main), dict(self._other)

    def arrived(self, recipient: str, name: str, action: str | None) -> None:
        """See World. The hunt reads the world's own messages."""

    def run(self, step: Sweep) -> Receipt | None:
        """See World."""
        fate = Fate(step, self.refused, self.act)
        rows = MemoryRows(self._other if step.beside else self._main, self._versions, fate)

        def posted(summary: str, taken: bool, answered: bool) -> None:
            self.posts.append(Post(self.sweeps, summary, taken, answered))

        settings = _settings(tuple(sorted(self.values(step).items())))
        hunt = MemoryHunt(self, fate, settings)
        http = QuietHttp()
        parts = Parts(
            settings=settings,
            clock=self.clock,
            ledger=RowLedger(rows, read_only=step.dry),
            http=http,
            hunt=hunt,
            incidents=MemoryIncidents(self.store, fate),
            webhook=MemoryWebhook(http, fate, posted),
            run_id=f"run-{self.sweeps}",
            started=self.clock.now(),
            begun=self.clock.monotonic(),
        )
        parts = self.parts_of(parts, fate)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(workers, "WORKERS", 1)
            try:
                return run(parts).receipt
            except Killed:
                return None

    def parts_of(self, parts: Parts, fate: Fate) -> Parts:
        """The parts of a sweep, as this world has them."""
        return parts


@cache
def _settings(values: tuple[tuple[str, str], ...]) -> Settings:
    usual = {
        **REQUIRED,
        "SENTINEL_WORKSPACE_ID": WORKSPACE_ID,
        "SENTINEL_WORKSPACE_RESOURCE_ID": WORKSPACE_RESOURCE_ID,
    }
    return from_values({**usual, **dict(values)})
