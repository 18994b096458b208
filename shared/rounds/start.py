"""Beginning a round: who is in it, its row, and what goes out; begun twice, it only goes on."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from shared.clock import Clock
from shared.rounds.decide import (
    RoundStart,
    came_and_went,
    is_late,
    outdated_rounds,
    round_started,
    slot_id,
    told_first,
    with_round,
    without_round,
)
from shared.rounds.parts import RoundParts, log_line, opened_round
from shared.rounds.rows import RoundBegun
from shared.rounds.send import go_on
from shared.rounds.tell import tell
from shared.settings import SettingsInvalid


@dataclass(frozen=True, slots=True)
class BegunRound:
    """A round that was begun, or gone on with. `sent`: so many entries' messages were sent by this start."""

    id: str
    names: tuple[str, ...]
    sent: int
    by_hand: bool


def begin(next_slot: datetime | None, clock: Clock | None = None) -> BegunRound:
    """Begin the round of this slot of the schedule (the timer's `ScheduleStatus.Next`), or one by hand.

    Raises:
        SettingsInvalid: logged; nothing was sent.
        LedgerError, QueueUnavailable: it stopped half-way; begun once more, it goes on.
    """
    try:
        with opened_round(clock) as parts:
            return begin_round(parts, next_slot)
    except SettingsInvalid as invalid:
        log_line("settings_invalid", {"mistakes": invalid.mistakes}, logging.ERROR)
        raise


def begin_round(parts: RoundParts, next_slot: datetime | None) -> BegunRound:
    """The same with parts that are open; what it raises is not logged."""
    names = tuple(each.name for each in parts.workspaces().entries)
    start = _start(parts, next_slot)
    for older in _told_first(parts, start):
        tell(parts, older)
    begun = _begun(parts, start, names)
    sent = go_on(parts, begun)
    for old in outdated_rounds(parts.store.state(), parts.clock.now()):
        parts.store.remove(old)
        parts.store.change_state(partial(without_round, round_id=old))
    return BegunRound(begun.id, begun.names, sent, begun.by_hand)


def _start(parts: RoundParts, slot: datetime | None) -> RoundStart:
    found = parts.store.progress(slot_id(slot)) if slot else None
    return round_started(slot, parts.clock.now(), {slot_id(slot): found} if slot and found else {})


def _told_first(parts: RoundParts, start: RoundStart) -> list[RoundBegun]:
    """The rounds that are told before this one begins."""
    untold = parts.store.state().untold
    begun = {each: found for each in untold if (found := parts.store.begun(each))}
    late = {each: is_late(found.began, parts.deadline, parts.clock.now()) for each, found in begun.items()}
    return [begun[each] for each in told_first(start, tuple(begun), late)]


def _begun(parts: RoundParts, start: RoundStart, names: tuple[str, ...]) -> RoundBegun:
    """The round's row, as it was written first."""
    found = parts.store.begun(start.id)
    if found is not None and parts.store.progress(start.id) is not None:
        return found
    last = parts.store.state().last
    before = parts.store.begun(last) if last and last != start.id else None
    new, gone = came_and_went(names, before.names if before else None)
    begun = RoundBegun(start.id, parts.clock.now(), names, new, gone, start.by_hand)
    parts.store.begin(begun, lambda state: with_round(state, start))
    return parts.store.begun(start.id) or begun
