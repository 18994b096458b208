"""How the hooks are started: on both systems, by any Python that is new enough, without packages."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.bicep import INFRA
from tests.infra.hooks.azd import AZURE_YAML, WEBHOOK, Azd, Ran


def test_every_hook_has_both_systems_lines() -> None:
    """Each hook is started on both systems in the same way, shows what it prints, and hands on its exit code."""
    for name in ("preprovision", "postprovision", "postdeploy"):
        posix = f"    posix:\n      shell: sh\n      run: sh infra/hooks/python.sh {name}\n      interactive: true\n"
        run = f"./infra/hooks/python.ps1 {name}; exit $LASTEXITCODE"
        windows = f"    windows:\n      shell: pwsh\n      run: {run}\n      interactive: true\n"
        assert f"\n  {name}:\n{posix}{windows}" in AZURE_YAML


def fake(folder: Path, name: str, text: str) -> None:
    """A program that prints and ends as told."""
    (folder / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    (folder / name).chmod(0o755)


def _old(folder: Path, name: str) -> None:
    """A Python 3.10, as far as it is asked for its version; anything else that it is given shows."""
    pretend = "import sys; sys.version_info = (3, 10, 9); exec(sys.argv[1])"
    ask = f'test "$1" = -c && exec "{sys.executable}" -c "{pretend}" "$2"'
    fake(folder, name, f"{ask}; echo AN OLD PYTHON WAS TAKEN; exit 7")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A PATH with nothing on it but what the starting line needs."""
    folder = tmp_path / "only"
    folder.mkdir()
    for tool in ("sh", "dirname"):
        (folder / tool).symlink_to(shutil.which(tool) or "")
    return folder


def test_without_a_python_it_says_so(azd: Azd, bare: Path) -> None:
    """No Python, or only older ones, ends in one sentence."""
    said = "No Python 3.11 or newer was found (looked for python3, python and py): install one, then run azd again.\n"
    assert azd.hook("preprovision", WEBHOOK, str(bare)) == Ran(1, "", said, [])
    _old(bare, "python3")
    fake(bare, "python", "echo Python was not found >&2; exit 9009")
    assert azd.hook("preprovision", WEBHOOK, str(bare)) == Ran(1, "", said, [])


@pytest.mark.parametrize("name", ["python", "py", "python3.12"])
def test_the_first_python_that_is_new_enough_is_taken(azd: Azd, bare: Path, name: str) -> None:
    """An older python3 before it does not matter; none of its packages is needed."""
    _old(bare, "python3")
    fake(bare, name, f'exec "{sys.executable}" "$@"')
    ran = azd.hook("preprovision", WEBHOOK, str(bare))
    assert (ran.code, ran.error) == (
        1,
        "Nothing was deployed. To correct first:\n  azd is not on the PATH: install it\n",
    )


def test_they_run_without_packages() -> None:
    """Python is started isolated and without its site packages, on both systems."""
    for launcher in ("python.sh", "python.ps1"):
        assert " -I -S -X utf8 " in (INFRA / "hooks" / launcher).read_text(encoding="utf-8")


def test_on_windows() -> None:
    """The other launcher is run by a PowerShell where there is one; elsewhere this says that it was not."""
    pwsh = shutil.which("pwsh")
    if pwsh is None:
        pytest.skip("*** NO POWERSHELL HERE: infra/hooks/python.ps1 was not run ***")
    ran = subprocess.run([pwsh, "-NoProfile", "-File", str(INFRA / "hooks/python.ps1"), "nothing"], capture_output=True)
    assert (ran.returncode, b"expected one of" in ran.stderr) == (1, True)
