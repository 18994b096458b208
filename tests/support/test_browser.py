"""Where no browser is, it is said loudly; where one must be, nothing goes on without it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.browser import chromium

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("environment", "code"), [({}, 0), ({"BROWSER_REQUIRED": "1"}, 1)])
def test_its_absence_is_loud(environment: dict[str, str], code: int) -> None:
    """`make test` says that the cards are not drawn, and ends there where a browser is required."""
    command = [sys.executable, "-m", "tests.support.browser"]
    ran = subprocess.run(command, cwd=ROOT, env={"PATH": "", **environment}, capture_output=True, text=True)
    assert ran.returncode == code
    assert ran.stderr.startswith("*** NO CHROMIUM ON THIS MACHINE (Debian: apt-get install chromium;")
    assert ("BROWSER_REQUIRED" in ran.stderr) is bool(code)


def test_a_browser_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """CHROMIUM names the browser, and no other is taken in its place."""
    monkeypatch.setenv("CHROMIUM", sys.executable)
    assert chromium() == sys.executable
    monkeypatch.setenv("CHROMIUM", "/nowhere/chromium")
    assert chromium() is None


def test_ci_fails_without_one(tmp_path: Path) -> None:
    """The run that a change must pass ends in a sentence where there is no browser and none can be installed."""
    for tool in ("bash", "dirname", "id"):
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    (tmp_path / "make").write_text("#!/bin/sh\necho tested\n", encoding="utf-8")
    (tmp_path / "make").chmod(0o755)
    command = [str(tmp_path / "bash"), str(ROOT / ".ci/run")]
    ran = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("*** NO CHROMIUM ON THIS MACHINE, and only root on Debian can install it from here")
    (tmp_path / "sh").symlink_to(str(shutil.which("sh")))
    (tmp_path / "chromium").symlink_to(str(shutil.which("true")))
    ran = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (0, "tested\ntested\n")
