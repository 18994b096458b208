"""The days that are a measure for the next sweep: kept with the receipt in the ledger, so that a fault that outlasts
the window is still one. They are of one source; after a switch the other one's are not used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from shared.model import Slot

CELLS = 6
LATEST = 253_402_300_799  # the last second that a datetime can hold


def measure_as_json(source: str, slots: Sequence[Slot]) -> dict[str, Any]:
    """The measure as JSON: of each slot its start in seconds since 1970, and its figures in the order of `Slot`."""
    cells = [
        [int(each.start.timestamp()), each.messages, each.filled, each.unknown, each.unattributable, each.removals]
        for each in slots
    ]
    return {"source": source, "slots": cells}


def earlier_measure(history: Iterable[Mapping[str, Any]], source: str) -> tuple[Slot, ...]:
    """The measure of the newest of these receipts that has one of this source; what cannot be read is left out."""
    kept = [receipt for receipt in history if _is_of(source, receipt.get("measure"))]
    # Of two that began at the same time, the one that was kept later comes first.
    kept.reverse()
    kept.sort(key=lambda receipt: str(receipt.get("started", "")), reverse=True)
    found = (_slots(receipt["measure"].get("slots")) for receipt in kept)
    return next(filter(None, found), ())


def _is_of(source: str, measure: Any) -> bool:
    return isinstance(measure, Mapping) and measure.get("source") == source


def _slots(cells: Any) -> tuple[Slot, ...]:
    some = [each for each in cells if _readable(each)] if isinstance(cells, list) else []
    return tuple(Slot(datetime.fromtimestamp(start, UTC), *figures) for start, *figures in sorted(some))


def _readable(cells: Any) -> bool:
    numbers = isinstance(cells, list) and len(cells) == CELLS and all(type(cell) is int for cell in cells)
    return numbers and min(cells) >= 0 and cells[0] <= LATEST
