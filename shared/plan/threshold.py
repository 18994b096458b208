"""Which threshold suits a tenant: how many recipients each would flag, where that curve bends, what to set. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log

from shared.model import Removals

HIGHEST = 2_500
"""The highest threshold that can be set."""
FEWEST = 10
"""Recipients with more than one removal; with fewer the curve has no shape."""
ALIKE = 0.1
"""A threshold that flags this share more or fewer than the suggested one is as good: it is kept."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one threshold flags: so many recipients, so many of their messages, and of these by each of ACTORS."""

    threshold: int
    flagged: int
    messages: int = 0
    by: tuple[int, ...] = (0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The threshold to set, and why; `knee` is where the curve bends, None when it has no shape."""

    threshold: int
    knee: int | None
    reason: str


def curve(removals: Iterable[Removals], lowest: int = 1) -> tuple[Step, ...]:
    """How many each threshold from the lowest up flags, to the first that flags nobody, or the highest that can be set.

    `removals` are of everybody with more than `lowest`.
    """
    waiting = sorted(removals, key=lambda each: each.total)
    steps: list[Step] = []
    flagged, messages, by = 0, 0, (0, 0, 0, 0)
    top = min(waiting[-1].total if waiting else 1, HIGHEST)
    for threshold in range(top, lowest - 1, -1):
        while waiting and waiting[-1].total > threshold:
            each = waiting.pop()
            flagged += 1
            messages += each.total
            by = tuple(map(sum, zip(by, each.by, strict=True)))  # type: ignore[assignment]
        steps.append(Step(threshold, flagged, messages, by))
    return tuple(reversed(steps))


def step_at(steps: Sequence[Step], threshold: int) -> Step:
    """What a threshold flags; beyond the curve's end nobody, below its beginning what 1 flags."""
    place = bisect_right(steps, threshold, key=lambda step: step.threshold) - 1
    found = steps[max(place, 0)]
    return found if found.flagged else Step(threshold, 0)


def knee_of(steps: Sequence[Step]) -> int | None:
    """Where the curve bends: the threshold whose point lies farthest below the straight line between its two ends, with
    thresholds on a logarithmic scale; None when it is too short or too low for a bend.
    """
    first, last = steps[0], steps[-1]
    if first.flagged < FEWEST or last.threshold < 3:
        return None
    fall, width = first.flagged - last.flagged, log(last.threshold)

    def below(step: Step) -> float:
        return 1 - log(max(step.threshold, 1)) / width - (step.flagged - last.flagged) / fall

    best = max(steps, key=lambda step: (below(step), -step.threshold))
    return best.threshold if fall and below(best) > 0 else None


def suggested(steps: Sequence[Step], today: int) -> Suggestion:
    """What to set instead of today's threshold, or to keep it, and why."""
    now, knee = step_at(steps, today), knee_of(steps)
    if steps[0].flagged < FEWEST:
        return Suggestion(
            today,
            None,
            f"keep {today}: only {_recipients(steps[0].flagged)} had more than one message remediated, too few to say"
            " what is usual here",
        )
    if knee is None:
        return Suggestion(today, None, f"keep {today}: the counts have no bend, so no threshold stands out")
    there = step_at(steps, knee)
    why = (
        f"the curve bends at {knee}: it flags {_recipients(there.flagged)}, "
        f"{step_at(steps, knee - 1).flagged - there.flagged:,} fewer than {knee - 1}, while {knee + 1} flags"
        f" {there.flagged - step_at(steps, knee + 1).flagged:,} fewer still"
        if knee > 1
        else f"the curve bends at 1: it flags {_recipients(there.flagged)}"
    )
    if abs(now.flagged - there.flagged) <= ALIKE * there.flagged:
        near = "it is there" if today == knee else f"{today} flags {now.flagged:,}, which is as good"
        return Suggestion(today, knee, f"keep {today}: {why}; {near}")
    return Suggestion(knee, knee, f"{why}; today's {today} flags {now.flagged:,}")


def _recipients(many: int) -> str:
    return f"{many:,} recipient" if many == 1 else f"{many:,} recipients"
