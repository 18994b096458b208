"""Random histories, watched by a plain model: nothing is lost, nothing is raised twice, the analyst's word stands.

A failure prints the number of the history and its story: the same number gives the same history again.
"""

from __future__ import annotations

import pytest

from tests.sweep.history.driver import live_all
from tests.sweep.history.memory import MemoryWorld
from tests.sweep.history.steps import STEPS

CALLS = 80


def test_histories() -> None:
    """Whatever happens for some days, the promises hold."""
    live_all(MemoryWorld, range(10_000, 10_040), STEPS, CALLS)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("thousand", range(10))
def test_thousands_of_histories(thousand: int) -> None:
    """The same in ten thousand histories."""
    live_all(MemoryWorld, range(thousand * 1000, (thousand + 1) * 1000), STEPS, CALLS)
