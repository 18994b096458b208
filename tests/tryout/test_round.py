"""`make round`: a dozen tenants, the table by workspace and the round's card."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from shared.settings import ROOT
from tests.tryout.round import FLAGGED, REFUSING
from tests.tryout.test_tryout import surroundings

pytestmark = pytest.mark.slow


def test_a_round_is_shown() -> None:
    """It names each workspace with its verdict, shows the round's card, and leaves nothing behind."""
    with tempfile.TemporaryDirectory() as folder:  # a short name: sockets of the worker processes are made in it
        ran = subprocess.run(
            [sys.executable, "-m", "tests.tryout", "round"],
            cwd=ROOT,
            env=surroundings(TMPDIR=folder),
            capture_output=True,
            text=True,
        )
        left = list(Path(folder).iterdir())
    assert ran.returncode == 0, ran.stdout + ran.stderr
    rows = {line.split()[0]: line.split()[1:] for line in ran.stdout.splitlines() if line.split()[:1]}
    for name, flagged in FLAGGED.items():
        verdict, found, created, due, _ = rows[name]
        wanted = "untrusted" if flagged is None else "flagged" if flagged else "clean"
        assert (verdict, int(found)) == (wanted, flagged or 0), name
        assert (int(created), int(due)) == ((0, flagged) if name == REFUSING else (flagged or 0, 0)), name
    assert "12 workspaces: 6 clean, 5 flagged, 1 untrusted" in ran.stdout
    assert "Teams card" in ran.stdout
    assert not left
