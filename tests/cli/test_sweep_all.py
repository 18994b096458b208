"""The shell sweeps one of many workspaces by its name, or all, and asks the doctor of all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared.cli.sweep_all import worst
from tests.cloud import WORKSPACE_RESOURCE_ID, Cloud, Fault
from tests.support.clients import sign_in_to
from tests.support.shell_of_many import ENTRIES, Shell
from tests.support.workspaces import APP, written_file


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
    assert northwind.startswith("northwind  failed    findings were not counted; ")
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


def test_the_shell_asks_by_the_workspaces_arm_path(shell: Shell, azure_values: tuple[Cloud, dict[str, str]]) -> None:
    """Where the query API's own address does not let another tenant's identity in, `doctor` and `tune` find the data by
    the other way, as a sweep does.
    """
    cloud, values = azure_values
    cloud.faults.add(Fault(service="log_analytics", status=403, times=None))
    ran = shell("doctor", "--workspace", "contoso", only=values)
    assert (ran.exit_code, "LogAnalytics" in ran.output) == (0, False), ran.output
    assert shell("tune", "--workspace", "contoso", "--json", only=values).exit_code == 0
    (row,) = [line for line in shell("doctor", "--all", only=values).stdout.splitlines() if line.startswith("contoso")]
    assert row.startswith("contoso    --     portals: cannot tell whether")
