"""What the ledger remembers: for each recipient what was reported and what is owed, the cards that may have arrived,
the workspace as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from shared.model.actions import Reason
from shared.model.findings import Counts
from shared.model.incidents import Incident, Severity
from shared.model.messages import Messages, Seen
from shared.model.receipt import Cause


@dataclass(frozen=True, slots=True)
class Attempts:
    """How the attempts at an effect that is owed have gone.

    `owed_since` is by our clock. `marked` is Sentinel's time when the effect was noted as about to be sent, while no
    certain answer has been recorded since: the effect is in doubt. `cause` says why the last attempt failed. `refused`:
    Sentinel will not take it, in whichever form. `told` is the day on which a card last named it as not done, and
    `told_cause` the id of the cause it named.
    """

    owed_since: datetime
    tried: int = 0
    marked: datetime | None = None
    cause: Cause | None = None
    refused: bool = False
    told: date | None = None
    told_cause: str = ""

    @property
    def in_doubt(self) -> bool:
        """Whether it may have been done."""
        return self.marked is not None


@dataclass(frozen=True, slots=True)
class OwedCreation:
    """An incident that is to be made.

    `uploaded`: when its row was last handed to the analytics rule, by our clock; then it is awaited until it is seen.
    None: not handed over yet, or no longer awaited. `attempt` is the number of that row, or of the one that comes next.
    `maybe_sent`: a row of this number may be on its way, with these very messages.
    """

    incident_id: str
    episode: int
    reason: Reason
    severity: Severity
    counts: Counts
    messages: Messages
    attempts: Attempts
    uploaded: datetime | None = None
    attempt: int = 1
    maybe_sent: bool = False


@dataclass(frozen=True, slots=True)
class OwedComment:
    """A comment that is to be made on this incident. Its id is derived from the incident and these very messages."""

    incident_id: str
    counts: Counts
    messages: Messages
    attempts: Attempts

    @property
    def fixed(self) -> bool:
        """Whether its messages can be in no other comment: it may have been made, or was refused."""
        return self.attempts.in_doubt or self.attempts.refused


@dataclass(frozen=True, slots=True)
class OwedEscalation:
    """The severity that this incident is to have."""

    incident_id: str
    severity: Severity
    counts: Counts
    attempts: Attempts


Owed = OwedCreation | OwedComment | OwedEscalation


@dataclass(frozen=True, slots=True)
class OurIncident:
    """The last incident of ours about a recipient. `severity` is the one that the sweep set.

    `seen` is as last read, None before the first reading. `deleted`: its own GET said so, twice.
    """

    id: str
    episode: int
    severity: Severity
    made_at: datetime
    seen: Incident | None = None
    deleted: bool = False
    deletion_told: bool = False

    @property
    def open(self) -> bool:
        """Neither deleted nor closed, as far as is known."""
        return not self.deleted and (self.seen is None or self.seen.open)

    @property
    def waiting(self) -> bool:
        """New, and nobody has taken it."""
        return self.open and self.seen is not None and self.seen.status == "New" and not self.seen.owned


@dataclass(frozen=True, slots=True)
class Record:
    """What the ledger holds about one recipient.

    `incident` is None before the first is made. `reported` maps the hash of a message id to when it was remediated and
    last seen. Messages with a state time before `reported_before` count as reported too: after a lost ledger, and when
    the record grew too large. `creation`, `comments` and `escalation` are owed to Sentinel. `tell` says
    why a card about it is owed, `untold` are the messages reported since the last card, with their state times.

    `settled_at`: when an operator took its messages as reported, without an incident. `forgotten`: an operator has had
    the person's data removed, and nobody's address is written down with it; without the address, `recipient` is its
    pseudonym.
    """

    recipient: str
    incident: OurIncident | None = None
    reported: Mapping[int, Seen] = field(default_factory=dict)
    reported_before: datetime | None = None
    counts: Counts = field(default_factory=Counts)
    remediators: str = ""  # who remediated, in a line, as last looked up
    creation: OwedCreation | None = None
    comments: tuple[OwedComment, ...] = ()
    escalation: OwedEscalation | None = None
    tell: Reason | None = None
    untold: Mapping[int, int] = field(default_factory=dict)
    told_at: datetime | None = None
    reminded_at: datetime | None = None
    settled_at: datetime | None = None
    forgotten: bool = False

    @property
    def awaited(self) -> OwedCreation | None:
        """The creation that was handed to the analytics rule, and whose incident nobody has seen yet."""
        owed, ours = self.creation, self.incident
        if owed is None or ours is None or ours.seen is not None or ours.deleted:
            return None
        return owed if owed.incident_id == ours.id else None

    @property
    def owed(self) -> tuple[Owed, ...]:
        """All that is owed to Sentinel."""
        return tuple(each for each in (self.creation, self.escalation, *self.comments) if each is not None)


@dataclass(frozen=True, slots=True)
class ToldFinding:
    """A finding on a card: its recipient, incident and reason, and a digest of the messages told."""

    recipient: str
    incident_id: str
    episode: int
    reason: Reason
    digest: int = 0


@dataclass(frozen=True, slots=True)
class ToldDue:
    """An effect that a card names as not done: of which recipient, on which incident, and why (the cause's id)."""

    recipient: str
    incident_id: str
    cause: str


@dataclass(frozen=True, slots=True)
class CardNote:
    """A card that was noted before it was posted, and not yet taken into the records.

    `doubtful` counts the posts that Teams may have taken and did not answer for. `accepted`: Teams took it. Of what it
    tells: findings; effects that are due; `unanswered`, the findings named in a line because cards about them may have
    arrived; recipients reminded of, and whose deleted incident is mentioned; ids of causes (why the sweep failed, is
    not trusted, or left something due). `round`: the round in which it was last posted, "" outside of one.
    """

    id: str
    day: date
    doubtful: int = 1
    accepted: bool = False
    findings: tuple[ToldFinding, ...] = ()
    due: tuple[ToldDue, ...] = ()
    unanswered: tuple[ToldFinding, ...] = ()
    reminders: tuple[str, ...] = ()
    deletions: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    round: str = ""


@dataclass(frozen=True, slots=True)
class WorkspaceState:
    """What the ledger holds about the workspace as a whole.

    `listed_to`: the newest modification that a list of our incidents has shown, by Sentinel's clock. `looked_from`: the
    start of the window of the last sweep that planned, and `lookback_days` its length. `lengthened_at`: when a sweep
    last had a longer look-back than the one before it, whose window began at `unseen_before`. `checked_guid`: the
    workspace's customerId when it was last seen to be the GUID of the settings. `history_known`: SecurityIncident has
    answered once (that it is not there is an answer, too). `card_at`: when Teams last took a card. `causes_told`: ids
    of the causes told on `causes_day`. `accepted_coverage_since`: an operator accepted a lasting change of the data;
    what the tables held before this UTC day is no measure of it. `rule_used`: whether findings were ever handed to
    the analytics rule; None where that is not known. `in_defender`: on the day `portals_looked` the workspace was
    onboarded to the Defender portal; what its analysts do not see was told on a card on `portals_told`. `query_by`:
    the way by which queries were last answered, "api" or "arm"; "" where there is one way only.
    """

    listed_to: datetime | None = None
    lookback_days: int | None = None
    looked_from: datetime | None = None
    unseen_before: datetime | None = None
    lengthened_at: datetime | None = None
    checked_guid: str = ""
    history_known: bool = False
    card_at: datetime | None = None
    begun_at: datetime | None = None
    causes_day: date | None = None
    causes_told: tuple[str, ...] = ()
    accepted_coverage_since: date | None = None
    rule_used: bool | None = None
    in_defender: bool = False
    portals_looked: date | None = None
    portals_told: date | None = None
    query_by: str = ""
