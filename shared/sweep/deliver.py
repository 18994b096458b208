"""Delivering a plan to Sentinel: updates, and creations in rounds under the fuse; what is refused comes last.

Everything that is owed is noted first. What could not be done stays owed, and is said by its cause.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from shared.incidents.terms import Terms
from shared.model import NO_MESSAGES, Act, Action, Cause, OwedComment, Reason, Record
from shared.plan.awaited import is_awaited
from shared.plan.decide import Plan
from shared.plan.owed import owing
from shared.plan.records import CLOCKS_APART
from shared.plan.room import Room, made_since, remembered
from shared.sweep.comments import comment_action, send_comment
from shared.sweep.context import Context
from shared.sweep.creations import mark_turns, unmark_untried
from shared.sweep.delivering import Delivering, Result
from shared.sweep.describe import Words
from shared.sweep.effects import carry_out, looked_at
from shared.sweep.gather import Hunted
from shared.sweep.reconcile import Reconciled
from shared.sweep.workers import in_parallel

_WAITING = (Reason.EXCLUDED, Reason.RESTING)
_UNKNOWN = Cause("sentinel_unknown", "it is not known whether the last attempt was made; the next sweep looks it up")


@dataclass(frozen=True, slots=True)
class Delivered:
    """The last action decided for each recipient; for whom something is due, and why.

    `due_effects` counts the effects that are owed and not done; what is held, or rests today, is not among them.
    """

    actions: Mapping[str, Action] = field(default_factory=dict)
    due: Mapping[str, Cause] = field(default_factory=dict)
    due_effects: int = 0
    held_unremembered: int = 0


def note(context: Context, planned: Plan, blocked: Mapping[str, Cause]) -> int:
    """Write down all that is owed, before anything is sent; how many creations are too many to be remembered."""
    records, now = context.ledger.records, context.now()
    creations, forgotten = remembered(planned.creations, context.policy.max_new, _noted(records))
    changed = [
        owing(records.get(action.recipient), action, now, blocked.get(action.recipient))
        for action in (*creations, *planned.updates, *(each for each in planned.others if each.recipient in records))
    ]
    changed = [record for record in changed if record is not records.get(record.recipient)]
    if changed:
        context.prove_lease()
        context.ledger.save(changed)
    return forgotten


def deliver(
    context: Context, planned: Plan, hunted: Hunted, found: Reconciled, words: Words, forgotten: int
) -> Delivered:
    """Carry the plan out, as far as it goes; what is left is due or held, and `forgotten` of that not written down.

    Raises:
        LeaseLost: another sweep is at work by now.
        LedgerError: something could not be written down.
    """
    terms = terms_of(context, hunted)
    on = Delivering(context, hunted.findings, terms, words)
    free = [action for action in planned.creations if action.recipient not in found.blocked]
    refused = _refused_comments(context, planned)
    results = _rounds(on, free, planned.updates)
    again = in_parallel(lambda each: _refused_comment(on, *each), refused)
    return _summed_up(context, planned, results, again, found.blocked, forgotten)


def _noted(records: Mapping[str, Record]) -> set[str]:
    """The recipients for whom a creation is owed since an earlier sweep."""
    return {recipient for recipient, record in records.items() if record.creation is not None}


def terms_of(context: Context, hunted: Hunted) -> Terms:
    """What every text of this sweep needs to know of its settings and its data."""
    settings = context.settings
    return Terms(
        threshold=settings.sum_case_threshold,
        high_threshold=settings.high_severity_threshold,
        benign_factor=settings.benign_reopen_factor,
        deduplicate=settings.deduplicate,
        hunt_source=settings.hunt_source,
        window=context.parts.window,
        doubts=tuple(doubt.text for doubt in hunted.doubts),
        portal=settings.cloud.portal,
        workspace=settings.sentinel_workspace_resource_id,
        defender=settings.cloud.defender,
    )


def _rounds(on: Delivering, creations: Iterable[Action], updates: Iterable[Action]) -> list[Result]:
    """Creations in rounds, the updates with the first of them; creations that updates turn into wait for a turn."""
    queue = deque(creations)
    room = _room(on.context)
    others = list(updates)
    results: list[Result] = []
    while others or (queue and room.next):
        turns = [queue.popleft() for _ in range(min(room.next, len(queue)))]
        on.context.parts.progress(f"writing to Sentinel: {len(turns) + len(others)} recipients")
        made = _batch(on, turns, others)
        results += made
        room = room.after(sum(each.tried for each in made), sum(each.taken for each in made))
        waiting = sorted((each.action for each in made if each.waits), key=lambda each: (each.refused, -each.total))
        queue.extend(waiting)
        others = []
        if on.context.stopped() is not None:
            break
    return results


def _room(context: Context) -> Room:
    """What the fuse leaves. All tries of one round share it: what an earlier one has made is taken, and was tried."""
    limit, entry = context.policy.max_new, context.parts.entry
    if not entry.in_round or entry.since is None:
        return Room(limit)
    ahead = timedelta(seconds=max(context.parts.incidents.skew() or 0.0, 0.0))  # most times are by Sentinel's clock
    made = made_since(context.ledger.records.values(), entry.since - ahead - CLOCKS_APART)
    return Room(limit, made, made)


def _batch(on: Delivering, turns: list[Action], others: list[Action]) -> list[Result]:
    work = [(action, True) for action in turns] + [(action, False) for action in others]
    work.sort(key=lambda each: (each[0].refused, -each[0].total))
    if on.context.stopped() is None:
        mark_turns(on, turns)
    results = in_parallel(lambda each: carry_out(on, each[0], turn=each[1]), work)
    unmark_untried(on, results)
    return results


def _refused_comments(context: Context, planned: Plan) -> list[tuple[str, OwedComment]]:
    """Comments that Sentinel has refused in an earlier sweep, by recipient: tried once more, after everything else."""
    resting = {action.recipient for action in planned.others if action.reason in _WAITING}
    return [
        (record.recipient, comment)
        for record in context.ledger.records.values()
        for comment in record.comments
        if comment.attempts.refused and not comment.attempts.in_doubt and record.recipient not in resting
    ]


def _refused_comment(on: Delivering, recipient: str, comment: OwedComment) -> Result:
    record = on.record(recipient)
    action = comment_action(record, comment, on)
    if comment not in record.comments:
        return Result(action)
    if cause := on.context.stopped():
        return Result(action, cause=cause)
    record, cause = looked_at(on, record)
    incident = record.incident
    if cause is not None or incident is None or incident.id != comment.incident_id or not incident.open:
        on.save(record)
        return Result(action, cause=cause)
    cause, _ = send_comment(on, record, comment, action)
    return Result(action, cause=cause)


def _summed_up(
    context: Context,
    planned: Plan,
    results: list[Result],
    again: list[Result],
    blocked: Mapping[str, Cause],
    forgotten: int,
) -> Delivered:
    actions = planned.actions()
    causes = dict(blocked)
    for result in results:
        actions[result.action.recipient] = result.action
    causes |= {each.action.recipient: each.cause for each in (*again, *results) if each.cause is not None}
    tried = {result.action.recipient for result in results if not result.waits}
    for recipient, action in actions.items():
        if action.act is Act.CREATE and recipient not in tried and recipient not in blocked:
            actions[recipient] = on_hold(action)
    due = _due(context.ledger.records.values(), actions, causes)
    return Delivered(
        actions=actions,
        due={recipient: cause for recipient, (cause, _) in due.items()},
        due_effects=sum(number for _, number in due.values()),
        held_unremembered=forgotten,
    )


def on_hold(action: Action) -> Action:
    """A creation whose turn has not come."""
    return replace(action, act=Act.NOTHING, reason=Reason.HELD, messages=NO_MESSAGES, tell=False)


def _due(
    records: Iterable[Record], actions: Mapping[str, Action], causes: Mapping[str, Cause]
) -> dict[str, tuple[Cause, int]]:
    """For whom something is owed and not done, why, and how many effects it is."""
    due: dict[str, tuple[Cause, int]] = {}
    for record in records:
        action = actions.get(record.recipient)
        rests = action is None or action.reason in _WAITING
        waits = rests or (action is not None and action.reason is Reason.HELD)
        effects = [
            each
            for each in record.owed
            if each.attempts.in_doubt
            or (each.attempts.refused and not rests)
            or (not rests and not is_awaited(record) if each == record.awaited else not waits)
        ]
        if effects:
            cause = causes.get(record.recipient) or effects[0].attempts.cause or _UNKNOWN
            due[record.recipient] = (cause, len(effects))
    return due


def planned_only(context: Context, planned: Plan, blocked: Mapping[str, Cause]) -> Delivered:
    """What a dry run says: as if every effect succeeded, and the fuse held back the rest."""
    _, forgotten = remembered(planned.creations, context.policy.max_new, _noted(context.ledger.records))
    actions = planned.actions()
    free = [action for action in planned.creations if action.recipient not in blocked]
    for action in free[_room(context).next :]:
        actions[action.recipient] = on_hold(action)
    doubtful = {
        record.recipient: _UNKNOWN
        for record in context.ledger.records.values()
        if any(each.attempts.in_doubt for each in record.owed)
    }
    doubtful |= {
        record.recipient: record.awaited.attempts.cause or _UNKNOWN
        for record in context.ledger.records.values()
        if record.awaited and not is_awaited(record)
    }
    due = {**doubtful, **blocked}
    return Delivered(actions=actions, due=due, due_effects=len(due), held_unremembered=forgotten)
