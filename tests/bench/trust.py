"""How soon a fault of the data is noticed, and how often there is a false alarm, on figures of made-up tenants.

`python -m tests.bench.trust [TENANTS]`: so many tenants of each size, a year each (40 without an argument: 200
tenant-years), on daily and weekly schedules, and a tenth of them hourly. 1 when a target is missed.
`python -m tests.bench.trust plot FILE`: the daily figures as SVG (docs/trust.svg).
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median

from tests.bench._plot import drawn
from tests.bench._sweeps import KINDS, MOST_DAYS, TenantOutcome, observed, still_noticed
from tests.bench._tenants import SIZES, SWITCHED

TOTAL = ("column empty", "words changed in all rows", "recipients or ids empty")
HALF = ("column half empty", "half of them empty")
LASTING = ("column half empty", "all reads delivered", "volume to 10 %", "volume to 30 %")
FROM = 200  # mails a day, from which on the targets hold
# Of each constant the values beside the one in the code.
CONSTANTS: tuple[tuple[str, tuple[float, ...]], ...] = (
    ("USUAL_VOLUME", (20, 150)),
    ("FALLEN", (0.25, 0.5)),
    ("BELOW_LOWEST", (0.4, 1.0, 9.0)),
    ("NONE_BY_CHANCE", (1e-3, 1e-12)),
    ("EXPECTED", (15, 60)),
    ("FEWER", (0.5, 0.85)),
    ("FEWER_EXPECTED", (60, 400)),
    ("REMOVALS_EXPECTED", (10, 60)),
    ("CAMPAIGNS", (0.0, 0.4)),
    ("SILENCE", (1.0, 2.0)),
)
SHOWN = ("column half empty", "all reads delivered", "volume to 30 %", "volume to 10 %")


def _jobs(
    pool: ProcessPoolExecutor, tenants: int, schedule: str, kinds: Sequence[str], **changed: float
) -> list[TenantOutcome]:
    jobs = [pool.submit(observed, seed, size, schedule, kinds, changed) for size in SIZES for seed in range(tenants)]
    return [job.result() for job in jobs]


def _of(outcomes: Iterable[TenantOutcome], size: int, kind: str) -> list[float]:
    """Sweeps until noticed, from the shortest; infinite where it was not."""
    found = (outcome.noticed[kind] for outcome in outcomes if outcome.size == size)
    return sorted(float("inf") if each is None else each for each in found)


def _middle_and_worst(values: Sequence[float]) -> tuple[float, float]:
    """The median, and the value that 19 of 20 do not exceed."""
    return median(values), values[min(len(values) - 1, int(len(values) * 0.95))]


def _number(value: float) -> str:
    return "-" if value == float("inf") else f"{value:.0f}"


def _table(outcomes: Sequence[TenantOutcome], kinds: Sequence[str]) -> None:
    print(f"  {'':<36}" + "".join(f"{f'{size:,} a day':>16}" for size in SIZES))
    for kind in kinds:
        cells = (" / ".join(map(_number, _middle_and_worst(_of(outcomes, size, kind)))) for size in SIZES)
        print(f"  {kind:<36}" + "".join(f"{cell:>16}" for cell in cells))


def _alarms(outcomes: Sequence[TenantOutcome]) -> float:
    """Print the false alarms; the spells per tenant-year, over all."""
    print(f"  {'false alarms a year: spells, sweeps':<36}", end="")
    for size in SIZES:
        of_size = [outcome for outcome in outcomes if outcome.size == size]
        spells = sum(outcome.spells for outcome in of_size) / len(of_size)
        share = sum(outcome.untrusted for outcome in of_size) / sum(outcome.sweeps for outcome in of_size)
        print(f"{f'{spells:.2f}, {share:.1%}':>16}", end="")
    causes: Counter[str] = sum((outcome.causes for outcome in outcomes), Counter())
    print(
        "\n    first reasons: " + (", ".join(f"{cause} {number}" for cause, number in causes.most_common()) or "none")
    )
    return _spells(outcomes)


def _spells(outcomes: Sequence[TenantOutcome], least: int = 0) -> float:
    of_size = [outcome for outcome in outcomes if outcome.size >= least]
    return sum(outcome.spells for outcome in of_size) / len(of_size)


def _missed(daily: Sequence[TenantOutcome]) -> list[str]:
    """The targets that the daily sweeps miss."""
    missed = []
    for size in (size for size in SIZES if size >= FROM):
        for kinds, most in ((TOTAL, 1), (HALF, 3)):
            for kind in kinds:
                if (worst := _middle_and_worst(_of(daily, size, kind))[1]) > most:
                    missed.append(f"{kind}, {size:,} mails a day: noticed at sweep {_number(worst)}, expected {most}")
        if (middle := median(_of(daily, size, "volume to 10 %"))) > 5:
            missed.append(f"volume to 10 %, {size:,} mails a day: noticed at sweep {_number(middle)}, expected 5")
    return missed


def _constants(pool: ProcessPoolExecutor, tenants: int) -> None:
    print(
        f"daily, {tenants * len(SIZES)} tenant-years for each value: false alarms a year, and the median sweep at which"
    )
    print(f"{FROM:,} mails a day and more show " + ", ".join(SHOWN))
    for name, values in (("as chosen", (0.0,)), *CONSTANTS):
        for value in values:
            changed = {} if name == "as chosen" else {name: value}
            outcomes = _jobs(pool, tenants, "daily", SHOWN, **changed)
            large = [outcome for outcome in outcomes if outcome.size >= FROM]
            sweeps = [
                median(float("inf") if (seen := outcome.noticed[kind]) is None else seen for outcome in large)
                for kind in SHOWN
            ]
            label = f"{name} {value:g}" if changed else name
            print(f"  {label:<36}{_spells(outcomes):>6.2f}   " + "  ".join(map(_number, sweeps)), flush=True)


def _lasting(pool: ProcessPoolExecutor, tenants: int) -> None:
    print("a fault that lasts, still a reason after 60 days: with the measure kept, and by the window alone")
    for kind in LASTING:
        jobs = [
            pool.submit(still_noticed, seed, size, kind) for size in SIZES if size >= FROM for seed in range(tenants)
        ]
        results = [job.result() for job in jobs]
        shares = [sum(result[place] for result in results) / len(results) for place in (0, 1)]
        print(f"  {kind:<36}" + "".join(f"{share:>8.0%}" for share in shares), flush=True)


def main(tenants: int) -> int:
    """Measure, print, compare with the targets."""
    missed: list[str] = []
    few = max(1, tenants // 10)
    print(f"Sweeps until a fault is noticed: median / 19 of 20 (- : not within {MOST_DAYS} days)")
    with ProcessPoolExecutor(2, max_tasks_per_child=None) as pool:
        for schedule, number in (("daily", tenants), ("weekly", tenants), ("hourly", few)):
            outcomes = _jobs(pool, number, schedule, KINDS)
            print(f"{schedule}, {number * len(SIZES)} tenant-years", flush=True)
            _table(outcomes, KINDS)
            if (spells := _alarms(outcomes)) > 1:
                missed.append(f"{schedule}: {spells:.2f} false alarms a tenant-year, expected 1 at most")
            missed += _missed(outcomes) if schedule == "daily" else []
        _lasting(pool, few)
    with ProcessPoolExecutor(2, max_tasks_per_child=1) as pool:
        _constants(pool, few)
    print("\n".join(f"MISSED: {each}" for each in missed) or "all targets are met")
    return 1 if missed else 0


def plot(path: Path, tenants: int) -> None:
    """Draw the daily figures."""
    with ProcessPoolExecutor(2) as pool:
        outcomes = _jobs(pool, tenants, "daily", KINDS)
    columns = [f"{size:,} a day" for size in SIZES]
    rows = {kind: [_middle_and_worst(_of(outcomes, size, kind)) for size in SIZES] for kind in KINDS}
    title = f"The daily sweep that notices a fault: median (19 of 20); never: not within {MOST_DAYS} days"
    path.write_text(drawn(title, columns, {kind: cells for kind, cells in rows.items() if kind != SWITCHED}), "utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == ["plot"]:
        plot(Path(sys.argv[2]), 40)
    else:
        sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 40))
