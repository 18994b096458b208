"""A checkout and its stand-ins, for each test that runs a hook."""

import shutil
from pathlib import Path

import pytest

from tests.infra.hooks.azd import ROOT, Azd


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the hooks need of the repository, in a folder whose path has spaces and umlauts."""
    folder = tmp_path_factory.mktemp("Mein Ordner (ä ö ü)")
    for name in ("infra", "shared"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "workspaces.json", folder)
    return folder


@pytest.fixture
def azd(checkout: Path, tmp_path: Path) -> Azd:
    """azd in that checkout, with everything signed in and nothing deployed yet."""
    return Azd(checkout, tmp_path)
