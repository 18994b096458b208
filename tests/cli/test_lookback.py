"""Looking back, and the shell around what an operator settles: what is asked, printed and left alone."""

from __future__ import annotations

import json
import logging
import os
import pty
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from shared.cli.accept_coverage import accept, coverage_now
from shared.cli.commands import app
from shared.cli.runs import sparkline
from shared.cli.show import known_of
from shared.ledger import Loaded, SqliteLedger
from shared.model import Record, WorkspaceState, pseudonym
from shared.settings import from_values
from tests.cloud import WORKSPACE_RESOURCE_ID, Cloud
from tests.cloud.mail import Mail, sample
from tests.support.days import incident_name
from tests.support.ledger_samples import card, owed_comment, owed_creation, record
from tests.support.operators_shell import Operator

ROOT = Path(__file__).resolve().parents[2]
ANN = "ann@contoso.com"


@pytest.fixture
def ledger_url(environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """The environment of the shell, in this process, and its ledger."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return environment["LEDGER_URL"]


def ran(*arguments: str) -> Result:
    """What the shell prints and ends with. There is no terminal to ask at."""
    return CliRunner().invoke(app, [*arguments])


def written(url: str) -> SqliteLedger:
    """The ledger, to put something in it."""
    return SqliteLedger(url.removeprefix("sqlite:///"), WORKSPACE_RESOURCE_ID)


# -- runs -------------------------------------------------------------------------------------------------------------


def receipt(day: int, flagged: int = 0, verdict: str | None = "flagged", **more: Any) -> dict[str, Any]:
    """A receipt as it is kept."""
    usual = {"started": f"2026-11-{day:02}T06:00:00Z", "verdict": verdict, "flagged": flagged, "created": 0}
    return {**usual, "event": "sweep_completed", "reasons": [], "measure": {"source": "sentinel", "slots": []}, **more}


def keep_receipts(url: str, *receipts: dict[str, Any]) -> None:
    """Receipts as of the last days, whatever day they name; the last one is of today."""
    ledger, now = written(url), datetime.now(UTC)
    for number, each in enumerate(receipts):
        day = datetime.fromtimestamp(now.timestamp() - 86_400 * (len(receipts) - 1 - number), UTC)
        ledger.keep_receipt(day.date(), f"run-{number}", {**each, "started": day.isoformat()})
    ledger.close()


def test_past_sweeps_the_newest_first(ledger_url: str) -> None:
    """Verdict, reasons and counts of each, bars of them all; nothing was counted by a sweep that failed."""
    failed = receipt(2, verdict="failed", reasons=["hunt_forbidden: \x1b[2Jno role", "second: x"])
    keep_receipts(ledger_url, receipt(1, 4), failed, receipt(3, 8, created=3))
    shown = ran("runs")
    assert shown.exit_code == 0, shown.output
    assert "flagged  ▄ █  at most 8" in shown.stdout
    assert "created  · █  at most 3" in shown.stdout
    lines = [line for line in shown.stdout.splitlines() if "flagged " in line or "failed" in line]
    assert ["8 flagged, 3 created" in lines[1], "failed" in lines[2], "4 flagged" in lines[3]] == [True] * 3
    assert "findings were not counted" in lines[2]
    assert "hunt_forbidden: " in lines[2]
    assert "\x1b" not in shown.stdout
    assert "second: x" in shown.stdout


def test_runs_as_json(ledger_url: str) -> None:
    """One list of receipts, the newest first, without what only a sweep needs; `--days` cuts it."""
    keep_receipts(ledger_url, receipt(1, 4), receipt(2, 5), receipt(3, 6))
    found = json.loads(ran("runs", "--json").stdout)
    assert [each["flagged"] for each in found] == [6, 5, 4]
    assert "measure" not in found[0]
    assert [each["flagged"] for each in json.loads(ran("runs", "--json", "--days", "1").stdout)] == [6, 5]
    assert ran("runs", "--days", "0").exit_code == ran("runs", "--days", "121").exit_code == 2


def test_no_sweep_yet(ledger_url: str) -> None:
    """An empty ledger is no failure, and is not made by looking at it."""
    shown = ran("runs", "--days", "1")
    assert (shown.exit_code, shown.stdout) == (0, f"The ledger {ledger_url} has no receipt of the last day.\n")
    assert json.loads(ran("runs", "--json").stdout) == []
    assert not Path(ledger_url.removeprefix("sqlite:///")).exists()


@pytest.mark.parametrize(
    ("numbers", "bars"),
    [([], ""), ([0], "·"), ([None, 0, 1], " ·█"), ([1, 2, 8, 80], "▁▁▁█"), ([7, 8, 1], "▇█▁"), ([10**9, 1], "█▁")],
)
def test_a_bar_for_each_number(numbers: list[int | None], bars: str) -> None:
    """The highest for the greatest, the lowest for the least that is not 0."""
    assert sparkline(numbers) == bars


def test_bars_in_plain_letters() -> None:
    """Where the terminal has no blocks."""
    assert sparkline([1, 4, 8], plain=True).isascii()


# -- show -------------------------------------------------------------------------------------------------------------


def test_all_that_is_known_of_one(ledger_url: str) -> None:
    """Episodes, incident, counts, what was told, what is owed and why, in words and as JSON; in any case of letters."""
    owed = record(comments=(owed_comment(), owed_comment(message="two", refused=True)), creation=owed_creation())
    written(ledger_url).save([owed], [card("one", accepted=False)])
    shown = ran("show", f" {ANN.upper()} ")
    assert shown.exit_code == 0, shown.output
    for words in (
        "episode 1: deleted, High, owned, 0 comments; made 2026-11-24T06:00:00Z",
        f"episode 0     {incident_name(ANN, 0)}",
        f"episode 1     {incident_name(ANN, 1)}",
        "Sum_case 10 (1 hard delete, 2 soft delete, 3 move to junk, 4 move to delete)",
        "12 messages, remediated from 2026-11-24T05:49:00Z to 2026-11-24T06:00:00Z; and all before 2026-10-15",
        "told          2026-11-23T06:00:00Z; reminded 2026-11-22T06:00:00Z",
        "owed          a card (grew, 3 messages)",
        "owed          incident since 2026-11-21T06:00:00Z, 2 messages, in doubt: sentinel_forbidden: Sentinel refused",
        "owed          comment since 2026-11-21T06:00:00Z, 1 messages, refused: ",
        "owed          severity since ",
        "card          one of 2026-11-24: 2 posts without an answer",
    ):
        assert words in shown.stdout
    found = json.loads(ran("show", ANN, "--json").stdout)
    assert (found["recipient"], found["incident"]["state"], len(found["owed"])) == (ANN, "deleted", 4)
    assert found["reported"]["messages"] == 12


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({}, "none"),
        ({"settled_at": datetime(2026, 11, 24, tzinfo=UTC)}, "taken as reported by an operator on 2026-11-24"),
    ],
)
def test_little_is_known_of_one(ledger_url: str, known: dict[str, Any], words: str) -> None:
    """Without an incident, and with nothing owed or told, it says so."""
    written(ledger_url).save([Record(ANN, **known)])
    shown = ran("show", ANN).stdout
    assert words in shown
    assert "owed          nothing" in shown
    assert "never; reminded never" in shown


@pytest.mark.parametrize("command", [("show",), ("forget", "--yes")])
def test_nobody_of_this_name(ledger_url: str, command: tuple[str, ...]) -> None:
    """The exit code is 1, the near miss is named, a stranger is not, nor a pseudonym; nothing is written."""
    written(ledger_url).save([Record(ANN), replace(Record("eve@contoso.com"), forgotten=True)])
    for given, meant in (("anm@contoso.com", ANN), ("joe@fabrikam.com", ""), (pseudonym("eve@contoso.com")[:-1], "")):
        shown = ran(*command, given)
        assert shown.exit_code == 1
        assert f"does not know {given}" in shown.output
        assert ("Did you mean" in shown.output) is bool(meant)
        assert meant in shown.output
        assert json.loads(ran(*command, given, "--json").stdout)


def test_one_who_was_forgotten_can_still_be_shown(environment: Mapping[str, str]) -> None:
    """By the address, what stays is found and named as that."""
    kept = replace(record(), recipient=pseudonym(ANN), forgotten=True)
    loaded = Loaded({kept.recipient: kept}, {}, WorkspaceState())
    found = known_of(loaded, ANN, from_values(environment))
    assert (found["forgotten"], found["recipient"]) == (True, ANN)


# -- what is accepted -------------------------------------------------------------------------------------------------


def _mail(operator: Operator, many: int, day: int = 0, action: str | None = "Delivered") -> None:
    now = operator.days.tenant.clock.now()
    made = Mail(now, seed=many + day)
    for place in range(many):
        made.add(f"u{place % 20}@contoso.com", action, made.ago(day + 0.05 + 0.9 * place / many))
    operator.days.tenant.cloud.append("EmailEvents", made.events)


@pytest.mark.slow
def test_a_lasting_change_is_accepted(operator: Operator) -> None:
    """Half the mail has left for good: untrusted day after day, until an operator accepts it; then trusted again, and
    a fall from the new normal is noticed.
    """
    for day in range(1, 30):
        _mail(operator, 100, day)
    _mail(operator, 10)
    assert operator.sweep()["verdict"] == "untrusted"
    with operator.parts(dry=True) as parts:
        before = coverage_now(parts)
    assert [each.cause for each in before.reasons] == ["coverage_fallen"]
    assert (before.left, before.helps, before.accepted) == ((), True, None)
    with operator.parts() as parts:
        accept(parts, before.today)
    assert operator.loaded().state.accepted_coverage_since == before.today
    assert operator.sweep()["verdict"] == "clean"
    with operator.parts(dry=True) as parts:
        after = coverage_now(parts)
    assert (after.reasons, after.helps, after.accepted) == ((), False, before.today)


@pytest.mark.slow
def test_what_is_no_change_cannot_be_accepted(of_file: Operator) -> None:
    """Data that is stale stays untrusted whatever is accepted, and that is said before."""
    for day in range(4, 30):
        _mail(of_file, 100, day)
    with of_file.parts(dry=True) as parts:
        now = coverage_now(parts)
    assert "coverage_stale" in {each.cause for each in now.left}
    with of_file.parts() as parts:
        accept(parts, now.today)
    assert of_file.sweep()["verdict"] == "untrusted"


# -- the shell --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [["baseline"], ["accept-coverage"], ["forget", ANN]])
def test_without_a_terminal_nobody_is_asked(ledger_url: str, cloud: Cloud, command: list[str]) -> None:
    """The exit code is 2, --yes is named, and nothing was done."""
    shown = ran(*command)
    assert (shown.exit_code, shown.stdout) == (2, "")
    assert "--yes" in shown.stderr
    assert not cloud.log
    assert not Path(ledger_url.removeprefix("sqlite:///")).exists()


def test_data_that_is_not_trusted_is_no_baseline(ledger_url: str, cloud: Cloud) -> None:
    """Empty tables: exit code 3 with the reason; --anyway goes on. Accepting does not help, nothing is written."""
    shown = ran("baseline", "--yes", "--json")
    found = json.loads(shown.stdout)
    assert (shown.exit_code, found["written"]) == (3, False)
    assert found["reasons"][0].startswith("coverage_empty: ")
    assert "--anyway" in shown.stderr
    assert ran("baseline", "--yes", "--anyway").exit_code == 0
    shown = ran("accept-coverage", "--yes", "--json")
    found = json.loads(shown.stdout)
    assert (shown.exit_code, found["written"], found["accepted_since"]) == (1, False, None)
    assert found["reasons"] == found["reasons_after"]
    assert "Accepting would change nothing" in shown.stderr
    assert not cloud.incidents
    assert not Path(ledger_url.removeprefix("sqlite:///")).exists()


def test_a_dry_run_says_what_it_would_do(ledger_url: str, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """With DRY_RUN everything is said and nothing is written."""
    cloud.load("EmailEvents", sample(cloud.clock()).events)
    monkeypatch.setenv("DRY_RUN", "true")
    shown = ran("baseline", "--yes")
    assert shown.exit_code == 0, shown.output
    assert "11 recipients over the threshold of 10, with 178 messages" in shown.stdout
    assert "DRY_RUN is true: nothing was written." in shown.stdout
    assert not Path(ledger_url.removeprefix("sqlite:///")).exists()
    written(ledger_url).save([Record(ANN)])
    forget = ran("forget", ANN, "--yes")
    assert (forget.exit_code, "DRY_RUN is true" in forget.stdout) == (0, True)
    assert written(ledger_url).load().records == {ANN: Record(ANN)}


@pytest.mark.parametrize(
    "command", [["baseline", "--yes"], ["accept-coverage", "--yes"], ["forget", ANN, "--yes"], ["runs"], ["show", ANN]]
)
def test_a_ledger_that_cannot_be_read(ledger_url: str, cloud: Cloud, command: list[str]) -> None:
    """One sentence, exit code 1, no traceback; with --json the sentence is the one value."""
    Path(ledger_url.removeprefix("sqlite:///")).write_bytes(b"no database " * 100)
    shown = ran(*command, "--json")
    assert (shown.exit_code, len(cloud.incidents)) == (1, 0)
    assert "is damaged: restore it from a backup" in json.loads(shown.stdout)["error"]
    assert isinstance(shown.exception, SystemExit)


def _at_a_terminal(environment: Mapping[str, str], answer: bytes, *command: str) -> tuple[int, str]:
    """What the command ends with, and what somebody saw who gave this answer to its question."""
    screen, terminal = pty.openpty()
    ours = [sys.executable, "-m", "shared", *command]
    with subprocess.Popen(ours, cwd=ROOT, env=environment, stdin=terminal, stdout=terminal, stderr=terminal) as running:
        os.close(terminal)
        seen, asked = b"", False
        while True:
            try:
                seen += os.read(screen, 65_536)
            except OSError:  # the other end is closed
                break
            if b"[y/N]" in seen and not asked:
                asked = True
                os.write(screen, answer)
    os.close(screen)
    return running.returncode, seen.decode()


@pytest.mark.slow
def test_the_operator_is_asked(environment: dict[str, str], cloud: Cloud) -> None:
    """At a terminal: *no* and the end of the input write nothing, *yes* does; the same for forgetting."""
    cloud.load("EmailEvents", sample(cloud.clock()).events)
    who, path = "finance@contoso.com", Path(environment["LEDGER_URL"].removeprefix("sqlite:///"))
    for answer in (b"n\n", b"\x04"):
        code, seen = _at_a_terminal(environment, answer, "baseline")
        assert (code, "Take them as reported?" in seen) == (1, True), seen
        assert "Nothing was written" in seen
        assert not path.exists()
    code, seen = _at_a_terminal(environment, b"y\n", "baseline")
    assert (code, "Taken as reported: 11 recipients, 178 messages." in seen) == (0, True), seen
    assert len(written(environment["LEDGER_URL"]).load().records) == 11
    code, seen = _at_a_terminal(environment, b"n\n", "forget", who)
    assert (code, who in written(environment["LEDGER_URL"]).load().records) == (1, True), seen
    code, seen = _at_a_terminal(environment, b"y\n", "forget", who)
    assert (code, who in written(environment["LEDGER_URL"]).load().records) == (0, False), seen
    assert not cloud.cards
