"""What sweeps on past days would have done: the sweep's own decisions, on a ledger that is nowhere but in memory. Pure.

Nobody closes an incident, each is taken by an analyst at once, and every request succeeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from shared.model import Act, Action, Finding, Incident, OwedCreation, Reason, Record
from shared.plan.aging import forgettable, refreshed, thinned
from shared.plan.decide import Plan, plan
from shared.plan.news import findings_to_tell
from shared.plan.owed import owing
from shared.plan.policy import Policy
from shared.plan.records import (
    commented,
    counted,
    created,
    escalated,
    seen,
    told,
)
from shared.plan.room import Room, remembered


@dataclass(frozen=True, slots=True)
class ReplayedDay:
    """What a sweep at `at` would have done. `held`: creations that waited for their turn. `told`: findings on its card.

    `shortened`: its window begins before the data does.
    """

    at: datetime
    flagged: int
    created: int = 0
    commented: int = 0
    escalated: int = 0
    held: int = 0
    excluded: int = 0
    told: int = 0
    shortened: bool = False


@dataclass(slots=True)
class Replay:
    """Sweeps one after the other under one policy."""

    policy: Policy
    records: dict[str, Record] = field(default_factory=dict)

    def sweep(self, findings: Mapping[str, Finding], at: datetime, *, shortened: bool = False) -> ReplayedDay:
        """One sweep, with what its hunt would have found at that time."""
        for recipient, finding in findings.items():
            if recipient in self.records:
                self.records[recipient] = refreshed(finding, self.records[recipient], at)
        planned = plan(findings, self.records, self.policy)
        turns = planned.creations[: Room(self.policy.max_new).next]
        self._note(planned, at)
        done = [self._create(action, at) for action in turns]
        for action in planned.updates:
            self._update(action, at)
        acts = [action.act for action in planned.updates]
        comments = sum(
            action.act in (Act.COMMENT, Act.ESCALATE) and bool(action.messages) for action in planned.updates
        )
        day = ReplayedDay(
            at,
            flagged=len(findings),
            created=len(done),
            commented=comments,
            escalated=acts.count(Act.ESCALATE),
            held=len(planned.creations) - len(done),
            excluded=sum(action.reason is Reason.EXCLUDED for action in planned.others),
            told=self._tell(at),
            shortened=shortened,
        )
        self._forget(at)
        return day

    def _note(self, planned: Plan, at: datetime) -> None:
        noted = {recipient for recipient, record in self.records.items() if record.creation is not None}
        creations, _ = remembered(planned.creations, self.policy.max_new, noted)
        # What the others owe stays owed: nothing lapses while no incident is closed.
        for action in (*creations, *planned.updates):
            self.records[action.recipient] = owing(self.records.get(action.recipient), action, at)

    def _create(self, action: Action, at: datetime) -> Action:
        record = self.records[action.recipient]
        owed = record.creation
        assert isinstance(owed, OwedCreation)  # noqa: S101 (noted just before)
        incident = Incident(
            owed.incident_id, "Active", owed.severity, owned=True, created=at, modified=at, episode=owed.episode
        )
        self.records[action.recipient] = created(record, owed, incident, at)
        return action

    def _update(self, action: Action, at: datetime) -> None:
        record = self.records[action.recipient]
        if action.act is Act.COUNT:
            self.records[action.recipient] = counted(record, action, self.policy)
            return
        if record.escalation is not None:
            raised = replace(_incident(record), severity=record.escalation.severity)
            record = escalated(record, record.escalation, raised)
        for comment in record.comments:
            incident = _incident(record)
            record = commented(record, comment, self.policy, at)
            record = seen(record, replace(incident, comments=incident.comments + 1))
        self.records[action.recipient] = record

    def _tell(self, at: datetime) -> int:
        news, _ = findings_to_tell(self.records.values(), (), at.date())
        for record in news:
            self.records[record.recipient] = told(record, at)
        return len(news)

    def _forget(self, at: datetime) -> None:
        for recipient in forgettable(self.records.values(), self.policy, at):
            del self.records[recipient]
        self.records = {name: thinned(record, self.policy, at) for name, record in self.records.items()}


def _incident(record: Record) -> Incident:
    """The incident of a record that has one, as it is now."""
    ours = record.incident
    assert ours is not None  # noqa: S101 (an update is about one)
    assert ours.seen is not None  # noqa: S101 (it was made here)
    return ours.seen


# -- what it comes to --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Week:
    """What the days of a replay come to in a week: incidents, cards with findings, and findings told on them.

    They are of so many `days`; those before are left out: the first sweep finds what has piled up, and those with a
    window that begins before the data see too little. `first` is what the first sweep raises. `most`: incidents of the
    busiest seven days in a row, None when there are fewer than seven.
    """

    days: int
    first: int
    incidents: float
    cards: float
    told: float
    most: int | None


def week_of(days: list[ReplayedDay]) -> Week:
    """What these days come to in a week."""
    later = days[1:]
    whole = [day for day in later if not day.shortened] or later
    share = 7 / max(len(whole), 1)
    runs = [sum(day.created for day in whole[start : start + 7]) for start in range(len(whole) - 6)]
    return Week(
        len(whole),
        days[0].created if days else 0,
        share * sum(day.created for day in whole),
        share * sum(day.told > 0 for day in whole),
        share * sum(day.told for day in whole),
        max(runs, default=None),
    )
