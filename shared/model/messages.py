"""Messages as the ledger remembers them: all by hash, the newest in full."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from shared.model.findings import Evidence

NEWEST_KEPT = 20
"""So many of the messages that are owed are kept in full; the rest by hash."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Seen(NamedTuple):
    """When a reported message got its state, in minutes since 1970, and the day (since 1970) it was last seen."""

    minute: int
    day: int


@dataclass(frozen=True, slots=True)
class Messages:
    """Messages of one recipient: `times` maps the hash of each to its state time, in minutes since 1970.

    `newest` are those that are known in full, the newest state time first: all of today's, at most 20 of an earlier
    sweep's.
    """

    times: Mapping[int, int] = field(default_factory=dict)
    newest: tuple[Evidence, ...] = ()

    def __len__(self) -> int:
        """How many messages."""
        return len(self.times)

    @classmethod
    def of(cls, evidence: Iterable[Evidence]) -> Messages:
        """One per message id, the newest state of each."""
        times: dict[int, int] = {}
        newest: list[Evidence] = []
        for item in sorted(evidence, key=lambda each: each.state_time, reverse=True):
            key = message_hash(item.message_id)
            if key not in times:
                times[key] = minute_number(item.state_time)
                newest.append(item)
        return cls(times, tuple(newest))

    def without(self, hashes: Collection[int]) -> Messages:
        """Those whose hash is not among these."""
        if not hashes or not any(key in hashes for key in self.times):
            return self
        return Messages(
            {key: minute for key, minute in self.times.items() if key not in hashes},
            tuple(item for item in self.newest if message_hash(item.message_id) not in hashes),
        )

    def since(self, edge: datetime | None) -> Messages:
        """Those whose state time may be at or after `edge`, to the minute; all when it is None."""
        if edge is None:
            return self
        first = minute_number(edge)
        return self.without({key for key, minute in self.times.items() if minute < first})

    def joined(self, others: Messages) -> Messages:
        """Both; of a message that is in both, this one's state."""
        added = others.without(self.times.keys())
        if not added:
            return self
        newest = sorted((*self.newest, *added.newest), key=lambda item: item.state_time, reverse=True)
        return Messages({**added.times, **self.times}, tuple(newest))

    def cut(self) -> Messages:
        """As they are written down: all hashes, the newest 20 in full."""
        return self if len(self.newest) <= NEWEST_KEPT else Messages(self.times, self.newest[:NEWEST_KEPT])


NO_MESSAGES = Messages()


def message_hash(message_id: str) -> int:
    """The 8-byte hash (unsigned) by which a message id is remembered; case-insensitive, the same on every machine."""
    return int.from_bytes(hashlib.blake2b(message_id.lower().encode(), digest_size=8).digest())


def minute_number(when: datetime) -> int:
    """Whole minutes since 1970; 0 for what is before."""
    return max(int((when - _EPOCH).total_seconds() // 60), 0)


def day_number(when: datetime) -> int:
    """Whole days since 1970 of a UTC time."""
    return max((when - _EPOCH).days, 0)


def time_of_minute(minute: int) -> datetime:
    """The time so many minutes after 1970 began."""
    return _EPOCH + timedelta(minutes=minute)
