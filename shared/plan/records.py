"""What a record is after each step: something done, told, found, read, grown old. Pure; each returns a new record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from shared.model import (
    Action,
    Evidence,
    Finding,
    Incident,
    Messages,
    OurIncident,
    OwedComment,
    OwedCreation,
    OwedEscalation,
    Reason,
    Record,
    Seen,
    Severity,
    day_number,
)
from shared.plan.owed import exchanged
from shared.plan.policy import Policy

CLOCKS_APART = timedelta(seconds=5)  # Sentinel's time is known to the second, and each answer takes some
_MADE = (  # they say more than an escalation
    *(Reason.FIRST, Reason.AFTER_BASELINE, Reason.REOPENED, Reason.REOPENED_BENIGN, Reason.RECREATED),
)

# -- what is done -----------------------------------------------------------------------------------------------------


def created(record: Record, owed: OwedCreation, incident: Incident | None, now: datetime) -> Record:
    """The incident is made: its messages are reported, and are to be told. None: it was made, and deleted since."""
    ours = OurIncident(
        owed.incident_id,
        owed.episode,
        owed.severity,
        incident.created if incident and incident.created else now,
        incident,
        deleted=incident is None,
    )
    changed = replace(
        reported(record, owed.messages, now),
        incident=ours,
        creation=None,
        comments=not_in(owed.messages, record.comments),
        escalation=None,
        counts=owed.counts,
        untold=dict(owed.messages.times),
        reminded_at=None,
        settled_at=None,
    )
    return replace(changed, tell=owed.reason if incident else None)


def not_in(made: Messages, comments: Iterable[OwedComment]) -> tuple[OwedComment, ...]:
    """The comments that are still owed once these messages are reported. Those in doubt are fixed: they stay whole."""
    left = (
        each if each.attempts.in_doubt else replace(each, messages=each.messages.without(made.times.keys()))
        for each in comments
    )
    return tuple(each for each in left if each.messages)


def commented(record: Record, owed: OwedComment, policy: Policy, now: datetime) -> Record:
    """The comment is made: its messages are reported, and told once they are more than a threshold."""
    changed = reported(exchanged(record, owed, None), owed.messages, now)
    untold = {**record.untold, **owed.messages.times}
    tell = record.tell or (Reason.GREW if len(untold) > policy.threshold else None)
    return replace(changed, counts=owed.counts, untold=untold, tell=tell)


def escalated(record: Record, owed: OwedEscalation, incident: Incident | None) -> Record:
    """The severity is set, and is to be told. None: it was set, and an analyst has changed it since."""
    ours = record.incident
    if ours is None or ours.id != owed.incident_id:
        return replace(record, escalation=None)
    changed = replace(
        record, incident=replace(ours, severity=owed.severity, seen=incident or ours.seen), escalation=None
    )
    if incident is None:
        return changed
    tell = record.tell if record.tell in _MADE else Reason.ESCALATED
    return replace(changed, counts=max(record.counts, owed.counts, key=lambda each: each.total), tell=tell)


def counted(record: Record, action: Action, policy: Policy) -> Record:
    """New messages that no comment can carry: to be told, and reported once they were. No comment is owed for them."""
    untold = {**record.untold, **action.messages.times}
    tell = record.tell or (Reason.COMMENTS_FULL if len(untold) > policy.threshold else None)
    comments = tuple(each for each in record.comments if each.fixed)
    if untold.keys() == record.untold.keys() and tell is record.tell and comments == record.comments:
        return record
    return replace(record, counts=action.counts, untold=untold, tell=tell, comments=comments)


def told(record: Record, now: datetime) -> Record:
    """A card about it was accepted: what was to be told is told, and counts as reported."""
    return replace(reported(record, Messages(record.untold), now), tell=None, untold={}, told_at=now)


def reported(record: Record, messages: Messages, now: datetime) -> Record:
    """The record with these messages among those that are reported."""
    today = day_number(now)
    added = {key: Seen(minute, today) for key, minute in messages.times.items() if key not in record.reported}
    return replace(record, reported={**record.reported, **added}) if added else record


def seen(record: Record, incident: Incident | None) -> Record:
    """The record with its incident as just read, None when it was deleted; itself when nothing has changed."""
    ours = record.incident
    if ours is None:
        return record
    if incident is None:
        return record if ours.deleted else replace(record, incident=replace(ours, deleted=True))
    if record.awaited is not None:  # the rule has made it
        made_at = incident.created or ours.made_at
        return replace(record, incident=replace(ours, seen=incident, made_at=made_at), creation=None)
    if ours.seen == incident and not ours.deleted:
        return record
    return replace(record, incident=replace(ours, seen=incident, deleted=False))


# -- what is found ----------------------------------------------------------------------------------------------------


def made_before(incident: Incident, mark: datetime) -> bool:
    """Whether it was there before we set out to make it: then another ledger's sweep has made it."""
    return incident.created is not None and incident.created < mark - CLOCKS_APART


def adopted(
    recipient: str,
    finding: Finding | None,
    incident: Incident,
    episode: int,
    policy: Policy,
    now: datetime,
    *,
    record: Record | None = None,
    ended: datetime | None = None,
    was_high: bool = False,
    deleted: bool = False,
) -> Record:
    """The record of an incident of ours that the ledger does not know, or no longer.

    `ended` is when it was closed, or deleted, where that is known. Messages remediated before that count as reported;
    while it is open, those before its creation. `was_high`: it has had the severity High. An open incident that nobody
    has taken is told again: a card may have been missed.
    """
    evidence, finished = finding.evidence() if finding else (), deleted or not incident.open
    edge = (ended or incident.modified or now) if finished else (incident.created or now)
    severity = Severity.HIGH if was_high else _severity_set(incident, evidence, policy)
    # A deletion from before this ledger began is not mentioned on a card.
    ours = OurIncident(
        incident.id, episode, severity, incident.created or now, incident, deleted=deleted, deletion_told=deleted
    )
    known = record or Record(recipient)
    edge = max(edge, known.reported_before) if known.reported_before else edge
    changed = reported(known, Messages.of(item for item in evidence if item.state_time < edge), now)
    return replace(
        changed,
        incident=ours,
        reported_before=edge,
        creation=_owed_still(known, incident),
        settled_at=None,
        forgotten=False,
        counts=finding.counts if finding else known.counts,
        tell=Reason.ADOPTED if ours.waiting else None,
        untold={} if finished else known.untold,
    )


def _owed_still(record: Record, incident: Incident) -> OwedCreation | None:
    """The creation that is owed, unless it is of this incident."""
    owed = record.creation
    return None if owed is not None and owed.incident_id == incident.id else owed


def _severity_set(incident: Incident, evidence: Iterable[Evidence], policy: Policy) -> Severity:
    """The highest severity that the sweep may have set: when in doubt an analyst has lowered it, and that stands."""
    before = sum(incident.created is not None and item.state_time < incident.created for item in evidence)
    high = Severity.HIGH in (incident.severity, incident.escalated_to, policy.severity(before))
    return Severity.HIGH if high else Severity.MEDIUM
