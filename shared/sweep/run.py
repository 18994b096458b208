"""One sweep, in order, on one screen. How each step is done is in the modules beside this one.

It ends in one report, whatever happens; it raises nothing for what can be foreseen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from shared.ledger.cache import LedgerCache
from shared.ledger.lease import Held, LeaseLost, LeaseNotFree, claim
from shared.ledger.port import LedgerError
from shared.model import Cause, Slot
from shared.plan.aging import forgettable, thinned
from shared.plan.decide import plan
from shared.plan.news import outdated
from shared.sweep.context import Context, Parts, policy_of
from shared.sweep.deliver import deliver, note, planned_only
from shared.sweep.describe import describe
from shared.sweep.doubts import settle_doubts
from shared.sweep.follow import known_names
from shared.sweep.gather import Hunted, check_access, gather
from shared.sweep.measure import measure_as_json
from shared.sweep.notify import not_notified, notify
from shared.sweep.portals import unseen
from shared.sweep.post import take_in_accepted
from shared.sweep.receipt import as_json
from shared.sweep.reconcile import reconcile
from shared.sweep.report import Progress, Report, report

__all__ = ["Parts", "Report", "run"]

KEEP_RECEIPTS = timedelta(days=120)


def run(parts: Parts) -> Report:
    """One sweep, from the lease to the receipt."""
    done = Progress()
    with stops_into(done), claimed(parts) as lease:
        if lease is None and not parts.settings.dry_run:
            done.skipped = True
        else:
            steps(opened(parts, lease, done), done)
    return kept(parts, report(parts, done), done.hunted.measure)


def steps(context: Context, done: Progress) -> None:
    """The steps. A dry run takes the same way, with a ledger that writes nothing and a plan that is not delivered."""
    take_in_accepted(context)
    failed, notes = check_access(context)
    done.notes += notes
    settle_doubts(context)
    done.hunted = gather(context, failed)
    done.notes += unseen(context)
    done.found = reconcile(context, done.hunted)
    done.planned = plan(done.hunted.findings, context.ledger.records, context.policy)
    if context.settings.dry_run:
        done.delivered = planned_only(context, done.planned, done.found.blocked)
        done.notified = not_notified(context)
        return
    done.words = describe(context, done.planned)
    forgotten = note(context, done.planned, done.found.blocked)
    done.delivered = deliver(context, done.planned, done.hunted, done.found, done.words, forgotten)
    done.notified = notify(context, done.hunted, done.found, done.delivered, done.words)
    tidy(context, done.hunted)


@contextmanager
def stops_into(done: Progress) -> Iterator[None]:
    """When the ledger or the lease fails, nothing more is sent, not even a card: that is how the sweep ended."""
    try:
        yield
    except LedgerError as error:
        done.stopped = Cause(error.cause, str(error), status=getattr(error.__cause__, "status", None))
    except LeaseLost as error:
        done.stopped = Cause("lease_lost", str(error))
    except LeaseNotFree as error:
        done.stopped = Cause("lease_not_free", str(error))


@contextmanager
def claimed(parts: Parts) -> Iterator[Held | None]:
    """The workspace's lease while it is ours; None when another sweep is at work, and in a dry run."""
    if parts.settings.dry_run:
        yield None
        return
    budget = parts.settings.sweep_budget_seconds
    # No longer than half the budget: the next sweep can wait for a dead one's lease, and still work.
    seconds = min(parts.settings.lease_seconds, budget / 2)
    parts.progress("taking the lease")
    lease = claim(parts.ledger, seconds, parts.clock, parts.run_id, parts.begun + budget)
    try:
        yield lease
    finally:
        if lease is not None:
            lease.release()


def opened(parts: Parts, lease: Held | None, done: Progress) -> Context:
    """The context of this sweep, with the ledger read once."""
    loaded = parts.ledger.load()
    done.notes = tuple(f"a ledger row could not be read and was set aside: {name}" for name in loaded.damaged)
    ledger = LedgerCache(parts.ledger, loaded, write=not parts.settings.dry_run)
    if parts.hunt.ways is not None:
        parts.hunt.ways.by = ledger.state.query_by
    if ledger.state.begun_at is None:
        ledger.save_state(begun_at=parts.started)
    parts.incidents.follow(known_names(ledger.records))
    if parts.settings.raise_by == "rule" and not ledger.state.rule_used:
        ledger.save_state(rule_used=True)
    done.context = Context(parts, ledger, lease, policy_of(parts.settings, parts.started))
    return done.context


def tidy(context: Context, hunted: Hunted) -> None:
    """Forget what can no longer matter; never on the word of data that is not trusted."""
    ledger, started = context.ledger, context.parts.started
    ledger.save(dropped_cards=outdated(ledger.cards.values(), ledger.records, ledger.state, started.date()))
    records = [] if hunted.doubts or hunted.failed else list(ledger.records.values())
    gone = sorted(set(forgettable(records, context.policy, started)) - hunted.findings.keys())
    ledger.save(thinned(record, context.policy, started) for record in records if record.recipient not in gone)
    ledger.prune(gone, (started - KEEP_RECEIPTS).date())


def kept(parts: Parts, ended: Report, measure: Sequence[Slot]) -> Report:
    """The report once its receipt is in the ledger, with the measure for the next sweep; with a note when it could not
    be written there.
    """
    receipt = ended.receipt
    if receipt.event == "sweep_skipped" or receipt.dry_run:
        return ended
    try:
        written = as_json(receipt)
        if measure:
            written["measure"] = measure_as_json(parts.settings.hunt_source, measure)
        parts.ledger.keep_receipt(parts.started.date(), parts.run_id, written)
    except LedgerError as error:
        if not any(str(error) in reason for reason in receipt.reasons):
            note_of_it = f"the receipt could not be kept in the ledger: {error}"
            return replace(ended, receipt=replace(receipt, notes=(*receipt.notes, note_of_it)))
    return ended
