"""What Sentinel says about our incidents now, beside what the ledger remembers of them.

One paged list a day; and, before anything is made, what the workspace remembers of our incidents (SecurityIncident), so
that one which was deleted, or whose record is lost, is recognised. Only Sentinel's times are compared with Sentinel's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from shared.errors import SweepError
from shared.hunt.incidents import PastIncident
from shared.model import Action, Cause, Finding, Incident, Severity
from shared.plan.aging import lengthened, refreshed
from shared.plan.decide import plan
from shared.plan.records import seen
from shared.sweep.adopt import MOST_EPISODES, adopt, adopted_record, history_cause, unrecorded
from shared.sweep.breaker import cause_of
from shared.sweep.context import Context
from shared.sweep.follow import follow, handed_by_others
from shared.sweep.gather import Hunted
from shared.sweep.workers import in_parallel

OVERLAP = timedelta(hours=1)  # the list's index lags behind


@dataclass(frozen=True, slots=True)
class Reconciled:
    """`unread` says why our incidents could not be listed. `blocked`: for whom no incident may be made, and why."""

    unread: Cause | None = None
    blocked: Mapping[str, Cause] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def reconcile(context: Context, hunted: Hunted) -> Reconciled:
    """Bring the records up to date with Sentinel, and with the time that has passed."""
    context.ledger.recognise(hunted.findings)
    if context.breaker.open is not None:
        return Reconciled(notes=_age(context, hunted))
    context.parts.progress("reading our incidents")
    listed, unread = _list_changes(context)
    made_by_rule, unknown = follow(context)
    listed, unread = {**made_by_rule, **listed}, unread or unknown
    blocked = adopt(context, hunted, unrecorded(context, hunted, listed))
    notes = _age(context, hunted)
    blocked |= _recall(context, hunted, listed)
    if (error := context.history.error) is not None:
        notes = (*notes, f"what the workspace remembers of our incidents (SecurityIncident) could not be read: {error}")
    if context.history.answered and not blocked:  # what it knows of those who are blocked was not taken in
        context.ledger.save_state(history_known=True)
    if context.ledger.state.rule_used is None and (followed := context.history.followed_so_far) is not None:
        context.ledger.save_state(rule_used=bool(followed))
    return Reconciled(unread, blocked, notes)


# -- the list ---------------------------------------------------------------------------------------------------------


def _list_changes(context: Context) -> tuple[dict[str, Incident], Cause | None]:
    """What changed on our incidents since the newest change that was seen, by id; why it could not be read."""
    ledger = context.ledger
    by_id = {record.incident.id: record for record in ledger.records.values() if record.incident}
    since = ledger.state.listed_to

    def shown_before(incident: Incident) -> bool | None:
        if since is None or incident.modified is None or incident.modified > since:
            return None
        record = by_id.get(incident.id)
        return record is not None and record.incident is not None and seen(record, incident) is record

    listed: dict[str, Incident] = {}
    unread = None
    try:
        for incident in context.parts.incidents.changed(since - OVERLAP if since else None, shown_before):
            listed[incident.id] = incident
    except SweepError as error:
        context.breaker.ended(error, at_once=True)
        unread = replace(cause_of(error), id="incidents_unread", text=f"our incidents could not be listed: {error}")
    ledger.save(seen(by_id[each.id], each) for each in listed.values() if each.id in by_id)
    if unread is None:
        times = [incident.modified for incident in listed.values() if incident.modified]
        ledger.save_state(listed_to=max([*times, since] if since else times, default=None))
    return listed, unread


def _recall(context: Context, hunted: Hunted, listed: Mapping[str, Incident]) -> dict[str, Cause]:
    """Before anything is made: incidents that are there, or were deleted, and that the ledger does not know."""
    creations = plan(hunted.findings, context.ledger.records, context.policy).creations
    if not creations:
        return {}
    known = context.history.known()
    handed = handed_by_others(context, hunted.findings, context.ledger.records)
    context.ledger.save(handed)
    creations = tuple(each for each in creations if each.recipient not in {one.recipient for one in handed})
    if known is None:
        # An incident that was adopted says nothing about others that were deleted; one that this ledger made does.
        made = any(each.incident and each.reported_before is None for each in context.ledger.records.values())
        # Over ARM a look at the incident comes before its creation; what is with the rule shows only in the tables.
        fresh = context.history.rule_used or not (context.ledger.state.history_known or made)
        return {action.recipient: history_cause(context) for action in creations} if fresh else {}
    episodes = [each.episode or 0 for each in known.values()] + [each.episode or 0 for each in listed.values()]
    most = min(max(episodes, default=-1) + 1, MOST_EPISODES)
    wanted = [
        (action, episode)
        for action in creations
        if (episode := _last_known(context, action, most, known, listed)) is not None
    ]
    blocked = in_parallel(lambda each: _recall_one(context, hunted.findings, known, *each), wanted)
    return {recipient: cause for recipient, cause in blocked if cause is not None}


def recalled(context: Context, findings: Mapping[str, Finding], action: Action) -> tuple[bool, Cause | None]:
    """Whether the workspace knows the incident that is about to be made: then it is taken into the record, if it can.

    A creation can turn up only while the plan is carried out: with a ledger that was restored from a copy.
    """
    known = context.history.known() or {}
    if action.incident_id not in known:
        return False, None
    most = min(max(each.episode or 0 for each in known.values()) + 1, MOST_EPISODES)
    last = _last_known(context, action, most, known, {})
    episode = action.episode if last is None else last
    return True, _recall_one(context, findings, known, action, episode)[1]


def _last_known(
    context: Context,
    action: Action,
    most: int,
    known: Mapping[str, PastIncident],
    listed: Mapping[str, Incident],
) -> int | None:
    """The last episode of this recipient, from the one that would be made on, that the workspace ever had."""
    for episode in range(most - 1, action.episode - 1, -1):
        name = context.policy.incident_id(action.recipient, episode)
        if name in known or name in listed:
            return episode
    return None


def _recall_one(
    context: Context, findings: Mapping[str, Finding], known: Mapping[str, PastIncident], action: Action, episode: int
) -> tuple[str, Cause | None]:
    recipient, name = action.recipient, context.policy.incident_id(action.recipient, episode)
    if context.breaker.open is not None:
        return recipient, context.breaker.open
    try:
        incident = context.parts.incidents.read(name)
    except SweepError as error:
        context.breaker.ended(error)
        return recipient, cause_of(error)
    context.breaker.ended(None)
    past = known.get(name)
    gone = Incident(name, "New", Severity.MEDIUM, modified=past.modified if past else None, episode=episode)
    record = adopted_record(context, recipient, findings, incident or gone, episode, deleted=incident is None)
    context.ledger.save([record])
    return recipient, None


# -- what time does ---------------------------------------------------------------------------------------------------


def _age(context: Context, hunted: Hunted) -> tuple[str, ...]:
    """Bring the records of today's findings up to date: the look-back, the days their messages were seen."""
    if hunted.failed is not None:
        return ()
    state, today = context.ledger.state, context.policy.lookback_days
    start = context.parts.window.start
    before = state.lookback_days
    longer = before is not None and today > before
    if longer:
        edge = state.looked_from or start + timedelta(days=today - (before or 0))
        context.ledger.save_state(unseen_before=edge, lengthened_at=context.parts.started)
    changed = []
    for recipient, finding in hunted.findings.items():
        record = context.ledger.records.get(recipient)
        if record is not None:
            record = lengthened(finding, record, context.ledger.state, context.now())
            changed.append(refreshed(finding, record, context.now()))
    context.ledger.save(changed)
    context.ledger.save_state(lookback_days=today, looked_from=start)
    if not longer:
        return ()
    words = "messages that arrived before the last sweep looked are taken as reported"
    return (f"the look-back was lengthened from {before} to {today} days: {words}",)
