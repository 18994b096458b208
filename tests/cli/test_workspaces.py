"""The shell with many workspaces: which one a command works on, all of them, and what the file and the ledger say."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import shared.cli.chosen
import shared.cli.workspaces_check
import shared.cli.workspaces_forget
import shared.cli.workspaces_list
from shared.cli.chosen import Chosen
from shared.cli.commands import app
from shared.cli.sweep_all import worst
from shared.cli.under_lease import AnotherAtWork, parts_for
from shared.cli.workspaces_check import check_round, check_workspaces
from shared.cli.workspaces_forget import remove_all
from shared.ledger import SqliteLedger
from shared.model import Record, RoundEntry
from shared.settings import NAMES, ROUND_NAMES
from shared.workspaces.reading import read_workspaces
from tests.cloud import WORKSPACE_ID, WORKSPACE_RESOURCE_ID, Cloud
from tests.cloud.mail import sample
from tests.support.clients import sign_in_to
from tests.support.clock import FakeClock
from tests.support.ledger_samples import card, record
from tests.support.settings import settings_for
from tests.support.workspaces import APP, resource, written_entry, written_file

Shell = Callable[..., Result]
CONTOSO = {
    "SENTINEL_WORKSPACE_ID": WORKSPACE_ID,
    "SENTINEL_WORKSPACE_RESOURCE_ID": WORKSPACE_RESOURCE_ID,
    "SENTINEL_ACCESS": "custom",
}
"""The workspace that the small Azure has."""
ENTRIES = (
    written_entry("contoso", 1, **CONTOSO),
    written_entry("northwind", 2, SENTINEL_ACCESS="none", SWEEP_BUDGET_SECONDS=30),
    written_entry("fabrikam", 3, LOOKBACK_DAYS=0, TEAMS_WEBHOOK_URL="%FABRIKAM_WEBHOOK_URL%"),
)
"""One that is well, one that the small Azure does not know, one with a mistake."""


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """Runs a command in this process, in a folder with three entries; `only` are all settings there are."""
    folder = written_file(tmp_path, *ENTRIES)
    here = partial(read_workspaces, folder=folder)
    modules = (shared.cli.chosen, shared.cli.workspaces_check, shared.cli.workspaces_forget, shared.cli.workspaces_list)
    for module in modules:
        monkeypatch.setattr(module, "read_workspaces", here)
    for name in [*NAMES, *ROUND_NAMES]:
        monkeypatch.delenv(name, raising=False)
    handlers = list(logging.getLogger().handlers)

    def run(*arguments: str, only: Mapping[str, str] = APP) -> Result:
        for name, value in {**only, "LEDGER_URL": f"sqlite:///{tmp_path}/ledger.db"}.items():
            monkeypatch.setenv(name, value)
        return CliRunner().invoke(app, list(arguments), prog_name="python -m shared")

    yield run
    logging.getLogger().handlers = handlers


@pytest.fixture
def azure_values(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Cloud, dict[str, str]]]:
    """A small Azure with mail, and the app settings that lead to it, without a workspace of their own."""
    with Cloud() as cloud:
        cloud.load("EmailEvents", sample(cloud.clock()).events)
        sign_in_to(cloud.environment, monkeypatch)
        webhook = cloud.environment["TEAMS_WEBHOOK_URL"]
        own = {"SENTINEL_WORKSPACE_ID", "SENTINEL_WORKSPACE_RESOURCE_ID", "TEAMS_WEBHOOK_URL"}
        values = {name: value for name, value in cloud.environment.items() if name not in own}
        yield cloud, {**values, "CONTOSO_WEBHOOK_URL": webhook, "FABRIKAM_WEBHOOK_URL": webhook}


# --- which workspace

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


# --- a sweep


def test_one_workspace_is_swept_by_name(shell: Shell, azure_values: tuple[Cloud, dict[str, str]]) -> None:
    """The receipt carries the entry's name; `runs` and `show` read that workspace's ledger; a dry run needs no
    secret.
    """
    cloud, values = azure_values
    secret = values.pop("CONTOSO_WEBHOOK_URL")
    planned = json.loads(shell("sweep", "--workspace", "contoso", "--dry-run", "--json", only=values).stdout)
    assert (planned["workspace_name"], planned["event"]) == ("contoso", "sweep_planned")
    assert planned["flagged"]
    ran = shell("sweep", "--workspace", "contoso", only=values)
    assert (
        "TEAMS_WEBHOOK_URL is %CONTOSO_WEBHOOK_URL%, and the app setting CONTOSO_WEBHOOK_URL is not set" in ran.stderr
    )
    values["CONTOSO_WEBHOOK_URL"] = secret
    ran = shell("sweep", "--workspace", "contoso", "--json", only=values)
    receipt = json.loads(ran.stdout)
    assert (ran.exit_code, receipt["workspace_name"], receipt["created"]) == (0, "contoso", len(cloud.incidents))
    (kept,) = json.loads(shell("runs", "--workspace", "contoso", "--json", only=values).stdout)
    assert kept["run_id"] == receipt["run_id"]
    assert json.loads(shell("runs", "--workspace", "northwind", "--json", only=values).stdout) == []


def test_own_is_swept_without_a_name(
    shell: Shell, tmp_path: Path, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`sweep` alone is the workspace of the app settings, as it was before there were entries."""
    sign_in_to(cloud.environment, monkeypatch)
    written_file(tmp_path, ENTRIES[1])
    ran = shell("sweep", "--dry-run", "--json", only={**cloud.environment, **APP})
    assert json.loads(ran.stdout)["workspace_name"] == "own"
    assert shell("runs", only=cloud.environment).exit_code == 2


def test_all_workspaces_are_swept_one_after_the_other(shell: Shell, azure_values: tuple[Cloud, dict[str, str]]) -> None:
    """A line for each, in the file's order; one that fails or has mistakes stops no other; the worst code is the end's.
    The list shows each one's last sweep, and its mistakes.
    """
    cloud, values = azure_values
    ran = shell("sweep", "--all", only=values)
    assert ran.exit_code == 2, ran.output
    contoso, northwind, fabrikam = ran.stdout.splitlines()
    assert contoso.startswith("contoso    flagged ")
    assert f"{len(cloud.incidents)} created" in contoso
    assert northwind.startswith("northwind  failed    nothing was counted; ")
    assert fabrikam.startswith("fabrikam   settings  LOOKBACK_DAYS: expected a whole number from 1 to 90")
    assert cloud.incidents
    listed = shell("workspaces", "--json", only=values)
    found = {each["name"]: each for each in json.loads(listed.stdout)}
    assert listed.exit_code == 2
    assert [found[name]["last_sweep"] and found[name]["last_sweep"]["verdict"] for name in found] == [
        "flagged",
        "failed",
        None,
    ]
    assert found["fabrikam"]["mistakes"] == ["LOOKBACK_DAYS: expected a whole number from 1 to 90"]
    assert found["contoso"]["workspace"] == WORKSPACE_RESOURCE_ID.lower()
    table = shell("workspaces", only=values).stdout.splitlines()
    assert [line.split()[0] for line in table if line[0] != " "] == ["Workspace", "contoso", "northwind", "fabrikam"]
    assert "not swept in the last 30 days" in "".join(table)


def test_all_as_json_is_one_list(shell: Shell, azure_values: tuple[Cloud, dict[str, str]]) -> None:
    """`sweep --all --json` prints the receipts as one list, with an object for who could not begin."""
    cloud, values = azure_values
    ran = shell("sweep", "--all", "--dry-run", "--json", only={**values, "CONTOSO_WEBHOOK_URL": ""})
    found = json.loads(ran.stdout)
    assert [(each["workspace_name"], each["event"]) for each in found] == [
        ("contoso", "sweep_planned"),
        ("northwind", "sweep_failed"),
        ("fabrikam", "settings_invalid"),
    ]
    assert not cloud.incidents


def test_the_worst_code() -> None:
    """Bad settings are worse than a failure, which is worse than data that cannot be trusted."""
    assert [worst(codes) for codes in ([], [0], [0, 3], [3, 1, 0], [1, 2, 3])] == [0, 0, 3, 1, 2]


def test_the_doctor_of_all(shell: Shell, azure_values: tuple[Cloud, dict[str, str]]) -> None:
    """One table, the worst first: what is wrong in each, and where to see more."""
    _, values = azure_values
    ran = shell("doctor", "--all", only={**values, "CONTOSO_WEBHOOK_URL": ""})
    assert ran.exit_code == 2, ran.output
    rows = [line.split() for line in ran.stdout.splitlines() if line[0] != " "]
    assert [row[:2] for row in rows] == [
        ["Workspace", "Found"],
        ["northwind", "wrong"],
        ["fabrikam", "wrong"],
        ["contoso", "--"],
    ]
    assert "settings: LOOKBACK_DAYS: expected a whole number" in ran.stdout
    assert "more: doctor --workspace northwind)" in ran.stdout
    # The secret of a deployed app is not on this machine: that says nothing about the workspace.
    assert "webhook: cannot tell here: TEAMS_WEBHOOK_URL is %CONTOSO_WEBHOOK_URL%" in ran.stdout


# --- the file


def _checked(folder: Path, app_settings: Mapping[str, str], *entries: Any) -> Any:
    found = check_workspaces(read_workspaces(app_settings, written_file(folder, *entries)))
    check_round(found, app_settings, folder)
    return found


def test_the_file_is_checked_without_secrets(shell: Shell) -> None:
    """Every mistake is named by its workspace; a secret that is not here is a note; the code is 2."""
    ran = shell("workspaces", "--check", only={})
    assert ran.exit_code == 2
    assert ran.stdout.splitlines() == [
        "fabrikam: LOOKBACK_DAYS: expected a whole number from 1 to 90",
        "note: contoso: the app setting CONTOSO_WEBHOOK_URL is not set here",
        "note: northwind: the app setting CONTOSO_WEBHOOK_URL is not set here",
        "note: fabrikam: the app setting FABRIKAM_WEBHOOK_URL is not set here",
        "workspaces.json: 3 workspaces, 1 mistake.",
    ]
    found = json.loads(shell("workspaces", "--check", "--json", only={}).stdout)
    assert found["workspaces"] == ["contoso", "northwind", "fabrikam"]
    assert [each["workspace"] for each in found["mistakes"]] == ["fabrikam"]
    assert len(found["notes"]) == 3


def test_a_webhook_that_nobody_gave_is_a_mistake_there_too(tmp_path: Path) -> None:
    """Only the secret itself may be missing, not the reference to it, nor may the secret be something else."""
    found = _checked(
        tmp_path, {"B": "x"}, written_entry(TEAMS_WEBHOOK_URL=None), written_entry("b", 2, TEAMS_WEBHOOK_URL="%B%")
    )
    assert [(name, mistake.split()[0]) for name, mistake in found.mistakes] == [
        ("contoso", "TEAMS_WEBHOOK_URL"),
        ("b", "TEAMS_WEBHOOK_URL"),
    ]


@pytest.mark.parametrize(
    ("budgets", "app_settings", "warned"),
    [
        ([], {}, False),
        ([2000], {}, False),
        ([2001], {}, True),
        ([30, 21600], {}, True),
        ([], {"ROUND_DEADLINE_MINUTES": "95"}, False),
        ([], {"ROUND_DEADLINE_MINUTES": "94"}, True),
        ([30], {"ROUND_DEADLINE_MINUTES": "30"}, False),
        ([], {"SWEEP_BUDGET_SECONDS": "3000"}, True),
    ],
)
def test_three_tries_fit_a_round(
    tmp_path: Path, budgets: list[int], app_settings: dict[str, str], warned: bool
) -> None:
    """Three tries of the longest budget, ten minutes apart, fit the deadline, or there is a warning, and no mistake."""
    entries = [written_entry(f"e{number}", number, SWEEP_BUDGET_SECONDS=each) for number, each in enumerate(budgets)]
    found = _checked(tmp_path, {**APP, **app_settings}, *(entries or [written_entry()]))
    assert (bool(found.warnings), found.mistakes) == (warned, [])


def test_the_rounds_own_mistakes_are_named(tmp_path: Path) -> None:
    """What is wrong with the settings of a round is no entry's mistake."""
    found = _checked(tmp_path, {**APP, "ROUND_DEADLINE_MINUTES": "5"}, written_entry())
    assert found.mistakes == [("", "ROUND_DEADLINE_MINUTES: expected a whole number from 30 to 1200")]


# --- one that left


def _ledger_of(folder: Path, workspace: str) -> SqliteLedger:
    ledger = SqliteLedger(folder / "ledger.db", workspace)
    ledger.save([record(), Record("bob@contoso.com")], [card("one")])
    ledger.keep_receipt(date(2026, 11, 20), "run", {"started": "2026-11-20T06:00:00Z", "verdict": "clean"})
    return ledger


def test_the_rows_of_one_that_left_are_removed(shell: Shell, tmp_path: Path) -> None:
    """By the workspace's id, however it is written; of no other workspace; a second time there is nothing."""
    gone, kept = _ledger_of(tmp_path, resource(77)), _ledger_of(tmp_path, resource(2))
    ran = shell("workspaces", "--forget", resource(77).upper().replace("/SUB", "/sub") + "/", "--yes")
    assert ran.exit_code == 0, ran.output
    assert "2 recipients with what was reported of them" in ran.stdout
    assert "1 receipts, the last of 2026-11-20" in ran.stdout
    assert "still swept" not in ran.stdout
    assert ran.stdout.splitlines()[-1] == "Removed from the ledger."
    assert (gone.load().records, gone.receipts(date.min), gone.lease()) == ({}, [], None)
    assert (len(kept.load().records), len(kept.receipts(date.min))) == (2, 1)
    ran = shell("workspaces", "--forget", resource(77), "--yes")
    assert (ran.exit_code, "holds nothing of" in ran.stdout) == (1, True)
    for ledger in (gone, kept):
        ledger.close()


def test_by_name_while_the_entry_is_there(shell: Shell, tmp_path: Path) -> None:
    """The name does while the entry is there, and the command says that it is still swept."""
    ledger = _ledger_of(tmp_path, resource(2))
    found = json.loads(shell("workspaces", "--forget", "northwind", "--yes", "--json", only={"DRY_RUN": "true"}).stdout)
    assert found == {
        "written": False,
        "workspace": resource(2).lower(),
        "swept_as": "northwind",
        "recipients": 2,
        "owed": 1,
        "cards": 1,
        "receipts": 1,
    }
    assert ledger.load().records
    ran = shell("workspaces", "--forget", "northwind", "--yes", only={"DRY_RUN": ""})
    assert "It is still swept, as northwind." in ran.stdout
    assert not ledger.load().records
    ledger.close()


@pytest.mark.parametrize("named", ["northwnd", "own", "/subscriptions/x", "fabrikam corp", ""])
def test_what_cannot_be_found(shell: Shell, named: str) -> None:
    """A name without an entry, or what is no workspace's id, is said to be so, with how to find the id."""
    ran = shell("workspaces", "--forget", named, "--yes")
    assert ran.exit_code == 1
    expected = "expected the workspace's ARM id" if named.startswith("/") else "`git log -p workspaces.json` shows it"
    assert expected in ran.stderr
    assert ("Did you mean northwind?" in ran.stderr) == (named == "northwnd")


def test_nothing_is_removed_without_an_answer(shell: Shell, tmp_path: Path) -> None:
    """Without a terminal it needs --yes."""
    ledger = _ledger_of(tmp_path, resource(2))
    ran = shell("workspaces", "--forget", "northwind")
    assert (ran.exit_code, "add --yes" in ran.stderr) == (2, True)
    assert ledger.load().records
    ledger.close()


def test_nothing_is_removed_during_a_sweep(tmp_path: Path) -> None:
    """While a sweep renews its lease, nothing is removed; when it has died, its lease is taken over."""
    sweep, ledger = _ledger_of(tmp_path, resource(2)), SqliteLedger(tmp_path / "ledger.db", resource(2))
    held = [sweep.take(None, "a sweep", 60)]

    class Renewing(FakeClock):
        def sleep(self, seconds: float) -> None:
            held.append(sweep.take(held[-1], "a sweep", 60))
            super().sleep(seconds)

    with pytest.raises(AnotherAtWork):
        remove_all(ledger, Renewing())
    assert sweep.load().records
    remove_all(ledger, FakeClock())
    assert (sweep.load().records, sweep.lease()) == ({}, None)
    for each in (sweep, ledger):
        each.close()


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
