"""Made-up tenants as figures: what a table would hold, step by step, and what a fault makes of it. No rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

START = datetime(2025, 1, 1, 6, tzinfo=UTC)
SIZES = (3, 20, 200, 20_000, 2_000_000)
DAYS = 365 + 60

# Holidays of a year by day of it: New Year, Easter, May, summer and autumn, and the days around Christmas.
HOLIDAYS = (1, 6, 108, 111, 121, 149, 160, 170, 227, 276, 305, 358, 359, 360, 365)

Figures = tuple[int, int, int, int, int, int]
"""Of a step: messages, filled, unknown, unattributable, removals, and unknown words that look like a removal."""
NOTHING: Figures = (0, 0, 0, 0, 0, 0)


def poisson(chance: Random, mean: float) -> int:
    """A number of independent events; by the normal distribution from 40 on."""
    if mean >= 40:
        return max(0, round(chance.gauss(mean, math.sqrt(mean))))
    limit, product, number = math.exp(-mean), chance.random(), 0
    while product > limit:
        product *= chance.random()
        number += 1
    return number


def part(chance: Random, number: int, share: float) -> int:
    """How many of `number` have what a share of all have."""
    if number * min(share, 1 - share) >= 20:
        spread = math.sqrt(number * share * (1 - share))
        return min(number, max(0, round(chance.gauss(number * share, spread))))
    if share > 0.5:
        return number - part(chance, number, 1 - share)
    return (
        min(number, poisson(chance, number * share))
        if number > 60
        else sum(chance.random() < share for _ in range(number))
    )


@dataclass(frozen=True, slots=True)
class MadeUpTenant:
    """How one tenant's mail behaves. Shares are of messages."""

    size: int
    weekend: float  # of a weekday's volume
    growth: float  # in a year
    season: float  # up and down by so much
    phase: float
    spread: float  # of a day's volume (lognormal)
    filled: float
    removed: float
    campaigns: float  # a day

    @classmethod
    def drawn(cls, chance: Random, size: int) -> MadeUpTenant:
        """One of that size: messages on an average day."""
        return cls(
            size,
            weekend=math.exp(chance.uniform(math.log(0.04), math.log(0.7))),
            growth=chance.uniform(-0.3, 0.6),
            season=chance.uniform(0, 0.3),
            phase=chance.uniform(0, 2 * math.pi),
            spread=chance.uniform(0.08, 0.25),
            filled=chance.choice((0.99, 0.97, 0.9, 0.8, 0.6)),
            removed=math.exp(chance.uniform(math.log(0.002), math.log(0.03))),
            campaigns=chance.uniform(0.01, 0.1),
        )

    def level(self, day: int, weekday: int) -> float:
        """The volume to be expected on a day."""
        shape = self.weekend if weekday >= 5 or day % 365 + 1 in HOLIDAYS else 1.0
        if day % 365 + 1 >= 356 or day % 365 + 1 <= 5:  # many are away
            shape *= 0.7
        slow = 1 + self.growth * day / 365 + self.season * math.sin(2 * math.pi * day / 365 + self.phase)
        return self.size * 7 / (5 + 2 * self.weekend) * shape * slow

    def days(self, chance: Random, hourly: bool = False) -> list[Figures]:
        """The figures of each day, or of each hour, from START on."""
        found: list[Figures] = []
        for day in range(DAYS):
            weekday = (START + timedelta(days=day)).weekday()
            holiday = chance.uniform(0.5, 1.5) if day % 365 + 1 in HOLIDAYS else 1.0
            volume = self.level(day, weekday) * holiday * chance.lognormvariate(0, self.spread)
            odds = self.filled / (1 - self.filled) * math.exp(chance.gauss(0, 0.2)) * (0.8 if weekday >= 5 else 1)
            shares = odds / (1 + odds), self.removed * chance.lognormvariate(0, 0.4)
            campaign = chance.uniform(0.02, 0.2) * volume + 2 if chance.random() < self.campaigns else 0.0
            if hourly:
                at = chance.randrange(24)
                hours = [
                    _figures(chance, volume * _HOURS[hour], shares, campaign if hour == at else 0.0)
                    for hour in range(24)
                ]
                found += hours
            else:
                found.append(_figures(chance, volume, shares, campaign))
        return found


_SHAPE = [1 if hour in range(1, 11) else 0.12 for hour in range(24)]  # begins at six
_HOURS = [each / sum(_SHAPE) for each in _SHAPE]


def _figures(chance: Random, volume: float, shares: tuple[float, float], campaign: float) -> Figures:
    ordinary, attack = poisson(chance, volume), poisson(chance, campaign) if campaign else 0
    filled = part(chance, ordinary, shares[0])
    removals = part(chance, filled, min(1.0, shares[1])) + attack
    messages = ordinary + attack
    filled += attack
    return messages, filled, part(chance, filled, 0.004), part(chance, messages, 0.006), removals, 0


Fault = Callable[[Random, Figures], Figures]


def emptied(share: float) -> Fault:
    """The action of that share of the rows is empty."""

    def change(chance: Random, step: Figures) -> Figures:
        messages, filled, unknown, lost, removals, _ = step
        keep = 1 - share
        return messages, part(chance, filled, keep), part(chance, unknown, keep), lost, part(chance, removals, keep), 0

    return change


def all_renamed(_: Random, step: Figures) -> Figures:
    """All words are new; those of removals look like removals."""
    messages, filled, _unknown, lost, removals, _none = step
    return messages, filled, filled, lost, 0, removals


def renamed_removals(looks_like_one: bool) -> Fault:
    """Just the words of removals are new."""

    def change(_: Random, step: Figures) -> Figures:
        messages, filled, unknown, lost, removals, _none = step
        return messages, filled, min(filled, unknown + removals), lost, 0, removals if looks_like_one else 0

    return change


def unattributed(share: float) -> Fault:
    """That share of the rows has no recipient, or no message id."""

    def change(chance: Random, step: Figures) -> Figures:
        messages, filled, unknown, _, removals, _ = step
        return messages, filled, unknown, part(chance, messages, share), part(chance, removals, 1 - share), 0

    return change


def all_delivered(_: Random, step: Figures) -> Figures:
    """Later states no longer arrive: every message reads as delivered."""
    return *step[:4], 0, 0


def thinned_to(share: float) -> Fault:
    """That share of the rows arrives."""

    def change(chance: Random, step: Figures) -> Figures:
        kept = part(chance, step[0], share)
        filled, unknown, lost, removals = (part(chance, kept, number / max(step[0], 1)) for number in step[1:5])
        return kept, filled, min(filled, unknown), lost, min(filled, removals), 0

    return change


FAULTS: dict[str, Fault] = {
    "column empty": emptied(1.0),
    "column half empty": emptied(0.5),
    "words changed in all rows": all_renamed,
    "words of removals changed": renamed_removals(True),
    "same, unlike a removal": renamed_removals(False),
    "recipients or ids empty": unattributed(1.0),
    "half of them empty": unattributed(0.5),
    "all reads delivered": all_delivered,
    "volume to 50 %": thinned_to(0.5),
    "volume to 30 %": thinned_to(0.3),
    "volume to 10 %": thinned_to(0.1),
    "connector dead": thinned_to(0.0),
}
LATE = "rows late by a day"
SWITCHED = "source switched"


def summed(steps: Sequence[Figures]) -> Figures:
    """The figures of several steps together."""
    sums = [sum(column) for column in zip(*steps, strict=True)] or list(NOTHING)
    return sums[0], sums[1], sums[2], sums[3], sums[4], sums[5]
