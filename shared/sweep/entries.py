"""What is on a card about recipients: an entry for each, and what is recorded once Teams has taken it."""

from __future__ import annotations

from dataclasses import replace

from shared.model import Finding, OwedCreation, Reason, Record, Severity, ToldDue, ToldFinding
from shared.plan.news import News, NotDone
from shared.sweep.context import Context
from shared.sweep.describe import Words
from shared.sweep.gather import Hunted
from shared.sweep.post import Mentioned, Reminded, Tell, Unanswered
from shared.teams import Entry, OtherReason, Situation, alert_link, incident_link


def shown_severity(context: Context, record: Record) -> Severity:
    """The severity that a card shows."""
    return record.incident.severity if record.incident else context.policy.severity(record.counts.total)


def tells_of(context: Context, hunted: Hunted, news: News, situation: Situation, described: Words) -> dict[Entry, Tell]:
    """An entry for each that there is to tell, with what it tells."""
    tells: dict[Entry, Tell] = {}
    for each in news.due:
        cause = each.cause.id
        tells[_due_entry(context, each)] = ToldDue(each.record.recipient, each.owed.incident_id, cause)
    for record in news.findings:
        entry = _entry(context, record, described, hunted.findings.get(record.recipient))
        tells[entry] = _told_finding(entry, record)
    for record in news.unanswered:
        entry = _entry(context, record, described, hunted.findings.get(record.recipient))
        tells[replace(entry, reason=OtherReason.UNANSWERED)] = Unanswered(_told_finding(entry, record))
    for record in news.deletions:
        entry = replace(_entry(context, record, described), reason=OtherReason.DELETED, url="")
        tells[entry] = Mentioned(record.recipient)
    for record in news.reminders:
        made = record.incident.made_at if record.incident else situation.now
        entry = replace(_entry(context, record, described), reason=OtherReason.REMINDER, since=made)
        tells[entry] = Reminded(record.recipient)
    return tells


def _told_finding(entry: Entry, record: Record) -> ToldFinding:
    reason = record.tell or Reason.GREW
    return ToldFinding(record.recipient, entry.incident_id, entry.episode, reason, entry.digest())


def _due_entry(context: Context, what: NotDone) -> Entry:
    record, owed = what.record, what.owed
    known = record.incident.episode if record.incident else 0
    episode = owed.episode if isinstance(owed, OwedCreation) else known
    return Entry(
        record.recipient,
        owed.incident_id,
        episode,
        OtherReason.NOT_RAISED,
        context.policy.severity(owed.counts.total),
        owed.counts,
        cause=what.cause.text,
        named_on=owed.attempts.told,
        url=alert_link(context.settings.cloud.defender, owed.incident_id) if owed == record.awaited else "",
        awaited=owed == record.awaited,
    )


def _entry(context: Context, record: Record, described: Words, finding: Finding | None = None) -> Entry:
    settings, incident = context.settings, record.incident
    shown = finding.evidence()[:2] if finding is not None and settings.card_subjects else ()
    current = incident.seen if incident else None
    name = incident.id if incident else ""
    shown_as = current.name if current and current.name else name
    origin = described.origins.get(record.recipient)
    return Entry(
        recipient=record.recipient,
        incident_id=name,
        episode=incident.episode if incident else 0,
        reason=record.tell or OtherReason.REMINDER,
        severity=shown_severity(context, record),
        counts=record.counts,
        messages=tuple(sorted(record.untold)),
        new=len(record.untold),
        url=alert_link(settings.cloud.defender, name)
        if record.awaited
        else incident_link(
            settings.cloud.portal, settings.sentinel_workspace_resource_id, shown_as, current.url if current else ""
        ),
        awaited=record.awaited is not None,
        number=current.number if current else None,
        subjects=tuple(item.subject for item in shown),
        remediators=record.remediators,
        domains=origin.domains if origin else (),
        senders=origin.senders if origin and settings.card_subjects else (),
    )
