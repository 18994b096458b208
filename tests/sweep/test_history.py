"""Long histories: days pass, mail is re-streamed, analysts work, services fail, ledgers are lost; a model watches.

The rules are named for what happens; their names are their docstrings.

The model knows the design's rules and the data, nothing of how the sweep is built.
"""

from __future__ import annotations

import itertools
import json
import shutil
import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shared.model import Severity, incident_id
from shared.sweep.run import Report
from tests.cloud.faults import Fault, Wire
from tests.cloud.mail import COUNTED, Mail, stamp
from tests.cloud.small_azure import WORKSPACE_RESOURCE_ID
from tests.support.tenant import running_tenant

THRESHOLD, HIGH, FACTOR = 5, 15, 2
RECIPIENTS = tuple(f"r{number}@contoso.com" for number in range(3))
LOOKBACK = timedelta(days=30)
ACTIONS = (*COUNTED, *COUNTED, "Delivered", "Moved to quarantine", None)
SEEDS = itertools.count(1)


@dataclass
class _Message:
    """One message to one recipient: the rows that tell of it (generated, state, action)."""

    rows: list[tuple[datetime, datetime, str | None]] = field(default_factory=list)

    def counted(self, now: datetime) -> bool:
        """Whether the newest filled row in the window has one of the four actions."""
        seen = [row for row in self.rows if row[2] and now - LOOKBACK <= row[0] <= now]
        return bool(seen) and max(seen, key=lambda row: (row[1], row[0]))[2] in COUNTED


def _faults() -> dict[str, Fault]:
    """What may break, by name; each lasts until it is mended, or hits once."""
    return {
        "sentinel down": Fault(service="sentinel", status=503, times=None),
        "sentinel refuses writes": Fault(service="sentinel", method="PUT", status=403, times=None),
        "an answer of sentinel is lost": Fault(service="sentinel", method="PUT", effect=True, wire=Wire.DROP, times=2),
        "a request to sentinel is lost": Fault(service="sentinel", method="PUT", wire=Wire.DROP, times=2),
        "conflicts": Fault(service="sentinel", method="PUT", status=409, every=2, times=None),
        "comments throttled": Fault(
            service="sentinel", method="PUT", match="comments", status=429, headers={"Retry-After": "9999"}, times=None
        ),
        "teams down": Fault(service="teams", status=503, times=None),
        "teams refuses": Fault(service="teams", status=404, times=None),
        "an answer of teams is lost": Fault(service="teams", effect=True, wire=Wire.DROP, times=1),
        "log analytics down": Fault(service="log_analytics", status=500, times=None),
        "a partial answer": Fault(
            service="log_analytics",
            status=200,
            containing="Sum_case",
            times=None,
            body={"tables": [], "error": {"code": "PartialError", "message": "m", "details": []}},
        ),
    }


class History(RuleBasedStateMachine):
    """Every sweep that ends green leaves no finding over the threshold that is neither open nor settled."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        patch = self.stack.enter_context(pytest.MonkeyPatch.context())
        self.tenant = self.stack.enter_context(running_tenant(self.folder, patch))
        self.tenant.settings |= {
            "SUM_CASE_THRESHOLD": str(THRESHOLD),
            "HIGH_SEVERITY_THRESHOLD": str(HIGH),
            "BENIGN_REOPEN_FACTOR": str(FACTOR),
            "HEARTBEAT_DAYS": "0",
            "MAX_DATA_AGE_HOURS": "10000",
        }
        self.messages: dict[str, dict[str, _Message]] = {recipient: {} for recipient in RECIPIENTS}
        self.reported: dict[str, set[str]] = {recipient: set() for recipient in RECIPIENTS}
        self.words: dict[str, dict[str, Any]] = {}  # what analysts set, by incident
        self.gone: dict[str, dict[str, Any]] = {}  # incidents that analysts deleted, as they were
        self.uncertain: set[str] = set()  # recipients of whom a red sweep may have reported something since
        self.lost = False

    def teardown(self) -> None:
        try:
            self.tenant.cloud.faults.clear()
            reports = [self._sweep() for _ in range(3)]
            assert reports[-1].receipt.due == 0, reports[-1].receipt.reasons
        finally:
            self.stack.close()

    # -- what happens -------------------------------------------------------------------------------------------------

    @initialize(many=st.integers(THRESHOLD + 1, THRESHOLD + 4))
    def begin(self, many: int) -> None:
        self._rows(RECIPIENTS[0], many, "Soft delete")

    @rule(
        days=st.sampled_from([1, 1, 0, 2, 12]),
        mail=st.lists(
            st.tuples(st.sampled_from(RECIPIENTS), st.sampled_from([1, 3, 6, 9]), st.sampled_from(ACTIONS)),
            min_size=1,
            max_size=4,
        ),
        again=st.lists(st.tuples(st.sampled_from(RECIPIENTS), st.integers(1, 3), st.sampled_from(ACTIONS)), max_size=1),
        broken=st.sampled_from([*[""] * 6, *sorted(_faults())]),
    )
    def a_day(
        self,
        days: int,
        mail: list[tuple[str, int, str | None]],
        again: list[tuple[str, int, str | None]],
        broken: str,
    ) -> None:
        self.tenant.clock.advance(days=days)
        for recipient, many, action in mail:
            self._rows(recipient, many, action)
        for recipient, share, action in again:  # streamed again, with another state
            self._add(recipient, sorted(self.messages[recipient])[::share], action)
        self.tenant.cloud.faults.clear()
        if broken:
            self.tenant.cloud.faults.add(_faults()[broken])
        self._sweep()

    @precondition(lambda self: self._open())
    @rule(pick=st.integers(0, 9), classification=st.sampled_from(["TruePositive", "FalsePositive", "Undetermined"]))
    def an_analyst_closes(self, pick: int, classification: str) -> None:
        name = self._pick(pick)
        self.tenant.cloud.analyst.close(name, classification)
        self.words.setdefault(name, {}).update(status="Closed", classification=classification)

    @precondition(lambda self: self._open())
    @rule(pick=st.integers(0, 9))
    def an_analyst_deletes(self, pick: int) -> None:
        name = self._pick(pick)
        self.gone[name] = json.loads(json.dumps(self.tenant.cloud.incidents[name]["properties"]))
        self.tenant.cloud.analyst.delete(name)
        self.words.pop(name, None)

    @precondition(lambda self: self._open())
    @rule(pick=st.integers(0, 9), what=st.sampled_from(["edit", "assign", "severity", "comment"]))
    def an_analyst_works(self, pick: int, what: str) -> None:
        name = self._pick(pick)
        said = self.words.setdefault(name, {})
        if what == "edit":
            said |= {"title": f"mine {pick}", "description": f"my words {pick}"}
            self.tenant.cloud.analyst.edit(name, title=said["title"], description=said["description"])
        elif what == "assign":
            self.tenant.cloud.analyst.assign(name, f"Ana {pick}")
            said |= {"status": "Active", "owner": f"Ana {pick}"}
        elif what == "severity":
            severity = list(Severity)[pick % 4].value
            before = self.tenant.cloud.incidents[name]["properties"]["severity"]
            if severity != before:
                self.tenant.cloud.analyst.set_severity(name, severity)
                said["severity"] = severity
        else:
            self.tenant.cloud.analyst.comment(name, "looking at it")

    # -- what must hold -----------------------------------------------------------------------------------------------

    @invariant()
    def an_analysts_word_stands(self) -> None:
        """Nothing that an analyst set on an incident is ever changed."""
        for name, said in self.words.items():
            found = self.tenant.cloud.incidents[name]["properties"]
            for key, value in said.items():
                now = found.get("owner", {}).get("assignedTo") if key == "owner" else found.get(key)
                assert now == value, (name, key, now, value)

    @invariant()
    def one_open_incident_each(self) -> None:
        """No recipient has two open incidents."""
        owners = Counter(self._recipient(name) for name in self._open())
        assert all(number == 1 for number in owners.values()), owners

    def _sweep(self) -> Report:
        cloud, now = self.tenant.cloud, self.tenant.clock.now()
        self._add("quiet@contoso.com", ["heartbeat"], "Delivered")
        severities = {name: each["properties"]["severity"] for name, each in cloud.incidents.items()}
        before = set(cloud.incidents)
        report = self.tenant.sweep()
        assert not any(reason.startswith("internal_error") for reason in report.receipt.reasons), report.receipt.reasons
        for name, severity in severities.items():
            assert Severity(cloud.incidents[name]["properties"]["severity"]).rank >= Severity(severity).rank
        green = report.receipt.event == "sweep_completed"
        for recipient in RECIPIENTS:
            counted = {name for name, message in self.messages[recipient].items() if message.counted(now)}
            made = [name for name in set(cloud.incidents) - before if self._recipient(name) == recipient]
            assert len(made) <= 1
            last = self._last(recipient, but=made)
            fresh = counted - self.reported[recipient]
            if made and last and recipient not in self.uncertain:
                assert self._dealt_with(last), f"{last} is open, and {made} was made beside it"
                assert len(fresh) > self._needed(last), (recipient, len(fresh), last)
            if not green:
                self.uncertain.add(recipient)
                continue
            opened = any(self._recipient(name) == recipient for name in self._open())
            if len(counted) > THRESHOLD and not opened:
                assert last is not None, f"{recipient} is over the threshold and was never raised"
                if recipient not in self.uncertain:
                    assert len(fresh) <= self._needed(last), (recipient, len(fresh))
            if opened and len(counted) > THRESHOLD:
                self.reported[recipient] |= counted
                self.uncertain.discard(recipient)
        if green:
            self._all_told()
        self._reported_once()
        return report

    def _all_told(self) -> None:
        """After a green sweep, each incident of ours that there ever was has been on a card that Teams took.

        After a lost ledger, one that an analyst has taken, closed or deleted by then needs no telling.
        """
        cards = json.dumps(self.tenant.cloud.cards)
        for name in (*self.tenant.cloud.incidents, *self.gone):
            touched = name in self.gone or self.words.get(name, {}).get("status")
            assert self._recipient(name) in cards or (self.lost and touched), name

    def _reported_once(self) -> None:
        """No message is in two comments, while the ledger is kept."""
        if self.lost:
            return
        for recipient, messages in self.messages.items():
            said = [
                each["properties"]["message"]
                for name, comments in self.tenant.cloud.comments.items()
                if self._recipient(name) == recipient
                for each in comments
            ]
            for message in messages:
                assert sum(message in text for text in said) <= 1, (recipient, message)

    # -- the data -----------------------------------------------------------------------------------------------------

    def _rows(self, recipient: str, many: int, action: str | None) -> None:
        self._add(recipient, [f"{next(SEEDS):08x}-0000-4000-8000-000000000000" for _ in range(many)], action)

    def _add(self, recipient: str, names: list[str], action: str | None) -> None:
        now = self.tenant.clock.now()
        mail = Mail(now, seed=next(SEEDS))
        for name in names:
            row = mail.add(recipient, action, now, message=name, state=now)
            row["TimeGenerated"] = row["LastEventExecutionTime"] = stamp(now)
            self.messages.setdefault(recipient, {}).setdefault(name, _Message()).rows.append((now, now, action))
        self.tenant.cloud.append("EmailEvents", mail.events)
        self.tenant.clock.advance(seconds=1)

    def _recipient(self, name: str) -> str:
        for recipient in RECIPIENTS:
            if any(incident_id(WORKSPACE_RESOURCE_ID, recipient, episode) == name for episode in range(30)):
                return recipient
        raise AssertionError(f"{name} is the incident of nobody")

    def _open(self) -> list[str]:
        found = self.tenant.cloud.incidents.items()
        return sorted(name for name, each in found if each["properties"]["status"] != "Closed")

    def _pick(self, number: int) -> str:
        names = self._open()
        return names[number % len(names)]

    def _last(self, recipient: str, but: list[str]) -> str | None:
        """The incident of the highest episode, deleted ones too."""
        for episode in range(29, -1, -1):
            name = incident_id(WORKSPACE_RESOURCE_ID, recipient, episode)
            if name not in but and (name in self.tenant.cloud.incidents or name in self.gone):
                return name
        return None

    def _dealt_with(self, name: str) -> bool:
        return name in self.gone or self.tenant.cloud.incidents[name]["properties"]["status"] == "Closed"

    def _needed(self, name: str) -> int:
        if name in self.gone:
            return THRESHOLD
        benign = self.tenant.cloud.incidents[name]["properties"].get("classification") == "FalsePositive"
        return THRESHOLD * (FACTOR if benign else 1)


class LostLedgers(History):
    """The same, while the ledger is deleted, or restored from an earlier copy, at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.copies = 0

    @rule()
    def the_ledger_is_backed_up(self) -> None:
        if self.tenant.ledger.exists():
            shutil.copytree(self.tenant.ledger.parent, self.folder / "backup", dirs_exist_ok=True)
            self.copies += 1

    @rule()
    def the_ledger_is_lost(self) -> None:
        for file in self.folder.glob("ledger.db*"):
            file.unlink()
        self._unsure()

    @precondition(lambda self: self.copies)
    @rule()
    def an_old_ledger_is_restored(self) -> None:
        for file in self.folder.glob("ledger.db*"):
            file.unlink()
        for file in (self.folder / "backup").glob("ledger.db*"):
            shutil.copy(file, self.folder)
        self._unsure()

    def _unsure(self) -> None:
        """What counts as reported is told by times from now on; what must hold all the same is checked all the same."""
        self.lost = True
        self.uncertain.update(RECIPIENTS)


# No shrinking: a failing history prints its steps, and making it smaller would take minutes. The same histories each
# time, so that what passed once passes again; to look further, raise max_examples.
SHORT = settings(
    max_examples=6,
    stateful_step_count=14,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
LONG = settings(SHORT, max_examples=20, stateful_step_count=30)


def test_a_short_history() -> None:
    """Whatever happens for some days: nothing is lost, nothing raised twice, the analyst's word stands."""
    History.TestCase.settings = SHORT
    History.TestCase("runTest").runTest()


def test_a_short_history_of_lost_ledgers() -> None:
    """The same when the ledger is lost or stale, but for repeated cards and a repeated comment."""
    LostLedgers.TestCase.settings = SHORT
    LostLedgers.TestCase("runTest").runTest()


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("machine", [History, LostLedgers])
def test_a_long_history(machine: type[History]) -> None:
    """The same at length."""
    machine.TestCase.settings = LONG
    machine.TestCase("runTest").runTest()
