"""Findings that were handed to the analytics rule: awaited, then due, then handed over once more. Pure.

Only what was seen counts as raised. For two of the rule's periods a row is awaited. Then it is due until its incident
is seen; and where the rule has made no alert of it, the next row is handed over, one on a UTC day at most. So a rule
that ran late, was skipped or was switched off costs time, and no finding.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from shared.model import Cause, OurIncident, OwedCreation, Reason, Record
from shared.plan.policy import Policy
from shared.plan.records import not_in, reported

RULE_PERIOD = timedelta(hours=1)
"""How often the rule runs (`queryFrequency` in infra/modules/findings.bicep)."""
PATIENCE = 2 * RULE_PERIOD
"""How long a row is awaited."""
ALERT_PATIENCE = timedelta(days=2)
"""How long an alert without an incident keeps the next row back: that one would make a second alert."""

SILENT = Cause(
    "rule_silent",
    "the analytics rules have made no alert of it. Under Analytics in Microsoft Sentinel, see that both rules whose"
    ' names begin with "Email remediation sweep" are there, enabled and without errors. Until they work, handle it from'
    " this card; it is handed to them once more each day",
)
NO_INCIDENT = Cause(
    "rule_without_incident",
    "the analytics rules have made an alert of it, but no incident. Under Analytics in Microsoft Sentinel, see that the"
    ' incident settings of both rules whose names begin with "Email remediation sweep" say that the rule makes'
    " incidents. Until they do, handle it from this card",
)
NOT_LOOKED_UP = Cause(
    "rule_unknown",
    "it is not known what the analytics rules made of it, for SecurityAlert or SecurityIncident could not be read:"
    " search for its incident in the portal; the next sweep looks again",
)


def handed_over(record: Record, owed: OwedCreation, policy: Policy, now: datetime) -> Record:
    """The row is uploaded: from now on the incident is awaited. Its messages are reported, and are to be told."""
    before = record.incident
    first = record.awaited is None or before is None
    new = owed.messages.without(record.reported.keys()).times
    untold = dict(owed.messages.times) if first else {**record.untold, **new}
    grew = Reason.GREW if len(untold) > policy.threshold else None
    attempts = replace(owed.attempts, marked=None, cause=None if first else SILENT)
    return replace(
        reported(record, owed.messages, now),
        incident=OurIncident(
            owed.incident_id, owed.episode, owed.severity, before.made_at if before and not first else now
        ),
        creation=replace(owed, uploaded=now, attempts=attempts, maybe_sent=False),
        comments=not_in(owed.messages, record.comments),
        escalation=None,
        counts=owed.counts,
        untold=untold,
        tell=owed.reason if first else record.tell or grew,
        reminded_at=None,
        settled_at=None,
    )


def is_awaited(record: Record) -> bool:
    """Whether its incident is still to come in time: neither seen nor due."""
    owed = record.awaited
    return owed is not None and owed.uploaded is not None and owed.attempts.cause is None


def waited(record: Record, alerted: datetime | None, now: datetime, *, by_rule: bool) -> Record:
    """The record when the incident is still not there. `alerted`: when the rule made an alert of the finding.

    Without `by_rule` incidents are made over ARM by now: nothing more is handed to the rule, and what it has passed
    over is made at once.
    """
    owed = record.awaited
    if owed is None or owed.uploaded is None or now - owed.uploaded < PATIENCE:
        return record
    another_day = now.date() > owed.uploaded.date() or not by_rule
    again = now - owed.uploaded >= ALERT_PATIENCE if alerted else another_day
    changed = replace(owed, attempts=replace(owed.attempts, cause=NO_INCIDENT if alerted else SILENT))
    if again:
        changed = replace(changed, uploaded=None, attempt=owed.attempt + 1)
    return replace(record, creation=changed)


def not_looked_up(record: Record, now: datetime) -> Record:
    """The record when nobody could say what became of the row."""
    owed = record.awaited
    if owed is None or owed.uploaded is None or now - owed.uploaded < PATIENCE or owed.attempts.cause is not None:
        return record
    return replace(record, creation=replace(owed, attempts=replace(owed.attempts, cause=NOT_LOOKED_UP)))
