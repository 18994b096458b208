"""The shell checks the file of many workspaces, and the settings of their round."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from shared.cli.workspaces_check import check_round, check_workspaces
from shared.workspaces.reading import read_workspaces
from tests.support.shell_of_many import Shell
from tests.support.workspaces import APP, written_entry, written_file


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
