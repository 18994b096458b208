"""The types of the sweep: what it hunts, decides, writes down and reports.

Frozen, slotted dataclasses and enums; no I/O, no wire shapes. All times are aware and in UTC.
"""

from shared.model.actions import Act, Action, Reason
from shared.model.coverage import Coverage, Slot, Witness
from shared.model.findings import Counts, Evidence, Finding, Remedy, Window
from shared.model.incidents import (
    ESCALATED_LABEL,
    LABEL,
    MERGED_TAG,
    RULE_ID,
    RULE_NAME,
    RULE_TACTIC,
    RULE_TECHNIQUE,
    Incident,
    Severity,
    incident_id,
)
from shared.model.ledger import (
    Attempts,
    CardNote,
    OurIncident,
    Owed,
    OwedComment,
    OwedCreation,
    OwedEscalation,
    Record,
    ToldDue,
    ToldFinding,
    WorkspaceState,
)
from shared.model.messages import (
    NEWEST_KEPT,
    NO_MESSAGES,
    Messages,
    Seen,
    day_number,
    message_hash,
    minute_number,
    time_of_minute,
)
from shared.model.origin import Campaign, MailGroup, Origin
from shared.model.pseudonym import address_digest, pseudonym, without_person
from shared.model.receipt import Cause, Receipt, Verdict
from shared.model.removals import ACTORS, Removals
from shared.model.rounds import ALONE, EntryEnd, EntryTold, RoundEntry, RoundTold
from shared.model.shares import Shares, in_last_day, in_window

__all__ = [
    "ACTORS",
    "ALONE",
    "ESCALATED_LABEL",
    "LABEL",
    "MERGED_TAG",
    "NEWEST_KEPT",
    "NO_MESSAGES",
    "RULE_ID",
    "RULE_NAME",
    "RULE_TACTIC",
    "RULE_TECHNIQUE",
    "Act",
    "Action",
    "Attempts",
    "Campaign",
    "CardNote",
    "Cause",
    "Counts",
    "Coverage",
    "EntryEnd",
    "EntryTold",
    "Evidence",
    "Finding",
    "Incident",
    "MailGroup",
    "Messages",
    "Origin",
    "OurIncident",
    "Owed",
    "OwedComment",
    "OwedCreation",
    "OwedEscalation",
    "Reason",
    "Receipt",
    "Record",
    "Remedy",
    "Removals",
    "RoundEntry",
    "RoundTold",
    "Seen",
    "Severity",
    "Shares",
    "Slot",
    "ToldDue",
    "ToldFinding",
    "Verdict",
    "Window",
    "Witness",
    "WorkspaceState",
    "address_digest",
    "day_number",
    "in_last_day",
    "in_window",
    "incident_id",
    "message_hash",
    "minute_number",
    "pseudonym",
    "time_of_minute",
    "without_person",
]
