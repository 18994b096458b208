"""Creations: an incident is made, or found and adopted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

from shared.incidents.port import Ended
from shared.model import Act, Action, Cause, OwedCreation, Record
from shared.plan.awaited import handed_over
from shared.plan.owed import exchanged, failed, marked
from shared.plan.records import created
from shared.sweep.adopt import adopted_record, history_cause, undated
from shared.sweep.delivering import CHANGING, Delivering, Result
from shared.sweep.reconcile import recalled


def mark_turns(on: Delivering, actions: Iterable[Action]) -> None:
    """Note the first creations of these recipients as about to be sent, in as few writes as it takes.

    Before any other the recipient's last incident is read, which may change the decision: those are marked one by one.
    """
    time = on.context.parts.incidents.time() or on.context.now()
    first = [record for action in actions if (record := on.record(action.recipient)).incident is None]
    on.context.ledger.save(
        exchanged(record, record.creation, marked(record.creation, time)) for record in first if record.creation
    )


def is_marked(on: Delivering, action: Action) -> bool:
    """Whether this is a creation that was marked with the others of its round: there is no incident to look at."""
    record = on.record(action.recipient)
    in_doubt = record.creation is not None and record.creation.attempts.in_doubt
    return action.act is Act.CREATE and record.incident is None and in_doubt


def unmark_untried(on: Delivering, results: Iterable[Result]) -> None:
    """Note that these creations were certainly not sent, where the round ended before their turn."""
    changed = []
    for result in results:
        creation = on.record(result.action.recipient).creation
        if creation and creation.attempts.in_doubt and result.cause and not result.tried:
            after = failed(creation, result.cause, in_doubt=False, refused=creation.attempts.refused)
            changed.append(exchanged(on.record(result.action.recipient), creation, after))
    on.context.ledger.save(changed)


def create(on: Delivering, action: Action, result: Result) -> tuple[Result, bool]:
    """Whether this was all; not when the incident was there already and has to be decided about anew."""
    record = on.record(action.recipient)
    owed = record.creation
    if owed is None:
        return result, True
    if (known := _known_already(on, action, record, owed)) is not None:
        return replace(result, cause=known.cause), known.cause is not None
    background = on.words.about(action.recipient)
    if not owed.attempts.in_doubt:
        record, owed = on.mark(record, owed)
    incidents = on.context.parts.incidents
    about = replace(action, severity=owed.severity)
    draft = partial(on.context.parts.drafts.creation, about, on.terms, attempt=owed.attempt)
    attempt = incidents.create(action.incident_id, draft(background))
    lost = attempt.in_doubt
    if attempt.ended is Ended.REFUSED:
        attempt = incidents.create(action.incident_id, draft(minimal=True))
    on.context.breaker.ended(attempt.error)
    result = replace(result, tried=True)
    if attempt.ended is Ended.UPLOADED:
        on.context.tally.did(created=int(record.awaited is None))
        waiting = handed_over(record, owed, on.context.policy, on.context.now())
        on.save(replace(waiting, remediators=background.remediators or waiting.remediators))
        return replace(result, taken=True), True
    if attempt.ended is Ended.DONE:
        on.context.tally.did(created=1)
        made = created(record, owed, attempt.incident, on.context.now())
        on.save(replace(made, remediators=background.remediators or made.remediators))
        return replace(result, taken=True), True
    if attempt.ended is Ended.FOUND and attempt.incident is not None:
        cause = undated(on.context, attempt.incident)
        on.save(exchanged(record, owed, failed(owed, cause or CHANGING, in_doubt=False)))
        if cause is not None:
            return replace(result, cause=cause), True
        on.save(adopted_record(on.context, action.recipient, on.findings, attempt.incident, action.episode))
        return result, False
    record, cause = on.not_done(record, owed, attempt, lost=lost)
    in_doubt = record.creation is not None and record.creation.attempts.in_doubt
    return replace(result, taken=in_doubt, cause=cause), True


@dataclass(frozen=True, slots=True)
class _Known:
    """That nothing is made now; `cause` says why not, None when the workspace knows the incident and it is recorded."""

    cause: Cause | None


def _known_already(on: Delivering, action: Action, record: Record, owed: OwedCreation) -> _Known | None:
    """Why the incident is not made after all: the workspace knows it, or cannot say so, and the rule cannot either."""
    known = on.context.history.known()
    if known is None and on.context.history.rule_used:
        unknown = history_cause(on.context)
        on.save(exchanged(record, owed, failed(owed, unknown, in_doubt=False)))
        return _Known(unknown)
    if action.incident_id not in (known or {}):
        return None
    on.save(exchanged(record, owed, failed(owed, CHANGING, in_doubt=False)))
    return _Known(recalled(on.context, on.findings, action)[1])
