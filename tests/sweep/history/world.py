"""The world in which a history happens: mail, time, analysts, what is broken. A subclass runs the sweeps in it."""

from __future__ import annotations

import copy
import itertools
import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shared.model import ESCALATED_LABEL, Receipt, incident_id
from tests.cloud.analyst import Analyst as Portal
from tests.cloud.incidents import Incidents
from tests.cloud.small_azure import WORKSPACE_RESOURCE_ID
from tests.support.clock import START, FakeClock
from tests.sweep.history.steps import (
    COUNTED,
    RECIPIENTS,
    Again,
    AnalystActs,
    Excluded,
    Ledger,
    MailArrives,
    Refuses,
    Setting,
    Skew,
    Step,
    Sweep,
)

USUAL = {
    "SUM_CASE_THRESHOLD": "4",
    "HIGH_SEVERITY_THRESHOLD": "12",
    "MAX_NEW_INCIDENTS": "100",
    "LOOKBACK_DAYS": "30",
    "BENIGN_REOPEN_FACTOR": "2",
    "REMIND_AFTER_DAYS": "3",
    "HEARTBEAT_DAYS": "0",
    "MAX_DATA_AGE_HOURS": "10000",
}
EPISODES = 40
OWNERS = {
    incident_id(WORKSPACE_RESOURCE_ID, who, episode): (who, episode)
    for who in RECIPIENTS
    for episode in range(EPISODES)
}
"""Whose incident an id is, and which episode."""
NAMES = {about: name for name, about in OWNERS.items()}
"""The id of somebody's episode."""


class Killed(BaseException):
    """The process of a sweep ends here."""


@dataclass
class Message:
    """The rows that tell of one message to one recipient: when each came, and the action in it."""

    rows: list[tuple[datetime, str | None]] = field(default_factory=list)

    def counted(self, start: datetime, end: datetime) -> tuple[datetime, str] | None:
        """Its newest filled row in this window, when that has one of the four actions."""
        filled = [(when, action) for when, action in self.rows if action and start <= when <= end]
        newest = max(filled, default=None, key=lambda row: row[0])
        return newest if newest and newest[1] in COUNTED else None


@dataclass(frozen=True)
class Upload:
    """A row that was handed to the analytics rule, and when, by the sweeps' clock and by everybody else's."""

    finding: str
    attempt: int
    severity: str
    time: datetime
    true: datetime


@dataclass(frozen=True)
class Post:
    """A card that was posted: in which sweep, what its summary says, whether Teams took it, and whether it said so."""

    sweep: int
    summary: str
    taken: bool
    answered: bool


class World(ABC):
    """What is there beside the sweeps. `clock` is theirs; Sentinel's is right whatever they believe."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.settings = dict(USUAL)
        self.excluded: tuple[tuple[str, ...], datetime] = ((), START)
        self.messages: dict[str, dict[str, Message]] = {who: {} for who in RECIPIENTS}
        self.refused: dict[tuple[str, str], bool] = {}
        self.gone: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {}
        self.by_analysts: set[int] = set()
        self.posts: list[Post] = []
        self.uploads: list[Upload] = []
        self.sweeps = 0
        self.by_itself: list[Callable[[], None]] = []  # what happens before a sweep
        self.loose = False  # a ledger was lost,
        self.stale = False  # or one is at work that does not know all that was done
        self.busy: set[str] = set()
        self.skew = 0
        self._names = itertools.count(1)

    # -- what a subclass does ----------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def store(self) -> Incidents:
        """What Sentinel holds."""

    @abstractmethod
    def run(self, step: Sweep) -> Receipt | None:
        """One sweep, in this world; None when it was killed."""

    @abstractmethod
    def ledger(self, what: str) -> None:
        """Lose, keep or restore the ledger."""

    @abstractmethod
    def rows(self) -> object:
        """All that the ledgers hold."""

    @abstractmethod
    def arrived(self, recipient: str, name: str, action: str | None) -> None:
        """A row about a message came in, now."""

    def ours(self, name: str) -> str:
        """Our id of the incident that Sentinel calls so."""
        return name

    # -- what happens ------------------------------------------------------------------------------------------------

    def apply(self, step: Step) -> None:
        """Let one step happen, but for a sweep."""
        match step:
            case MailArrives(recipient, many, action):
                self._rows(recipient, [f"{next(self._names):08x}-0000-4000-8000-0" for _ in range(many)], action)
            case Again(recipient, every, action):
                self._rows(recipient, sorted(self.messages[recipient])[::every], action)
            case AnalystActs(what, pick):
                names = sorted(self.store.stored)
                self.clock.advance(minutes=1)
                if names:
                    self.act(what, names[pick % len(names)])
            case Setting(name, value):
                self.settings[name] = value
            case Excluded(recipients, days):
                self.excluded = (recipients, self.clock.now() + timedelta(days=days))
            case Ledger(what):
                self.loose = self.loose or what != "keep"
                self.stale = self.stale or what == "restore"
                self.ledger(what)
            case Skew(hours):
                self.clock.jump(hours=hours - self.skew)
                self.skew = hours
            case Refuses(recipient, kind, minimal):
                self.refused = {**self.refused, (recipient, kind): minimal} if recipient else {}
            case Sweep():
                raise AssertionError("a sweep is run, not applied")

    def act(self, what: str, name: str) -> None:
        """An analyst does something to an incident, if it is there."""
        portal = Portal(self.store)
        with self.store.lock:
            if name not in self.store.stored:
                return
            before = len(self.store.history)
            properties = self.store.stored[name]["properties"]
            match what:
                case "close" | "dismiss" | "assign" if properties["status"] == "Closed":
                    pass
                case "close" | "dismiss":
                    portal.close(name, "TruePositive" if what == "close" else "FalsePositive")
                case "delete":
                    self.gone[self.ours(name)] = (copy.deepcopy(properties), copy.deepcopy(self.store.comments[name]))
                    portal.delete(name)
                case "raise" | "lower":
                    portal.set_severity(name, "High" if what == "raise" else "Low")
                case "assign":
                    portal.assign(name)
                case "edit":
                    portal.edit(name, title="mine", description="my words")
                case "comment":
                    portal.comment(name, "looking at it")
                case "remove label":
                    labels = [each for each in properties["labels"] if ESCALATED_LABEL not in each["labelName"]]
                    portal.edit(name, labels=labels)
                case "reopen":
                    whose = OWNERS[self.ours(name)][0]
                    others = [each for each in self.store.stored if OWNERS[self.ours(each)][0] == whose]
                    if len(others) == 1 and properties["status"] == "Closed":
                        portal.reopen(name)
            self.by_analysts.update(range(before, len(self.store.history)))
            self.busy.add(OWNERS[self.ours(name)][0])

    def heal(self) -> None:
        """Nothing is broken any more, and the clock is right."""
        self.refused = {}
        self.apply(Skew(0))

    # -- what is there -----------------------------------------------------------------------------------------------

    def true_time(self) -> datetime:
        """Everybody else's clock."""
        return START + timedelta(seconds=self.clock.monotonic())

    def values(self, step: Sweep) -> dict[str, str]:
        """The settings of a sweep."""
        who, until = self.excluded
        listed = [{"pattern": each, "until": until.date().isoformat(), "reason": "a test"} for each in who]
        more = {"EXCLUDED_RECIPIENTS": json.dumps(listed), "DRY_RUN": "true" if step.dry else "false"}
        return {**self.settings, **more}

    def counted(self, recipient: str, now: datetime) -> dict[str, datetime]:
        """The messages that a hunt at this time by the sweeps' clock counts, with their state times."""
        start = now - timedelta(days=int(self.settings["LOOKBACK_DAYS"]))
        found = {name: message.counted(start, now) for name, message in self.messages[recipient].items()}
        return {name: row[0] for name, row in found.items() if row}

    def _rows(self, recipient: str, names: list[str], action: str | None) -> None:
        for name in names:
            self.messages[recipient].setdefault(name, Message()).rows.append((self.true_time(), action))
            self.arrived(recipient, name, action)
        self.clock.advance(seconds=1)
