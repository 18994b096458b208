"""The shell: what it prints where, and what it ends with."""

import json
import logging
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from shared.app import exit_code
from shared.cli.commands import app
from shared.cli.tables import ACTS, ENDINGS, REASONS, planned, shown
from shared.model import (
    Act,
    Action,
    Coverage,
    Evidence,
    Finding,
    Reason,
    Receipt,
    Remedy,
    Severity,
    Slot,
    Verdict,
    Window,
    Witness,
)
from shared.sweep.receipt import as_json
from shared.sweep.run import Report
from tests.cloud import Cloud
from tests.cloud.faults import Fault
from tests.cloud.mail import sample

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
KEYS = [
    *("event", "verdict", "reasons", "dry_run", "run_id", "version", "settings", "workspace", "started", "seconds"),
    *("window", "coverage", "flagged", "created", "commented", "escalated", "standing", "grown", "settled", "excluded"),
    *("held", "held_unremembered", "awaited", "due", "told", "reminded", "card_id", "requests", "retries"),
    *("clock_skew_seconds", "notes"),
]


def _receipt(event: str = "sweep_completed", verdict: Verdict | None = Verdict.FLAGGED, **more: Any) -> Receipt:
    """A receipt that says so."""
    return Receipt("run", "0.1.0", "abc", "guid", NOW, 1.2345, event, verdict, **more)


def _finding(recipient: str, messages: int) -> Finding:
    """A finding of so many hard deletes."""
    return Finding.of(
        recipient,
        tuple(Evidence(f"id-{number}", NOW, "subject", Remedy.HARD_DELETE, NOW, NOW) for number in range(messages)),
    )


def report(*recipients: str) -> Report:
    """Each recipient flagged for the first time, one message more than the one before."""
    findings = {name: _finding(name, place + 11) for place, name in enumerate(recipients)}
    actions = [
        Action(Act.CREATE, Reason.FIRST, name, 0, f"id of {name}", Severity.MEDIUM, finding.counts)
        for name, finding in findings.items()
    ]
    return Report(_receipt(flagged=len(recipients)), tuple(actions), findings)


def printed(of: Report) -> str:
    """What a wide terminal without colours shows of it."""
    console = Console(width=200, color_system=None, force_terminal=True, record=True, file=StringIO())
    console.print(shown(of))
    return console.export_text()


def _environment(cloud: Cloud, folder: Path) -> dict[str, str]:
    """The shell's environment: the small Azure's, a ledger in the folder."""
    return {"PATH": os.environ["PATH"], **cloud.environment, "LEDGER_URL": f"sqlite:///{folder}/ledger.db"}


def _shell(values: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """`python -m shared sweep` with these arguments and this environment only."""
    command = [sys.executable, "-m", "shared", "sweep", *arguments]
    return subprocess.run(command, cwd=ROOT, env=dict(values), capture_output=True, text=True)


@pytest.mark.parametrize(
    ("event", "verdict", "code"),
    [
        ("sweep_completed", Verdict.CLEAN, 0),
        ("sweep_completed", Verdict.FLAGGED, 0),
        ("sweep_completed", Verdict.UNTRUSTED, 3),
        ("sweep_incomplete", Verdict.CLEAN, 1),
        ("sweep_incomplete", Verdict.FLAGGED, 1),
        ("sweep_incomplete", Verdict.UNTRUSTED, 1),
        ("sweep_failed", Verdict.FAILED, 1),
        ("sweep_skipped", None, 0),
        ("sweep_planned", Verdict.FLAGGED, 0),
        ("sweep_planned", Verdict.UNTRUSTED, 3),
    ],
)
def test_exit_codes(event: str, verdict: Verdict | None, code: int) -> None:
    """The exit code is that of the design's verdict table."""
    assert exit_code(_receipt(event, verdict)) == code


def test_the_receipt_has_the_designs_fields() -> None:
    """The receipt is one flat JSON object with the design's names, times in UTC with a Z, null for what is unknown."""
    window = Window(NOW - timedelta(days=30), NOW)
    slots = (Slot(NOW - timedelta(days=2), 71, 71, 0, 0, 3), Slot(NOW - timedelta(days=1), 10, 9, 3, 1, 2))
    coverage = Coverage(
        100, NOW - timedelta(hours=1), slots, {"Hard delete": 5}, {"Moved": 2, "Zapped": 1}, {"Moved": 2}, 2,
        Witness(40, 39),
    )  # fmt: skip
    found = as_json(
        _receipt(window=window, coverage=coverage, history_days=1, requests={"sentinel": 3}, notes=("a note",))
    )
    assert list(found) == KEYS
    assert (found["started"], found["seconds"], found["verdict"]) == ("2026-11-24T06:00:00Z", 1.234, "flagged")
    assert found["window"] == {"start": "2026-10-25T06:00:00Z", "end": "2026-11-24T06:00:00Z"}
    assert found["coverage"] == {
        "rows": 100,
        "newest": "2026-11-24T05:00:00Z",
        "filled": 0.9877,
        "unknown_actions": {"Moved": 2, "Zapped": 1},
        "last_day": {"rows": 10, "filled": 0.9, "unknown": 0.3333, "unattributable": 0.1, "removals": 2},
        "removals_seen": 40,
        "removals_shown": 39,
        "history_days": 1,
        "suspicious": {"Moved": 2},
        "messages": 81,
        "without_recipient": 2,
        "actions": {"Hard delete": 5},
        "last_rows": None,
    }
    assert json.loads(json.dumps(found)) == found
    bare = as_json(_receipt("sweep_skipped", None))
    assert list(bare) == KEYS
    assert (bare["verdict"], bare["window"], bare["coverage"]) == (None, None, None)


def test_everything_has_words() -> None:
    """Each action, reason and event has its words in the table."""
    assert set(ACTS) == set(Act)
    assert set(REASONS) == set(Reason)
    assert set(ENDINGS) == {f"sweep_{end}" for end in ("completed", "incomplete", "failed", "skipped", "planned")}


def test_the_worst_come_first() -> None:
    """The table and the planned actions name the highest Sum_case first, whole addresses and the reason in words."""
    of = report("a@contoso.com", "b@contoso.com")
    text = printed(of)
    assert 0 < text.index("b@contoso.com") < text.index("a@contoso.com")
    assert "first time over the threshold" in text
    assert [(each["recipient"], each["sum_case"]) for each in planned(of)] == [
        ("b@contoso.com", 12),
        ("a@contoso.com", 11),
    ]


def test_a_hostile_address_cannot_move_the_cursor() -> None:
    """Control, escape and bidi characters of an address reach no terminal, and its markup stays text."""
    text = printed(report("\x1b[2J\x1b]0;owned\x07[red]x\u202e\r\n@contoso.com"))
    assert not set(text) & set("\x1b\x07\r\u202e")
    assert "[red]" in text or "red" in text


def test_json_is_all_of_standard_output(cloud: Cloud, tmp_path: Path) -> None:
    """`--json` prints the receipt and nothing else; the same receipt is the log's one line, on standard error."""
    cloud.load("EmailEvents", sample(cloud.clock()).events)
    ran = _shell(_environment(cloud, tmp_path), "--json")
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert list(found) == KEYS
    assert (found["event"], found["verdict"], found["created"]) == ("sweep_completed", "flagged", len(cloud.incidents))
    (line,) = [line for line in ran.stderr.splitlines() if "sweep_completed" in line]
    assert json.loads(line[line.index("{") :]) == found
    assert "@" not in json.dumps(found)


def test_a_dry_run_writes_nothing(cloud: Cloud, tmp_path: Path) -> None:
    """`--dry-run` plans and prints the actions, and writes neither to the cloud nor to a ledger."""
    cloud.load("EmailEvents", sample(cloud.clock()).events)
    ran = _shell(_environment(cloud, tmp_path), "--dry-run", "--json")
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert (found["event"], found["dry_run"]) == ("sweep_planned", True)
    assert len(found["actions"]) == found["flagged"] > 0
    assert {action["act"] for action in found["actions"]} == {"create"}
    assert not [request for request in cloud.log if request.method in ("PUT", "PATCH", "DELETE")]
    assert not cloud.incidents
    assert not cloud.cards
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("asked", ["--dry-run", "DRY_RUN"])
def test_a_dry_run_needs_no_webhook(cloud: Cloud, tmp_path: Path, asked: str) -> None:
    """Asked for by either way, a dry run does without TEAMS_WEBHOOK_URL; a real sweep does not begin."""
    cloud.load("EmailEvents", sample(cloud.clock()).events)
    values = _environment(cloud, tmp_path)
    del values["TEAMS_WEBHOOK_URL"]
    ran = _shell(values | ({"DRY_RUN": "true"} if asked == "DRY_RUN" else {}), *([asked] if asked[0] == "-" else []))
    assert ran.returncode == 0, ran.stderr
    assert "planned only" in ran.stdout
    refused = _shell(values)
    assert refused.returncode == 2
    assert "TEAMS_WEBHOOK_URL is missing" in refused.stderr
    wrong = _shell({**values, "TEAMS_WEBHOOK_URL": "http://x.logic.azure.com"}, "--dry-run")
    assert wrong.returncode == 2
    assert "TEAMS_WEBHOOK_URL must begin with https" in wrong.stderr


@pytest.mark.parametrize("arguments", [["sweep"], ["sweep", "--dry-run"], ["doctor"]])
def test_a_newcomer_is_told_where_settings_go(checkout: Path, arguments: list[str]) -> None:
    """Without any settings each command names each that is missing, and where they go, once; the code is 2."""
    command = [sys.executable, "-m", "shared", *arguments]
    ran = subprocess.run(command, cwd=checkout, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True)
    assert ran.returncode == 2
    assert not ran.stdout
    missing = [line.split()[0] for line in ran.stderr.splitlines() if " is missing" in line]
    webhook = [] if "--dry-run" in arguments else ["TEAMS_WEBHOOK_URL"]
    assert missing == ["SENTINEL_WORKSPACE_ID", "SENTINEL_WORKSPACE_RESOURCE_ID", *webhook]
    assert ran.stderr.count(f"copy local.settings.example.json to {checkout}/local.settings.json") == 1
    assert ran.stderr.count("environment") == 1
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("arguments", [["sweep"], ["sweep", "--dry-run"], ["doctor"]])
def test_an_example_that_is_not_filled_in_is_called_that(checkout: Path, arguments: list[str]) -> None:
    """A copied example ends with 2 and one sentence that names the placeholders, and the file they are in."""
    shutil.copy(checkout / "local.settings.example.json", checkout / "local.settings.json")
    command = [sys.executable, "-m", "shared", *arguments]
    ran = subprocess.run(command, cwd=checkout, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True)
    assert ran.returncode == 2
    named = "SENTINEL_WORKSPACE_ID, SENTINEL_WORKSPACE_RESOURCE_ID, TEAMS_WEBHOOK_URL still hold the placeholders"
    assert [line.strip() for line in ran.stderr.splitlines()] == [
        "These settings cannot be used:",
        f"{named} of local.settings.example.json: expected your own; a dry run needs no TEAMS_WEBHOOK_URL",
        f"Settings are read from the environment and from {checkout}/local.settings.json.",
    ]


NOT_ONBOARDED = {
    "error": {
        "code": "BadRequest",
        "message": '{"error":{"code":"BadRequest","message":"Workspace \'soc-workspace\' is not onboarded to Microsoft'
        ' Sentinel. Please onboard through the portal (https://learn.microsoft.com/azure/sentinel/quickstart-onboard)."}}',
    }
}


@pytest.mark.parametrize(("arguments", "code"), [(["sweep"], 1), (["doctor"], 1)])
def test_a_workspace_without_sentinel(cloud: Cloud, tmp_path: Path, arguments: list[str], code: int) -> None:
    """Sentinel that is not switched on: what to do is said with each thing that it keeps from being done, the list of
    our incidents and what is to be raised, and nobody is to report a fault."""
    cloud.load("EmailEvents", sample(cloud.clock()).events)
    cloud.faults.add(Fault(service="sentinel", match="SecurityInsights", status=400, body=NOT_ONBOARDED, times=None))
    command = [sys.executable, "-m", "shared", *arguments]
    ran = subprocess.run(command, cwd=ROOT, env=_environment(cloud, tmp_path), capture_output=True, text=True)
    assert ran.returncode == code, ran.stderr
    assert "switch Microsoft Sentinel on for it" in " ".join(ran.stdout.split())
    assert "report it" not in ran.stdout
    if arguments == ["sweep"]:
        line = next(line for line in ran.stderr.splitlines() if " sweep_incomplete {" in line)
        reasons = json.loads(line[line.index("{") :])["reasons"]
        assert [reason.split(":")[0] for reason in reasons] == ["incidents_unread", "sentinel_not_found"]


def test_the_table_is_for_people(cloud: Cloud, tmp_path: Path) -> None:
    """Without `--json` standard output names recipients, counts and the ending in words."""
    cloud.load("EmailEvents", sample(cloud.clock()).events)
    ran = _shell(_environment(cloud, tmp_path))
    assert ran.returncode == 0, ran.stderr
    for words in ("Recipient", "Sum_case", "@contoso.com", "first time over the threshold", "flagged   completed"):
        assert words in ran.stdout


def test_empty_data_ends_with_3(cloud: Cloud, tmp_path: Path) -> None:
    """An empty table is no all-clear: the exit code is 3, and the reason is shown."""
    ran = _shell(_environment(cloud, tmp_path))
    assert ran.returncode == 3, ran.stderr
    assert "untrusted" in ran.stdout


def test_what_is_due_ends_with_1(cloud: Cloud, tmp_path: Path) -> None:
    """With Teams refusing, the exit code is 1, what is due is said, and the webhook's secret is not."""
    cloud.load("EmailEvents", sample(cloud.clock()).events)
    cloud.faults.add(Fault(service="teams", times=None, status=400))
    ran = _shell(_environment(cloud, tmp_path))
    assert ran.returncode == 1, ran.stderr
    assert "due" in ran.stdout
    assert cloud.environment["TEAMS_WEBHOOK_URL"].partition("sig=")[2] not in ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("arguments", "given", "code", "said"),
    [
        ([], {}, 0, "first time over the threshold"),
        (["--dry-run"], {}, 0, "planned only"),
        (["--json", "--dry-run"], {}, 0, '"event": "sweep_planned"'),
        ([], {"SUM_CASE_THRESHOLD": "100000"}, 0, "clean"),
        ([], {"LOOKBACK_DAYS": "0"}, 2, ""),
        (["--nonsense"], {}, 2, ""),
    ],
)
def test_each_way_to_call_it(
    arguments: list[str],
    given: Mapping[str, str],
    code: int,
    said: str,
    cloud: Cloud,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each way to call the shell ends with its code and says its words."""
    cloud.load("EmailEvents", sample(cloud.clock()).events)
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    for name, value in {**_environment(cloud, tmp_path), **given}.items():
        monkeypatch.setenv(name, value)
    ran = CliRunner().invoke(app, ["sweep", *arguments])
    assert ran.exit_code == code, ran.output
    assert said in ran.stdout


def test_a_terminal_sees_progress(cloud: Cloud, tmp_path: Path) -> None:
    """On a terminal a progress line says what the sweep is doing; where there is none, it does not."""
    cloud.load("EmailEvents", sample(cloud.clock()).events)
    values = {**_environment(cloud, tmp_path), "TERM": "xterm-256color"}
    screen, terminal = pty.openpty()
    command = [sys.executable, "-m", "shared", "sweep", "--dry-run"]
    with subprocess.Popen(command, cwd=ROOT, env=values, stdout=subprocess.DEVNULL, stderr=terminal) as running:
        os.close(terminal)
        seen = b""
        while True:
            try:
                chunk = os.read(screen, 65_536)
            except OSError:  # the other end is closed
                break
            if not chunk:
                break
            seen += chunk
    os.close(screen)
    assert running.returncode == 0, seen
    assert b"hunting" in seen
    assert "hunting" not in _shell(values, "--dry-run").stderr


@pytest.mark.parametrize("arguments", [["doctor"], ["sweep"], ["sweep", "--json"], ["--help"]])
def test_output_that_cannot_be_written(cloud: Cloud, tmp_path: Path, arguments: list[str]) -> None:
    """A full disk under standard output is one line and 1; no traceback, nor anything at the interpreter's end."""
    command = [sys.executable, "-m", "shared", *arguments]
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            command, cwd=ROOT, env=_environment(cloud, tmp_path), stdout=full, stderr=subprocess.PIPE, text=True
        )
        both = subprocess.run(command, cwd=ROOT, env=_environment(cloud, tmp_path), stdout=full, stderr=full)
    assert (ran.returncode, both.returncode) == (1, 1)
    said = [line for line in ran.stderr.splitlines() if " sweep sweep_" not in line]
    assert said == ["the output cannot be written: No space left on device"]


def test_output_that_nobody_wants(cloud: Cloud, tmp_path: Path) -> None:
    """With standard output closed the sweep runs and is logged."""
    command = f"exec '{sys.executable}' -m shared sweep --dry-run >&-"
    ran = subprocess.run(
        ["/bin/sh", "-c", command], cwd=ROOT, env=_environment(cloud, tmp_path), stderr=subprocess.PIPE, text=True
    )
    assert ran.returncode == 3, ran.stderr
    assert "sweep_planned" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("missing", ["typer", "requests"])
def test_packages_that_are_not_here(cloud: Cloud, tmp_path: Path, missing: str) -> None:
    """A Python without the packages says which, and which Python has them; the code is 1."""
    (tmp_path / "sitecustomize.py").write_text(f"import sys\nsys.modules['{missing}'] = None\n")
    values = {**_environment(cloud, tmp_path), "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "shared", "doctor"]
    ran = subprocess.run(command, cwd=ROOT, env=values, capture_output=True, text=True)
    assert ran.returncode == 1
    expected = f"The package {missing} is not installed: run .venv/bin/python -m shared …; make sweep makes .venv\n"
    assert ran.stderr == expected


@pytest.mark.parametrize(
    ("event", "verdict", "due", "counts"),
    [
        ("sweep_failed", Verdict.FAILED, 0, "findings were not counted"),
        ("sweep_failed", Verdict.FAILED, 2, "findings were not counted; 2 due"),
        ("sweep_skipped", None, 0, "findings were not counted"),
        ("sweep_completed", Verdict.CLEAN, 0, "none flagged"),
        ("sweep_completed", Verdict.UNTRUSTED, 0, "none flagged"),
    ],
)
def test_a_sweep_that_did_not_look_counts_nothing(event: str, verdict: Verdict | None, due: int, counts: str) -> None:
    """Where nothing was looked at, the counts are no zero; that it failed is said once; no retries of no request."""
    text = printed(Report(_receipt(event, verdict, due=due, retries=4)))
    assert [line.split(maxsplit=1)[1].strip() for line in text.splitlines() if line.startswith("counts")] == [counts]
    assert text.count("failed") == (verdict is Verdict.FAILED)
    assert "retries" not in text
    assert "100 sentinel; 4 retries" in printed(Report(_receipt(requests={"sentinel": 100}, retries=4)))


def test_a_sweep_that_was_stopped_on_its_way_says_what_it_did() -> None:
    """One that lost its ledger after an incident and a card: not that nothing was used."""
    text = printed(Report(_receipt("sweep_failed", Verdict.FAILED, created=1, told=1)))
    assert "it did not come to its end: what it had done by then is counted below" in text
    assert "findings were not counted; 1 created; 1 told" in text
    assert "nothing it found was used" not in text
    assert "nothing it found was used" in printed(Report(_receipt("sweep_failed", Verdict.FAILED, due=2)))


@pytest.mark.slow
def test_a_dry_run_waits_for_no_next_sweep(cloud: Cloud, tmp_path: Path) -> None:
    """No sweep follows a dry run or the doctor by itself: they say to try again; a sweep names the next one."""
    cloud.faults.add(Fault(service="identity", status=500, times=None))
    values = _environment(cloud, tmp_path)
    tried = [_shell(values, "--dry-run").stdout, _shell(values, "--dry-run", "--json").stdout]
    command = [sys.executable, "-m", "shared", "doctor"]
    tried.append(subprocess.run(command, cwd=ROOT, env=values, capture_output=True, text=True).stdout)
    for said in tried:
        assert "Not signed in" in said
        assert ": try again; if it lasts" in " ".join(said.split())
        assert "next sweep tries" not in said
    assert "the next sweep tries again; if it lasts" in " ".join(_shell(values).stdout.split())


@pytest.mark.parametrize("asked", ["--dry-run", "DRY_RUN"])
def test_a_dry_run_needs_no_webhook_of_ones_own(cloud: Cloud, checkout: Path, asked: str) -> None:
    """In a dry run the example's webhook may stay as it is; otherwise it is named."""
    values = _environment(cloud, checkout)
    values["TEAMS_WEBHOOK_URL"] = "https://prod-00.westeurope.logic.azure.com/workflows/your-own"
    given = {"DRY_RUN": "true"} if asked == "DRY_RUN" else {}
    ran = _shell({**values, **given}, *([asked] if not given else []))
    assert ran.returncode == 3, ran.stderr
    refused = _shell(values)
    assert refused.returncode == 2
    assert "TEAMS_WEBHOOK_URL still holds the placeholder" in refused.stderr
