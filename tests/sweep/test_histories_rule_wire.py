"""Random histories over the wire in which the deployed analytics rules make the incidents; see test_histories.py."""

from __future__ import annotations

import pytest

from tests.support.azurite import Azurite
from tests.sweep.history.over_the_wire import over_the_wire


def test_a_history_over_the_wire_where_rules_make_the_incidents() -> None:
    """The promises hold with rules that are off, late, left out or run twice, with slow rows, merges and both roads."""
    over_the_wire(range(10_000, 10_001), rule=True)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("ten", range(2))
def test_many_histories_over_the_wire_where_rules_make_the_incidents(ten: int) -> None:
    """The same in twenty histories, the ledgers in files."""
    over_the_wire(range(ten * 10, (ten + 1) * 10), rule=True)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_many_histories_on_table_storage_where_rules_make_the_incidents(azurite: Azurite) -> None:
    """The same in five histories, the ledgers in tables."""
    over_the_wire(range(100, 105), azurite, rule=True)
