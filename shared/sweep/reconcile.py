"""What Sentinel says about our incidents now, beside what the ledger remembers of them.

One paged list a day; and, before anything is made, what the workspace remembers of our incidents (SecurityIncident), so
that one which was deleted, or whose record is lost, is recognised. Only Sentinel's times are compared with Sentinel's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from shared.errors import SweepError
from shared.hunt.incidents import PastIncident
from shared.model import Action, Cause, Finding, Incident, Record, Severity
from shared.plan.decide import plan
from shared.plan.records import adopted, lengthened, refreshed, seen
from shared.sweep.breaker import cause_of
from shared.sweep.context import Context
from shared.sweep.gather import Hunted
from shared.sweep.workers import in_parallel

OVERLAP = timedelta(hours=1)  # the list's index lags behind
MOST_EPISODES = 500  # of one recipient that are looked for: labels can be edited by anybody
_TITLE = re.compile(r": (\S+)$")


@dataclass(frozen=True, slots=True)
class Reconciled:
    """`unread` says why our incidents could not be listed. `blocked`: for whom no incident may be made, and why."""

    unread: Cause | None = None
    blocked: Mapping[str, Cause] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Place:
    """An incident of ours that the records do not know: whose, and which episode."""

    recipient: str
    episode: int
    incident: Incident


def reconcile(context: Context, hunted: Hunted) -> Reconciled:
    """Bring the records up to date with Sentinel, and with the time that has passed."""
    if context.breaker.open is not None:
        return Reconciled(notes=_age(context, hunted))
    context.parts.progress("reading our incidents")
    listed, unread = _list_changes(context)
    blocked = _adopt(context, hunted, _unknown(context, hunted, listed))
    notes = _age(context, hunted)
    blocked |= _recall(context, hunted, listed)
    if (error := context.history.error) is not None:
        notes = (*notes, f"what the workspace remembers of our incidents (SecurityIncident) could not be read: {error}")
    if context.history.answered and not blocked:  # what it knows of those who are blocked was not taken in
        context.ledger.save_state(history_known=True)
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
        unread = Cause("incidents_unread", f"our incidents could not be listed: {error}")
    ledger.save(seen(by_id[each.id], each) for each in listed.values() if each.id in by_id)
    if unread is None:
        times = [incident.modified for incident in listed.values() if incident.modified]
        ledger.save_state(listed_to=max([*times, since] if since else times, default=None))
    return listed, unread


def _unknown(context: Context, hunted: Hunted, listed: Mapping[str, Incident]) -> list[_Place]:
    """The last incident about each recipient that was listed and is later than what the record knows.

    Whose it is says its title; believed only when recipient and episode give its very id. A recipient whose address
    does not stand in the title as it is, is found by today's finding.
    """
    records, policy = context.ledger.records, context.policy
    known = {record.incident.id for record in records.values() if record.incident}
    awaited = {
        record.creation.incident_id
        for record in records.values()
        if record.creation and record.creation.attempts.in_doubt
    }
    last: dict[str, _Place] = {}
    unclaimed = {name: each for name, each in listed.items() if name not in known and name not in awaited}
    for name, incident in list(unclaimed.items()):
        found = _TITLE.search(incident.title)
        if found and incident.episode is not None and policy.incident_id(found[1], incident.episode) == name:
            _keep_last(last, _Place(found[1], incident.episode, incident))
            del unclaimed[name]
    episodes = min(max((each.episode or 0 for each in unclaimed.values()), default=-1) + 1, MOST_EPISODES)
    for recipient in hunted.findings if unclaimed else ():
        for episode in range(episodes):
            if other := unclaimed.get(policy.incident_id(recipient, episode)):
                _keep_last(last, _Place(recipient, episode, other))
    return [place for place in last.values() if place.episode > _episode(records.get(place.recipient))]


def _keep_last(last: dict[str, _Place], place: _Place) -> None:
    there = last.get(place.recipient)
    if there is None or there.episode < place.episode:
        last[place.recipient] = place


def _episode(record: Record | None) -> int:
    return record.incident.episode if record and record.incident else -1


# -- incidents that the ledger does not know --------------------------------------------------------------------------


def _adopt(context: Context, hunted: Hunted, places: list[_Place]) -> dict[str, Cause]:
    """Take these incidents into the records; for whom that had to wait, and why."""
    blocked: dict[str, Cause] = {}
    changed = []
    known = context.history.known() if places else None
    for place in places:
        if known is None and not place.incident.open:
            blocked[place.recipient] = _history_cause(context)
            continue
        changed.append(adopted_record(context, place.recipient, hunted.findings, place.incident, place.episode))
    context.ledger.save(changed)
    return blocked


def adopted_record(
    context: Context,
    recipient: str,
    findings: Mapping[str, Finding],
    incident: Incident,
    episode: int,
    *,
    deleted: bool = False,
) -> Record:
    """The record of an incident that is there, or was deleted, with what SecurityIncident says about it, if it can."""
    past = (context.history.known() or {}).get(incident.id)
    ended = past.modified if past and deleted else past.closed if past and not incident.open else None
    return adopted(
        recipient,
        findings.get(recipient),
        incident,
        episode,
        context.policy,
        context.now(),
        record=context.ledger.records.get(recipient),
        ended=ended,
        was_high=past is not None and past.high_at is not None,
        deleted=deleted,
    )


def _recall(context: Context, hunted: Hunted, listed: Mapping[str, Incident]) -> dict[str, Cause]:
    """Before anything is made: incidents that are there, or were deleted, and that the ledger does not know."""
    creations = plan(hunted.findings, context.ledger.records, context.policy).creations
    if not creations:
        return {}
    known = context.history.known()
    if known is None:
        # An incident that was adopted says nothing about others that were deleted; one that this ledger made does.
        made = any(each.incident and each.reported_before is None for each in context.ledger.records.values())
        fresh = not context.ledger.state.history_known and not made
        return {action.recipient: _history_cause(context) for action in creations} if fresh else {}
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


def _history_cause(context: Context) -> Cause:
    error = context.history.error
    return Cause(
        error.cause if error else "incidents_unknown",
        "it is not known which incidents there were before (SecurityIncident could not be read), so none is made anew"
        + (f": {error}" if error else ""),
    )


# -- what time does ---------------------------------------------------------------------------------------------------


def _age(context: Context, hunted: Hunted) -> tuple[str, ...]:
    """Bring the records of today's findings up to date: the look-back, the days their messages were seen."""
    if hunted.failed is not None:
        return ()
    state, today = context.ledger.state, context.policy.lookback_days
    start = context.parts.window.start
    before = state.lookback_days
    longer = before is not None and today > before
    edge = (state.looked_from or start + timedelta(days=today - (before or 0))) if longer else None
    changed = []
    for recipient, finding in hunted.findings.items():
        record = context.ledger.records.get(recipient)
        if record is not None:
            record = lengthened(finding, record, edge, context.now()) if edge else record
            changed.append(refreshed(finding, record, context.now()))
    context.ledger.save(changed)
    context.ledger.save_state(lookback_days=today, looked_from=start)
    if not longer:
        return ()
    words = "messages that arrived before the last sweep looked are taken as reported"
    return (f"the look-back was lengthened from {before} to {today} days: {words}",)
