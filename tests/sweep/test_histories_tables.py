"""Random histories on Table storage; see test_histories.py."""

from __future__ import annotations

import pytest

from tests.support.azurite import Azurite
from tests.sweep.history.over_the_wire import over_the_wire


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("ten", range(4))
def test_many_histories_on_table_storage(ten: int, azurite: Azurite) -> None:
    """The same in forty histories over the wire, the ledgers in tables."""
    over_the_wire(range(ten * 10, (ten + 1) * 10), azurite)
