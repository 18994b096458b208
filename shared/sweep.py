"""The order of one sweep: claim, finish, cover, hunt, recall, plan, note, raise, tell, receipt, release.

It knows the order, the time budget and the verdict; how each step is done is in the modules it calls. It ends in one
receipt, whatever happens; it raises nothing for what can be foreseen.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property

from shared import __version__
from shared.book import Book
from shared.clock import Clock
from shared.errors import SweepError
from shared.http import Http
from shared.hunt import Distrust, Hunt, judge
from shared.intents import Rendering, counted, render
from shared.lease import Held, LeaseLost, claim
from shared.ledger.port import Ledger, LedgerConflict, LedgerError
from shared.model import (
    Act,
    Action,
    Cause,
    Coverage,
    Finding,
    Intent,
    IntentKind,
    Reason,
    Receipt,
    Verdict,
    Window,
)
from shared.plan import Policy, forget, lengthen, refresh
from shared.raising import Breaker, Raising
from shared.recall import Recall
from shared.receipt import as_json
from shared.sentinel import Sentinel
from shared.settings import Settings
from shared.teams.alert import Situation
from shared.teams.links import incidents_link
from shared.teams.webhook import Webhook
from shared.telling import Telling

REDECIDE = 4  # rounds in which incidents that changed under the sweep are planned anew
KEEP_RECEIPTS = timedelta(days=120)
HISTORY = timedelta(days=35)  # four weeks of the same weekday, and some
TELLING_RESERVE = 60.0  # seconds of the budget, a fifth at most, kept for telling
SENTINEL_INTENTS = (IntentKind.CREATE, IntentKind.ESCALATE, IntentKind.COMMENT)

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


class _Stopped(Exception):
    """The sweep cannot go on; `cause` says why."""

    def __init__(self, cause: Cause) -> None:
        self.cause = cause
        super().__init__(cause.text)


def run(parts: Parts) -> Report:
    """One sweep, from the lease to the receipt, logged as one line."""
    sweep = _Sweep(parts)
    return sweep.planned() if parts.settings.dry_run else sweep.run()


class _Sweep:
    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.settings = parts.settings
        self.started = parts.clock.now()
        self._begun = parts.clock.monotonic()
        self.window = Window(self.started - timedelta(days=self.settings.lookback_days), self.started)
        self.breaker = Breaker()
        self.held: Held | None = None
        self.notes: list[str] = []
        self.reasons: list[Cause] = []
        self.coverage: Coverage | None = None
        self.doubts: Sequence[Distrust] = ()
        self.findings: dict[str, Finding] = {}
        self.actions: dict[str, Action] = {}
        self.failed = False
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
            self.held = claim(self.parts.ledger, self.settings.lease_seconds, self.parts.clock, self.parts.run_id)
            if self.held is None:
                return self._end("sweep_skipped")
        except LedgerError as error:
            return self._ledger_failed(error)
        try:
            loaded = self.parts.ledger.load()
            self.notes += [f"a ledger row could not be read and was set aside: {name}" for name in loaded.damaged]
            self.book = Book(self.parts.ledger, loaded, write=True)
            self.raising = self._raising()
            self.telling = Telling(self.book, self.parts.webhook, self.settings, now=self._now, check=self._check)
            self._work()
            return self._receipt()
        except LedgerError as error:
            return self._ledger_failed(error)
        except LeaseLost as error:
            self.failed = True
            self.reasons.append(Cause("lease_lost", str(error)))
            return self._end("sweep_failed")
        finally:
            self.held.release()

    def planned(self) -> Report:
        """A dry run: everything is read, nothing is written anywhere."""
        try:
            self.book = Book(self.parts.ledger, self.parts.ledger.load(), write=False)
        except LedgerError as error:
            return self._ledger_failed(error)
        try:
            self._check_workspace()
            self._hunt()
            recall = self._recall()
            self._take_in(recall)
            for action in recall.settle(self._plannable(), self.policy.max_new):
                self.actions[action.recipient] = action
        except _Stopped as stopped:
            self._fail(stopped.cause)
        return self._end("sweep_planned" if not self.failed else "sweep_failed")

    def _work(self) -> None:
        if self.book.standing.begun_at is None:
            self.book.stand(begun_at=self.started)
        self.telling.finish()
        self._progress("finishing what an earlier sweep left")
        old = self.book.open(*SENTINEL_INTENTS)
        if any(intent.kind is IntentKind.CREATE for intent in old):
            _ = self.known  # asked here, once, and not by every worker
        self.raising.perform(old, old=True)
        try:
            self._check_workspace()
            self._hunt()
            recall = self._recall()
            self._take_in(recall)
            self._raise(recall)
            self._tidy()
        except _Stopped as stopped:
            self._fail(stopped.cause)
            recall = None
        self._progress("telling Teams")
        self.telling.because(self.reasons)
        self.telling.tell(
            self._situation(),
            causes=self.raising.raised.causes,
            findings=self.findings,
            actions=self.actions,
            still_there=recall.still_there if recall and self.breaker.open is None else None,
        )

    # -- the steps ----------------------------------------------------------------------------------------------------

    def _check_workspace(self) -> None:
        """The GUID that is queried and the resource that is written to are one workspace; once per ledger."""
        if self.book.standing.checked:
            return
        try:
            guid = self.parts.sentinel.workspace_guid()
        except SweepError as error:
            self.breaker.ended(error)
            self.notes.append(f"could not check that the two workspace settings are one workspace: {error}")
            return
        if guid.lower() != str(self.settings.sentinel_workspace_id).lower():
            raise _Stopped(
                Cause(
                    "workspace_mismatch",
                    f"SENTINEL_WORKSPACE_ID is {self.settings.sentinel_workspace_id}, but the workspace of"
                    f" SENTINEL_WORKSPACE_RESOURCE_ID has the id {guid}: set both to the same workspace",
                )
            )
        self.book.stand(checked=True)

    def _hunt(self) -> None:
        """Coverage, verdict's ground, findings. A hunt that was not answered in full stops the sweep here."""
        try:
            self._progress("measuring coverage")
            self.coverage = self.parts.hunt.coverage(self.window)
            self._progress("hunting")
            findings = self.parts.hunt.findings(self.window)
            for finding in findings:
                _ = finding.evidence  # a list that lies is found out before anything is planned on it
        except SweepError as error:
            raise _Stopped(Cause(error.cause, str(error))) from error
        self.findings = {finding.recipient: finding for finding in findings}
        self.notes += self.parts.hunt.notes
        history = self.parts.ledger.receipts((self.started - HISTORY).date())
        self.doubts = judge(self.coverage, history, self.settings, self.started)
        self.reasons += [Cause(doubt.cause, doubt.words) for doubt in self.doubts]

    def _recall(self) -> Recall:
        self._progress("reading our incidents")
        recall = Recall(
            self.book, self.parts.sentinel, self.breaker, self.policy, now=self._now, known=lambda: self.known
        )
        if self.breaker.open is None:
            try:
                recall.list_changes()
            except SweepError as error:
                self.breaker.failed(error)
                self.notes.append(f"our incidents could not be listed: {error}")
        recall.adopt_listed(self.findings.values())
        return recall

    def _take_in(self, recall: Recall) -> None:
        """Bring the records of today's findings up to date: the look-back, the days their messages were seen."""
        before = self.book.standing.lookback_days
        longer = before is not None and self.settings.lookback_days > before
        changed = []
        for finding in self.findings.values():
            record = self.book.records.get(finding.recipient)
            if record is None:
                continue
            kept = (
                lengthen(finding, record, self.started - timedelta(days=before), self.started)
                if longer and before
                else record
            )
            kept = refresh(finding, kept, self.started)
            if kept is not record:
                changed.append(kept)
        self.book.confirm([], changed)
        if longer:
            self.notes.append(
                f"the look-back was lengthened from {before} to {self.settings.lookback_days} days: what only the"
                " longer window shows is taken as reported"
            )
        self.book.stand(lookback_days=self.settings.lookback_days)

    def _raise(self, recall: Recall) -> None:
        room = self.policy.max_new
        todo = self._plannable()
        doubts = [doubt.words for doubt in self.doubts]
        for _ in range(REDECIDE):
            self._progress("planning")
            actions = recall.settle(todo, room)
            how = Rendering(self.settings, self.window, doubts, self._remediators(actions))
            intents: list[Intent] = []
            for action in actions:
                self.actions[action.recipient] = action
                finding, record = self.findings[action.recipient], self.book.records.get(action.recipient)
                intents += render(action, finding, record, how, self._now())
                if silent := counted(action, finding, record, how, self._now()):
                    self.book.confirm([], [self.raising.reported(silent)])
                if action.act is not Act.NOTHING:
                    log.info(
                        "action_planned act=%s reason=%s incident=%s", action.act, action.reason, action.incident_id
                    )
            room -= sum(action.act is Act.CREATE for action in actions)
            self.book.note(intents)
            self.raising.raised.stale.clear()
            self.raising.perform(intents, old=False)
            stale = dict(self.raising.raised.stale)
            if not stale:
                return
            for recipient, incident in stale.items():
                action = self.actions[recipient]
                if action.act is Act.CREATE and incident is not None:
                    recall.found(self.findings[recipient], incident, action.episode)
            todo = [self.findings[recipient] for recipient in stale]

    def _remediators(self, actions: Sequence[Action]) -> Callable[[str], str]:
        """Who remediated what is new, in a line for each recipient; asked only when something is new."""
        new = {
            action.recipient: [item.message_id for item in action.new]
            for action in actions
            if action.new and action.act is not Act.NOTHING
        }
        if not new:
            return lambda _: ""
        self._progress("asking who remediated")
        try:
            deeds = self.parts.hunt.remediators(self.window, new)
        except SweepError as error:
            self.notes.append(f"who remediated could not be asked: {error}")
            return lambda _: ""
        if deeds is None:
            self.notes.append("who remediated is not known: the table EmailPostDeliveryEvents is not there")
            return lambda _: ""
        words = {recipient: found.words for recipient, found in deeds.items()}
        return lambda recipient: words.get(recipient, "")

    def _tidy(self) -> None:
        gone = [] if self.doubts else forget(self.book.records.values(), self.policy, self.started)
        flagged = [recipient for recipient in gone if recipient not in self.findings]
        self.parts.ledger.prune(flagged, (self.started - KEEP_RECEIPTS).date())
        for recipient in flagged:
            self.book.records.pop(recipient, None)

    # -- small answers ------------------------------------------------------------------------------------------------

    @cached_property
    def known(self) -> Mapping[str, datetime]:
        """Ids of incidents of ours that the workspace remembers, asked once, when something new is to be raised."""
        try:
            return self.parts.hunt.known_incidents()
        except SweepError as error:
            self.notes.append(f"the workspace's memory of incidents (SecurityIncident) could not be read: {error}")
            return {}

    def _plannable(self) -> list[Finding]:
        """Findings without an effect that is still due: those are completed first, word for word."""
        busy = {intent.recipient for intent in self.book.open(*SENTINEL_INTENTS)}
        return [finding for finding in self.findings.values() if finding.recipient not in busy]

    def _excluded(self, recipient: str) -> bool:
        today = self.started.date()
        return any(each.until >= today and each.matches(recipient) for each in self.settings.excluded_recipients)

    def _raising(self) -> Raising:
        return Raising(
            self.book,
            self.parts.sentinel,
            self.breaker,
            now=self._now,
            halt=self._halt,
            known=lambda: self.known,
            progress=self._progress,
        )

    def _halt(self) -> Cause | None:
        reserve = min(TELLING_RESERVE, self.settings.sweep_budget_seconds / 5)
        if self._seconds() > self.settings.sweep_budget_seconds - reserve:
            return Cause("budget_ended", "the sweep's time budget (SWEEP_BUDGET_SECONDS) ended; the next sweep goes on")
        try:
            if self.held is not None:
                self.held.check()
        except LeaseLost as error:
            return Cause("lease_lost", str(error))
        return None

    def _check(self) -> None:
        """Raises LeaseLost when this sweep is no longer the only one at work."""
        if self.held is not None:
            self.held.prove()

    def _now(self) -> datetime:
        return self.parts.clock.now()

    def _seconds(self) -> float:
        return self.parts.clock.monotonic() - self._begun

    def _progress(self, words: str) -> None:
        self.parts.progress(words)

    def _fail(self, cause: Cause) -> None:
        self.failed = True
        self.findings, self.actions = {}, {}
        self.reasons.insert(0, cause)

    # -- how it ended -------------------------------------------------------------------------------------------------

    def _verdict(self) -> Verdict:
        if self.failed:
            return Verdict.FAILED
        if self.doubts:
            return Verdict.UNTRUSTED
        quiet = {Reason.SETTLED, Reason.EXCLUDED}
        left = [each for each in self.findings if each not in self.actions or self.actions[each].reason not in quiet]
        return Verdict.FLAGGED if left else Verdict.CLEAN

    def _situation(self) -> Situation:
        reasons = Counter(action.reason for action in self.actions.values())
        due = self.book.open(*SENTINEL_INTENTS)
        causes = {cause.id: cause for cause in self.raising.raised.causes.values()}
        return Situation(
            workspace=self.settings.sentinel_workspace_resource_id.rsplit("/", 1)[-1],
            now=self._now(),
            verdict=self._verdict(),
            threshold=self.settings.sum_case_threshold,
            high=self.settings.high_severity_threshold,
            window=self.window,
            coverage=self.coverage,
            reasons=tuple(cause.text for cause in self.reasons),
            causes=tuple(causes.values()) if due else (),
            standing=self._standing(reasons),
            settled=reasons[Reason.SETTLED],
            excluded=reasons[Reason.EXCLUDED],
            held=reasons[Reason.HELD],
            due=len(due),
            mentions=self.settings.teams_mentions,
            incidents_url=incidents_link(self.settings.cloud.portal, self.settings.sentinel_workspace_resource_id),
            run_id=self.parts.run_id,
        )

    @staticmethod
    def _standing(reasons: Counter[Reason]) -> int:
        return sum(reasons[each] for each in (Reason.STANDING, Reason.GREW, Reason.COMMENTS_FULL, Reason.ESCALATED))

    def _receipt(self) -> Report:
        due = len(self.book.open(*SENTINEL_INTENTS)) + self.telling.due
        causes = {cause.id: cause for cause in (*self.raising.raised.causes.values(), *self.telling.causes)}
        self.reasons += [cause for cause in causes.values() if cause not in self.reasons]
        event = "sweep_failed" if self.failed else "sweep_incomplete" if due else "sweep_completed"
        return self._end(event, due=due)

    def _ledger_failed(self, error: LedgerError) -> Report:
        self.failed = True
        kind = "ledger_conflict" if isinstance(error, LedgerConflict) else "ledger_unavailable"
        self.reasons.insert(0, Cause(kind, str(error)))
        return self._end("sweep_failed")

    def _end(self, event: str, *, due: int = 0) -> Report:
        lapsed = [each.pattern for each in self.settings.excluded_recipients if each.until < self.started.date()]
        if lapsed:
            self.notes.append(f"{len(lapsed)} of EXCLUDED_RECIPIENTS are past their date and no longer count")
        reasons = Counter(action.reason for action in self.actions.values())
        raising = self.raising.raised.done if hasattr(self, "raising") else Counter[str]()
        telling = getattr(self, "telling", None)
        receipt = Receipt(
            run_id=self.parts.run_id,
            version=__version__,
            settings=self.settings.fingerprint(),
            workspace=str(self.settings.sentinel_workspace_id),
            started=self.started,
            seconds=self._seconds(),
            event=event,
            verdict=None if event == "sweep_skipped" else self._verdict(),
            reasons=tuple(f"{cause.id}: {cause.text}" for cause in self.reasons),
            dry_run=self.settings.dry_run,
            window=self.window,
            coverage=self.coverage,
            flagged=len(self.findings),
            created=raising[IntentKind.CREATE],
            commented=raising[IntentKind.COMMENT],
            raised=raising[IntentKind.ESCALATE],
            standing=self._standing(reasons),
            settled=reasons[Reason.SETTLED],
            excluded=reasons[Reason.EXCLUDED],
            held=reasons[Reason.HELD],
            due=due,
            told=telling.told if telling else 0,
            reminded=telling.reminded if telling else 0,
            card_id=telling.card_id if telling else "",
            requests=dict(self.parts.http.requests),
            retries=self.parts.http.retries,
            notes=tuple(self.notes),
        )
        if event != "sweep_skipped" and not self.settings.dry_run:
            receipt = self._kept(receipt)
        links = {}
        if hasattr(self, "book"):
            links = {each.recipient: each.incident.url for each in self.book.records.values() if each.incident}
        return Report(receipt, tuple(self.actions.values()), self.findings, links)

    def _kept(self, receipt: Receipt) -> Receipt:
        try:
            self.parts.ledger.keep_receipt(self.started.date(), self.parts.run_id, as_json(receipt))
        except LedgerError as error:
            return replace(receipt, notes=(*receipt.notes, f"the receipt could not be kept in the ledger: {error}"))
        return receipt
