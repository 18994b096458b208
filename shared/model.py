"""The nouns of the sweep: what it hunts, decides, writes down and reports.

Frozen, slotted dataclasses and enums; no I/O, no wire shapes. All times are aware and in UTC.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

RULE_ID = UUID("99713387-9d61-49eb-8edc-f51153d8bb01")
RULE_NAME = "Listing Email Remediation Actions via Explorer"
RULE_TACTIC = "InitialAccess"
RULE_TECHNIQUE = "T1566"
LABEL = "email-remediation-sweep"


class Remedy(StrEnum):
    """The four `LatestDeliveryAction` values the rule counts, as the table spells them."""

    HARD_DELETE = "Hard delete"
    SOFT_DELETE = "Soft delete"
    MOVE_TO_JUNK = "Moved to junk folder"
    MOVE_TO_DELETE = "Moved to deleted items"


class Severity(StrEnum):
    """Sentinel's four severities, as its API spells them; the sweep sets Medium or High only."""

    INFORMATIONAL = "Informational"
    LOW = "Low"
    MEDIUM = "Medium"
    HIGH = "High"

    @property
    def rank(self) -> int:
        """0 for Informational up to 3 for High."""
        return list(Severity).index(self)


class Verdict(StrEnum):
    """How a sweep ended; exactly one of these, and `clean` never by accident."""

    CLEAN = "clean"
    FLAGGED = "flagged"
    UNTRUSTED = "untrusted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something went wrong: `id` short and stable ("sentinel_forbidden"), `text` says it and what to do."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Window:
    """The look-back: `start` (inclusive) to `end`, by `TimeGenerated`."""

    start: datetime
    end: datetime

    @property
    def days(self) -> int:
        """Whole days from start to end."""
        return round((self.end - self.start).total_seconds() / 86_400)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One remediated message of a finding. `subject` is an attacker's text, at most 256 characters."""

    message_id: str
    time: datetime
    subject: str
    remedy: Remedy
    state_time: datetime
    generated: datetime


@dataclass(frozen=True, slots=True)
class Counts:
    """How many messages each of the four actions was counted for; exact, even where lists are cut."""

    hard_delete: int = 0
    soft_delete: int = 0
    move_to_junk: int = 0
    move_to_delete: int = 0

    @property
    def total(self) -> int:
        """`Sum_case`."""
        return self.hard_delete + self.soft_delete + self.move_to_junk + self.move_to_delete


@dataclass(frozen=True, slots=True)
class Finding:
    """A recipient over the threshold. `recipient` is lower-cased.

    `cells` are the hunt's undecoded list columns; `decode` turns them into evidence, so that a large answer is
    decoded only for the findings somebody reads. Reading may raise what `decode` raises for a cell that lies.
    """

    recipient: str
    counts: Counts
    cells: Any = field(repr=False)
    decode: Callable[[Any], tuple[Evidence, ...]] = field(repr=False, compare=False)

    @property
    def total(self) -> int:
        """`Sum_case`."""
        return self.counts.total

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The messages, newest state time first; decoded anew at each reading. At most 5,000 per action."""
        return self.decode(self.cells)

    @classmethod
    def of(cls, recipient: str, evidence: tuple[Evidence, ...]) -> Finding:
        """A finding made of decoded evidence, its counts being those of the evidence."""
        seen = Counter(item.remedy for item in evidence)
        counts = Counts(*(seen[remedy] for remedy in Remedy))
        return cls(recipient, counts, evidence, tuple)


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the table held when it was hunted: the ground under a verdict. Counts are of rows in the window."""

    rows: int
    last_day: int
    newest: datetime | None
    filled: float
    actions: Mapping[str, int] = field(default_factory=dict)
    unknown_actions: Mapping[str, int] = field(default_factory=dict)
    messages: int = 0
    without_recipient: int = 0
    last_rows: datetime | None = None


@dataclass(frozen=True, slots=True)
class Incident:
    """A Sentinel incident as last read. `classification` is "" while it is not closed with one."""

    id: str
    status: str
    severity: Severity
    classification: str = ""
    owned: bool = False
    number: int | None = None
    url: str = ""
    created: datetime | None = None
    modified: datetime | None = None
    comments: int = 0
    episode: int | None = None
    title: str = field(default="", compare=False)

    @property
    def open(self) -> bool:
        """New or Active."""
        return self.status != "Closed"


class Act(StrEnum):
    """What is done in Sentinel about a finding."""

    CREATE = "create"
    ESCALATE = "escalate"  # raise the severity, and comment with the new messages
    COMMENT = "comment"
    COUNT = "count"  # the incident's comments are used up: counted, and told on the card only
    NOTHING = "nothing"


class Reason(StrEnum):
    """Why: each row of the decision table, in the log, the incident, the card and the receipt."""

    FIRST = "first"  # over the threshold, no incident known
    REOPENED = "reopened"  # closed true positive, undetermined or unclassified; more than a threshold of new messages
    REOPENED_BENIGN = "reopened_benign"  # closed benign or false positive; more than factor x threshold of new ones
    RECREATED = "recreated"  # deleted; more than a threshold of new messages
    ESCALATED = "escalated"  # Sum_case now reaches High
    GREW = "grew"  # new messages on an open incident
    COMMENTS_FULL = "comments_full"  # new messages, but the incident takes no more comments
    STANDING = "standing"  # open, nothing new
    SETTLED = "settled"  # closed or deleted, not enough new
    ADOPTED = "adopted"  # an open incident of ours that the ledger did not know: told again, to be sure
    HELD = "held"  # more new incidents than MAX_NEW_INCIDENTS: raised by the following sweeps
    EXCLUDED = "excluded"


@dataclass(frozen=True, slots=True)
class Action:
    """The plan for one finding. `new` are the messages not yet reported for this recipient."""

    act: Act
    reason: Reason
    recipient: str
    episode: int
    incident_id: str
    severity: Severity
    new: tuple[Evidence, ...] = ()
    tell: bool = False
    previous: str = ""  # id of the incident of the episode before, "" for the first


@dataclass(frozen=True, slots=True)
class Record:
    """What the ledger holds about one recipient.

    `reported` maps the hash of a message id to the day (days since 1970) it was last seen. `tell` says why a card
    about it is still due; `untold` counts the messages reported since the last card. `incident` is as last read, None
    before the first reading; `deleted` once its own GET said 404. Messages with a state time before `reported_before`
    count as reported too: after a lost ledger, and when the record grew too large to hold them all.
    """

    recipient: str
    episode: int
    incident_id: str
    severity: Severity
    reported: Mapping[int, int]
    counts: Counts
    raised_at: datetime
    untold: int = 0
    tell: Reason | None = None
    told_at: datetime | None = None
    reminded_at: datetime | None = None
    incident: Incident | None = None
    deleted: bool = False
    deletion_told: bool = False
    reported_before: datetime | None = None
    remediators: str = ""  # who remediated, in a line, as last asked


class IntentKind(StrEnum):
    """The effects that are written down before they are tried."""

    CREATE = "create"
    COMMENT = "comment"
    ESCALATE = "escalate"
    CARD = "card"


@dataclass(frozen=True, slots=True)
class Intent:
    """One effect, rendered, as it will be sent, word for word, also by a later sweep.

    `body` is the JSON that is sent (for ESCALATE: nothing, the merge needs the fresh incident). `messages` are hashes
    of the message ids it reports. `tells` (cards): the `key()` of each thing told. `accepted` (cards): Teams took it,
    the records are not all updated yet. `told` remembers the cause and day for which on-call was told that this effect
    is due. `held` (creations): MAX_NEW_INCIDENTS holds it back, it is not to be tried yet.
    """

    id: str
    kind: IntentKind
    noted_at: datetime
    body: str
    recipient: str = ""
    incident_id: str = ""
    episode: int = 0
    reason: Reason | None = None
    severity: Severity = Severity.MEDIUM
    counts: Counts = Counts()
    messages: tuple[int, ...] = ()
    tell: bool = False
    tells: tuple[str, ...] = ()
    accepted: bool = False
    told: str = ""
    remediators: str = ""
    held: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """What the ledger holds about the workspace as a whole.

    `listed_to`: the newest modification that a list of our incidents has shown, by Sentinel's clock. `lookback_days`:
    of the last sweep that planned. `checked_guid`: the workspace's customerId when it was last seen to be the GUID of
    the settings. `card_at`: when Teams last took a card. `causes`: what was told as failed or due, each as "day/cause".
    """

    listed_to: datetime | None = None
    lookback_days: int | None = None
    checked_guid: str = ""
    card_at: datetime | None = None
    begun_at: datetime | None = None
    causes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one sweep did: one log line and one ledger row. Counts, never addresses."""

    run_id: str
    version: str
    settings: str
    workspace: str
    started: datetime
    seconds: float
    event: str
    verdict: Verdict | None
    reasons: tuple[str, ...] = ()
    dry_run: bool = False
    window: Window | None = None
    coverage: Coverage | None = None
    flagged: int = 0
    created: int = 0
    commented: int = 0
    raised: int = 0
    standing: int = 0
    settled: int = 0
    excluded: int = 0
    held: int = 0
    due: int = 0
    told: int = 0
    reminded: int = 0
    card_id: str = ""
    requests: Mapping[str, int] = field(default_factory=dict)
    retries: int = 0
    notes: tuple[str, ...] = ()


def message_hash(message_id: str) -> int:
    """The 8-byte hash (unsigned) by which a message id is remembered; case-insensitive, the same on every machine."""
    return int.from_bytes(hashlib.blake2b(message_id.lower().encode(), digest_size=8).digest())


def incident_id(workspace_resource_id: str, recipient: str, episode: int) -> str:
    """The incident's id, derived from what it is about, so that a second attempt meets the first."""
    return str(uuid5(RULE_ID, f"{workspace_resource_id.lower()}|{recipient}|{episode}"))
