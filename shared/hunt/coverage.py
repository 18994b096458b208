"""What the table held: the response to coverage.kql, as figures for each 24 hours of the window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from shared.model import Coverage, Remedy, Slot, Window
from shared.query.answer import NUMBERS, Answer, check_columns, time_cell

COUNTS = ("Rows", "WithoutRecipient", "Messages", "Filled", "Known", "Unattributable", "Removals")
COLUMNS = ("Scope", "Slot", "Kind", "Action", "Rows", "Newest", *COUNTS[1:])
_TEXT, _TIME = frozenset({"string"}), frozenset({"datetime"})
_TYPES = (_TEXT, NUMBERS, _TEXT, _TEXT, NUMBERS, _TIME, *(NUMBERS,) * 6)

KINDS = ("counted", "known", "suspicious", "unknown")
"""What coverage.kql takes a word for: one of the four, no removal, perhaps a removal, something else."""
DAY = timedelta(days=1)
LOOK_FURTHER = timedelta(days=90)
"""So far back the last row is looked for when the window is empty."""
MOST_WORDS = 20
"""So many unknown words are named, those that look like a removal first."""
_SPELLING = {remedy.value.casefold(): remedy.value for remedy in Remedy}

Cells = Mapping[str, Any]
"""One row of the response, by column."""


def read_coverage(answer: Answer, window: Window) -> Coverage:
    """The coverage in the response to coverage.kql, with a slot for each whole day of the window.

    Raises:
        PartialData: when a column is missing, mistyped or not a count, or a row is none that the query can return.
    """
    check_columns(answer, COLUMNS, _TYPES)
    slots: dict[int, Cells] = {}
    words: list[Cells] = []
    for cells in answer.rows:
        row = dict(zip(COLUMNS, cells, strict=False))
        _check(answer, row)
        if row["Scope"] == "action":
            words.append(row)
        elif row["Slot"] in slots:
            raise answer.malformed("Slot", "that comes twice")
        else:
            slots[row["Slot"]] = row
    times = [time for row in slots.values() if (time := time_cell(answer, "Newest", row["Newest"]))]
    unknown = _by_word(words, "suspicious") + _by_word(words, "unknown")
    return Coverage(
        rows=sum(row["Rows"] for row in slots.values()),
        newest=max(times, default=None),
        slots=slots_of(window, slots),
        actions=_actions(words),
        unknown_actions=dict(unknown[:MOST_WORDS]),
        suspicious=dict(_by_word(words, "suspicious")[:MOST_WORDS]),
        without_recipient=sum(row["WithoutRecipient"] for row in slots.values()),
    )


def slots_of(window: Window, found: Mapping[int, Cells]) -> tuple[Slot, ...]:
    """The slots of the window's whole days, the oldest first, from what was `found` by number; 0 is the newest."""
    return tuple(_slot(window.end - (number + 1) * DAY, found.get(number)) for number in reversed(range(window.days)))


def read_last_rows(answer: Answer) -> datetime | None:
    """When the table last had a row, from the response to last_rows.kql.

    Raises:
        PartialData: when the column is missing, mistyped or not a time.
    """
    check_columns(answer, ("Newest",), (_TIME,))
    times = [time_cell(answer, "Newest", cell) for cell, *_ in answer.rows]
    return times[0] if times else None


def _check(answer: Answer, row: Cells) -> None:
    if row.get("Scope") not in ("slot", "action"):
        raise answer.malformed("Scope", "that is neither a slot nor an action")
    about_word = row["Scope"] == "action"
    for name in ("Rows",) if about_word else ("Slot", *COUNTS):
        if type(row.get(name)) is not int or row[name] < 0:
            raise answer.malformed(name, "that is not a count")
    if about_word and row["Kind"] not in KINDS:
        raise answer.malformed("Kind", "that is not a known kind of word")
    if about_word and not isinstance(row["Action"], str):
        raise answer.malformed("Action", "that is not text")


def _slot(start: datetime, row: Cells | None) -> Slot:
    """Numbers of distinct messages may be estimates, so that one may exceed another by a little that it is part of."""
    if row is None:
        return Slot(start, 0, 0, 0, 0, 0)
    messages = row["Messages"]
    filled = min(row["Filled"], messages)
    unknown = max(filled - row["Known"], 0)
    return Slot(start, messages, filled, unknown, min(row["Unattributable"], messages), min(row["Removals"], filled))


def _by_word(words: list[Cells], kind: str) -> list[tuple[str, int]]:
    """Rows by word, the most frequent first; words that differ by case only are one, as the first is spelled."""
    found: Counter[str] = Counter()
    spelling: dict[str, str] = {}
    for row in words:
        if row["Kind"] == kind:
            word = row["Action"]
            found[spelling.setdefault(word.casefold(), word)] += row["Rows"]
    return found.most_common()


def _actions(words: list[Cells]) -> dict[str, int]:
    """Rows by known word: the four as the rule spells them, then the others."""
    counted = {_SPELLING.get(word.casefold(), word): rows for word, rows in _by_word(words, "counted")}
    order = [name for name in _SPELLING.values() if name in counted]
    rest = [name for name in counted if name not in order]
    return {name: counted[name] for name in (*order, *rest)} | dict(_by_word(words, "known"))
