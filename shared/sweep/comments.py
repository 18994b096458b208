"""Comments: send one, and record it only after one more look at its incident."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from shared.errors import SweepError
from shared.incidents.port import Ended
from shared.incidents.text import comment_id
from shared.model import Act, Action, Cause, Incident, OwedComment, Reason, Record
from shared.plan.decide import COMMENTS_USABLE
from shared.plan.owed import exchanged, failed
from shared.plan.records import commented, seen
from shared.sweep.adopt import undated
from shared.sweep.breaker import cause_of
from shared.sweep.context import Context
from shared.sweep.delivering import CHANGING, Delivering

CLOSED_BY_COMMENT = timedelta(seconds=5)
"""A comment may itself count as a modification: a closing is later only when it is later than that."""


def send_comment(on: Delivering, record: Record, owed: OwedComment, action: Action) -> tuple[Cause | None, bool]:
    """Why the comment is still owed; whether the recipient has to be decided about anew."""
    incidents, background = on.context.parts.incidents, on.words.about(record.recipient)
    incident = record.incident
    last = incident is not None and incident.seen is not None and incident.seen.comments == COMMENTS_USABLE
    name = comment_id(owed.incident_id, owed.messages.times)
    record, about = on.mark(record, owed)
    draft = partial(on.context.parts.drafts.comment, action, on.terms, last=last)
    attempt = incidents.comment(owed.incident_id, name, draft(background))
    lost = attempt.in_doubt
    if attempt.ended is Ended.REFUSED:
        attempt = incidents.comment(owed.incident_id, name, draft(minimal=True))
    on.context.breaker.ended(attempt.error)
    if attempt.ended is Ended.GONE:
        on.save(exchanged(seen(record, None), about, failed(about, CHANGING, in_doubt=False)))
        return None, True
    if attempt.ended not in (Ended.DONE, Ended.FOUND):
        _, why = on.not_done(record, about, attempt, lost=lost)
        return why, False
    on.context.tally.did(commented=int(attempt.ended is Ended.DONE))
    record = replace(record, remediators=background.remediators or record.remediators)
    again, cause = settle_comment(on.context, record, about, attempt.made)
    return cause, again


def settle_comment(
    context: Context, record: Record, owed: OwedComment, made: datetime | None
) -> tuple[bool, Cause | None]:
    """Record a comment that is there, after one more look at its incident: whether to decide anew; why it is in doubt.

    On an incident that was closed before the comment was made, nobody may ever read it: its messages stay new. While
    nobody says since when it is closed, it stays in doubt.
    """
    try:
        incident = context.parts.incidents.read(owed.incident_id)
    except SweepError as error:
        context.breaker.ended(error)
        context.ledger.save([exchanged(record, owed, failed(owed, cause_of(error), in_doubt=True))])
        return False, cause_of(error)
    current = record.incident is not None and record.incident.id == owed.incident_id
    looked = seen(record, incident) if current else record
    if incident is not None and made is not None and (cause := undated(context, incident)) is not None:
        context.ledger.save([exchanged(looked, owed, failed(owed, cause, in_doubt=True))])
        return False, cause
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
