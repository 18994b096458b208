"""What one sweep has found out so far, and what that makes of it: the verdict, the situation on a card, the receipt.

It is filled in as the sweep goes on, and asked at any point; it reads and writes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from shared import __version__
from shared.errors import SweepError
from shared.hunt import Distrust
from shared.model import Action, Cause, Coverage, Finding, Intent, IntentKind, Reason, Receipt, Verdict, Window
from shared.settings import Settings
from shared.sweep.deliver import Raised
from shared.sweep.notify import Telling
from shared.teams.alert import Situation
from shared.teams.links import incidents_link

_STANDING = (Reason.STANDING, Reason.GREW, Reason.COMMENTS_FULL, Reason.ESCALATED)
_QUIET = frozenset({Reason.SETTLED, Reason.EXCLUDED})


@dataclass(slots=True)
class Outcome:
    """One sweep, so far. `reasons` say why it failed, is not trusted, or left something due."""

    settings: Settings
    run_id: str
    started: datetime
    window: Window
    coverage: Coverage | None = None
    doubts: tuple[Distrust, ...] = ()
    findings: dict[str, Finding] = field(default_factory=dict)
    actions: dict[str, Action] = field(default_factory=dict)
    reasons: list[Cause] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failed: bool = False
    waiting: int = 0  # held for recipients who are not flagged any more
    unread: bool = False  # our incidents could not be listed: what an analyst changed is not known

    def fail(self, cause: Cause) -> None:
        """The hunt could not be answered in full, or the sweep cannot go on: what was found counts for nothing."""
        self.failed = True
        self.findings, self.actions = {}, {}
        self.reasons.insert(0, cause)

    def not_listed(self, error: SweepError) -> None:
        """Our incidents could not be listed: one that was opened again may count as settled, so it is no all-clear."""
        self.unread = True
        self.reasons.append(Cause("incidents_unread", f"our incidents could not be listed: {error}"))

    def distrust(self, doubts: tuple[Distrust, ...]) -> None:
        """The data cannot carry an all-clear."""
        self.doubts = doubts
        self.reasons += [Cause(doubt.cause, str(doubt)) for doubt in doubts]

    def verdict(self, *, due: int = 0, done: int = 0) -> Verdict:
        """`clean` only for trusted data in which nothing is left that is not settled or excluded, nor anything held,
        and when our incidents could be read.

        Nor while so many effects are `due`, nor in a sweep that has `done` anything about a finding, raised or told it,
        whether or not its recipient is flagged today.
        """
        if self.failed:
            return Verdict.FAILED
        if self.doubts:
            return Verdict.UNTRUSTED
        left = [each for each in self.findings if each not in self.actions or self.actions[each].reason not in _QUIET]
        return Verdict.FLAGGED if left or self.waiting or self.unread or due or done else Verdict.CLEAN

    def reasons_counted(self) -> Counter[Reason]:
        """How many findings were planned for each reason."""
        return Counter(action.reason for action in self.actions.values())

    def situation(self, now: datetime, due: list[Intent], causes: Mapping[str, Cause]) -> Situation:
        """What a card needs to know beside its entries. `causes` say, by intent, why the `due` ones are due."""
        settings, reasons = self.settings, self.reasons_counted()
        workspace = settings.sentinel_workspace_resource_id
        return Situation(
            workspace=workspace.rsplit("/", 1)[-1],
            now=now,
            verdict=self.verdict(due=len(due)),
            threshold=settings.sum_case_threshold,
            high=settings.high_severity_threshold,
            window=self.window,
            coverage=self.coverage,
            reasons=tuple(cause.text for cause in self.reasons),
            causes=tuple({cause.id: cause for cause in causes.values()}.values()) if due else (),
            standing=sum(reasons[each] for each in _STANDING),
            settled=reasons[Reason.SETTLED],
            held=reasons[Reason.HELD] + self.waiting,
            excluded=reasons[Reason.EXCLUDED],
            due=len(due),
            mentions=settings.teams_mentions,
            incidents_url=incidents_link(settings.cloud.portal, workspace),
            run_id=self.run_id,
        )

    def receipt(
        self,
        event: str,
        *,
        seconds: float,
        due: int,
        raised: Raised | None,
        telling: Telling | None,
        requests: Mapping[str, int],
        retries: int,
    ) -> Receipt:
        """What it did, in counts. `raised` and `telling` are None for a sweep that never came so far."""
        done: Mapping[str, int] = raised.done if raised else {}
        about_findings = sum(done.values()) + (telling.told - telling.mentioned if telling else 0)
        reasons = self.reasons_counted()
        lapsed = sum(each.until < self.started.date() for each in self.settings.excluded_recipients)
        notes = [*self.notes]
        if lapsed:
            notes.append(f"{lapsed} of EXCLUDED_RECIPIENTS are past their date and no longer count")
        return Receipt(
            run_id=self.run_id,
            version=__version__,
            settings=self.settings.fingerprint(),
            workspace=str(self.settings.sentinel_workspace_id),
            started=self.started,
            seconds=seconds,
            event=event,
            verdict=None if event == "sweep_skipped" else self.verdict(due=due, done=about_findings),
            reasons=tuple(f"{cause.id}: {cause.text}" for cause in self.reasons),
            dry_run=self.settings.dry_run,
            window=self.window,
            coverage=self.coverage,
            flagged=len(self.findings),
            created=done.get(IntentKind.CREATE, 0),
            commented=done.get(IntentKind.COMMENT, 0),
            raised=done.get(IntentKind.ESCALATE, 0),
            standing=sum(reasons[each] for each in _STANDING),
            settled=reasons[Reason.SETTLED],
            excluded=reasons[Reason.EXCLUDED],
            held=reasons[Reason.HELD] + self.waiting,
            due=due,
            told=telling.told if telling else 0,
            reminded=telling.reminded if telling else 0,
            card_id=telling.card_id if telling else "",
            requests=dict(requests),
            retries=retries,
            notes=tuple(notes),
        )
