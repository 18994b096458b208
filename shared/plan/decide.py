"""What is to be done about each finding, and why: pure, every outcome with its one reason.

The decision table of the design, first row that fits. It knows nothing of how incidents are read, written or told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from shared.model import (
    Act,
    Action,
    Counts,
    Evidence,
    Finding,
    Incident,
    Reason,
    Record,
    Severity,
    incident_id,
    message_hash,
)

COMMENTS_USABLE = 90  # of the 100 that Sentinel takes; the 91st says that the rest is told on the card only
BENIGN = frozenset({"BenignPositive", "FalsePositive"})
REFRESH_DAYS = 10  # a reported message's last-seen day is written anew only when it is this old
REMEMBER_DAYS = 30  # beyond the look-back, for message ids no longer seen
EARLY = timedelta(minutes=30)  # daily sweeps tell at a slightly different time each day: "every 3 days" is not day 4


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings that decide. `excluded` says whether a recipient is left alone today."""

    workspace_resource_id: str
    threshold: int
    high_threshold: int
    benign_factor: int
    max_new: int
    lookback_days: int
    excluded: Callable[[str], bool]

    def severity(self, total: int) -> Severity:
        """High when `Sum_case` exceeds the high threshold, else Medium."""
        return Severity.HIGH if total > self.high_threshold else Severity.MEDIUM

    def incident_id(self, recipient: str, episode: int) -> str:
        """The derived id of a recipient's episode."""
        return incident_id(self.workspace_resource_id, recipient, episode)


def new_messages(finding: Finding, record: Record | None) -> tuple[Evidence, ...]:
    """The messages not yet reported for this recipient: one per message id, newest state time first."""
    reported: Mapping[int, int] = record.reported if record else {}
    before = record.reported_before if record else None
    seen: set[int] = set()
    new: list[Evidence] = []
    for item in finding.evidence:
        key = message_hash(item.message_id)
        if key in reported or key in seen or (before is not None and item.state_time < before):
            continue
        seen.add(key)
        new.append(item)
    return tuple(new)


def decide(finding: Finding, record: Record | None, policy: Policy) -> Action:
    """The action for one finding, given what the ledger holds (its `incident` as last read)."""
    severity = policy.severity(finding.total)
    new = new_messages(finding, record)

    if record is None:
        first = policy.incident_id(finding.recipient, 0)
        return Action(Act.CREATE, Reason.FIRST, finding.recipient, 0, first, severity, new, tell=True)

    def action(act: Act, reason: Reason, *, tell: bool = False, say: tuple[Evidence, ...] = ()) -> Action:
        return Action(act, reason, finding.recipient, record.episode, record.incident_id, severity, say, tell)

    incident = record.incident
    if record.deleted or (incident is not None and not incident.open):
        benign = not record.deleted and incident is not None and incident.classification in BENIGN
        if len(new) <= policy.threshold * (policy.benign_factor if benign else 1):
            return action(Act.NOTHING, Reason.SETTLED)
        reason = Reason.RECREATED if record.deleted else Reason.REOPENED_BENIGN if benign else Reason.REOPENED
        episode = record.episode + 1
        following = policy.incident_id(finding.recipient, episode)
        return Action(
            Act.CREATE,
            reason,
            finding.recipient,
            episode,
            following,
            severity,
            new,
            tell=True,
            previous=record.incident_id,
        )

    ours = incident is None or incident.severity == record.severity
    if severity.rank > record.severity.rank and ours:
        return action(Act.ESCALATE, Reason.ESCALATED, tell=True, say=new)
    if not new:
        return action(Act.NOTHING, Reason.STANDING)
    tell = record.untold + len(new) > policy.threshold
    if incident is not None and incident.comments > COMMENTS_USABLE:
        return action(Act.COUNT, Reason.COMMENTS_FULL, tell=tell, say=new)
    return action(Act.COMMENT, Reason.GREW, tell=tell, say=new)


def plan(
    findings: Sequence[Finding], records: Mapping[str, Record], policy: Policy, room: int | None = None
) -> list[Action]:
    """An action for each finding, highest `Sum_case` first.

    At most `room` (default: the policy's MAX_NEW_INCIDENTS) new incidents; the rest is held for the following sweeps.
    """
    left = policy.max_new if room is None else room
    actions: list[Action] = []
    for finding in sorted(findings, key=lambda found: (-found.total, found.recipient)):
        record = records.get(finding.recipient)
        if policy.excluded(finding.recipient):
            actions.append(
                Action(
                    Act.NOTHING,
                    Reason.EXCLUDED,
                    finding.recipient,
                    record.episode if record else 0,
                    record.incident_id if record else "",
                    policy.severity(finding.total),
                )
            )
            continue
        action = decide(finding, record, policy)
        if action.act is Act.CREATE:
            if left <= 0:
                action = replace(action, act=Act.NOTHING, reason=Reason.HELD, new=(), tell=False)
            left -= 1
        actions.append(action)
    return actions


def adopt(
    recipient: str,
    finding: Finding | None,
    incident: Incident,
    episode: int,
    policy: Policy,
    now: datetime,
    *,
    record: Record | None = None,
    deleted: bool = False,
) -> Record:
    """The record of an incident of ours that the ledger does not know (any more), read from Sentinel.

    Messages with a state time before its last modification count as reported, beside those that an older `record`
    (of an earlier episode) holds or counts as reported. Its severity counts as ours only where nobody can have changed
    it since; an analyst's word stands when in doubt. An open incident that nobody has taken is told again: a card may
    have been missed.
    """
    today = day_number(now)
    reported = dict(record.reported) if record else {}
    edge = incident.modified or incident.created or now
    at_creation = 0
    for item in finding.evidence if finding else ():
        if item.state_time < edge:
            reported[message_hash(item.message_id)] = today
        if incident.created is not None and item.state_time < incident.created:
            at_creation += 1
    if finding is None or incident.comments:
        severity = max(incident.severity, policy.severity(finding.total if finding else 0), key=lambda each: each.rank)
    else:
        severity = policy.severity(at_creation)
    waiting = not deleted and incident.status == "New" and not incident.owned
    return Record(
        recipient=recipient,
        episode=episode,
        incident_id=incident.id,
        severity=severity,
        reported=reported,
        reported_before=max(edge, record.reported_before) if record and record.reported_before else edge,
        counts=finding.counts if finding else Counts(),
        raised_at=incident.created or now,
        tell=Reason.ADOPTED if waiting else None,
        incident=incident,
        deleted=deleted,
        deletion_told=deleted,  # somebody deleted it before this ledger began: no news
    )


def lengthen(finding: Finding, record: Record, before: datetime, now: datetime) -> Record:
    """The record with the messages that only a longer look-back shows (older than `before`) taken as reported."""
    today = day_number(now)
    older = {
        message_hash(item.message_id): today
        for item in finding.evidence
        if item.generated < before and message_hash(item.message_id) not in record.reported
    }
    return replace(record, reported={**record.reported, **older}) if older else record


def refresh(finding: Finding, record: Record, now: datetime) -> Record:
    """The record with the days its messages were last seen brought up to date; the same object when none was old."""
    today = day_number(now)
    unseen = -today  # a message that counts as reported by its time alone is remembered by its id from now on
    before = record.reported_before
    stale = [
        key
        for key, item in {message_hash(item.message_id): item for item in finding.evidence}.items()
        if record.reported.get(key, unseen if before and item.state_time < before else today) <= today - REFRESH_DAYS
    ]
    if not stale:
        return record
    return replace(record, reported={**record.reported, **dict.fromkeys(stale, today)})


def thin(record: Record, policy: Policy, now: datetime) -> Record:
    """The record without the messages not seen for the look-back plus 30 days; the same object when there are none."""
    edge = _unseen_since(policy, now)
    kept = {key: seen for key, seen in record.reported.items() if seen >= edge}
    return record if len(kept) == len(record.reported) else replace(record, reported=kept)


def forget(records: Iterable[Record], policy: Policy, now: datetime) -> list[str]:
    """Whose records can go: no message seen for the look-back plus 30 days, nothing open, nothing due."""
    edge = _unseen_since(policy, now)
    return [
        record.recipient
        for record in records
        if record.tell is None
        and (record.deleted or (record.incident is not None and not record.incident.open))
        and all(seen < edge for seen in record.reported.values())
        and day_number(record.raised_at) < edge
    ]


def _unseen_since(policy: Policy, now: datetime) -> int:
    return day_number(now) - policy.lookback_days - REMEMBER_DAYS - REFRESH_DAYS


def reminders(records: Iterable[Record], remind_after_days: int, now: datetime) -> list[Record]:
    """Records whose incident is New, unowned and old enough to be reminded about, oldest first; none when 0.

    Nobody is reminded of what was told on the same day.
    """
    if remind_after_days <= 0:
        return []
    every = timedelta(days=remind_after_days) - EARLY
    due = [
        record
        for record in records
        if record.incident is not None
        and not record.deleted
        and record.tell is None
        and record.incident.status == "New"
        and not record.incident.owned
        and not (record.told_at and day_number(record.told_at) == day_number(now))
        and now - max(record.raised_at, record.reminded_at or record.raised_at) >= every
    ]
    return sorted(due, key=lambda record: (record.raised_at, record.recipient))


def day_number(when: datetime) -> int:
    """Whole days since 1970 of a UTC time."""
    return when.date().toordinal() - date(1970, 1, 1).toordinal()
