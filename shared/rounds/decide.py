"""Every decision about a round, from its rows and the time: what a start, a message, a try and an end lead to. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import Any

from shared.model import EntryEnd, EntryTold, Receipt, Verdict
from shared.rounds.again import is_tried_again
from shared.rounds.rows import EntryTries, RoundProgress, RoundsState

MOST_TRIES = 3
PAUSE = timedelta(minutes=10)
"""After it a failed message is visible again (host.json), and the round's own message comes back."""
AHEAD = timedelta(minutes=1)
"""A slot that lies further ahead is the coming one: nobody's timer has fired for it."""
KEPT = timedelta(days=35)
"""For so long a round's rows stay."""
LAST_REASONS, REASON_LENGTH = 12, 500
"""So much of a receipt's reasons is kept in the round."""

_BY_HAND = "manual-"
_FIRST_YEAR = 2000


@dataclass(frozen=True, slots=True)
class RoundStart:
    """Which round a start begins, or goes on with."""

    id: str
    by_hand: bool


def round_started(slot: datetime | None, now: datetime, progress_of: Mapping[str, RoundProgress]) -> RoundStart:
    """The round of this slot of the schedule, or one by hand: when the slot is the coming one, not known, or its round
    has ended. `progress_of` holds the progress of the slot's round, if that has begun.
    """
    if slot is not None and slot - now <= AHEAD:
        scheduled = slot_id(slot)
        progress = progress_of.get(scheduled)
        if progress is None or not progress.over:
            return RoundStart(scheduled, by_hand=False)
    return RoundStart(_BY_HAND + slot_id(now), by_hand=True)


def slot_of(status: Mapping[str, Any]) -> datetime | None:
    """The slot in a timer's `ScheduleStatus`, in UTC; None when it tells none (its date is the year 1 then)."""
    try:
        found = datetime.fromisoformat(str(status.get("Next")))
    except ValueError:
        return None
    if found.year < _FIRST_YEAR:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def slot_id(moment: datetime) -> str:
    """The id of the round of this minute, such as 2026-11-27T06:00Z."""
    return f"{moment:%Y-%m-%dT%H:%MZ}"


def is_older(round_id: str, other: str) -> bool:
    """Whether the round is of an earlier minute than the other, whoever started them; no round is older than none."""
    return round_id.removeprefix(_BY_HAND) < other.removeprefix(_BY_HAND)


def is_late(began: datetime, deadline: timedelta, now: datetime) -> bool:
    """Whether the round's deadline has come."""
    return now - began >= deadline


def told_first(start: RoundStart, untold: Sequence[str], late: Mapping[str, bool]) -> list[str]:
    """The older rounds that a start tells before it begins its own: all of them when the schedule starts it; when it is
    started by hand, those alone whose deadline has come, for it ends no other.
    """
    others = [each for each in untold if each != start.id]
    if start.by_hand:
        return [each for each in others if late.get(each, True)]
    return [each for each in others if is_older(each, start.id)]


def with_round(state: RoundsState, start: RoundStart) -> RoundsState:
    """The state once this round has begun."""
    if start.id in state.kept:
        return state
    newest = state.newest if start.by_hand else max(state.newest, start.id)
    kept, untold = (*state.kept, start.id), (*state.untold, start.id)
    return replace(state, newest=newest, last=start.id, kept=kept, untold=untold)


def came_and_went(names: Sequence[str], before: Sequence[str] | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names that are new, and those that are gone since the round before; none when there was none."""
    if before is None:
        return (), ()
    return tuple(each for each in names if each not in set(before)), tuple(
        each for each in before if each not in set(names)
    )


class Next(Enum):
    """What a message leads to."""

    END = auto()  # nothing is left to do
    TRY = auto()
    REMOVED = auto()  # no entry has this name
    ABANDON = auto()  # unless the last try is still at work


def next_of_entry(
    round_id: str, state: RoundsState, progress: RoundProgress | None, tries: EntryTries | None, *, there: bool
) -> Next:
    """What an entry's message leads to. `tries` is None when the entry has ended, or is not of this round; `there`: an
    entry has its name today.
    """
    if progress is None or progress.over or tries is None or is_older(round_id, state.newest):
        return Next.END
    if not there:
        return Next.REMOVED
    return Next.ABANDON if tries.tries >= MOST_TRIES else Next.TRY


def begun_try(tries: EntryTries, now: datetime) -> EntryTries:
    """One more try has begun."""
    return replace(tries, tries=tries.tries + 1, since=tries.since or now)


def uncounted(tries: EntryTries) -> EntryTries:
    """The try that found another sweep at work was none."""
    return replace(tries, tries=max(tries.tries - 1, 0))


def after_try(tries: EntryTries, receipt: Receipt) -> EntryTries:
    """The entry with what this try did."""
    return replace(
        tries,
        created=tries.created + receipt.created,
        told=tries.told + receipt.told,
        seconds=tries.seconds + receipt.seconds,
    )


def entry_ended(tries: EntryTries, receipt: Receipt, run_url: str = "") -> EntryTold | None:
    """How the entry ended with this receipt; None when it is tried again. `tries` are those after it."""
    if is_tried_again(receipt) and tries.tries < MOST_TRIES:
        return None
    end = EntryEnd((receipt.verdict or Verdict.FAILED).value)
    if receipt.event == "sweep_planned":
        end = EntryEnd.PLANNED
    reasons = tuple(each[:REASON_LENGTH] for each in receipt.reasons[:LAST_REASONS])
    return replace(
        without_receipt(tries, end),
        event=receipt.event,
        reasons=reasons,
        due=receipt.due,
        dry_run=receipt.dry_run,
        run_id=receipt.run_id,
        run_url=run_url,
    )


def without_receipt(tries: EntryTries, end: EntryEnd, *reasons: str, event: str = "") -> EntryTold:
    """How an entry ended that no receipt ends."""
    return EntryTold(
        tries.name,
        end,
        event=event,
        reasons=tuple(each[:REASON_LENGTH] for each in reasons[:LAST_REASONS]),
        created=tries.created,
        told=tries.told,
        seconds=tries.seconds,
        tries=tries.tries,
    )


def all_entries(names: Sequence[str], ended: Mapping[str, EntryTold]) -> tuple[EntryTold, ...]:
    """How each entry of a round ended, in the order of the names; one that has not is missing."""
    return tuple(ended.get(name) or EntryTold(name, EntryEnd.MISSING) for name in names)


def may_claim(progress: RoundProgress, now: datetime) -> bool:
    """Whether to begin telling the round: nobody has, or whoever did must have died since."""
    return not progress.told and (progress.claimed_at is None or now - progress.claimed_at >= PAUSE)


def comes_back(began: datetime, deadline: timedelta, now: datetime) -> timedelta:
    """When the round's own message is to be visible again: after ten minutes, or at the deadline."""
    left = began + deadline - now
    return min(PAUSE, left) if left > timedelta(0) else PAUSE


def is_sent(progress: RoundProgress, now: datetime) -> bool:
    """Whether the successor of the round's own message is on its way already."""
    return progress.own_at is not None and progress.own_at - now > PAUSE / 2


def outdated_rounds(state: RoundsState, now: datetime) -> list[str]:
    """Rounds whose rows can go: told, and older than anyone asks for."""
    before = slot_id(now - KEPT)
    return [each for each in state.kept if is_older(each, before) and each not in state.untold and each != state.last]


def without_round(state: RoundsState, round_id: str) -> RoundsState:
    """The state once this round's rows are removed."""
    return replace(state, kept=tuple(each for each in state.kept if each != round_id))
