"""Random histories, watched by a plain model: nothing is lost, nothing is raised twice, the analyst's word stands.

A failure prints the number of the history and its story: the same number gives the same history again.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.chaos.ledgers import KeptLedger, KeptTable
from tests.support.azurite import Azurite
from tests.sweep.history.driver import Broken, live, live_all
from tests.sweep.history.memory import MemoryWorld
from tests.sweep.history.steps import draw
from tests.sweep.history.wire import WireWorld

STEPS = 30
CALLS = 80
CLOCK_CALLS = 600
"""About so often does a sweep over the wire look at its clock."""


def over_the_wire(seeds: range, azurite: Azurite | None = None) -> None:
    """These histories in a small Azure, the ledgers in files or in tables."""
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
                live(WireWorld(stack, main, other), draw(seed, STEPS, CLOCK_CALLS))
            except Broken as broken:
                raise Broken(f"history {seed}\n{broken}") from broken.__cause__


def test_histories() -> None:
    """Whatever happens for some days, the promises hold."""
    live_all(MemoryWorld, range(10_000, 10_060), STEPS, CALLS)


def test_histories_over_the_wire() -> None:
    """The same with the real clients, over the wire."""
    over_the_wire(range(10_000, 10_002))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("thousand", range(10))
def test_ten_thousand_histories(thousand: int) -> None:
    """The same in ten thousand histories."""
    live_all(MemoryWorld, range(thousand * 1000, (thousand + 1) * 1000), STEPS, CALLS)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("twenty", range(10))
def test_two_hundred_histories_over_the_wire(twenty: int) -> None:
    """The same in two hundred histories over the wire, the ledgers in files."""
    over_the_wire(range(twenty * 20, (twenty + 1) * 20))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("ten", range(4))
def test_forty_histories_on_table_storage(ten: int, azurite: Azurite) -> None:
    """The same in forty histories over the wire, the ledgers in tables."""
    over_the_wire(range(ten * 10, (ten + 1) * 10), azurite)
