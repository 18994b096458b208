"""What is deployed with entries and without: the functions that the host sees, and what the timer does."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOST = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
ENTRY = {
    "name": "contoso",
    "SENTINEL_WORKSPACE_ID": "11111111-2222-3333-4444-555555555555",
    "SENTINEL_WORKSPACE_RESOURCE_ID": "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/soc"
    "/providers/Microsoft.OperationalInsights/workspaces/contoso",
    "TEAMS_WEBHOOK_URL": "%CONTOSO_WEBHOOK_URL%",
}
LIST = """
import json, function_app
found = [(f.get_function_name(), [json.loads(each) for each in f.get_raw_bindings()])
         for f in function_app.app.get_functions()]
print(json.dumps(found))
"""
FIRE = """
import function_app
from azure.functions.timer import TimerRequest
for each in function_app.app.get_functions():
    if each.get_function_name() == "sweep":
        each.get_user_function()(TimerRequest(schedule_status={"Next": "2026-11-24T06:00:00Z"}))
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """The app as it is deployed, in a folder of its own."""
    for name in ("function_app.py", "host.json", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "shared", tmp_path / "shared", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def run_app(app: Path, code: str, text: str) -> subprocess.CompletedProcess[str]:
    """Run this in the app, with a workspaces.json that holds the text."""
    (app / "workspaces.json").write_text(text, encoding="utf-8")
    # No setting of the machine's, and no identity.
    environment = {"PATH": "/nonexistent", "PYTHONPATH": str(app), "LEDGER_URL": f"sqlite:///{app}/ledger.db"}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=app, env=environment, capture_output=True, text=True, check=False
    )


def listed(app: Path, text: str) -> list[Any]:
    """The functions of the app, with their bindings."""
    found: list[Any] = json.loads(run_app(app, LIST, text).stdout)
    return found


def test_the_queue_function_is_there_with_entries_only(app: Path) -> None:
    """With an empty list, or a file that cannot be read, the host sees the timer alone."""
    timer, work = listed(app, json.dumps({"workspaces": [ENTRY]}))
    assert work == [
        "work",
        [
            {
                "direction": "IN",
                "type": "queueTrigger",
                "name": "message",
                "queueName": "sweep-work",
                "connection": "AzureWebJobsStorage",
            }
        ],
    ]
    assert listed(app, '{"workspaces": []}') == [timer]
    assert listed(app, "{") == [timer]


def test_a_broken_file_is_no_empty_list(app: Path) -> None:
    """The timer sweeps nothing, and says what is wrong with the file: before any other setting is looked at."""
    ran = run_app(app, FIRE, '{"workspaces": [{"name": "a"}, {"name": "a"}]}')
    assert ran.returncode == 1
    (line,) = [each for each in ran.stderr.splitlines() if each.startswith("ERROR:sweep:settings_invalid ")]
    (mistake,) = json.loads(line.partition(" ")[2])["mistakes"]
    assert "2 entries have the name a" in mistake
    assert not (app / "ledger.db").exists()


def test_a_round_whose_settings_are_wrong(app: Path) -> None:
    """With entries the timer begins a round; where its settings are wrong it raises, and one line names each."""
    ran = run_app(app, FIRE, json.dumps({"workspaces": [ENTRY]}))
    assert ran.returncode == 1
    (line,) = [each for each in ran.stderr.splitlines() if each.startswith("ERROR:sweep:settings_invalid ")]
    assert any("AzureWebJobsStorage" in each for each in json.loads(line.partition(" ")[2])["mistakes"])
    assert "SENTINEL_WORKSPACE_ID" not in line


def test_the_hosts_queue_settings() -> None:
    """One sweep at a time in an instance; a failed message comes back after ten minutes, more often than any try."""
    assert HOST["extensions"]["queues"] == {
        "batchSize": 1,
        "newBatchThreshold": 0,
        "maxDequeueCount": 100,
        "visibilityTimeout": "00:10:00",
        "messageEncoding": "base64",
    }
