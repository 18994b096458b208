"""A second witness: do the removals that EmailPostDeliveryEvents has seen show in EmailEvents, too?"""

from __future__ import annotations

from datetime import timedelta

from shared.errors import SweepError
from shared.model import Witness
from shared.query.answer import NUMBERS, Answer, check_columns

TABLE = "EmailPostDeliveryEvents"
COLUMNS = ("Seen", "Shown", "SeenInWeek", "ShownInWeek")
SETTLED = timedelta(hours=2)
"""A removal that is younger may not have reached EmailEvents yet, and is not compared."""
WEEK = timedelta(days=7)
ENOUGH = 20
"""Fewer pairs say nothing by themselves."""


def read_witness(answer: Answer) -> Witness:
    """The response to witness.kql: of the whole window and its last week, whichever shows the smaller share.

    The last week counts only when it has seen enough: a fault of some days ago is small in a window of 30.

    Raises:
        PartialData: when a column is missing, mistyped or not a count, or more is shown than was seen.
    """
    check_columns(answer, COLUMNS, (NUMBERS,) * len(COLUMNS))
    rows = [tuple(row)[: len(COLUMNS)] for row in answer.rows]
    if len(rows) != 1:
        raise answer.malformed("Seen", f"in {len(rows)} rows where one is expected")
    for name, cell in zip(COLUMNS, rows[0], strict=True):
        if type(cell) is not int or cell < 0:
            raise answer.malformed(name, "that is not a count")
    seen, shown, seen_in_week, shown_in_week = rows[0]
    if shown > seen or shown_in_week > seen_in_week:
        raise answer.malformed("Shown", "that is more than was seen")
    window, week = Witness(seen, shown), Witness(seen_in_week, shown_in_week)
    if week.seen < ENOUGH or window.seen < ENOUGH:
        return window
    return min(window, week, key=lambda each: each.shown / each.seen)


def not_asked(error: SweepError) -> str:
    """The note about a witness that could not be asked."""
    return f"could not ask {TABLE} for the removals that it has seen, so there is no second witness: {error}"
