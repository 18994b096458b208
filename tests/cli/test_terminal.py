"""The shell on a terminal: the receipt's line, a narrow or plain terminal, Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shared.cli.terminal import GRACE
from shared.ledger import SqliteLedger
from tests.cloud import WORKSPACE_RESOURCE_ID, Cloud, Fault, Wire
from tests.cloud.mail import sample
from tests.support.terminal import ROOT, on_a_terminal


@pytest.fixture
def cloud(cloud: Cloud) -> Cloud:
    """The small Azure, with a sample tenant's mail."""
    cloud.load("EmailEvents", sample(cloud.clock()).events)
    return cloud


def test_the_receipt_s_line_is_not_beside_the_table(cloud: Cloud, environment: dict[str, str]) -> None:
    """On a terminal the table says what the receipt's line does, whatever its level; elsewhere the line is logged."""
    cloud.faults.add(Fault(service="teams", times=None, status=400))  # sweep_incomplete is logged as an error
    seen = on_a_terminal(environment, "sweep")
    assert seen.code == 1
    assert "first time over the threshold" in seen.text
    assert "incomplete" in seen.text
    assert "sweep_incomplete" not in seen.text
    assert '"run_id"' not in seen.text
    command = [sys.executable, "-m", "shared", "sweep"]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert ran.returncode == 1
    (line,) = [line for line in ran.stderr.splitlines() if " ERROR sweep sweep_incomplete {" in line]
    assert json.loads(line[line.index("{") :])["event"] == "sweep_incomplete"


def test_json_on_a_terminal_is_there_once(cloud: Cloud, environment: dict[str, str]) -> None:
    """With --json the receipt is shown once on a terminal, and the log's other lines are as elsewhere."""
    cloud.faults.add(Fault(service="sentinel", status=503))
    seen = on_a_terminal(environment, "sweep", "--dry-run", "--json").text
    assert seen.count('"run_id"') == 1
    assert " INFO sweep sweep_planned" not in seen
    assert "request_retried" in seen


def test_the_doctor_shows_that_it_is_at_work(environment: dict[str, str]) -> None:
    """On a terminal a progress sign moves while a check is waited for; elsewhere there is none."""
    assert "checking" in on_a_terminal(environment, "doctor").text
    command = [sys.executable, "-m", "shared", "doctor"]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert "checking" not in ran.stdout + ran.stderr


_MARKS = """\
import pathlib, sys

class Marks:
    def find_spec(self, name, *_):
        if name == "shared.cli":
            pathlib.Path(__file__).with_name("begun").touch()

sys.meta_path.insert(0, Marks())
"""


@pytest.mark.parametrize("arguments", [["doctor"], ["--help"]])
@pytest.mark.parametrize("delay", [0.0, 0.2, 0.6, 1.2])
def test_ctrl_c_again_at_once(environment: dict[str, str], tmp_path: Path, arguments: list[str], delay: float) -> None:
    """Ctrl-C time and again, from when the shell begins to load to the very end: 130 or the command's own code, and
    never an end by the signal. (Before that, Python itself is starting.)"""
    (tmp_path / "sitecustomize.py").write_text(_MARKS)
    command = [sys.executable, "-m", "shared", *arguments]
    for pause in (0.001, 0.05):
        (tmp_path / "begun").unlink(missing_ok=True)
        with subprocess.Popen(
            command,
            cwd=ROOT,
            env={**environment, "PYTHONPATH": str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as running:
            while running.poll() is None and not (tmp_path / "begun").exists():
                time.sleep(0.01)
            time.sleep(delay)
            while running.poll() is None:
                running.send_signal(signal.SIGINT)
                time.sleep(pause)
            said = running.communicate()[1]
        assert running.returncode in (130, 0), (running.returncode, said)
        assert "Traceback" not in said


@pytest.mark.parametrize("columns", [40, 100, 180])
def test_a_narrow_terminal_is_readable(environment: dict[str, str], columns: int) -> None:
    """Every line fits, and nothing that matters is cut: whole addresses, reasons and numbers."""
    seen = on_a_terminal(environment, "sweep", "--dry-run", columns=columns)
    assert seen.code == 0, seen.text
    assert max(len(line) for line in seen.lines) <= columns
    words = " ".join(seen.text.split())
    assert "first time over the threshold" in words or columns >= 180
    assert "planned only: nothing was written anywhere" in words
    addresses = [word for word in words.split() if word.endswith("@contoso.com")]
    assert addresses
    assert "…" not in seen.text
    checked = on_a_terminal(environment, "doctor", columns=columns)
    assert checked.code == 0, checked.text
    assert max(len(line) for line in checked.lines) <= columns
    assert "make sure that on-call reads the Teams card" in " ".join(checked.text.split())


def test_a_plain_terminal_is_readable(environment: dict[str, str]) -> None:
    """Without Unicode and without colours: letters of ASCII only, none of them a stand-in for one that was lost."""
    plain = {**environment, "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "NO_COLOR": "1"}
    for arguments in (["sweep", "--dry-run"], ["doctor"]):
        seen = on_a_terminal(plain, *arguments, columns=40)
        assert seen.code == 0, seen.text
        assert seen.raw.isascii()
        assert "?" not in seen.text
        assert b"\x1b[3" not in seen.raw  # no colour; bold and dim are none
    unset = {name: value for name, value in plain.items() if name not in environment}
    seen = on_a_terminal({"PATH": os.environ["PATH"], **unset}, "doctor", columns=40)
    assert seen.code == 2
    assert seen.raw.isascii()
    assert "/subscriptions/.../workspaces/<name>" in seen.text
    assert ("?" in seen.text) == (not str(ROOT).isascii())  # of the folder's own name, where it has such letters


def test_what_has_no_plain_letters_is_replaced(cloud: Cloud, environment: dict[str, str]) -> None:
    """An address that ASCII cannot show is shown with a question mark for each letter, and ends nothing."""
    rows = [{**row, "RecipientEmailAddress": "jürgen…@contoso.com"} for row in sample(cloud.clock()).events]
    cloud.load("EmailEvents", rows)
    plain = {**environment, "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "shared", "sweep", "--dry-run"]
    ran = subprocess.run(command, cwd=ROOT, env=plain, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert "j?rgen...@contoso[.]com" in ran.stdout


def test_a_dumb_terminal_is_no_trouble(environment: dict[str, str]) -> None:
    """On a terminal that can only print, the result is printed, without a progress sign."""
    seen = on_a_terminal({**environment, "TERM": "dumb"}, "sweep", "--dry-run")
    assert seen.code == 0
    assert "planned only" in seen.text
    assert b"\x1b" not in seen.raw


@pytest.mark.parametrize(
    ("arguments", "service", "left"),
    [
        (["sweep"], "log_analytics", "interrupted: what was begun is noted, and the next sweep completes it"),
        (["sweep"], "identity", "interrupted: what was begun is noted"),
        (["sweep"], "teams", "interrupted: what was begun is noted"),
        (["sweep", "--dry-run"], "sentinel", "interrupted: nothing was written"),
        (["doctor"], "log_analytics", "interrupted: nothing was written"),
    ],
)
def test_ctrl_c_is_one_line(
    cloud: Cloud, environment: dict[str, str], tmp_path: Path, arguments: list[str], service: str, left: str
) -> None:
    """Ctrl-C while a service is waited for ends with 130 and one line, no traceback, and the lease given back."""
    cloud.faults.add(Fault(service=service, times=None, wire=Wire.HANG, seconds=30))
    asked = lambda _: any(each.service == service for each in cloud.log)  # noqa: E731
    seen = on_a_terminal(environment, *arguments, ctrl_c=asked, seconds=25)
    assert seen.code == 130, seen.text
    assert "Traceback" not in seen.text
    assert len([line for line in seen.lines if "nterrupted" in line]) == 1
    assert left in seen.text
    if arguments == ["sweep"]:
        ledger = SqliteLedger(f"{tmp_path}/ledger.db", WORKSPACE_RESOURCE_ID)
        assert ledger.lease() is None
        ledger.close()


@pytest.mark.parametrize("again", [False, True])
def test_ctrl_c_does_not_wait_for_long(cloud: Cloud, environment: dict[str, str], again: bool) -> None:
    """What sixteen workers wait for holds up the end for some seconds at most, and not at all after a second Ctrl-C."""
    cloud.faults.add(Fault(service="sentinel", method="PUT", times=None, wire=Wire.HANG, seconds=60))
    begun: list[float] = []

    def asked(_: bytes) -> bool:
        if any(each.method == "PUT" for each in cloud.log):
            begun.append(time.monotonic())
            return True
        return False

    seen = on_a_terminal(environment, "sweep", ctrl_c=asked, again=again, seconds=40)
    assert seen.code == 130, seen.text
    assert time.monotonic() - begun[0] < (4 if again else GRACE + 10)
    assert [line for line in seen.lines if "nterrupted" in line] == [
        "interrupted: what was begun is noted, and the next sweep completes it"
    ]
    assert "Traceback" not in seen.text


def test_ctrl_c_while_az_is_waited_for(environment: dict[str, str], tmp_path: Path) -> None:
    """On a developer's machine a hanging `az` is ended with the command."""
    program = tmp_path / "az"
    program.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/az.pid\nexec /bin/sleep 60\n")
    program.chmod(0o755)
    del environment["IDENTITY_ENDPOINT"]
    asked = (tmp_path / "az.pid").exists
    seen = on_a_terminal({**environment, "PATH": str(tmp_path)}, "doctor", ctrl_c=lambda _: asked(), seconds=20)
    assert seen.code == 130, seen.text
    assert "interrupted: nothing was written" in seen.text
    az = Path(f"/proc/{(tmp_path / 'az.pid').read_text().strip()}/stat")
    assert not az.exists() or " Z " in az.read_text()  # gone, or dead and not yet cleared away


def test_ctrl_c_at_the_very_start(environment: dict[str, str]) -> None:
    """Ctrl-C while the program still loads is no traceback either."""
    began = []

    def soon(_: bytes) -> bool:
        began.append(1)
        return len(began) > 4

    seen = on_a_terminal(environment, "sweep", "--dry-run", ctrl_c=soon)
    assert seen.code == 130, seen.text
    assert "Traceback" not in seen.text


@pytest.mark.parametrize("arguments", [["doctor"], ["sweep", "--dry-run"], ["--help"]])
def test_a_reader_that_goes_away_is_no_trouble(environment: dict[str, str], arguments: list[str]) -> None:
    """When nobody reads standard output any more there is no traceback."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "shared", *arguments]
    ran = subprocess.run(command, cwd=ROOT, env=environment, stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert "Traceback" not in ran.stderr
    assert "Exception ignored" not in ran.stderr
