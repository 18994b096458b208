"""Fixtures that more than one folder of tests needs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud import Cloud
from tests.support.azurite import azurite
from tests.support.clients import Clients, connected
from tests.support.clock import FakeClock
from tests.support.ledgers import close, place, sqlite_place, table_place
from tests.support.tenant import Tenant, running_tenant

__all__ = ["azurite", "close", "place", "sqlite_place", "table_place"]

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def clock() -> FakeClock:
    """A clock that does not hold the test up."""
    return FakeClock()


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """A small Azure at the real time, with nothing in its tables."""
    with Cloud() as made:
        yield made


@pytest.fixture
def environment(cloud: Cloud, tmp_path: Path) -> dict[str, str]:
    """The shell's environment: the small Azure's, and a ledger in the test's folder."""
    return {"PATH": os.environ["PATH"], **cloud.environment, "LEDGER_URL": f"sqlite:///{tmp_path}/ledger.db"}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the project in a folder of its own, as a newcomer has it."""
    folder = tmp_path / "a checkout"
    shutil.copytree(ROOT / "shared", folder / "shared", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("local.settings.example.json", "workspaces.json"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """A small Azure and its clients."""
    with connected(monkeypatch) as made:
        yield made


@pytest.fixture
def tenant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tenant]:
    """A tenant without mail, which was never swept."""
    with running_tenant(tmp_path, monkeypatch) as made:
        yield made
