"""What the mail tables held in the window: the figures that say whether "nothing found" can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Slot:
    """24 hours of the window, from `start` on, in distinct messages (by message id; a row without one counts as one of
    its own).

    `messages`: all. `filled`: with a filled action. `unknown`: whose filled actions are all words that the sweep does
    not know. `unattributable`: without a recipient or an id. `removals`: counted as one of the four actions.
    """

    start: datetime
    messages: int
    filled: int
    unknown: int
    unattributable: int
    removals: int


@dataclass(frozen=True, slots=True)
class Witness:
    """What EmailPostDeliveryEvents saw removed (`seen` pairs of message and recipient that EmailEvents has), and how
    many of these EmailEvents shows as removed, too (`shown`).
    """

    seen: int
    shown: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the table held in the window.

    `slots` from the oldest to the newest, the last one ends with the window; whole days only. `suspicious`: rows by
    unknown word that looks like a removal. `witness` is None when it could not be asked; `witness_missing` says that
    the table is not there.
    """

    rows: int
    newest: datetime | None
    slots: tuple[Slot, ...] = ()
    actions: Mapping[str, int] = field(default_factory=dict)
    unknown_actions: Mapping[str, int] = field(default_factory=dict)
    suspicious: Mapping[str, int] = field(default_factory=dict)
    without_recipient: int = 0
    witness: Witness | None = None
    witness_missing: bool = False
    last_rows: datetime | None = None
