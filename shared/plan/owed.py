"""What is owed to Sentinel: what a plan makes owed, and how an attempt at it went. Pure; each returns a new value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from shared.model import (
    Act,
    Action,
    Attempts,
    Cause,
    Owed,
    OwedComment,
    OwedCreation,
    OwedEscalation,
    Reason,
    Record,
)
from shared.plan.decide import is_fixed_for

Effect = TypeVar("Effect", bound=Owed)

_WAITING = (Reason.EXCLUDED, Reason.RESTING, Reason.IN_DOUBT)


def owing(record: Record | None, action: Action, now: datetime, cause: Cause | None = None) -> Record:
    """The record with what this action makes owed, and without what it makes needless; itself when nothing changes.

    `cause` says why it cannot be tried now.
    """
    record = record or Record(action.recipient)
    if action.reason in _WAITING:
        return record
    changed = replace(
        record,
        forgotten=record.forgotten and action.act is Act.NOTHING,
        creation=_owed_creation(record, action, now, cause),
        comments=_owed_comments(record, action, now),
        escalation=_owed_escalation(record, action, now),
    )
    return record if changed == record else changed


def _owed_creation(record: Record, action: Action, now: datetime, cause: Cause | None) -> OwedCreation | None:
    if action.act is not Act.CREATE:
        return record.awaited
    there = record.creation if record.creation and record.creation.incident_id == action.incident_id else None
    attempts = there.attempts if there else Attempts(now)
    # The rule reads one row of a number: what is more than in a row that may be on its way needs another one.
    fits = there is None or not there.maybe_sent or there.messages.times.keys() == action.messages.times.keys()
    # There is a rule for each severity, and each makes an incident of its own: a later row stays with the first one's.
    severity = there.severity if there and (there.maybe_sent or there.attempt > 1) else action.severity
    return OwedCreation(
        action.incident_id,
        action.episode,
        action.reason,
        severity,
        action.counts,
        action.messages.cut(),
        replace(attempts, cause=cause) if cause else attempts,
        attempt=(there.attempt if there else 1) + (0 if fits else 1),
        maybe_sent=there is not None and there.maybe_sent and fits,
    )


def _owed_comments(record: Record, action: Action, now: datetime) -> tuple[OwedComment, ...]:
    fixed = [
        each
        for each in record.comments
        if is_fixed_for(each.incident_id, each.fixed, each.attempts.in_doubt, record.incident)
    ]
    messages = action.messages
    if action.act is Act.COUNT:
        messages = messages.without(record.untold.keys())  # noted until they are counted: those are not told yet
    if action.act not in (Act.COMMENT, Act.ESCALATE, Act.COUNT) or not messages:
        return _one_refused(fixed)
    open_ones = [each for each in record.comments if not each.fixed and each.incident_id == action.incident_id]
    attempts = open_ones[0].attempts if open_ones else Attempts(now)
    owed = OwedComment(action.incident_id, action.counts, messages.cut(), attempts)
    return (*_one_refused(fixed), owed)


def _one_refused(comments: Iterable[OwedComment]) -> tuple[OwedComment, ...]:
    """The comments with those that were refused made one: certainly not made, they can be tried together."""
    refused: OwedComment | None = None
    others = []
    for each in comments:
        if each.attempts.in_doubt or not each.attempts.refused:
            others.append(each)
        elif refused is None:
            refused = each
        else:
            messages = refused.messages.joined(each.messages).cut()
            counts = max(refused.counts, each.counts, key=lambda both: both.total)
            refused = replace(refused, messages=messages, counts=counts)
    return (*others, refused) if refused else tuple(others)


def _owed_escalation(record: Record, action: Action, now: datetime) -> OwedEscalation | None:
    there = record.escalation
    if action.act is not Act.ESCALATE:
        return there if there and there.attempts.in_doubt else None
    attempts = there.attempts if there and there.incident_id == action.incident_id else Attempts(now)
    return OwedEscalation(action.incident_id, action.severity, action.counts, attempts)


def exchanged(record: Record, owed: Owed, by: Owed | None) -> Record:
    """The record with one thing that it owes replaced, or no longer owed."""
    if isinstance(owed, OwedCreation):
        return replace(record, creation=by if isinstance(by, OwedCreation) else None)
    if isinstance(owed, OwedEscalation):
        return replace(record, escalation=by if isinstance(by, OwedEscalation) else None)
    changed = [by if each == owed else each for each in record.comments]
    return replace(record, comments=tuple(each for each in changed if isinstance(each, OwedComment)))


def marked(owed: Effect, sentinel_time: datetime) -> Effect:
    """What is owed, noted as about to be sent at that time by Sentinel's clock."""
    return replace(owed, attempts=replace(owed.attempts, marked=sentinel_time, tried=owed.attempts.tried + 1))


def failed(owed: Effect, cause: Cause, *, in_doubt: bool, refused: bool = False) -> Effect:
    """What is owed after an attempt: `in_doubt` when it may have been done all the same.

    Once it was refused it stays so: a failure of the road says nothing about what it holds.
    """
    before = owed.attempts
    marked_at = before.marked if in_doubt else None
    after = replace(before, marked=marked_at, cause=cause, refused=refused or before.refused)
    return replace(owed, attempts=after)
