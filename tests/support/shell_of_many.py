"""The shell in a folder with three workspaces, and a small Azure that has one of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import shared.cli.chosen
import shared.cli.workspaces_check
import shared.cli.workspaces_forget
import shared.cli.workspaces_list
from shared.cli.commands import app
from shared.settings import NAMES, ROUND_NAMES
from shared.workspaces.reading import read_workspaces
from tests.cloud import WORKSPACE_ID, WORKSPACE_RESOURCE_ID, Cloud
from tests.cloud.mail import sample
from tests.support.clients import sign_in_to
from tests.support.workspaces import APP, written_entry, written_file

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
