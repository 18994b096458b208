"""Doubts are settled first: what was noted as about to be sent, and whose answer was never recorded, is looked up.

Found: it was done. Not found, but the workspace remembers it: it was done, and somebody undid it. Known to neither: it
is merely owed. Not answered: it stays in doubt, and is due.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from shared.errors import SweepError
from shared.incidents.arm import NO_TIME
from shared.incidents.text import comment_id
from shared.model import Cause, Incident, Owed, OwedComment, OwedCreation, OwedEscalation, Record
from shared.plan.owed import exchanged, failed
from shared.plan.records import created, escalated, made_before, seen
from shared.sweep.adopt import adopted_record, undated
from shared.sweep.breaker import cause_of
from shared.sweep.comments import settle_comment
from shared.sweep.context import Context
from shared.sweep.follow import found_handed, row_arrived
from shared.sweep.workers import in_parallel

_UNKNOWN = Cause("sentinel_unknown", "it is not known whether it was done: SecurityIncident could not be read")
_NOT_DONE = Cause("sentinel_interrupted", "an earlier sweep was interrupted before it was done; the next one goes on")


def settle_doubts(context: Context) -> None:
    """Look up everything that is in doubt, and record what came of it."""
    doubtful = [
        record for record in context.ledger.records.values() if any(each.attempts.in_doubt for each in record.owed)
    ]
    if not doubtful or context.breaker.open is not None:
        return
    context.parts.progress("looking up what an earlier sweep left in doubt")
    if context.history.rule_used:
        context.history.followed()  # what the rule has made has another name
    in_parallel(lambda record: _settle_all(context, record.recipient), doubtful)


def _settle_all(context: Context, recipient: str) -> None:
    for owed in context.ledger.records[recipient].owed:
        if owed.attempts.in_doubt and context.breaker.open is None:
            record = context.ledger.records[recipient]
            try:
                _settle(context, record, owed)
            except SweepError as error:
                context.breaker.ended(error)
                context.ledger.save([exchanged(record, owed, failed(owed, cause_of(error), in_doubt=True))])


def _settle(context: Context, record: Record, owed: Owed) -> None:
    settled: Record | None
    if isinstance(owed, OwedCreation):
        settled = _creation(context, record, owed)
    elif isinstance(owed, OwedEscalation):
        settled = _escalation(context, record, owed)
    else:
        settled = _comment(context, record, owed)
    context.breaker.ended(None)
    if settled is not None:
        context.ledger.save([settled])


def _creation(context: Context, record: Record, owed: OwedCreation) -> Record:
    incident = context.parts.incidents.read(owed.incident_id)
    mark = owed.attempts.marked
    if incident is not None and mark is not None and _made_by_another(context, incident, mark):
        if (cause := undated(context, incident)) is not None:
            return exchanged(record, owed, failed(owed, cause, in_doubt=True))
        # Another ledger's sweep has made it: what it reported, and who was told, is not known here.
        context.ledger.save([exchanged(record, owed, failed(owed, _NOT_DONE, in_doubt=False))])
        return adopted_record(context, record.recipient, {}, incident, owed.episode)
    if incident is not None and incident.name and not row_arrived(context, owed):
        return _of_an_earlier_row(context, record, owed, incident)
    if incident is not None:
        return created(record, owed, incident, context.now())
    known = context.history.known()
    if known is None:
        return exchanged(record, owed, failed(owed, _UNKNOWN, in_doubt=True))
    if owed.incident_id in known:
        return created(record, owed, None, context.now())
    if row_arrived(context, owed):
        return found_handed(context, record, owed)
    # A row may be on its way for hours.
    left = replace(owed, maybe_sent=context.history.rule_used)
    return exchanged(record, owed, failed(left, _NOT_DONE, in_doubt=False))


def _of_an_earlier_row(context: Context, record: Record, owed: OwedCreation, incident: Incident) -> Record:
    """The rule has made the incident, but not of the row in doubt: what only that one told stays new."""
    if context.history.followed() is None or (undated(context, incident) is not None):
        return exchanged(record, owed, failed(owed, _UNKNOWN, in_doubt=True))
    if record.awaited is not None:
        return seen(record, incident)
    context.ledger.save([exchanged(record, owed, failed(owed, _NOT_DONE, in_doubt=False))])
    return adopted_record(context, record.recipient, {}, incident, owed.episode)


def _made_by_another(context: Context, incident: Incident, mark: datetime) -> bool:
    """Whether it was there before the attempt, or came only after the sweep that tried had long ended, which is the
    rule's way.
    """
    if incident.name:
        return False
    ended = mark + timedelta(seconds=context.settings.sweep_budget_seconds)
    return made_before(incident, mark) or (incident.created is not None and incident.created > ended)


def _comment(context: Context, record: Record, owed: OwedComment) -> Record | None:
    made = context.parts.incidents.find_comment(owed.incident_id, comment_id(owed.incident_id, owed.messages.times))
    if made is not None:
        settle_comment(context, record, owed, None if made == NO_TIME else made)
        return None
    return exchanged(record, owed, failed(owed, _NOT_DONE, in_doubt=False, refused=owed.attempts.refused))


def _escalation(context: Context, record: Record, owed: OwedEscalation) -> Record:
    incident = context.parts.incidents.read(owed.incident_id)
    current = record.incident is not None and record.incident.id == owed.incident_id
    if not current or incident is None:
        return exchanged(seen(record, incident) if current else record, owed, None)
    looked = seen(record, incident)
    if incident.escalated_to is owed.severity:
        return escalated(looked, owed, incident if incident.severity is owed.severity else None)
    known = context.history.known()
    if known is None:
        return exchanged(looked, owed, failed(owed, _UNKNOWN, in_doubt=True))
    past, mark = known.get(owed.incident_id), owed.attempts.marked
    if past is not None and past.high_at is not None and mark is not None and past.high_at >= mark:
        return escalated(looked, owed, incident if incident.severity is owed.severity else None)
    return exchanged(looked, owed, failed(owed, _NOT_DONE, in_doubt=False))
