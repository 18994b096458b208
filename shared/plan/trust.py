"""Whether "nothing found" can be trusted: every reason why not, by what the table held in the window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import dropwhile, groupby, takewhile
from statistics import median

from shared.model.coverage import Coverage, Slot
from shared.plan.distrust import (
    Distrust,
    TrustOptions,
    contradicted,
    doubted,
    empty,
    stale,
    suspicious,
    words_with_rows,
)
from shared.plan.earlier import MEASURE, ended_before, kept_measure
from shared.plan.slots import HISTORY, USUAL_VOLUME, Judged, judge_slots, usual_of, usual_volume

__all__ = ["Distrust", "Trust", "TrustOptions", "judge"]

SILENCE = 1.5  # times the longest silence of the history
QUIET = 3  # messages: with fewer a day, chance alone makes silences as long
MOST_SILENCE = 4  # times MAX_DATA_AGE_HOURS
SUSPICIOUS = 5  # rows whose unknown word looks like a removal
CONTRADICTING = 20  # removals that the second witness saw, before it is believed
CONTRADICTED = 1 / 2
HOLE = 3  # empty slots in a row
HOLE_USUAL = 10  # messages in the usual slot

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Trust:
    """The judgement: where there is a reason, nothing found means nothing. `notes` are to be said in any case.

    `history_days`: the trusted slots that the last one is compared with. `measure`: the newest trusted slots; given to
    the next sweep's `judge` as `earlier`, they keep a fault a fault for as long as it lasts.
    """

    reasons: tuple[Distrust, ...]
    notes: tuple[str, ...]
    history_days: int
    measure: tuple[Slot, ...] = ()


def judge(coverage: Coverage, options: TrustOptions, now: datetime, earlier: Sequence[Slot] = ()) -> Trust:
    """Every reason why "nothing found" cannot be trusted in this sweep; its findings are used all the same.

    `earlier`: the `measure` of an earlier sweep of the same source; slots that the window holds anew are left out, and
    so are those of a clock that was ahead.
    """
    first = coverage.slots[0].start if coverage.slots else now
    old = ended_before(now, _since(options.accepted_since, earlier))
    known = ended_before(first, old)
    if coverage.rows == 0:
        return Trust((empty(coverage, options, now),), (), len(known), tuple(old[-MEASURE:]))
    slots = _since(options.accepted_since, coverage.slots) or coverage.slots[-1:]
    if not known:  # a new table: before its first row there is neither a silence nor a hole
        slots = [*dropwhile(lambda slot: not slot.messages, slots)] or slots[-1:]
    judged = judge_slots(slots, old) if slots else Judged((), tuple(known), (), usual_of(known), None)
    history = sum(slot.start < slots[-1].start for slot in judged.trusted) if slots else len(known)
    return Trust(
        tuple(_reasons(coverage, options, now, slots, judged)),
        tuple(note for note in (_history(history, judged), *_notes(coverage), _hole(slots, judged)) if note),
        history,
        kept_measure(old, judged.trusted, judged.distrusted),
    )


def _since(accepted: date | None, slots: Sequence[Slot]) -> Sequence[Slot]:
    """The slots that may be a measure: all, or those since an operator accepted a lasting change."""
    return [slot for slot in slots if accepted is None or slot.start.date() >= accepted]


def _reasons(
    coverage: Coverage, options: TrustOptions, now: datetime, slots: Sequence[Slot], judged: Judged
) -> list[Distrust]:
    silence = min(SILENCE * _longest_silence(slots, judged), MOST_SILENCE * options.max_data_age_hours)
    limit = max(options.max_data_age_hours, silence)
    reasons = []
    old = coverage.newest is None or now - coverage.newest > timedelta(hours=limit)
    if old:
        reasons.append(stale(coverage.newest, limit, options, now))
    # What is stale has fallen, too: one reason says it.
    reasons += [doubted(one, options) for one in judged.doubts if not (old and one.cause == "coverage_fallen")]
    causes = {reason.cause for reason in reasons}
    if sum(coverage.suspicious.values()) >= SUSPICIOUS and "coverage_unknown_actions" not in causes:
        reasons.append(suspicious(coverage.suspicious))
    witness = coverage.witness
    if witness and witness.seen >= CONTRADICTING and witness.shown < witness.seen * CONTRADICTED:
        reasons.append(contradicted(witness, options))
    return reasons


def _longest_silence(slots: Sequence[Slot], judged: Judged) -> int:
    """The hours of the longest silence up to the last message: quiet slots in a row, and half of those around them.

    Where there is much mail a slot is quiet by nature only when that weekday usually is: an outage is no measure.
    """
    little = median([slot.messages for slot in judged.trusted] or [0]) < USUAL_VOLUME
    quiet = [slot for slot in judged.trusted if slot.messages < QUIET]
    usual = {slot.start: usual_volume(slot, judged.trusted) for slot in quiet}
    natural = {start for start, volume in usual.items() if little or (volume is not None and volume < QUIET)}
    until = dropwhile(lambda slot: not slot.messages, reversed(slots))
    runs = groupby(until, key=lambda slot: slot.start in natural)
    return max((24 * (len([*run]) + 1) for silent, run in runs if silent), default=0)


def _history(days: int, judged: Judged) -> str:
    """What cannot be judged in the first weeks."""
    if days >= HISTORY:
        return ""
    usual = judged.usual
    values = {
        "a fall in volume": judged.volume,
        "a fall in filled actions": usual.filled,
        "an end of removals": usual.removals,
    }
    missing = ", ".join(name for name, value in values.items() if value is None)
    return f"history of {days} day{'s' * (days != 1)}" + (f"; not judged yet: {missing}" if missing else "")


def _notes(coverage: Coverage) -> list[str]:
    notes = []
    if 0 < sum(coverage.suspicious.values()) < SUSPICIOUS:
        notes.append(
            f"an action that the sweep does not know looks like a removal: {words_with_rows(coverage.suspicious)}"
        )
    if coverage.witness_missing:
        notes.append("no second witness of removals: the table EmailPostDeliveryEvents is missing")
    elif coverage.witness is None:
        notes.append("no second witness of removals: EmailPostDeliveryEvents could not be asked")
    return notes


def _hole(slots: Sequence[Slot], judged: Judged) -> str:
    """Slots in the middle of the window that hold too little, although the last one is well."""
    bad = {slot.start for slot in judged.distrusted} | _gaps(slots)
    current = {slot.start for slot in takewhile(lambda slot: slot.start in bad, reversed(slots))}
    days = sorted(bad - current)
    if not days:
        return ""
    between = f"between {days[0]:%Y-%m-%d} and {days[-1] + _DAY:%Y-%m-%d}"
    return f"{len(days)} day{'s' * (len(days) != 1)} {between} cannot be trusted: counts may be too low"


def _gaps(slots: Sequence[Slot]) -> set[datetime]:
    """Empty slots, several in a row: too many for a weekend. They need no history before them."""
    usual = median([slot.messages for slot in slots if slot.messages] or [0])
    gaps: set[datetime] = set()
    for silent, run in groupby(slots, key=lambda slot: not slot.messages):
        starts = [slot.start for slot in run]
        if silent and len(starts) >= HOLE and usual >= HOLE_USUAL:
            gaps.update(starts)
    return gaps
