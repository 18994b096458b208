"""The response to removals.kql: what was counted for each recipient, and by whom it was remediated."""

from __future__ import annotations

from datetime import datetime

from shared.model import Removals
from shared.query.answer import NUMBERS, Answer, check_columns, time_cell

REMOVAL_COLUMNS = ("RecipientEmailAddress", "Sum_case", "Admin", "Automation", "Zap", "Other")


def read_removals(answer: Answer, over: int) -> list[Removals]:
    """Everybody for whom more than `over` was counted.

    Raises:
        PartialData: when a column is missing or mistyped, or a count cannot be true.
    """
    text = frozenset({"string"})
    check_columns(answer, REMOVAL_COLUMNS, (text, *[NUMBERS] * 5))
    found = []
    for cells in answer.rows:
        recipient, total, *by = list(cells)[: len(REMOVAL_COLUMNS)]
        if type(recipient) is not str or not recipient:
            raise answer.malformed(REMOVAL_COLUMNS[0], "that is not an address")
        for name, count in zip(REMOVAL_COLUMNS[1:], (total, *by), strict=True):
            if type(count) is not int or count < 0:
                raise answer.malformed(name, "that is not a count")
        if total <= over:
            raise answer.malformed("Sum_case", f"that does not exceed {over}")
        if sum(by) > total:
            raise answer.malformed("Sum_case", "that is less than what was remediated by somebody")
        found.append(Removals(recipient, total, (by[0], by[1], by[2], by[3])))
    return found


def read_first_row(answer: Answer) -> datetime | None:
    """The response to first_row.kql: the oldest row's time, None when there is no row.

    Raises:
        PartialData: when the column is missing or holds something else.
    """
    check_columns(answer, ("Oldest",), (frozenset({"datetime"}),))
    rows = [list(row) for row in answer.rows]
    return time_cell(answer, "Oldest", rows[0][0]) if rows else None
