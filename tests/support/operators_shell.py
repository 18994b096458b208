"""An operator's commands on a tenant whose ledger is in a file or in a table service: the same parts, the same code."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from shared.cli.baseline import Baseline, looked, take
from shared.cli.chosen import Chosen
from shared.cli.forget import Erasure, erase
from shared.cli.under_lease import parts_for
from shared.ledger import Loaded
from shared.settings import from_values
from shared.sweep.context import Parts
from shared.sweep.run import run
from tests.cloud import WORKSPACE_RESOURCE_ID
from tests.support.days import Days
from tests.support.ledgers import LedgerPlace
from tests.support.tenant import facts


@dataclass
class Operator:
    """Somebody who sweeps, and looks after the ledger in `place`, day after day."""

    days: Days
    place: LedgerPlace

    @contextmanager
    def parts(self, settings: Mapping[str, str] | None = None, *, dry: bool = False) -> Iterator[Parts]:
        """What a sweep or a command is made from, at this moment."""
        tenant = self.days.tenant
        values = {**tenant.cloud.environment, **tenant.settings, **(settings or {})}
        with parts_for(Chosen(from_values(values)), tenant.clock, dry=dry) as made:
            ledger = self.place.open(read_only=dry, workspace=WORKSPACE_RESOURCE_ID)
            yield replace(made, ledger=ledger)

    def sweep(self, **settings: str) -> dict[str, object]:
        """One sweep, and what its receipt counts."""
        with self.parts(settings) as made:
            self.days.last = run(made)
        return facts(self.days.last)

    def baseline(self, **settings: str) -> Baseline:
        """What the command would say first, and then does: the same counts."""
        with self.parts(settings, dry=True) as made:
            hunted, found = looked(made)
        with self.parts(settings) as made:
            taken = take(made, hunted)
        assert replace(taken, written=False) == found
        return taken

    def forget(self, name: str) -> Erasure:
        """Remove a person's data."""
        with self.parts() as made:
            return erase(made, name)

    def loaded(self) -> Loaded:
        """What the ledger holds."""
        return self.place.open(read_only=True, workspace=WORKSPACE_RESOURCE_ID).load()

    def naming(self, name: str) -> list[str]:
        """The keys of the rows in which this text is, in whichever form the row is kept."""
        found = []
        keys = self.place.keys()
        for key in keys:
            row = self.place.read(key)
            text = zlib.decompress(row) if row[:1] == b"x" else row
            if name.encode() in text or base64.b64encode(name.encode()) in text:
                found.append(key)
        return found

    def puts(self) -> int:
        """How many writes Sentinel has seen."""
        return sum(each.service == "sentinel" and each.method == "PUT" for each in self.days.tenant.cloud.log)
