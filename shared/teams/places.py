"""Which entry gets which place on a card: in detail, in a line, or by number only."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum

from shared.teams.alert import Entry, OtherReason

_DETAILS = 8
_DETAILS_OF_MANY = range(2, 6)  # with more than _DETAILS, a phone shows the names sooner than the tenth button
MOST_NAMED = 39
"""Recipients that one card names at most."""


class Group(IntEnum):
    """What the entries of a card are, in the order in which they stand there."""

    REFUSED = 0
    FINDING = 1
    UNANSWERED = 2
    REMINDER = 3
    DELETION = 4


_GROUPS = {
    OtherReason.NOT_RAISED: Group.REFUSED,
    OtherReason.UNANSWERED: Group.UNANSWERED,
    OtherReason.REMINDER: Group.REMINDER,
    OtherReason.DELETED: Group.DELETION,
}


@dataclass(frozen=True, slots=True)
class Places:
    """Who stands on a card how; each in the order of the card. `rest` are those told by number."""

    details: tuple[Entry, ...]
    lines: tuple[Entry, ...]
    rest: tuple[Entry, ...]

    @property
    def told(self) -> tuple[Entry, ...]:
        """Who counts as told."""
        return (*self.details, *self.lines, *(entry for entry in self.rest if not entry.by_name))


def group_of(entry: Entry) -> Group:
    """The group that an entry belongs to."""
    return _GROUPS.get(entry.reason, Group.FINDING) if isinstance(entry.reason, OtherReason) else Group.FINDING


def in_order(entries: Sequence[Entry]) -> list[Entry]:
    """By group, then highest severity and count first. Of what was not raised, who waits longest to be named is first:
    no list shows them, and a card that names the same ones each day would never name the others.
    """

    def place(entry: Entry) -> tuple[object, ...]:
        named = entry.named_on or date.min
        return (group_of(entry), named, -entry.severity.rank, -entry.total, entry.recipient)

    return sorted(entries, key=place)


def arrangements(ordered: Sequence[Entry]) -> Iterator[Places]:
    """The ways to place these entries, best first: as many names as there is room for, and of these as many in detail.

    Few entries may all stand in detail; of many, the first ones do, and two of them even when more would be named
    without.
    """
    count = len(ordered)
    few = count <= _DETAILS
    for named in range(min(count, MOST_NAMED), 0, -1):
        most = count if few else _DETAILS_OF_MANY[-1]
        least = 0 if few or named <= _DETAILS_OF_MANY[0] else _DETAILS_OF_MANY[0]
        for details in range(min(most, named), least - 1, -1):
            yield _placed(ordered, details, named - details)


def _placed(ordered: Sequence[Entry], details: int, lines: int) -> Places:
    """So many of them in detail and in lines. A quarter of the places that refusals leave is kept for what Teams did
    not answer for: behind ever new findings it would never be named."""
    members = Counter(group_of(entry) for entry in ordered)
    free = max(details + lines - members[Group.REFUSED], 0)
    kept = min(members[Group.UNANSWERED], math.ceil(free / 4))
    places = {Group.REFUSED: details + lines, Group.FINDING: free - kept}
    named: list[Entry] = []
    rest: list[Entry] = []
    start = 0
    for group in Group:
        these = ordered[start : start + members[group]]
        room = min(details + lines - len(named), places.get(group, len(these)))
        named += these[:room]
        rest += these[room:]
        start += len(these)
    return Places(tuple(named[:details]), tuple(named[details:]), tuple(rest))
