"""One recipient's effects in Sentinel: read, decide again if something has changed, mark, send, and only then record.

One writer at a time per recipient. What could not be done stays owed, with its cause.
"""

from __future__ import annotations

from dataclasses import replace

from shared.errors import SweepError
from shared.incidents.port import Ended
from shared.incidents.road import of_the_road
from shared.model import (
    Act,
    Action,
    Cause,
    Reason,
    Record,
)
from shared.plan.decide import COMMENTS_USABLE
from shared.plan.owed import exchanged, failed, owing
from shared.plan.records import counted, escalated, seen
from shared.sweep.breaker import cause_of
from shared.sweep.comments import send_comment
from shared.sweep.creations import create, is_marked
from shared.sweep.delivering import CHANGING, Delivering, Result

ROUNDS = 4
"""How often one recipient is planned anew in one sweep because the incident changes under it."""


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
        action, cause = (action, None) if is_marked(on, action) else _as_it_is_now(on, action)
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
        result, done = create(on, action, result) if action.act is Act.CREATE else _update(on, action, result)
        if done:
            return result
        action = on.decide(on.record(action.recipient))
    on.save(owing(on.record(action.recipient), action, on.context.now()))  # it is due, so it is written down
    return replace(result, action=action, cause=CHANGING)


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
    if incident is None or incident.deleted or record.awaited is not None:
        return record, None
    try:
        there = on.context.parts.incidents.read(incident.id)
    except SweepError as error:
        on.context.breaker.ended(error)
        return record, cause_of(error)
    on.context.breaker.ended(None)
    return seen(record, there), None


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
    # A severity that was refused is not one that the comment may claim.
    about = action if record.escalation is None else replace(action, reason=Reason.GREW)
    cause, again = send_comment(on, record, owed, about)
    return replace(result, cause=cause or result.cause), not again


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
        on.context.tally.did(escalated=int(attempt.ended is Ended.DONE))
        as_set = incident if incident is not None and incident.severity is action.severity else None
        changed = escalated(seen(record, incident) if incident else record, owed, as_set)
        on.save(changed)
        return result, True
    if attempt.ended in (Ended.CHANGED, Ended.GONE):
        on.save(exchanged(seen(record, incident), owed, failed(owed, CHANGING, in_doubt=False)))
        return result, False
    record, cause = on.not_done(record, owed, attempt)
    return replace(result, cause=cause), not of_the_road(attempt.error)
