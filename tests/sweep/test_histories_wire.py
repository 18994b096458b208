"""Random histories over the wire; see test_histories.py."""

from __future__ import annotations

import pytest

from tests.sweep.history.over_the_wire import over_the_wire


def test_histories_over_the_wire() -> None:
    """The same with the real clients, over the wire."""
    over_the_wire(range(10_001, 10_002))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("twenty", range(10))
def test_many_histories_over_the_wire(twenty: int) -> None:
    """The same in two hundred histories over the wire, the ledgers in files."""
    over_the_wire(range(twenty * 20, (twenty + 1) * 20))
