"""The shell with many workspaces: which one a command works on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared.cli.chosen import Chosen
from shared.cli.under_lease import parts_for
from shared.model import RoundEntry
from tests.support.clock import FakeClock
from tests.support.settings import settings_for
from tests.support.shell_of_many import ENTRIES, Shell
from tests.support.workspaces import written_entry, written_file

COMMANDS = (
    *(["sweep"], ["doctor"], ["tune"], ["preview"], ["runs"], ["show", "a@contoso.com"]),
    *(["baseline", "--yes"], ["accept-coverage", "--yes"], ["forget", "a@contoso.com", "--yes"]),
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_every_command_must_be_told_which(shell: Shell, command: list[str]) -> None:
    """Without a name, or with one that no entry has, the command says what to add, and ends with 2."""
    ran = shell(*command)
    assert ran.exit_code == 2, ran.output
    assert (
        "workspaces.json has 3 workspaces: add --workspace NAME, with one of contoso, northwind, fabrikam."
        in ran.stderr
    )
    ran = shell(*command, "--workspace", "contosso")
    assert ran.exit_code == 2
    assert "workspaces.json has no entry contosso: did you mean contoso?" in ran.stderr
    assert not ran.stdout
    ran = shell(*command, "--workspace", "fabrikam")
    assert ran.exit_code == 2
    assert "LOOKBACK_DAYS: expected a whole number from 1 to 90" in ran.stderr


def test_without_entries_there_is_nothing_to_choose(shell: Shell, tmp_path: Path) -> None:
    """With an empty list --workspace and --all say so."""
    written_file(tmp_path)
    for arguments, option in ((["--workspace", "contoso"], "--workspace"), (["--all"], "--all")):
        ran = shell("sweep", *arguments)
        assert (ran.exit_code, ran.stderr) == (2, f"workspaces.json has no entries: leave {option} out.\n")
    ran = shell("workspaces")
    assert (ran.exit_code, ran.stdout.startswith("workspaces.json has no entries: one workspace is swept")) == (0, True)
    ran = shell("workspaces", "--check", only={"LOOKBACK_DAYS": "0"})
    assert ran.exit_code == 0
    assert json.loads(shell("workspaces", "--json").stdout) == []


def test_one_of_two_options(shell: Shell) -> None:
    """Options that cannot go together are refused before anything is done."""
    assert "give one of the two" in shell("sweep", "--workspace", "contoso", "--all").stderr
    assert "give one of the two" in shell("doctor", "--workspace", "contoso", "--all").stderr
    assert "give one of the two" in shell("workspaces", "--check", "--forget", "contoso").stderr
    assert "--send-test-card posts to one channel" in shell("doctor", "--all", "--send-test-card").stderr


def test_a_file_that_cannot_be_used_ends_every_command(shell: Shell, tmp_path: Path) -> None:
    """It is never an empty list: the command ends with 2 and says what is wrong with the file."""
    (tmp_path / "workspaces.json").write_text('{"workspaces": [')
    for command in (["sweep"], ["runs"], ["workspaces"], ["workspaces", "--check"]):
        ran = shell(*command)
        assert ran.exit_code == 2
        assert "workspaces.json is not JSON (line 1, column 17)" in ran.stderr
        assert ran.stderr.splitlines()[-1].startswith("The file is ")


def test_many_names_are_cut(shell: Shell, tmp_path: Path) -> None:
    """Of very many workspaces the first are named, and how to see the others."""
    written_file(tmp_path, *(written_entry(f"tenant-{number}", number) for number in range(500)))
    ran = shell("runs")
    assert "workspaces.json has 500 workspaces" in ran.stderr
    assert "tenant-19 and 480 more (python -m shared workspaces)." in ran.stderr.replace("\n", " ")
    assert "tenant-20" not in ran.stderr


def test_the_settings_that_entries_refer_to_are_known_names(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """An app setting that an entry refers to is not taken for a misspelt one."""
    import shared.cli.session

    monkeypatch.setattr(shared.cli.session, "referenced", lambda: frozenset({"TEAM_WEBHOOK_URL"}))
    assert "TEAM_WEBHOOK_URL" not in shell("runs", only={"TEAM_WEBHOOK_URL": "x"}).stderr


def test_a_command_works_as_the_entry() -> None:
    """What a command does with a workspace it does as that entry, in no round."""
    entry = RoundEntry("contoso")
    with parts_for(Chosen(settings_for(), entry), FakeClock(), dry=True) as parts:
        assert parts.entry == entry
    assert not entry.in_round


# --- the real thing


def test_the_commands_read_the_file_beside_host_json(checkout: Path) -> None:
    """In a checkout of its own: the file there is read, and is a mistake when it is gone."""
    written_file(checkout, *ENTRIES)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "shared", *arguments]
        return subprocess.run(command, cwd=checkout, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True)

    ran = run("workspaces", "--check")
    assert (ran.returncode, ran.stdout.splitlines()[-1]) == (2, "workspaces.json: 3 workspaces, 1 mistake.")
    (checkout / "workspaces.json").unlink()
    ran = run("sweep")
    assert ran.returncode == 2
    assert "workspaces.json is missing beside host.json" in ran.stderr
