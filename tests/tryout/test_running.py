"""`make cloud`: the small Azure kept running, and the settings that lead every command to it."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.settings import LOCAL_FILE, ROOT
from tests.cloud import Cloud
from tests.tryout.running import exports
from tests.tryout.test_tryout import surroundings


class CloudShell:
    """A `make cloud` at work in a folder, and a shell with its settings."""

    def __init__(self, folder: Path, settings: str, said: list[str], process: subprocess.Popen[str]) -> None:
        self.folder = folder
        self.settings = settings
        self.said = said
        self.process = process

    def shell(self, command: str) -> subprocess.CompletedProcess[str]:
        """A command in a shell in which the settings were pasted; `python` is this environment's."""
        ours = command.replace("python", shlex.quote(sys.executable), 1)
        script = f"{self.settings}\ncd {shlex.quote(str(ROOT))} && {ours}"
        bare = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        return subprocess.run(["/bin/sh", "-c", script], env=bare, capture_output=True, text=True)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudShell]:
    """It, in a folder whose temporary files have a blank, a quote and an umlaut in their path."""
    assert not (ROOT / LOCAL_FILE).exists()  # its settings would take part
    folder = tmp_path_factory.mktemp("cloud")
    awkward = folder / "it's a täst $HOME"
    awkward.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.tryout", "cloud"],
        cwd=folder,
        env=surroundings(TMPDIR=str(awkward)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said: list[str] = []
    for line in process.stdout:
        said.append(line)
        if "the card appears here" in line:
            break
    settings = "".join(line for line in said if line.startswith("export "))
    yield CloudShell(folder, settings, said, process)
    if process.poll() is None:
        process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.slow
def test_every_command_runs_with_the_settings_it_prints(running: CloudShell) -> None:
    """Pasted into another shell, the settings lead each command to the small Azure, and each ends well."""
    for command in ("doctor", "tune --replay 3", "sweep --dry-run", "sweep"):
        ran = running.shell(f"python -m shared {command}")
        assert ran.returncode == 0, f"{command}\n{ran.stdout}{ran.stderr}"
    again = running.shell("python -m shared sweep --json")
    receipt = json.loads(again.stdout)
    assert receipt["verdict"] == "flagged"
    assert (receipt["created"], receipt["standing"]) == (0, receipt["flagged"])


def test_the_file_holds_the_same_settings(running: CloudShell) -> None:
    """The line that reads the settings from a file gives what is to be pasted, for the owner's eyes alone."""
    file = running.folder / ".sweep/cloud.sh"
    line = next(line for line in running.said if line.startswith("cd "))
    assert line == f"cd {shlex.quote(str(running.folder))} && . .sweep/cloud.sh\n"
    assert file.read_text(encoding="utf-8") == running.settings
    assert file.stat().st_mode & 0o077 == 0
    assert "täst" in running.settings


def test_ctrl_c_ends_it_and_leaves_nothing(running: CloudShell) -> None:
    """Ctrl-C ends it without a fault; what it made is gone: the settings' file, the ledger, the certificate."""
    assert running.shell("python -m shared doctor --send-test-card").returncode == 0
    running.process.send_signal(signal.SIGINT)
    rest = running.process.communicate(timeout=30)[0]
    assert running.process.returncode == 0
    assert "Test card: nothing has happened" in rest  # shown as it came
    assert "The small Azure has ended, with its " in rest
    assert "Traceback" not in "".join(running.said) + rest
    assert [path for path in running.folder.rglob("*") if path.is_file()] == []


def test_what_is_pasted_is_what_was_meant(tmp_path: Path) -> None:
    """A shell reads back each value as it was, whatever a path holds."""
    ledger = tmp_path / "a 'b' \"c\" $d `e` \\f é" / "ledger.db"
    with Cloud() as cloud:
        script = exports(cloud, ledger) + 'printf "%s" "$LEDGER_URL"; printf "|%s" "$TEAMS_WEBHOOK_URL"'
        said = subprocess.run(["/bin/sh", "-c", script], env={}, capture_output=True, text=True).stdout
        assert said == f"sqlite:///{ledger}|{cloud.webhook_url}"


def test_the_file_of_another_one_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a second one was started in the same folder, the first leaves its file alone at its end."""
    from tests.tryout import running as module

    monkeypatch.chdir(tmp_path)
    (tmp_path / ".sweep").mkdir()
    module.SETTINGS.write_text("of another", encoding="utf-8")
    module.remove("mine")
    assert module.SETTINGS.exists()
    module.remove("of another")
    assert not module.SETTINGS.exists()
