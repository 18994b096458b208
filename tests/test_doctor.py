"""The doctor: what is missing is named with what to do, and nothing is written to find out."""

import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cloud import Cloud, Fault
from tests.cloud.tenant import sample

ROOT = Path(__file__).resolve().parent.parent


def doctor(cloud: Cloud, folder: Path, given: Mapping[str, str] = {}) -> subprocess.CompletedProcess[str]:
    """`python -m shared doctor` against the small Azure."""
    ledger = {"PATH": os.environ["PATH"], "LEDGER_URL": f"sqlite:///{folder}/ledger.db"}
    environment = {**ledger, **cloud.environment, **given}
    command = [sys.executable, "-m", "shared", "doctor"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def test_all_is_well(tmp_path: Path) -> None:
    """With everything in place each check says so; nothing is written, posted or made."""
    with Cloud() as cloud:
        cloud.load("EmailEvents", sample(cloud.clock()).events)
        ran = doctor(cloud, tmp_path)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        about = [line.split()[1] for line in ran.stdout.splitlines() if line.startswith("ok")]
        assert about == ["settings", "sign-in", "workspace", "incidents", "data", "ledger", "webhook", "portals"]
        assert not [request for request in cloud.log if request.method in ("PUT", "PATCH", "DELETE")]
        assert not cloud.cards
        assert not list(tmp_path.iterdir())
        assert cloud.environment["TEAMS_WEBHOOK_URL"].partition("sig=")[2] not in ran.stdout + ran.stderr


def test_old_data_is_a_doubt(tmp_path: Path) -> None:
    """Data that no sweep would trust is a doubt, with exit code 3."""
    with Cloud() as cloud:
        cloud.load("EmailEvents", sample(cloud.clock() - timedelta(days=5)).events)
        ran = doctor(cloud, tmp_path)
    assert ran.returncode == 3, ran.stdout + ran.stderr
    assert "doubt data" in ran.stdout


@pytest.mark.parametrize(
    ("service", "about"), [("identity", "sign-in"), ("sentinel", "incidents"), ("log_analytics", "data")]
)
def test_what_is_refused_is_named(service: str, about: str, tmp_path: Path) -> None:
    """A service that refuses is named by its check with what to do; the other checks are made all the same."""
    with Cloud() as cloud:
        cloud.load("EmailEvents", sample(cloud.clock()).events)
        cloud.faults.add(Fault(service=service, times=None, status=403))
        ran = doctor(cloud, tmp_path)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert [line for line in ran.stdout.splitlines() if line.startswith("wrong") and line.split()[1] == about]
    assert "webhook" in ran.stdout
    assert "Traceback" not in ran.stderr


def test_two_workspaces_are_one_too_many(tmp_path: Path) -> None:
    """A GUID of another workspace than the resource's is wrong."""
    with Cloud() as cloud:
        cloud.load("EmailEvents", sample(cloud.clock()).events)
        ran = doctor(cloud, tmp_path, {"SENTINEL_WORKSPACE_ID": "0b6d4f0c-7f5e-4c43-9d44-6c1b4e1f2a3d"})
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "set both to the same workspace" in ran.stdout
