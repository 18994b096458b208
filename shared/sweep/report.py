"""How a sweep ended: its verdict, its event and its receipt, from what its steps returned. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from shared import __version__
from shared.errors import Service
from shared.model import Action, Cause, Finding, Reason, Receipt
from shared.plan.awaited import is_awaited
from shared.plan.decide import Plan
from shared.sweep.context import Context, Parts
from shared.sweep.deliver import Delivered
from shared.sweep.describe import Words
from shared.sweep.gather import Hunted
from shared.sweep.notify import Notified
from shared.sweep.reconcile import Reconciled
from shared.sweep.situation import GROWN, STANDING, reasons_of, verdict_of
from shared.sweep.tally import Tally


@dataclass(slots=True)
class Progress:
    """What the steps of one sweep have returned so far; `run` alone writes it. `stopped`: why it went no further."""

    context: Context | None = None
    hunted: Hunted = field(default_factory=Hunted)
    found: Reconciled = field(default_factory=Reconciled)
    planned: Plan = field(default_factory=Plan)
    words: Words = field(default_factory=Words)
    delivered: Delivered = field(default_factory=Delivered)
    notified: Notified = field(default_factory=Notified)
    notes: tuple[str, ...] = ()
    skipped: bool = False
    stopped: Cause | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A sweep's receipt, and what it planned for whom (for the shell; the receipt has no addresses)."""

    receipt: Receipt
    actions: tuple[Action, ...] = ()
    findings: Mapping[str, Finding] = field(default_factory=dict)
    incidents: Mapping[str, str] = field(default_factory=dict)  # recipient -> link to the incident, where known


def report(parts: Parts, done: Progress) -> Report:
    """What the sweep did, in counts, and what it planned."""
    records = done.context.ledger.records.values() if done.context else ()
    links = {
        record.recipient: record.incident.seen.url for record in records if record.incident and record.incident.seen
    }
    hunted = Hunted(coverage=done.hunted.coverage, failed=done.stopped) if done.stopped else done.hunted
    actions = {} if done.stopped else dict(done.delivered.actions)
    receipt = replace(
        _receipt(parts, done, hunted, actions),
        causes=tuple(_causes(done, hunted)),
        round=parts.entry.round,
        workspace_name=parts.entry.name,
    )
    return Report(receipt, tuple(actions.values()), hunted.findings, links)


def _receipt(parts: Parts, done: Progress, hunted: Hunted, actions: dict[str, Action]) -> Receipt:
    delivered, notified, settings = done.delivered, done.notified, parts.settings
    due = delivered.due_effects + notified.due
    tally = done.context.tally if done.context else Tally()
    reasons = reasons_of(actions)
    return Receipt(
        run_id=parts.run_id,
        version=__version__,
        settings=settings.fingerprint(),
        workspace=str(settings.sentinel_workspace_id),
        started=parts.started,
        seconds=parts.seconds(),
        event=_event(done, hunted, due, dry_run=settings.dry_run),
        verdict=None if done.skipped else verdict_of(hunted, done.found, delivered, due=due, done=tally.about_findings),
        reasons=tuple(f"{cause.id}: {cause.text}" for cause in _causes(done, hunted)),
        dry_run=settings.dry_run,
        window=parts.window,
        coverage=hunted.coverage,
        history_days=hunted.history_days,
        flagged=len(hunted.findings),
        created=tally.created,
        commented=tally.commented,
        escalated=tally.escalated,
        standing=sum(reasons[each] for each in STANDING),
        grown=sum(reasons[each] for each in GROWN),
        settled=reasons[Reason.SETTLED],
        excluded=reasons[Reason.EXCLUDED],
        held=reasons[Reason.HELD],
        held_unremembered=delivered.held_unremembered,
        awaited=sum(map(is_awaited, done.context.ledger.records.values() if done.context else ())),
        due=due,
        told=tally.told,
        reminded=tally.reminded,
        card_id=tally.card_id,
        requests=+Counter({**parts.http.requests, Service.LEDGER.value: parts.ledger.requests}),
        retries=parts.http.retries + parts.ledger.retries,
        clock_skew_seconds=parts.incidents.skew(),
        notes=(*_notes(parts, done), *hunted.notes, *done.found.notes, *done.words.notes, *hunted.remarks),
    )


def _event(done: Progress, hunted: Hunted, due: int, *, dry_run: bool) -> str:
    if done.skipped:
        return "sweep_skipped"
    if hunted.failed is not None:
        return "sweep_failed"
    if dry_run:
        return "sweep_planned"
    return "sweep_incomplete" if due or done.found.unread else "sweep_completed"


def _causes(done: Progress, hunted: Hunted) -> list[Cause]:
    """Why it failed, is not trusted, or left something due: each once."""
    first = (hunted.failed,) if hunted.failed else hunted.doubts
    unread = (done.found.unread,) if done.found.unread else ()
    causes = (*first, *unread, *done.delivered.due.values(), *done.notified.causes)
    return list({cause.id: cause for cause in causes}.values())


def _notes(parts: Parts, done: Progress) -> tuple[str, ...]:
    today = parts.started.date()
    lapsed = sum(each.until < today for each in parts.settings.excluded_recipients)
    if not lapsed:
        return done.notes
    return (*done.notes, f"{lapsed} of EXCLUDED_RECIPIENTS are past their date and no longer count")
