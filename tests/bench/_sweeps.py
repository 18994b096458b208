"""Sweeps over made-up tenants: what `judge` says day by day, without a fault and with one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import accumulate
from random import Random

from shared.model.coverage import Coverage, Slot, Witness
from shared.plan import slots as slot_rules
from shared.plan import trust as trust_rules
from shared.plan.trust import Trust, TrustOptions, judge
from tests.bench._tenants import DAYS, FAULTS, LATE, START, SWITCHED, Figures, MadeUpTenant

OPTIONS = TrustOptions("sentinel", 30, 24)
WITNESSED = {
    "words of removals changed, witness": "words of removals changed",
    "all reads delivered, witness": "all reads delivered",
}
KINDS = (*FAULTS, *WITNESSED, LATE, SWITCHED)
MOST_DAYS = 30  # that a fault is looked for
HOURLY_STEP = 7  # of the hourly sweeps, so many apart are judged: every hour of the day comes


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often it sweeps. `steps` of the figures make a day."""

    name: str
    steps: int
    every: int  # steps between two sweeps
    judged: int  # steps between two sweeps that are judged where there is no fault


SCHEDULES = {
    each.name: each
    for each in (Schedule("hourly", 24, 1, HOURLY_STEP), Schedule("daily", 1, 1, 1), Schedule("weekly", 1, 7, 7))
}


@dataclass(frozen=True, slots=True)
class TableFigures:
    """What the table holds: the sums of all figures up to each step. `true` is what it would hold without a fault."""

    steps: int
    sums: Sequence[Figures]
    true: Sequence[Figures]
    late: int | None = None  # from this step on, the rows of the last day are missing
    witness: bool = False

    def judged(self, end: int, earlier: Sequence[Slot], lookback: int = 30) -> Trust:
        """What a sweep after that many steps says."""
        day = self.steps
        last = end - day if self.late is not None and end > self.late else end
        slots = []
        for back in range(min(lookback, end // day), 0, -1):
            first = end - back * day
            low, high = self.sums[min(first, last)], self.sums[min(first + day, last)]
            sums = [high[place] - low[place] for place in range(5)]
            slots.append(Slot(START + timedelta(hours=24 / day * first), *sums))
        unknown = self.sums[last][5] - self.sums[max(0, end - lookback * day)][5]
        now = START + timedelta(hours=24 / day * end)
        coverage = Coverage(
            rows=sum(slot.messages for slot in slots),
            newest=None if (age := self._age(last, end)) is None else now - timedelta(hours=age),
            slots=tuple(slots),
            suspicious={"new": unknown} if unknown else {},
            witness=self._witness(end),
        )
        return judge(coverage, OPTIONS, now, earlier)

    def _age(self, last: int, end: int) -> float | None:
        """Hours since the newest row, in the middle of what chance allows in its step."""
        for step in range(last, 0, -1):
            number = self.sums[step][0] - self.sums[step - 1][0]
            if number:
                return float(24 / self.steps * (end - step + 1 - 0.5 ** (1 / number)))
        return None

    def _witness(self, end: int) -> Witness | None:
        if not self.witness:
            return None
        week = max(0, end - 7 * self.steps)
        return Witness(self.true[end][4] - self.true[week][4], self.sums[end][4] - self.sums[week][4])


@dataclass(slots=True)
class TenantOutcome:
    """What one tenant showed: false alarms of a year, and the sweeps (and hours) until each fault was noticed."""

    size: int
    spells: int = 0
    sweeps: int = 0
    untrusted: int = 0
    causes: Counter[str] = field(default_factory=Counter)
    noticed: dict[str, int | None] = field(default_factory=dict)
    kept: dict[tuple[str, bool], bool] = field(default_factory=dict)


def observed(
    seed: int, size: int, schedule: str, kinds: Sequence[str], constants: Mapping[str, float] | None = None
) -> TenantOutcome:
    """A year of one tenant, and each fault once, on a day by chance. `constants` replace those of the rules."""
    for name, value in (constants or {}).items():
        setattr(trust_rules if hasattr(trust_rules, name) else slot_rules, name, value)
    chance, plan = Random(f"{seed} {size}"), SCHEDULES[schedule]
    tenant, outcome = MadeUpTenant.drawn(chance, size), TenantOutcome(size)
    good = tenant.days(chance, hourly=plan.steps > 1)
    table = TableFigures(plan.steps, _sums(good), ())
    measures = _year(table, plan, outcome)
    for kind in kinds:
        begins = chance.choice([*measures])
        outcome.noticed[kind] = _noticed(kind, good, begins, measures[begins], plan, chance)
    return outcome


def _sums(steps: Sequence[Figures]) -> list[Figures]:
    columns = [[0, *accumulate(column)] for column in zip(*steps, strict=True)]
    return [*zip(*columns, strict=True)]


def _year(table: TableFigures, plan: Schedule, outcome: TenantOutcome) -> dict[int, tuple[Slot, ...]]:
    """Sweep a year without a fault; the measure after each sweep that had no reason, by its step."""
    measures: dict[int, tuple[Slot, ...]] = {}
    earlier: tuple[Slot, ...] = ()
    last = -DAYS * plan.steps  # sweep with a reason
    for end in range(30 * plan.steps, (30 + 365) * plan.steps, plan.judged):
        trust = table.judged(end, earlier)
        earlier = trust.measure
        outcome.sweeps += 1
        outcome.untrusted += bool(trust.reasons)
        if not trust.reasons:
            measures[end] = earlier
            continue
        # An hourly sweep may be well for some hours of a holiday: that is one spell.
        if end - last > max(plan.every, plan.steps):
            outcome.spells += 1
            outcome.causes[trust.reasons[0].cause] += 1
        last = end
    return measures


def _noticed(
    kind: str, good: Sequence[Figures], begins: int, earlier: Sequence[Slot], plan: Schedule, chance: Random
) -> int | None:
    """The number of the first sweep with a reason after the fault began, None when it took too long."""
    # On a weekly schedule a fault begins on any day between two sweeps.
    fault = begins + (chance.randrange(plan.every) if plan.steps == 1 else 0)
    table, earlier = table_with_fault(kind, good, fault, plan.steps, chance), [] if kind == SWITCHED else earlier
    for number, end in enumerate(_ends(begins, plan), start=1):
        trust = table.judged(end, earlier)
        earlier = trust.measure
        if trust.reasons:
            return (end - begins) // plan.every if plan.steps > 1 else number
    return None


def _ends(begins: int, plan: Schedule) -> Iterator[int]:
    """The sweeps after that one; of the hourly ones all in the first two days, then one in six."""
    for end in range(begins + plan.every, begins + MOST_DAYS * plan.steps + 1, plan.every):
        if plan.steps == 1 or end - begins <= 48 or (end - begins) % 6 == 0:
            yield end


def table_with_fault(kind: str, good: Sequence[Figures], fault: int, steps: int, chance: Random) -> TableFigures:
    """The table with that fault from that step on."""
    most = fault + (MOST_DAYS + 7) * steps
    if kind == LATE:
        return TableFigures(steps, _sums(good[:most]), (), late=fault)
    if kind == SWITCHED:
        mean = sum(step[0] for step in good) // DAYS
        other = MadeUpTenant.drawn(chance, mean).days(chance, hourly=steps > 1)
        return TableFigures(steps, _sums(other[:most]), ())
    change = FAULTS[WITNESSED.get(kind, kind)]
    steps_of = [*good[:fault], *(change(chance, step) for step in good[fault:most])]
    return TableFigures(steps, _sums(steps_of), _sums(good[:most]), witness=kind in WITNESSED)


def still_noticed(seed: int, size: int, kind: str, days: int = 60) -> tuple[bool, bool]:
    """Whether a daily sweep still has a reason so many days into the fault: with the measure kept, and without."""
    chance = Random(f"{seed} {size} kept")
    tenant = MadeUpTenant.drawn(chance, size)
    good = tenant.days(chance)
    change = FAULTS[kind]
    table = TableFigures(1, _sums([*good[:60], *(change(chance, step) for step in good[60:])]), ())
    earlier: tuple[Slot, ...] = ()
    for end in range(30, 60 + days):
        earlier = table.judged(end, earlier).measure
    return bool(table.judged(60 + days, earlier).reasons), bool(table.judged(60 + days, ()).reasons)
