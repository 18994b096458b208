"""A coverage in the figures that people are shown: of the whole window, and of its last day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from shared.model.coverage import Coverage, Slot


@dataclass(frozen=True, slots=True)
class Shares:
    """Distinct `messages`, and which share of them, 0 to 1, is `filled` or `unattributable`; 0 when there are none.

    `unknown` is a share of the filled ones. A message that was streamed again on another day counts on both.
    """

    messages: int
    filled: float
    unknown: float
    unattributable: float
    removals: int


def in_window(coverage: Coverage) -> Shares:
    """The figures of all whole days."""
    return _of(coverage.slots)


def in_last_day(coverage: Coverage) -> Shares:
    """The figures of the last 24 hours."""
    return _of(coverage.slots[-1:])


def _of(slots: Iterable[Slot]) -> Shares:
    some = tuple(slots)
    messages, filled = sum(slot.messages for slot in some), sum(slot.filled for slot in some)
    return Shares(
        messages,
        _share(filled, messages),
        _share(sum(slot.unknown for slot in some), filled),
        _share(sum(slot.unattributable for slot in some), messages),
        sum(slot.removals for slot in some),
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
