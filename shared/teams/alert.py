"""What a card is made from: the entries that are told, and the situation they are told in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from shared.model import Cause, Counts, Coverage, Reason, Severity, Verdict, Window


class Also(StrEnum):
    """Why a recipient is on a card when no row of the plan put it there."""

    NOT_RAISED = "not_raised"  # Sentinel did not take it; told again, with the link, once it did
    REMINDER = "reminder"  # its incident has been New and unowned for too long
    DELETED = "deleted"  # somebody deleted its incident; mentioned once


class Notice(StrEnum):
    """What a card tells that is not about recipients."""

    FAILED = "failed"
    UNTRUSTED = "untrusted"
    DUE = "due"
    HEARTBEAT = "heartbeat"


@dataclass(frozen=True, slots=True)
class Entry:
    """One recipient to tell about.

    `new`: messages not told before. `url`: its incident in the portal, "" when there is none. `number`: Sentinel's
    incident number. `subjects`: only with CARD_SUBJECTS, newest first. `cause`: why it was not raised. `since`: when
    the incident was made (reminders).
    """

    recipient: str
    incident_id: str
    episode: int
    reason: Reason | Also
    severity: Severity
    counts: Counts
    new: int = 0
    url: str = ""
    number: int | None = None
    subjects: tuple[str, ...] = ()
    remediators: str = ""
    cause: str = ""
    since: datetime | None = None

    @property
    def total(self) -> int:
        """`Sum_case`."""
        return self.counts.total

    def key(self, now: datetime) -> str:
        """What is told, as a short text: incident, episode and reason, and what tells two tellings of them apart."""
        key = f"{self.incident_id}|{self.episode}|{self.reason.value}"
        if self.reason in (Also.NOT_RAISED, Also.REMINDER):
            return f"{key}|{day(now)}"
        if self.reason in (Reason.GREW, Reason.COMMENTS_FULL):  # an incident grows more than once
            return f"{key}|{day(now)}|{self.total}"
        return key


@dataclass(frozen=True, slots=True)
class Situation:
    """The sweep that tells. `workspace` is its name, `reasons` say why the verdict is untrusted or failed, `causes` why
    effects are still due, `mentions` are UPNs. `sweeps` (heartbeats): how many there were since `since`, the last card.
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


@dataclass(frozen=True, slots=True)
class Card:
    """A card ready to post: `body` is the webhook's whole JSON, `tells` the keys of all it tells, sorted."""

    id: str
    body: str
    tells: tuple[str, ...]


def day(moment: datetime) -> str:
    """The UTC day, as in the ids of what is told once a day."""
    return moment.astimezone(UTC).date().isoformat()
