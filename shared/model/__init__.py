"""The types of the sweep: what it hunts, decides, writes down and reports.

Frozen, slotted dataclasses and enums; no I/O, no wire shapes. All times are aware and in UTC.
"""

from shared.model.actions import Act, Action, Reason
from shared.model.findings import Counts, Coverage, Evidence, Finding, Remedy, Window, message_hash
from shared.model.incidents import (
    LABEL,
    RULE_ID,
    RULE_NAME,
    RULE_TACTIC,
    RULE_TECHNIQUE,
    Incident,
    Severity,
    incident_id,
)
from shared.model.ledger import Intent, IntentKind, Record, Standing
from shared.model.receipt import Cause, Receipt, Verdict

__all__ = [
    "LABEL",
    "RULE_ID",
    "RULE_NAME",
    "RULE_TACTIC",
    "RULE_TECHNIQUE",
    "Act",
    "Action",
    "Cause",
    "Counts",
    "Coverage",
    "Evidence",
    "Finding",
    "Incident",
    "Intent",
    "IntentKind",
    "Reason",
    "Receipt",
    "Record",
    "Remedy",
    "Severity",
    "Standing",
    "Verdict",
    "Window",
    "incident_id",
    "message_hash",
]
