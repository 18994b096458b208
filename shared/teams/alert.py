"""What a card is made from: the entries on it, and the situation of the sweep that posts it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum

from shared.model import Campaign, Cause, Counts, Coverage, Reason, Severity, Verdict, Window

_POSITIVE = (1 << 63) - 1  # the ledger keeps signed integers of 64 bits


class OtherReason(StrEnum):
    """Why a recipient is on a card when no row of the plan put it there."""

    NOT_RAISED = "not_raised"  # Sentinel did not take what is owed; shown again, with the link, once it did
    UNANSWERED = "unanswered"  # cards about it may have arrived: Teams did not answer
    REMINDER = "reminder"  # its incident has been New and unowned for too long
    DELETED = "deleted"  # somebody deleted its incident; mentioned once


class Notice(StrEnum):
    """What a card tells that is not about recipients."""

    FAILED = "failed"
    UNTRUSTED = "untrusted"
    DUE = "due"
    HEARTBEAT = "heartbeat"
    NEW_WORD = "new_word"


_ONCE_A_DAY = (OtherReason.NOT_RAISED, OtherReason.UNANSWERED, OtherReason.REMINDER)
_BY_NAME = (OtherReason.NOT_RAISED, OtherReason.UNANSWERED)


@dataclass(frozen=True, slots=True)
class Entry:
    """One recipient on a card.

    `messages`: the hashes of the messages told with it, `new`: how many its words say are new. `url`: its incident in
    the portal, "" when there is none. `number`: Sentinel's incident number. `subjects`: only with CARD_SUBJECTS, newest
    first. `cause`: why it was not raised. `since`: when the incident was made (reminders). `domains`: of the senders,
    the most frequent first, with their messages; `senders` likewise their addresses, only with CARD_SUBJECTS.
    `awaited`: the analytics rule makes its incident, which is not there yet; `url` then searches for it.
    """

    recipient: str
    incident_id: str
    episode: int
    reason: Reason | OtherReason
    severity: Severity
    counts: Counts
    messages: tuple[int, ...] = ()
    new: int = 0
    url: str = ""
    number: int | None = None
    subjects: tuple[str, ...] = ()
    remediators: str = ""
    cause: str = ""
    since: datetime | None = None
    named_on: date | None = None  # the day of the last card that named it as not raised
    domains: tuple[tuple[str, int], ...] = ()
    senders: tuple[tuple[str, int], ...] = ()
    awaited: bool = False

    @property
    def total(self) -> int:
        """`Sum_case`."""
        return self.counts.total

    @property
    def by_name(self) -> bool:
        """Whether a card tells it only by naming it: no incident list shows what was not raised or not confirmed."""
        return self.reason in _BY_NAME

    def digest(self) -> int:
        """A number of at most 63 bits for the messages told: the same in any order, on every machine; 0 for none."""
        if not self.messages:
            return 0
        hashes = b"".join(each.to_bytes(8) for each in sorted(set(self.messages)))
        return int.from_bytes(hashlib.blake2b(hashes, digest_size=8).digest()) & _POSITIVE

    def key(self, now: datetime) -> str:
        """What is told: incident, episode, reason and messages, and the UTC day of what is told once a day."""
        key = f"{self.incident_id}|{self.episode}|{self.reason.value}|{self.digest()}"
        return f"{key}|{utc_day(now)}" if self.reason in _ONCE_A_DAY else key


@dataclass(frozen=True, slots=True)
class Situation:
    """The sweep that posts the card. `workspace` is its name, `reasons` say why the verdict is untrusted or failed,
    `causes` why effects are still due, `mentions` are UPNs. Of the `held`, so many are `held_unremembered`. `sweeps`
    (heartbeats): how many there were since `since`, the last card; `first`: this is the first sweep of a ledger.
    `remarks`: what every card mentions about the data.

    `campaigns`: mail that reached several who are flagged; its senders and subjects are shown, so they are "" without
    CARD_SUBJECTS. So many are `flagged`, the held ones included, the excluded ones not; of so many of them it is known
    from whom their mail came (`looked_up`). `grown` are open incidents with new messages, `standing` those without.
    `run_url` is this run's log, `runbook_url` the page that says what to do about each card. `name`: which of many
    workspaces it is, "" where there is one; every card begins with it.
    """

    workspace: str
    now: datetime
    verdict: Verdict
    threshold: int
    high: int
    window: Window | None = None
    coverage: Coverage | None = None
    reasons: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()
    standing: int = 0
    settled: int = 0
    excluded: int = 0
    held: int = 0
    due: int = 0
    mentions: tuple[str, ...] = ()
    incidents_url: str = ""
    run_url: str = ""
    run_id: str = ""
    sweeps: int = 0
    since: datetime | None = None
    held_unremembered: int = 0
    first: bool = False
    remarks: tuple[str, ...] = ()
    campaigns: tuple[Campaign, ...] = ()
    flagged: int = 0
    looked_up: int = 0
    grown: int = 0
    workbook_url: str = ""
    runbook_url: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """A card ready to post: `body` is the webhook's whole JSON.

    `told` are the entries that count as told once Teams has taken it: all findings, reminders and deletions, but of
    those that must be named (`Entry.by_name`) only the ones that are.
    """

    id: str
    body: str
    told: tuple[Entry, ...] = ()


def utc_day(moment: datetime) -> str:
    """The UTC day, as in the ids of what is told once a day."""
    return moment.astimezone(UTC).date().isoformat()
