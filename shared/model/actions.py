"""What is done about a finding, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from shared.model.findings import Evidence
from shared.model.incidents import Severity


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
