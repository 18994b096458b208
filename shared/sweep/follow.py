"""What became of the findings that were handed to the analytics rule: its incidents, and what it passed over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from shared.errors import SweepError
from shared.hunt.followed import Followed
from shared.hunt.incidents import PastIncident
from shared.model import Attempts, Cause, Finding, Incident, OwedCreation, Reason, Record, Severity
from shared.plan.awaited import handed_over, not_looked_up, waited
from shared.plan.decide import candidate
from shared.plan.records import seen
from shared.sweep.breaker import cause_of
from shared.sweep.context import Context
from shared.sweep.workers import in_parallel


def known_names(records: Mapping[str, Record]) -> dict[str, str]:
    """Sentinel's names of the incidents that were seen under another one than ours, by our id."""
    ours = [record.incident for record in records.values() if record.incident]
    return {each.id: each.seen.name for each in ours if each.seen and each.seen.name}


def follow(context: Context) -> tuple[dict[str, Incident], Cause | None]:
    """Take in what the rule has made. Returns its open incidents that no record knows, by our id, as they are now; and
    why it is not known what became of the findings, or how one of these is.
    """
    if not context.history.rule_used:
        return {}, None
    followed = context.history.followed()
    if followed is None:
        waiting = [record for record in context.ledger.records.values() if record.awaited]
        context.ledger.save(not_looked_up(record, context.now()) for record in waiting)
        return {}, _unread("our incidents could not be looked up", context.history.error)
    incidents = {each.id: incident_seen(each.incident) for each in followed.values() if each.incident}
    context.ledger.save(
        _followed(context, record, followed, incidents) for record in list(context.ledger.records.values())
    )
    ours = {record.incident.id for record in context.ledger.records.values() if record.incident}
    unknown = [name for name, incident in incidents.items() if name not in ours and incident.open]
    there = in_parallel(lambda name: _read(context, name), unknown)
    unread = next((each for each in there if isinstance(each, Cause)), None)
    return {each.id: each for each in there if isinstance(each, Incident)}, unread


def _read(context: Context, name: str) -> Incident | Cause | None:
    """The incident as it is now, None when it was deleted; or why it cannot be read today."""
    if context.breaker.open is not None:
        return context.breaker.open
    try:
        incident = context.parts.incidents.read(name)
    except SweepError as error:
        context.breaker.ended(error)
        return _unread("an incident that the analytics rule has made could not be read", error)
    context.breaker.ended(None)
    row = (context.history.followed() or {}).get(name)
    return replace(incident, about=row.recipient, episode=row.episode) if incident and row else None


def _unread(what: str, error: SweepError | None) -> Cause:
    cause = cause_of(error) if error else Cause("", "")
    return replace(cause, id="incidents_unread", text=f"{what}: {error}")


def _followed(
    context: Context, record: Record, followed: Mapping[str, Followed], incidents: Mapping[str, Incident]
) -> Record:
    ours = record.incident
    if ours is None:
        return record
    there, what = incidents.get(ours.id), followed.get(ours.id)
    if record.awaited is not None:
        if there is not None:
            return seen(_with_its_row(context, record, record.awaited, what), there)
        by_rule = context.settings.raise_by == "rule"
        return waited(record, what.alerted if what else None, context.now(), by_rule=by_rule)
    return _looked_up(record, there) if there is not None and not ours.deleted else record


def _with_its_row(context: Context, record: Record, owed: OwedCreation, what: Followed | None) -> Record:
    """The record with the row that may have been sent as handed over, where the table shows it: its messages are
    reported. Where it does not, they stay new.
    """
    sent = owed.uploaded is None and (owed.attempts.in_doubt or owed.maybe_sent)
    return found_handed(context, record, owed) if sent and what and what.attempt >= owed.attempt else record


def _looked_up(record: Record, there: Incident) -> Record:
    """The record with the incident as the table shows it, unless it was read after that."""
    last = record.incident.seen if record.incident else None
    if last is None:
        return record
    if last.name == there.name and not (there.modified and last.modified and there.modified > last.modified):
        return record
    return seen(record, replace(there, comments=last.comments if last.name == there.name else there.comments))


def handed_by_others(context: Context, findings: Mapping[str, Finding], records: Mapping[str, Record]) -> list[Record]:
    """Records of findings that another ledger, or a lost one, has handed to the rule, before their incidents are there.

    Today's messages from before the upload are in its row.
    """
    found = []
    for each in (context.history.followed() or {}).values():
        record, finding = records.get(each.recipient), findings.get(each.recipient)
        last = record.incident.episode if record and record.incident else -1
        if finding is None or each.incident is not None or each.episode <= last or not _handed(each):
            continue
        if record is not None and record.creation is not None and record.creation.attempts.in_doubt:
            continue
        found.append(_as_handed_over(context, record or Record(each.recipient), finding, each))
    return found


def _as_handed_over(context: Context, record: Record, finding: Finding, what: Followed) -> Record:
    about, now = candidate(what.recipient, finding, record), context.now()
    times = about.new.times
    if what.uploaded is not None:
        later = {message for message, minute in times.items() if minute * 60 > what.uploaded.timestamp()}
        messages = about.new.without(later)
    else:
        messages = about.new
    severity = context.policy.severity(about.counts.total)
    owed = OwedCreation(
        what.id,
        what.episode,
        Reason.ADOPTED,
        severity,
        about.counts,
        messages.cut(),
        Attempts(now),
        None,
        what.attempt or 1,
    )
    return waited(found_handed(context, record, owed), what.alerted, now, by_rule=context.settings.raise_by == "rule")


def _handed(what: Followed) -> bool:
    return what.attempt > 0 or what.alerted is not None


def row_arrived(context: Context, owed: OwedCreation) -> bool:
    """Whether the table shows this very row, or a later one."""
    what = (context.history.followed() or {}).get(owed.incident_id)
    return what is not None and what.attempt >= owed.attempt


def found_handed(context: Context, record: Record, owed: OwedCreation) -> Record:
    """The record of a creation whose row is found in the table: awaited since that came."""
    now, there = context.now(), context.parts.incidents.time()
    row = (context.history.followed() or {}).get(owed.incident_id)
    changed = handed_over(record, owed, context.policy, now)
    if there is None or row is None or row.uploaded is None or changed.creation is None:
        return changed
    # How long ago that was, by the service's clock; the ledger keeps our own.
    ago = max(there - row.uploaded, timedelta(0))
    return replace(changed, creation=replace(changed.creation, uploaded=now - ago))


def incident_seen(past: PastIncident) -> Incident:
    """The incident as its newest row in SecurityIncident shows it."""
    return Incident(
        past.id,
        past.status,
        past.severity or Severity.MEDIUM,
        classification=past.classification,
        owned=past.owned,
        number=past.number,
        url=past.url,
        created=past.created,
        modified=past.modified,
        episode=past.episode,
        escalated_to=past.escalated_to,
        title=past.title,
        name=past.name,
        about=past.recipient,
        merged=past.merged,
    )
