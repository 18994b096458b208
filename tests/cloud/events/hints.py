"""What an operator should know about an export that was read: that it may have been cut off, lacks what is counted, or
has times that may be meant otherwise."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tests.cloud.events.source import Source
from tests.cloud.events.staging import Staging

CUTS = {
    30_000: "the Log Analytics portal",
    100_000: "advanced hunting",
    500_000: "the query API",
}
"""Rows that an answer has at most, and whose."""


def hints(
    sources: Sequence[Source], staging: Staging, later: int = 0, assumed: Collection[int] = ()
) -> tuple[str, ...]:
    """One sentence each. `later` rows are later than now; of `assumed` files the month is read first by AM and PM."""
    found = []
    if later:
        found.append(
            f"{later:,} {'row is' if later == 1 else 'rows are'} later than now, so that the sweep does not see"
            f" {'it' if later == 1 else 'them'}: is the export in UTC? SHIFT=now moves its times."
        )
    if names := [source.path.name for source in sources if source.place in assumed]:
        more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
        found.append(f"{names[0]}{more}: times are read as month-first, because of AM/PM; DATES=day-first if not.")
    for source in sources:
        rows = staging.count(source)
        if rows in CUTS:
            found.append(
                f"{source.path.name} has exactly {rows:,} rows, as many as {CUTS[rows]} answers at most: it is probably"
                " cut off. Export fewer days at a time and name all files."
            )
    if empty := [source for source in sources if not staging.count(source)]:
        more = f" and {len(empty) - 1:,} more" if len(empty) > 1 else ""
        found.append(f"{empty[0].path.name}{more}: no row in it.")
    if "LatestDeliveryAction" not in staging.used:
        found.append(
            "No file has LatestDeliveryAction, which is what the hunt counts: add the column to the export's query (the"
            " streaming export may lack it)."
        )
    return tuple(found)
