"""A round: one sweep of every entry of `workspaces.json`. As which entry a sweep runs, and how a round ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class RoundEntry:
    """As which entry of `workspaces.json` a sweep runs.

    `name` is the entry's, "" where there are no entries. `round` is the id of the round, "" outside of one. `since`:
    when the first try of this entry in this round began, by our clock; what was done since then was done by this round.
    `shares_channel`: another entry posts to the same webhook, so notices and heartbeats go on the round's card.
    """

    name: str = ""
    round: str = ""
    since: datetime | None = None
    shares_channel: bool = False

    @property
    def in_round(self) -> bool:
        """Whether it is part of a round."""
        return bool(self.round)


ALONE = RoundEntry()
"""The one workspace of a deployment that has no entries."""


class EntryEnd(StrEnum):
    """How an entry's part in a round ended. The first four are verdicts of its sweep."""

    CLEAN = "clean"
    FLAGGED = "flagged"
    UNTRUSTED = "untrusted"
    FAILED = "failed"
    PLANNED = "planned"  # a dry run
    REMOVED = "removed"  # no entry has this name any more
    ABANDONED = "abandoned"  # as many tries as allowed began, and the last one never ended
    MISSING = "missing"  # the round's deadline came first


@dataclass(frozen=True, slots=True)
class EntryTold:
    """How an entry ended in a round, and what its sweeps in this round did, all tries together.

    `reasons` are the last receipt's, "id: text" each, without addresses. `created`, `told` and `seconds` are sums over
    the tries, `due` is what the last one left. `run_url` leads to the log of the last try, "" where it is not known.
    """

    name: str
    end: EntryEnd
    event: str = ""
    reasons: tuple[str, ...] = ()
    created: int = 0
    told: int = 0
    due: int = 0
    seconds: float = 0.0
    dry_run: bool = False
    tries: int = 0
    run_id: str = ""
    run_url: str = ""


@dataclass(frozen=True, slots=True)
class RoundTold:
    """A round that has ended, as its log line and its card tell it.

    `by_hand`: somebody started it, not the schedule. `new` and `gone`: names that this round has and the one before had
    not, and the other way round. `heartbeat`: the card is posted as a sign of life; `since` is when the last one was
    accepted, None when there was none. The URLs are "" where they are not known.
    """

    round: str
    began: datetime
    ended: datetime
    entries: tuple[EntryTold, ...]
    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    by_hand: bool = False
    heartbeat: bool = False
    since: datetime | None = None
    mentions: tuple[str, ...] = ()
    runbook_url: str = ""
    log_url: str = ""
    workbook_url: str = ""

    @property
    def counts(self) -> Mapping[EntryEnd, int]:
        """How many entries ended in each way; 0 for a way in which none did."""
        return Counter(entry.end for entry in self.entries)

    @property
    def seconds(self) -> float:
        """From its begin to its end."""
        return (self.ended - self.began).total_seconds()
