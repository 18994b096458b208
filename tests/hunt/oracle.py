"""What the hunt has to find, in plain Python and without the project's code: the design's "What is counted"."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

ACTIONS = ("Hard delete", "Soft delete", "Moved to junk folder", "Moved to deleted items")
_RANKS = {action.lower(): 4 - place for place, action in enumerate(ACTIONS)}
LONGEST_LIST, LONGEST_SUBJECT = 5_000, 256


@dataclass(frozen=True, slots=True, order=True)
class Item:
    """One counted message. Times are ISO 8601 text with seven digits."""

    state: str
    generated: str
    rank: int
    time: str
    subject: str
    message: str

    @property
    def listed(self) -> str:
        r"""As the hunt lists it: `NetworkMessageId\Timestamp\Subject`."""
        return f"{self.message}\\{self.time}\\{self.subject}"


@dataclass(frozen=True, slots=True)
class Flagged:
    """A recipient over the threshold: exact counts and the listed items, by action in the order of ACTIONS."""

    recipient: str
    counts: tuple[int, ...]
    lists: tuple[tuple[Item, ...], ...]


def seven_digits(value: str | datetime | None) -> str:
    """A time in its one form, such as 2026-11-23T07:55:45.7357933Z; "" for none."""
    if value is None or value == "":
        return ""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{value.microsecond:06d}0Z"
    seconds, _, fraction = value.rstrip("Z").partition(".")
    return f"{seconds.replace(' ', 'T')}.{fraction:0<7}Z"


def item_of(row: Mapping[str, Any]) -> Item:
    """A row as the counting sees it."""
    generated = seven_digits(row["TimeGenerated"])
    return Item(
        state=seven_digits(row.get("LastEventExecutionTime")) or generated,
        generated=generated,
        rank=_RANKS.get(str(row["LatestDeliveryAction"]).lower(), 0),
        time=seven_digits(row.get("Timestamp")) or generated,
        subject=(row.get("Subject") or "")[:LONGEST_SUBJECT],
        message=row["NetworkMessageId"],
    )


def hunt(
    rows: Iterable[Mapping[str, Any]], start: datetime, end: datetime, *, threshold: int, deduplicate: bool
) -> list[Flagged]:
    """Everybody over the threshold, `Sum_case` descending, then by recipient."""
    candidates: dict[str, list[Item]] = defaultdict(list)
    for row in rows:
        recipient, action = row.get("RecipientEmailAddress"), row.get("LatestDeliveryAction")
        if recipient and action and seven_digits(start) <= seven_digits(row["TimeGenerated"]) <= seven_digits(end):
            candidates[recipient.lower()].append(item_of(row))
    found = []
    for recipient, items in candidates.items():
        counted = [item for item in (_newest(items) if deduplicate else items) if item.rank]
        if len(counted) > threshold:
            counted.sort(key=lambda item: item.message)
            counted.sort(
                key=lambda item: (item.state, item.generated, item.rank, item.time, item.subject), reverse=True
            )
            lists = [[item for item in counted if item.rank == rank] for rank in (4, 3, 2, 1)]
            found.append(
                Flagged(
                    recipient,
                    tuple(len(each) for each in lists),
                    tuple(tuple(each[:LONGEST_LIST]) for each in lists),
                )
            )
    return sorted(found, key=lambda one: (-sum(one.counts), one.recipient))


def _newest(items: Iterable[Item]) -> list[Item]:
    """Of each message the newest row, by state time; of several of that time the later, counted, harsher one."""
    newest: dict[str, Item] = {}
    for item in items:
        if item.message not in newest or newest[item.message] < item:
            newest[item.message] = item
    return list(newest.values())
