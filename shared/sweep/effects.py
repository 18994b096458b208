"""One recipient's effects in Sentinel: read, decide again if something has changed, mark, send, and only then record.

One writer at a time per recipient. What could not be done stays owed, with its cause.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.errors import SweepError
from shared.incidents.port import Attempt, Ended
from shared.incidents.road import of_the_road
from shared.incidents.terms import Terms
from shared.incidents.text import comment_body, comment_id, incident_body
from shared.model import (
    Act,
    Action,
    Cause,
    Finding,
    Incident,
    Owed,
    OwedComment,
    Reason,
    Record,
)
from shared.plan.decide import COMMENTS_USABLE, decide_about
from shared.plan.owed import Effect, exchanged, failed, marked, owing
from shared.plan.records import commented, counted, created, escalated, seen
from shared.sweep.breaker import cause_of
from shared.sweep.context import Context
from shared.sweep.describe import Words
from shared.sweep.reconcile import adopted_record, recalled

ROUNDS = 4
"""How often one recipient is planned anew in one sweep because the incident changes under it."""

CLOSED_BY_COMMENT = timedelta(seconds=5)
"""A comment may itself count as a modification: a closing is later only when it is later than that."""

_CHANGING = Cause("sentinel_changing", "the incident kept changing while it was written to; the next sweep goes on")


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one recipient's action. `action` is the last one decided.

    `tried` and `taken` are about a creation: whether it was attempted, and whether it was made or may have been.
    `cause` says why something is still owed. `waits`: it has become a creation, which must wait for its turn.
    """

    action: Action
    created: int = 0
    commented: int = 0
    escalated: int = 0
    tried: bool = False
    taken: bool = False
    waits: bool = False
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class Delivering:
    """What all effects of one sweep share."""

    context: Context
    findings: Mapping[str, Finding]
    terms: Terms
    words: Words

    def record(self, recipient: str) -> Record:
        """The record as it is now."""
        return self.context.ledger.records.get(recipient) or Record(recipient)

    def save(self, record: Record) -> Record:
        """Write it down."""
        self.context.ledger.save([record])
        return record

    def decide(self, record: Record) -> Action:
        """The action for this recipient, as things are now."""
        return decide_about(record.recipient, self.findings.get(record.recipient), record, self.context.policy)

    def mark(self, record: Record, owed: Effect) -> tuple[Record, Effect]:
        """Note that this is about to be sent."""
        about = marked(owed, self.context.parts.incidents.time() or self.context.now())
        return self.save(exchanged(record, owed, about)), about

    def not_done(self, record: Record, owed: Owed, attempt: Attempt, *, lost: bool = False) -> tuple[Record, Cause]:
        """Record why an attempt failed, and whether it, or one before it (`lost`), may have been done all the same."""
        error = attempt.error
        cause = cause_of(error) if error else _CHANGING
        refused = attempt.ended is Ended.REFUSED
        after = failed(owed, cause, in_doubt=lost or attempt.in_doubt, refused=refused)
        return self.save(exchanged(record, owed, after)), cause


def carry_out(on: Delivering, action: Action, *, turn: bool) -> Result:
    """Do what is to be done about one recipient. `turn`: an incident may be made.

    Raises:
        LeaseLost: another sweep is at work by now.
        LedgerError: something could not be written down.
    """
    result = Result(action)
    for _ in range(ROUNDS):
        if cause := on.context.stopped():
            return replace(result, cause=cause)
        if action.act is Act.CREATE and not turn:
            on.save(owing(on.record(action.recipient), action, on.context.now()))
            return replace(result, waits=True)
        action, cause = _as_it_is_now(on, action)
        result = replace(result, action=action)
        if cause is not None:
            return replace(result, cause=cause)
        if action.act is Act.CREATE and not turn:
            continue
        if action.act is Act.NOTHING:
            return result
        if action.act is Act.COUNT:
            on.save(counted(on.record(action.recipient), action, on.context.policy))
            return result
        result, done = _create(on, action, result) if action.act is Act.CREATE else _update(on, action, result)
        if done:
            return result
        action = on.decide(on.record(action.recipient))
    return replace(result, action=action, cause=_CHANGING)


def _as_it_is_now(on: Delivering, action: Action) -> tuple[Action, Cause | None]:
    """The action after a look at the incident that it is about, or follows; what it makes owed is written down."""
    record, cause = looked_at(on, on.record(action.recipient))
    if cause is not None:
        return action, cause
    action = on.decide(record)
    on.save(owing(record, action, on.context.now()))
    return action, None


def looked_at(on: Delivering, record: Record) -> tuple[Record, Cause | None]:
    """The record with its incident as it is now; or why that could not be read."""
    incident = record.incident
    if incident is None or incident.deleted:
        return record, None
    try:
        there = on.context.parts.incidents.read(incident.id)
    except SweepError as error:
        on.context.breaker.ended(error)
        return record, cause_of(error)
    on.context.breaker.ended(None)
    return seen(record, there), None


# -- creations --------------------------------------------------------------------------------------------------------


def _create(on: Delivering, action: Action, result: Result) -> tuple[Result, bool]:
    """Whether this was all; not when the incident was there already and has to be decided about anew."""
    record = on.record(action.recipient)
    if record.creation is None:
        return result, True
    known, cause = recalled(on.context, on.findings, action)
    if known:
        return replace(result, cause=cause), cause is not None
    line = on.words.remediators.get(action.recipient, "")
    record, owed = on.mark(record, record.creation)
    incidents = on.context.parts.incidents
    attempt = incidents.create(action.incident_id, incident_body(action, on.terms, line))
    lost = attempt.in_doubt
    if attempt.ended is Ended.REFUSED:
        attempt = incidents.create(action.incident_id, incident_body(action, on.terms, "", minimal=True))
    on.context.breaker.ended(attempt.error)
    result = replace(result, tried=True)
    if attempt.ended is Ended.DONE:
        made = created(record, owed, attempt.incident, on.context.now())
        on.save(replace(made, remediators=line or made.remediators))
        return replace(result, created=1, taken=True), True
    if attempt.ended is Ended.FOUND and attempt.incident is not None:
        on.save(exchanged(record, owed, failed(owed, _CHANGING, in_doubt=False)))
        on.save(adopted_record(on.context, action.recipient, on.findings, attempt.incident, action.episode))
        return result, False
    record, cause = on.not_done(record, owed, attempt, lost=lost)
    in_doubt = record.creation is not None and record.creation.attempts.in_doubt
    return replace(result, taken=in_doubt, cause=cause), True


# -- updates ----------------------------------------------------------------------------------------------------------


def _update(on: Delivering, action: Action, result: Result) -> tuple[Result, bool]:
    """The severity first, then the comment. Whether this was all; not when it has to be decided anew."""
    if action.act is Act.ESCALATE:
        result, go_on = _escalate(on, action, result)
        if not go_on:
            return result, result.cause is not None
    record = on.record(action.recipient)
    owed = next((each for each in record.comments if not each.fixed), None)
    full = record.incident and record.incident.seen and record.incident.seen.comments > COMMENTS_USABLE
    if owed is None or full:
        # Where no comment can carry the messages any more, the next decision counts them.
        return result, owed is None or result.cause is not None
    if result.cause is not None and (stopped := on.context.stopped()):
        return replace(result, cause=stopped), True
    done, cause, again = send_comment(on, record, owed, action)
    return replace(result, commented=int(done), cause=cause or result.cause), not again


def _escalate(on: Delivering, action: Action, result: Result) -> tuple[Result, bool]:
    """Whether the comment may follow."""
    record = on.record(action.recipient)
    ours = record.incident
    if record.escalation is None or ours is None:
        return result, True
    record, owed = on.mark(record, record.escalation)
    attempt = on.context.parts.incidents.escalate(ours.id, ours.severity, action.severity)
    on.context.breaker.ended(attempt.error)
    incident = attempt.incident
    if attempt.ended in (Ended.DONE, Ended.FOUND):
        as_set = incident if incident is not None and incident.severity is action.severity else None
        changed = escalated(seen(record, incident) if incident else record, owed, as_set)
        on.save(changed)
        return replace(result, escalated=int(attempt.ended is Ended.DONE)), True
    if attempt.ended in (Ended.CHANGED, Ended.GONE):
        on.save(exchanged(seen(record, incident), owed, failed(owed, _CHANGING, in_doubt=False)))
        return result, False
    record, cause = on.not_done(record, owed, attempt)
    return replace(result, cause=cause), not of_the_road(attempt.error)


def send_comment(on: Delivering, record: Record, owed: OwedComment, action: Action) -> tuple[bool, Cause | None, bool]:
    """Whether the comment was made now; why it is still owed; whether the recipient has to be decided about anew."""
    incidents, line = on.context.parts.incidents, on.words.remediators.get(record.recipient, "")
    incident = record.incident
    last = incident is not None and incident.seen is not None and incident.seen.comments == COMMENTS_USABLE
    name = comment_id(owed.incident_id, owed.messages.times)
    record, about = on.mark(record, owed)
    attempt = incidents.comment(owed.incident_id, name, comment_body(action, on.terms, line, last=last))
    lost = attempt.in_doubt
    if attempt.ended is Ended.REFUSED:
        minimal = comment_body(action, on.terms, "", last=last, minimal=True)
        attempt = incidents.comment(owed.incident_id, name, minimal)
    on.context.breaker.ended(attempt.error)
    if attempt.ended is Ended.GONE:
        on.save(exchanged(seen(record, None), about, failed(about, _CHANGING, in_doubt=False)))
        return False, None, True
    if attempt.ended not in (Ended.DONE, Ended.FOUND):
        _, why = on.not_done(record, about, attempt, lost=lost)
        return False, why, False
    record = replace(record, remediators=line or record.remediators)
    again, cause = settle_comment(on.context, record, about, attempt.made)
    return attempt.ended is Ended.DONE, cause, again


def settle_comment(
    context: Context, record: Record, owed: OwedComment, made: datetime | None
) -> tuple[bool, Cause | None]:
    """Record a comment that is there, after one more look at its incident: whether to decide anew; why it is in doubt.

    On an incident that was closed before the comment was made, nobody may ever read it: its messages stay new.
    """
    try:
        incident = context.parts.incidents.read(owed.incident_id)
    except SweepError as error:
        context.breaker.ended(error)
        context.ledger.save([exchanged(record, owed, failed(owed, cause_of(error), in_doubt=True))])
        return False, cause_of(error)
    current = record.incident is not None and record.incident.id == owed.incident_id
    looked = seen(record, incident) if current else record
    if _unread(incident, made, _closed_at(context, incident)):
        context.ledger.save([exchanged(looked, owed, None)])
        return True, None
    context.ledger.save([commented(looked, owed, context.policy, context.now())])
    return False, None


def _unread(incident: Incident | None, made: datetime | None, closed: datetime | None) -> bool:
    if incident is None:
        return True
    if incident.open:
        return False
    return made is None or closed is None or closed <= made + CLOSED_BY_COMMENT


def _closed_at(context: Context, incident: Incident | None) -> datetime | None:
    """When a closed incident was closed; where SecurityIncident does not know that, when it was last changed."""
    if incident is None or incident.open:
        return None
    past = (context.history.known() or {}).get(incident.id)
    return past.closed if past and past.closed else incident.modified


def comment_action(record: Record, owed: OwedComment, on: Delivering) -> Action:
    """The action that a comment owed by itself is described by."""
    incident = record.incident
    return Action(
        Act.COMMENT,
        Reason.GREW,
        record.recipient,
        incident.episode if incident else 0,
        owed.incident_id,
        on.context.policy.severity(owed.counts.total),
        owed.counts,
        owed.messages,
    )
