"""Histories over the wire: the real clients against the small Azure, the ledgers in files or in tables."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.chaos.ledgers import KeptLedger, KeptTable
from tests.support.azurite import Azurite
from tests.sweep.history.driver import HistoryBroken, live
from tests.sweep.history.steps import draw
from tests.sweep.history.wire import WireWorld
from tests.sweep.history.wire_rule import WireRuleWorld

WIRE_STEPS = 20
"""A step costs more here than in memory."""
CLOCK_CALLS = 600
"""About so often does a sweep over the wire look at its clock."""


def over_the_wire(seeds: range, azurite: Azurite | None = None, *, rule: bool = False) -> None:
    """These histories in a small Azure, the ledgers in files or in tables. `rule`: the rules make the incidents."""
    world = WireRuleWorld if rule else WireWorld
    for seed in seeds:
        with ExitStack() as stack, tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            beside = folder / "beside"
            beside.mkdir()
            main, other = (
                (KeptTable(folder, azurite), KeptTable(beside, azurite))
                if azurite
                else (KeptLedger(folder), KeptLedger(beside))
            )
            try:
                story = draw(seed, WIRE_STEPS, CLOCK_CALLS, rule=rule)
                live(world(stack, main, other), story)
            except HistoryBroken as broken:
                raise HistoryBroken(f"history {seed}\n{broken}") from broken.__cause__
