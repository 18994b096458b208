"""What is to be done about each recipient, and why: pure, every outcome with its one reason.

The decision table of docs/design.md, first row that fits. What is owed is decided together with what was found today.
It knows nothing of how incidents are read, written or told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from shared.model import (
    Act,
    Action,
    Counts,
    Finding,
    Messages,
    OurIncident,
    OwedCreation,
    Reason,
    Record,
    Severity,
)
from shared.plan.policy import Policy

COMMENTS_USABLE = 90  # of the 100 that Sentinel takes; the 91st says that the rest is told on the card only
LIST_LIMIT = 5_000  # messages of one action that a hunt lists
BENIGN = frozenset({"BenignPositive", "FalsePositive"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """One recipient to decide about: today's finding and what is owed, together.

    `new` are the messages that are neither reported nor fixed in a comment that may have been made. `cut`: the hunt's
    lists do not hold all messages.
    """

    recipient: str
    counts: Counts
    new: Messages
    cut: bool = False


def candidate(recipient: str, finding: Finding | None, record: Record | None) -> Candidate:
    """What there is to decide about a recipient who was found today, or to whom something is owed."""
    evidence = finding.evidence() if finding else ()
    counts = finding.counts if finding else Counts()
    cut = counts.total > len(evidence)
    if record is None:
        return Candidate(recipient, counts, Messages.of(evidence), cut)
    before = record.reported_before
    new = Messages.of(item for item in evidence if before is None or item.state_time >= before)
    fixed: set[int] = set()
    for owed in record.owed:
        counts = max(counts, owed.counts, key=lambda each: each.total)
    if record.creation:
        new = new.joined(record.creation.messages.since(before))
    for comment in record.comments:
        if is_fixed_for(comment.incident_id, comment.fixed, comment.attempts.in_doubt, record.incident):
            fixed |= comment.messages.times.keys()
        else:
            new = new.joined(comment.messages.since(before))
    return Candidate(recipient, counts, new.without(record.reported.keys() | fixed), cut)


def is_fixed_for(comment_on: str, fixed: bool, in_doubt: bool, incident: OurIncident | None) -> bool:
    """Whether a comment keeps its messages: it may have been made, or it was refused and may still be made."""
    writable = incident is not None and incident.id == comment_on and incident.open
    return in_doubt or (fixed and writable)


def decide(about: Candidate, record: Record | None, policy: Policy) -> Action:
    """The action for one recipient, given what the ledger holds (its incident as last read)."""
    incident = record.incident if record else None
    if policy.excluded(about.recipient):
        return _nothing(Reason.EXCLUDED, about, incident, policy)
    if record is not None and record.creation is not None and record.creation.attempts.in_doubt:
        return _nothing(Reason.IN_DOUBT, about, incident, policy)
    if about.counts.total <= policy.threshold:
        return _nothing(Reason.RESTING, about, incident, policy)
    if incident is None:
        return _decide_first(about, record, policy)
    if record is not None and record.awaited is not None:
        return _decide_awaited(about, record, incident, record.awaited, policy)
    if not incident.open:
        return _decide_closed(about, record, incident, policy)
    if record is not None and record.forgotten and _too_few(about, policy.threshold):
        return _nothing(Reason.STANDING, about, incident, policy)  # a comment would bring the person's data back
    return _decide_open(about, record, incident, policy)


def _decide_first(about: Candidate, record: Record | None, policy: Policy) -> Action:
    if record is None or record.settled_at is None:
        return _create(Reason.FIRST, about, record, policy)
    if _too_few(about, policy.threshold):
        return _nothing(Reason.SETTLED, about, None, policy)
    return _create(Reason.AFTER_BASELINE, about, record, policy)


def _decide_awaited(
    about: Candidate, record: Record, incident: OurIncident, owed: OwedCreation, policy: Policy
) -> Action:
    """The rule makes the incident. While its row is awaited there is nothing to do, then the next row is uploaded: of
    the same finding, with all messages of the rows before and those that are new since.
    """
    if owed.uploaded is not None:
        return _nothing(Reason.AWAITED, about, incident, policy)
    untold = record.untold.keys() | about.new.times.keys()
    return Action(
        Act.CREATE,
        owed.reason,
        about.recipient,
        incident.episode,
        incident.id,
        policy.severity(about.counts.total),
        about.counts,
        owed.messages.joined(about.new),
        tell=len(untold) > policy.threshold,
        previous=policy.incident_id(about.recipient, incident.episode - 1) if incident.episode else "",
        refused=owed.attempts.refused,
    )


def _too_few(about: Candidate, needed: int) -> bool:
    """Whether the new messages do not exceed `needed`."""
    # A cut list has the newest 5,000: where all that are needed are new, one more has been cut off.
    return len(about.new) <= needed and not (about.cut and len(about.new) >= LIST_LIMIT)


def _decide_closed(about: Candidate, record: Record | None, incident: OurIncident, policy: Policy) -> Action:
    seen = incident.seen
    benign = not incident.deleted and seen is not None and seen.classification in BENIGN
    needed = policy.threshold * (policy.benign_factor if benign else 1)
    if _too_few(about, needed):
        return _nothing(Reason.SETTLED, about, incident, policy)
    reason = Reason.RECREATED if incident.deleted else Reason.REOPENED_BENIGN if benign else Reason.REOPENED
    return _create(reason, about, record, policy)


def _decide_open(about: Candidate, record: Record | None, incident: OurIncident, policy: Policy) -> Action:
    severity = policy.severity(about.counts.total)
    escalation = record.escalation if record else None
    if escalation is not None and escalation.incident_id != incident.id:
        escalation = None  # it was about an earlier incident, and has lapsed
    ours, seen = incident.severity, incident.seen
    if seen is not None and seen.escalated_to is not None:
        ours = max(ours, seen.escalated_to, key=lambda each: each.rank)
    # A merged incident is closed: its severity is another incident's by now.
    untouched = seen is None or (seen.severity is ours and not seen.merged)
    in_doubt = escalation is not None and escalation.attempts.in_doubt
    if severity.rank > ours.rank and untouched and not in_doubt:
        refused = escalation is not None and escalation.attempts.refused
        action = _update(Act.ESCALATE, Reason.ESCALATED, about, incident, severity)
        return replace(action, tell=True, refused=refused)
    if not about.new:
        return _nothing(Reason.STANDING, about, incident, policy)
    if seen is not None and seen.comments > COMMENTS_USABLE:
        action = _update(Act.COUNT, Reason.COMMENTS_FULL, about, incident, severity)
    else:
        action = _update(Act.COMMENT, Reason.GREW, about, incident, severity)
    untold = record.untold.keys() if record else set()
    return replace(action, tell=len(untold | about.new.times.keys()) > policy.threshold)


def _create(reason: Reason, about: Candidate, record: Record | None, policy: Policy) -> Action:
    incident = record.incident if record else None
    episode = incident.episode + 1 if incident else 0
    name = policy.incident_id(about.recipient, episode)
    owed = record.creation if record else None
    return Action(
        Act.CREATE,
        reason,
        about.recipient,
        episode,
        name,
        policy.severity(about.counts.total),
        about.counts,
        about.new,
        tell=True,
        previous=incident.id if incident else "",
        refused=owed is not None and owed.incident_id == name and owed.attempts.refused,
    )


def _update(act: Act, reason: Reason, about: Candidate, incident: OurIncident, severity: Severity) -> Action:
    return Action(act, reason, about.recipient, incident.episode, incident.id, severity, about.counts, about.new)


def _nothing(reason: Reason, about: Candidate, incident: OurIncident | None, policy: Policy) -> Action:
    return Action(
        Act.NOTHING,
        reason,
        about.recipient,
        incident.episode if incident else 0,
        incident.id if incident else "",
        policy.severity(about.counts.total),
        about.counts,
    )


def decide_about(recipient: str, finding: Finding | None, record: Record | None, policy: Policy) -> Action:
    """The action for one recipient, from today's finding and the ledger's record."""
    return decide(candidate(recipient, finding, record), record, policy)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sweep is to do: `creations` in the order of their turns, `updates` of incidents that are there, and those
    recipients for whom nothing is to be done now. One action per recipient.
    """

    creations: tuple[Action, ...] = ()
    updates: tuple[Action, ...] = ()
    others: tuple[Action, ...] = ()

    def actions(self) -> dict[str, Action]:
        """All of them, by recipient."""
        return {action.recipient: action for action in (*self.creations, *self.updates, *self.others)}


def plan(findings: Mapping[str, Finding], records: Mapping[str, Record], policy: Policy) -> Plan:
    """An action for everyone who was found today or to whom something is owed.

    The highest `Sum_case` comes first, what Sentinel has refused before comes last.
    """
    owing = {record.recipient for record in records.values() if record.owed}
    actions = [
        decide_about(recipient, findings.get(recipient), records.get(recipient), policy)
        for recipient in findings.keys() | owing
    ]
    actions.sort(key=lambda action: (action.refused, -action.total, action.recipient))
    return Plan(
        tuple(action for action in actions if action.act is Act.CREATE),
        tuple(action for action in actions if action.act not in (Act.CREATE, Act.NOTHING)),
        tuple(action for action in actions if action.act is Act.NOTHING),
    )
