"""The shell: what it prints where, and what it ends with."""

import json
import logging
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shared.cli.commands import app
from tests.cloud import Cloud
from tests.cloud.faults import Fault
from tests.cloud.mail import sample
from tests.support.receipts import RECEIPT_KEYS

ROOT = Path(__file__).resolve().parents[2]


def _environment(cloud: Cloud, folder: Path) -> dict[str, str]:
    """The shell's environment: the small Azure's, a ledger in the folder."""
    return {"PATH": os.environ["PATH"], **cloud.environment, "LEDGER_URL": f"sqlite:///{folder}/ledger.db"}


def _shell(values: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """`python -m shared sweep` with these arguments and this environment only."""
    command = [sys.executable, "-m", "shared", "sweep", *arguments]
    return subprocess.run(command, cwd=ROOT, env=dict(values), capture_output=True, text=True)


def test_json_is_all_of_standard_output(cloud: Cloud, tmp_path: Path) -> None:
    """`--json` prints the receipt and nothing else; the same receipt is the log's one line, on standard error."""
    cloud.load("EmailEvents", sample(cloud.clock()).events)
    ran = _shell(_environment(cloud, tmp_path), "--json")
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert list(found) == RECEIPT_KEYS
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
