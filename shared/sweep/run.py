"""The order of one sweep: claim, finish, cover, hunt, recall, plan, note, raise, tell, receipt, release.

It knows the order and the time budget; how each step is done is in the modules it calls, and what came of it in its
outcome. It ends in one receipt, whatever happens; it raises nothing for what can be foreseen.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from shared.clock import Clock
from shared.errors import Service, SweepError
from shared.http.client import Http
from shared.hunt import Hunt
from shared.incidents.arm import Sentinel
from shared.ledger.cache import Book
from shared.ledger.lease import Held, LeaseLost, LeaseNotFree, claim
from shared.ledger.port import Ledger, LedgerError
from shared.model import Act, Action, Cause, Finding, Intent, IntentKind, Receipt, Window
from shared.plan.decide import Policy, forget, thin
from shared.settings import Settings
from shared.sweep.deliver import Breaker, Raising
from shared.sweep.fuse import fallen, hold, its_turn, released
from shared.sweep.gather import Asking, Stopped
from shared.sweep.intents import Rendering, counted, render
from shared.sweep.notify import RAISING, Telling
from shared.sweep.outcome import Outcome
from shared.sweep.receipt import as_json
from shared.sweep.reconcile import Recall
from shared.teams.webhook import Webhook

REDECIDE = 4  # rounds in which incidents that changed under the sweep are planned anew
KEEP_RECEIPTS = timedelta(days=120)
TELLING_RESERVE = 60.0  # seconds of the budget, a fifth at most, kept for telling

log = logging.getLogger("sweep")


@dataclass(frozen=True, slots=True)
class Parts:
    """What a sweep works with; the edge wires it, tests pass their own."""

    settings: Settings
    clock: Clock
    ledger: Ledger
    http: Http
    hunt: Hunt
    sentinel: Sentinel
    webhook: Webhook
    run_id: str
    progress: Callable[[str], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Report:
    """A sweep's receipt, and what it planned for whom (for the shell; the receipt has no addresses)."""

    receipt: Receipt
    actions: tuple[Action, ...] = ()
    findings: Mapping[str, Finding] = field(default_factory=dict)
    incidents: Mapping[str, str] = field(default_factory=dict)  # recipient -> link to the incident, where known


def run(parts: Parts) -> Report:
    """One sweep, from the lease to the receipt."""
    sweep = _Sweep(parts)
    return sweep.planned() if parts.settings.dry_run else sweep.run()


class _Sweep:
    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.settings = parts.settings
        self.started = parts.clock.now()
        self._begun = parts.clock.monotonic()
        self.window = Window(self.started - timedelta(days=self.settings.lookback_days), self.started)
        self.outcome = Outcome(self.settings, parts.run_id, self.started, self.window)
        self.asking = Asking(parts.hunt, parts.sentinel, parts.ledger, self.outcome, parts.progress)
        self.breaker = Breaker()
        self.book: Book | None = None
        self.held: Held | None = None
        self.raising: Raising | None = None
        self.telling: Telling | None = None
        self.policy = Policy(
            workspace_resource_id=self.settings.sentinel_workspace_resource_id,
            threshold=self.settings.sum_case_threshold,
            high_threshold=self.settings.high_severity_threshold,
            benign_factor=self.settings.benign_reopen_factor,
            max_new=self.settings.max_new_incidents,
            lookback_days=self.settings.lookback_days,
            excluded=self._excluded,
        )

    # -- the two ways through -----------------------------------------------------------------------------------------

    def run(self) -> Report:
        """The whole sweep."""
        try:
            self.held = self._claimed()
        except LedgerError as error:
            return self._ledger_failed(error)
        except LeaseNotFree as error:
            self.outcome.fail(Cause("lease_not_free", str(error)))
            return self._end("sweep_failed")
        if self.held is None:
            return self._end("sweep_skipped")
        try:
            book = self._open(write=True)
            self.raising = raising = Raising(
                book,
                self.parts.sentinel,
                self.breaker,
                now=self.parts.clock.now,
                halt=self._halt,
                known=lambda: self.asking.known,
                progress=self.parts.progress,
            )
            check = self.held.prove
            self.telling = Telling(book, self.parts.webhook, self.settings, now=self.parts.clock.now, check=check)
            self._work(book, raising, self.telling)
            return self._finished(book, raising, self.telling)
        except LedgerError as error:
            return self._ledger_failed(error)
        except LeaseLost as error:
            self.outcome.fail(Cause("lease_lost", str(error)))
            return self._end("sweep_failed")
        finally:
            self.held.release()

    def planned(self) -> Report:
        """A dry run: everything is read, nothing is written anywhere."""
        try:
            book = self._open(write=False)
            self.asking.sign_in(self.parts.http)
            recall = self._hunted(book)
            for action in recall.settle(self._plannable(book), self._room(book)):
                self.outcome.actions[action.recipient] = action
            self.outcome.waiting = len(fallen(book, self.outcome.findings, self.policy))
        except LedgerError as error:
            return self._ledger_failed(error)
        except Stopped as stopped:
            self.outcome.fail(stopped.cause)
            return self._end("sweep_failed")
        return self._end("sweep_planned")

    def _work(self, book: Book, raising: Raising, telling: Telling) -> None:
        if book.standing.begun_at is None:
            book.stand(begun_at=self.started)
        self.parts.progress("finishing what an earlier sweep left")
        telling.finish()
        recall = None
        try:
            self.asking.sign_in(self.parts.http)
            old = book.open(*RAISING)
            if any(intent.kind is IntentKind.CREATE for intent in old):
                _ = self.asking.known  # asked here, once, and not by every worker
            raising.perform(old, old=True)
            recall = self._hunted(book)
            self._raise(book, raising, recall)
            self._tidy(book)
        except Stopped as stopped:
            self.outcome.fail(stopped.cause)
        self.parts.progress("telling Teams")
        telling.because(self.outcome.reasons, self.asking.sweeps)
        telling.tell(
            self.outcome.situation(self.parts.clock.now(), book.open(*RAISING), raising.raised.causes),
            causes=raising.raised.causes,
            findings=self.outcome.findings,
            actions=self.outcome.actions,
            still_there=recall.still_there if recall and self.breaker.open is None else None,
        )

    # -- the steps ----------------------------------------------------------------------------------------------------

    def _claimed(self) -> Held | None:
        budget = self.settings.sweep_budget_seconds
        # No longer than half the budget: the next sweep can wait for a dead one's lease, and still work.
        seconds = min(self.settings.lease_seconds, budget / 2)
        self.parts.progress("taking the lease")
        return claim(self.parts.ledger, seconds, self.parts.clock, self.parts.run_id, self._begun + budget)

    def _open(self, *, write: bool) -> Book:
        loaded = self.parts.ledger.load()
        self.outcome.notes += [f"a ledger row could not be read and was set aside: {name}" for name in loaded.damaged]
        self.book = Book(self.parts.ledger, loaded, write=write)
        return self.book

    def _hunted(self, book: Book) -> Recall:
        """Coverage, findings, and what Sentinel and the ledger know about them. Raises Stopped."""
        self.asking.check_workspace(book)
        self.asking.hunt()
        recall = self._recall(book)
        note = recall.take_in(self.outcome.findings.values(), self.started)
        self.outcome.notes += [note] if note else []
        return recall

    def _recall(self, book: Book) -> Recall:
        self.parts.progress("reading our incidents")
        recall = Recall(
            book,
            self.parts.sentinel,
            self.breaker,
            self.policy,
            now=self.parts.clock.now,
            known=lambda: self.asking.known,
        )
        if self.breaker.open is None:
            try:
                recall.list_changes()
            except SweepError as error:
                self.breaker.failed(error)
                self.outcome.not_listed(error)
        recall.adopt_listed(self.outcome.findings.values())
        return recall

    def _raise(self, book: Book, raising: Raising, recall: Recall) -> None:
        todo = self._plannable(book)
        waiting = fallen(book, self.outcome.findings, self.policy)
        room = self._room(book)
        room -= self._raise_fallen(book, raising, recall, waiting, todo, room)
        doubts = [doubt.words for doubt in self.outcome.doubts]
        for _ in range(REDECIDE):
            self.parts.progress("planning")
            actions = recall.settle(todo, room)
            how = Rendering(self.settings, self.window, doubts, self.asking.remediators(actions))
            intents: list[Intent] = []
            for action in actions:
                self.outcome.actions[action.recipient] = action
                finding, record = self.outcome.findings[action.recipient], book.records.get(action.recipient)
                now = self.parts.clock.now()
                intents += render(action, finding, record, how, now)
                if silent := counted(action, finding, record, how, now):
                    book.confirm([], [raising.reported(silent)])
                if action.act is not Act.NOTHING:
                    log.info(
                        "action_planned act=%s reason=%s incident=%s", action.act, action.reason, action.incident_id
                    )
            room -= sum(action.act is Act.CREATE for action in actions)
            self._note(book, intents)
            raising.raised.stale.clear()
            raising.perform(intents, old=False)
            # After what may be raised today: a flood that the fuse holds back must not keep anything waiting.
            if self._halt() is None:
                held = hold(book, actions, self.outcome.findings, self.policy, how, self.parts.clock.now())
                self._note(book, held)
            stale = dict(raising.raised.stale)
            for recipient, incident in stale.items():
                action = self.outcome.actions[recipient]
                if action.act is Act.CREATE and incident is not None:
                    recall.found(self.outcome.findings[recipient], incident, action.episode)
            todo = [self.outcome.findings[recipient] for recipient in stale]
            if not todo:
                break
        book.confirm(released(book, self.outcome.actions, waiting))

    def _raise_fallen(
        self,
        book: Book,
        raising: Raising,
        recall: Recall,
        waiting: Sequence[Intent],
        todo: Sequence[Finding],
        room: int,
    ) -> int:
        """Raise those of the `waiting` whose turn it is, and say how many they are."""
        if not waiting:
            return 0
        count = its_turn(waiting, recall.settle(todo, room), self.outcome.findings, room)
        turn = [replace(intent, held=False) for intent in waiting[:count]]
        self.outcome.waiting = len(waiting) - count
        if turn:
            _ = self.asking.known  # asked here, once, and not by every worker
        self._note(book, turn)
        raising.perform(turn, old=True)
        return count

    def _note(self, book: Book, intents: Sequence[Intent]) -> None:
        """Write intents down, once the lease is proved: a sweep that was overtaken leaves nothing for the next one."""
        if intents and self.held is not None:
            self.held.prove()
        book.note(intents)

    def _tidy(self, book: Book) -> None:
        """Forget what can no longer matter; never on the word of data that is not trusted."""
        records = [] if self.outcome.doubts else list(book.records.values())
        gone = set(forget(records, self.policy, self.started))
        unflagged = sorted(gone - self.outcome.findings.keys())
        thinned = [thin(record, self.policy, self.started) for record in records if record.recipient not in gone]
        book.confirm([], [record for record in thinned if record is not book.records[record.recipient]])
        self.parts.ledger.prune(unflagged, (self.started - KEEP_RECEIPTS).date())
        for recipient in unflagged:
            book.records.pop(recipient, None)

    def _room(self, book: Book) -> int:
        """How many new incidents this sweep may still begin: those that an earlier one left to it count."""
        done = self.raising.raised.done[IntentKind.CREATE] if self.raising else 0
        return self.policy.max_new - done - len(book.open(IntentKind.CREATE))

    # -- small answers ------------------------------------------------------------------------------------------------

    def _plannable(self, book: Book) -> list[Finding]:
        """Findings without an effect that is still due: those are completed first, word for word."""
        busy = {intent.recipient for intent in book.open(*RAISING)}
        return [finding for finding in self.outcome.findings.values() if finding.recipient not in busy]

    def _excluded(self, recipient: str) -> bool:
        today = self.started.date()
        return any(each.until >= today and each.matches(recipient) for each in self.settings.excluded_recipients)

    def _halt(self) -> Cause | None:
        """Why no new effect may begin."""
        reserve = min(TELLING_RESERVE, self.settings.sweep_budget_seconds / 5)
        if self._seconds() > self.settings.sweep_budget_seconds - reserve:
            return Cause("budget_ended", "the sweep's time budget (SWEEP_BUDGET_SECONDS) ended; the next sweep goes on")
        try:
            if self.held is not None:
                self.held.check()
        except LeaseLost as error:
            return Cause("lease_lost", str(error))
        return None

    def _seconds(self) -> float:
        return self.parts.clock.monotonic() - self._begun

    # -- how it ended -------------------------------------------------------------------------------------------------

    def _finished(self, book: Book, raising: Raising, telling: Telling) -> Report:
        due = len(book.open(*RAISING)) + telling.due
        causes = {cause.id: cause for cause in (*raising.raised.causes.values(), *telling.causes)}
        self.outcome.reasons += [cause for cause in causes.values() if cause not in self.outcome.reasons]
        incomplete = due or self.outcome.unread
        event = "sweep_failed" if self.outcome.failed else "sweep_incomplete" if incomplete else "sweep_completed"
        return self._end(event, due=due)

    def _ledger_failed(self, error: LedgerError) -> Report:
        self.outcome.fail(Cause(error.cause, str(error)))
        return self._end("sweep_failed")

    def _end(self, event: str, *, due: int = 0) -> Report:
        http, ledger = self.parts.http, self.parts.ledger
        receipt = self.outcome.receipt(
            event,
            seconds=self._seconds(),
            due=due,
            raised=self.raising.raised if self.raising else None,
            telling=self.telling,
            requests=+Counter({**http.requests, Service.LEDGER.value: ledger.requests}),
            retries=http.retries + ledger.retries,
        )
        if event != "sweep_skipped" and not self.settings.dry_run:
            receipt = self._kept(receipt)
        records = self.book.records.values() if self.book else ()
        links = {record.recipient: record.incident.url for record in records if record.incident}
        return Report(receipt, tuple(self.outcome.actions.values()), self.outcome.findings, links)

    def _kept(self, receipt: Receipt) -> Receipt:
        try:
            self.parts.ledger.keep_receipt(self.started.date(), self.parts.run_id, as_json(receipt))
        except LedgerError as error:
            if any(str(error) in reason for reason in receipt.reasons):
                return receipt  # said already
            return replace(receipt, notes=(*receipt.notes, f"the receipt could not be kept in the ledger: {error}"))
        return receipt
