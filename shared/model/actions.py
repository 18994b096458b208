"""What is done about a recipient, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from shared.model.findings import Counts
from shared.model.incidents import Severity
from shared.model.messages import NO_MESSAGES, Messages


class Act(StrEnum):
    """What is done in Sentinel about a recipient."""

    CREATE = "create"
    ESCALATE = "escalate"  # raise the severity, and comment with the new messages
    COMMENT = "comment"
    COUNT = "count"  # the incident's comments are used up: new messages are told on the card only
    NOTHING = "nothing"


class Reason(StrEnum):
    """Why: each row of the decision table, in the log, the incident, the card and the receipt."""

    FIRST = "first"  # over the threshold, no incident known
    AFTER_BASELINE = "after_baseline"  # no incident, its messages taken as reported by hand; a threshold of new ones
    REOPENED = "reopened"  # closed true positive, undetermined or unclassified; more than a threshold of new messages
    REOPENED_BENIGN = "reopened_benign"  # closed benign or false positive; more than factor x threshold of new ones
    RECREATED = "recreated"  # deleted; more than a threshold of new messages
    ESCALATED = "escalated"  # Sum_case now reaches High
    GREW = "grew"  # new messages on an open incident
    COMMENTS_FULL = "comments_full"  # new messages, but the incident takes no more comments
    STANDING = "standing"  # open, nothing new
    SETTLED = "settled"  # closed, deleted or taken as reported by hand; not enough new
    ADOPTED = "adopted"  # an open incident of ours that the ledger did not know: told again, to be sure
    HELD = "held"  # more new incidents than MAX_NEW_INCIDENTS: raised by the following sweeps
    EXCLUDED = "excluded"  # EXCLUDED_RECIPIENTS says so today; what is owed waits
    RESTING = "resting"  # what is owed is not over today's threshold; it waits
    AWAITED = "awaited"  # handed to the analytics rule, whose incident nobody has seen yet
    IN_DOUBT = "in_doubt"  # the last attempt to create may have succeeded, and could not be looked up


@dataclass(frozen=True, slots=True)
class Action:
    """The plan for one recipient: `act` on the incident `incident_id`, because of `reason`.

    `messages` are the new ones that it reports, `counts` those of today's finding or of what is owed, whichever has the
    higher `Sum_case`. `tell`: a card is to tell it. `previous` (creations) is the id of the incident of the episode
    before, "" for the first. `refused` says that Sentinel has refused this very effect before.
    """

    act: Act
    reason: Reason
    recipient: str
    episode: int
    incident_id: str
    severity: Severity
    counts: Counts
    messages: Messages = NO_MESSAGES
    tell: bool = False
    previous: str = ""
    refused: bool = False

    @property
    def total(self) -> int:
        """`Sum_case`."""
        return self.counts.total
