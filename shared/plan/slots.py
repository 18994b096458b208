"""Each 24-hour slot of the window against earlier trusted ones: which figures are lower than usual.

Slots are judged from the oldest to the newest. One in which something is wrong is no measure for later ones, so a
fault that lasts stays a fault. `python -m tests.bench.trust` shows what the constants find and where they err.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import log
from operator import attrgetter
from statistics import median

from shared.model.coverage import Slot
from shared.plan.earlier import ended_before, left_out, same_day_among

HISTORY = 28  # the newest trusted slots, which say what is usual
SAME_WEEKDAYS = 4
LEAST_WEEKDAYS = 3  # of these, before a volume is usual
USUAL_VOLUME = 60  # messages; fewer fall to a third by chance
FALLEN = 1 / 3
BELOW_LOWEST = 0.5  # a holiday has not much less than the quietest Sunday
HALVED = 1 / 2  # all but one of the busy days of a fallen week: Saturday and Sunday are usual around holidays
BUSY = 10  # messages
KNOWN_SHARE = 100  # messages, before a share is usual
NONE_BY_CHANCE = 1e-5  # that none of the messages has it, before that is a fault
EXPECTED = 30  # and before nearly none is one
NEARLY_NONE = 1 / 3
FEWER = 0.65
FEWER_EXPECTED = 240  # times the usual share of those without it: what chance moves
REMOVALS_EXPECTED = 30  # before none at all is a fault
CAMPAIGNS = 1 / 7  # of the slots: those with the most removals do not count as usual
FLOOR_MESSAGES = 100
FLOOR_SHARE = 0.05
MOST_UNKNOWN = 1 / 2
MOST_UNATTRIBUTABLE = 1 / 2
MORE_UNATTRIBUTABLE = 0.1  # and twice the usual
WORDS_JUDGED = 30  # filled messages
JUDGED = 30  # messages
LEAST_JUDGED = 8  # messages that all have the same fault

_HALF_DAY = timedelta(hours=12)
_messages: Callable[[Slot], int] = attrgetter("messages")
_filled: Callable[[Slot], int] = attrgetter("filled")
_removals: Callable[[Slot], int] = attrgetter("removals")
_unattributable: Callable[[Slot], int] = attrgetter("unattributable")


@dataclass(frozen=True, slots=True)
class Doubt:
    """What is wrong in `pool`, the newest slots: `seen` messages; `usual` is a share of the messages, or their number.

    `bad` are the slots of it that, beside the last one, are no measure from now on.
    """

    cause: str
    pool: Sequence[Slot]
    seen: int
    usual: float | None
    bad: Sequence[Slot]

    @property
    def messages(self) -> int:
        """All messages of the pool."""
        return sum(map(_messages, self.pool))


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual by the newest trusted slots. A share is None while too few messages are known."""

    lowest: int
    filled: float | None
    removals: float | None
    unattributable: float | None


@dataclass(frozen=True, slots=True)
class Judged:
    """What is wrong now, the slots that may be a measure (oldest first), and those of the window that may not.

    `volume` is what is usual on the last slot's weekday, `usual` the rest before it.
    """

    doubts: tuple[Doubt, ...]
    trusted: tuple[Slot, ...]
    distrusted: tuple[Slot, ...]
    usual: Usual
    volume: float | None


def judge_slots(slots: Sequence[Slot], earlier: Sequence[Slot] = ()) -> Judged:
    """Judge the slots (at least one) from the oldest to the newest.

    `earlier`: slots that earlier sweeps trusted, oldest first. Those before the window are a measure. Those in it say
    which of its slots were trusted: with too little before them the first ones cannot be judged anew.
    """
    trusted = ended_before(slots[0].start, earlier)
    kept = bool(trusted)
    volumes: list[float | None] = []
    distrusted: set[datetime] = set()
    usual, doubts = usual_of(trusted), tuple[Doubt, ...]()
    for place, slot in enumerate(slots):
        so_far = slots[: place + 1]
        usual = usual_of(trusted)
        volumes.append(usual_volume(slot, trusted))
        doubts = tuple(_doubts(so_far, volumes, usual))
        distrusted |= {one.start for doubt in doubts for one in (slot, *doubt.bad)}
        unjudged = usual.filled and not newest(so_far, _enough(usual.filled))
        known = not (kept and unjudged) or len(so_far) == len(slots) or same_day_among(slot, earlier)
        if known and not left_out(slot, earlier):
            trusted.append(slot)
        if doubts:
            trusted = [one for one in trusted if one.start not in distrusted]
    bad = tuple(slot for slot in slots if slot.start in distrusted)
    return Judged(doubts, tuple(trusted), bad, usual, volumes[-1])


def _enough(usual: float) -> float:
    """The messages from which on fewer filled ones than usual are no chance."""
    return max(EXPECTED, FEWER_EXPECTED * (1 - usual)) / usual


def usual_of(trusted: Sequence[Slot]) -> Usual:
    """What the newest trusted slots say is usual."""
    recent = trusted[-HISTORY:]
    messages = sum(map(_messages, recent))
    lowest = min(map(_messages, recent), default=0)
    if messages < KNOWN_SHARE:
        return Usual(lowest, None, None, None)
    quiet = sorted(recent, key=_removals)[: len(recent) - int(len(recent) * CAMPAIGNS)]
    removals = sum(map(_removals, quiet)) / max(1, sum(map(_messages, quiet)))
    return Usual(lowest, sum(map(_filled, recent)) / messages, removals, sum(map(_unattributable, recent)) / messages)


def usual_volume(slot: Slot, trusted: Sequence[Slot]) -> float | None:
    """The median of the same weekday's last four trusted slots; None when fewer than three are known."""
    same: list[int] = []
    for other in reversed(trusted):
        days = (slot.start - other.start + _HALF_DAY).days
        if days >= 7 and days % 7 == 0:
            same.append(other.messages)
            if len(same) == SAME_WEEKDAYS:
                break
    return median(same) if len(same) >= LEAST_WEEKDAYS else None


def newest(slots: Sequence[Slot], number: float, of: Callable[[Slot], int] = _messages) -> Sequence[Slot]:
    """As many of the newest slots as hold that number of messages (or of what `of` counts); none when all hold less."""
    held = 0
    for place in range(len(slots) - 1, -1, -1):
        held += of(slots[place])
        if held >= number:
            return slots[place:]
    return ()


def _doubts(slots: Sequence[Slot], volumes: Sequence[float | None], usual: Usual) -> Iterator[Doubt]:
    """What is wrong up to the last of these slots, one doubt for each kind."""
    yield from _fallen(slots, volumes, usual.lowest)
    others = [*_unfilled(slots, usual.filled), *_unknown(slots), *_unattributed(slots, usual.unattributable)]
    # Each of these explains why there is no removal.
    yield from others or _removals_fallen(slots, usual.removals)


def _fallen(slots: Sequence[Slot], volumes: Sequence[float | None], lowest: int) -> Iterator[Doubt]:
    last, usual = slots[-1], volumes[-1]
    few = last.messages < lowest * BELOW_LOWEST
    if few and usual is not None and usual >= USUAL_VOLUME and last.messages < usual * FALLEN:
        yield Doubt("coverage_fallen", [last], last.messages, usual, [last])
        return
    week = slots[-7:]
    known = [volume for volume in volumes[-7:] if volume is not None]
    seen, total = sum(map(_messages, week)), sum(known)
    if len(known) == len(week) == 7 and total >= USUAL_VOLUME and seen < total * FALLEN:
        busy = [pair for pair in zip(week, known, strict=True) if pair[1] >= BUSY]
        bad = [slot for slot, volume in busy if slot.messages < volume * HALVED]
        if len(bad) >= len(busy) - 1:
            yield Doubt("coverage_fallen", week, seen, total, bad)


def _unfilled(slots: Sequence[Slot], usual: float | None) -> Iterator[Doubt]:
    if usual:
        some = max(LEAST_JUDGED, log(NONE_BY_CHANCE) / log(max(1 - usual, NONE_BY_CHANCE)))
        steps = [(some, 0.0), (EXPECTED / usual, NEARLY_NONE * usual), (_enough(usual), FEWER * usual)]
    else:
        steps = [(FLOOR_MESSAGES, FLOOR_SHARE)]
    for number, least in steps:
        pool = newest(slots, number)
        if pool and sum(map(_filled, pool)) <= least * sum(map(_messages, pool)):
            yield _unfilled_in(pool, usual, least)
            return
    if any(map(_messages, slots)) and not any(map(_filled, slots)):
        yield _unfilled_in(slots, usual, FLOOR_SHARE)


def _unfilled_in(pool: Sequence[Slot], usual: float | None, least: float) -> Doubt:
    seen = sum(map(_filled, pool))
    cause = "coverage_fill_fallen" if usual and seen else "coverage_unfilled"
    # Halfway to the usual: a day of the fault that is above the limit by chance is no measure either.
    most = (least + usual) / 2 if usual else least
    return Doubt(
        cause, pool, seen, usual, [slot for slot in pool if slot.messages and slot.filled <= most * slot.messages]
    )


def _unknown(slots: Sequence[Slot]) -> Iterator[Doubt]:
    for number in (LEAST_JUDGED, WORDS_JUDGED):
        # Fewer than are judged are as bad: the window shows no action that the sweep knows.
        pool = newest(slots, number, _filled) or slots
        seen, filled = sum(slot.unknown for slot in pool), sum(map(_filled, pool))
        if seen > filled * MOST_UNKNOWN if filled >= WORDS_JUDGED else 0 < filled == seen:
            bad = [slot for slot in pool if slot.unknown > slot.filled * MOST_UNKNOWN]
            yield Doubt("coverage_unknown_actions", pool, seen, None, bad)
            return


def _removals_fallen(slots: Sequence[Slot], usual: float | None) -> Iterator[Doubt]:
    pool = newest(slots, REMOVALS_EXPECTED / usual) if usual else ()
    if pool and not any(map(_removals, pool)):
        yield Doubt("coverage_removals_fallen", pool, 0, usual, [slot for slot in pool if slot.messages])


def _unattributed(slots: Sequence[Slot], usual: float | None) -> Iterator[Doubt]:
    steps = [(JUDGED, MOST_UNATTRIBUTABLE, 0)]
    if usual is not None:
        steps.append((KNOWN_SHARE, max(MORE_UNATTRIBUTABLE, 2 * usual), EXPECTED))
    for number, most, least in steps:
        pool = newest(slots, number) or slots
        seen, messages = sum(map(_unattributable, pool)), sum(map(_messages, pool))
        if seen >= least and (seen > most * messages if messages >= number else 0 < messages == seen):
            bad = [slot for slot in pool if slot.unattributable > most * slot.messages]
            yield Doubt("coverage_unattributable", pool, seen, usual, bad)
            return
