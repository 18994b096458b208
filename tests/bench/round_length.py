"""How long a round takes: 10 to 5,000 workspaces, on 40 and on 1,000 instances, in a model with the services' limits.

`python -m tests.bench.round_length [SECONDS OF A QUERY …]` prints the table of docs/many.md. The limits are those of
one identity: five queries at once, 200 waiting for three minutes, 200 in 30 seconds. A sweep's queries are counted by
`python -m tests.bench.many`; how long one takes in a real workspace is its tenant's own, so there is a row for several.
"""

from __future__ import annotations

import sys

from tests.bench._round_model import RoundCase, RoundModel, SweepKind

TENANTS = (10, 100, 500, 5_000)
INSTANCES = (40, 1_000)
QUIET = SweepKind(queries=4, beside=4.0)
"""A sweep that finds nothing new: four queries, the incident list, the ledger, no card."""
FLAGGED = SweepKind(queries=9, beside=10.0)
"""One with something to tell: nine queries, some incidents, a card."""


def as_duration(seconds: float) -> str:
    """A duration as a person reads it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def cell(case: RoundCase) -> str:
    """A round's length; and how many workspaces were failed in the end, where any was."""
    found = RoundModel(case).run()
    lost = f", {found.failed:,} failed" if found.failed else ""
    return f"{as_duration(found.seconds)}{lost}"


def table_lines(query_seconds: list[float]) -> list[str]:
    """The table, in Markdown."""
    heads = ["a query takes", "workspaces", *(f"{each:,} instances" for each in INSTANCES), "not below"]
    table = [f"| {' | '.join(heads)} |", "|---|---:|---:|---:|---:|"]
    for seconds in query_seconds:
        for tenants in TENANTS:
            cases = [RoundCase(tenants, instances, seconds, QUIET, FLAGGED) for instances in INSTANCES]
            cells = [cell(case) for case in cases]
            table.append(f"| {seconds:g} s | {tenants:,} | {' | '.join(cells)} | {as_duration(cases[0].bound)} |")
    return table


if __name__ == "__main__":
    for line in table_lines([float(each) for each in sys.argv[1:]] or [1.0, 3.0, 10.0]):
        print(line)
