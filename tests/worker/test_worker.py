"""The worker library that the Functions host runs is the witness, on Python 3.13, that the app is what it expects."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import pytest

from tests.cloud import Cloud
from tests.cloud.faults import Fault
from tests.cloud.mail import sample

ROOT = Path(__file__).resolve().parent.parent.parent
PYTHON = ROOT / ".venv-worker/bin/python"

pytestmark = pytest.mark.skipif(
    not PYTHON.exists(), reason="NO PYTHON 3.13 HERE: the app was not tried in the Functions worker library"
)


def conversation(environment: Mapping[str, str], *arguments: str, app: Path = ROOT) -> dict[str, Any]:
    """What the host hears when it starts a worker with this environment and lets the app's timer fire."""
    ran = subprocess.run(
        [str(PYTHON), "-W", "error", str(ROOT / "tests/worker/invoke.py"), str(app), *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def lines(found: Mapping[str, Any], event: str) -> list[str]:
    """The messages of that event, as the host hears them."""
    return [line["message"] for line in found["logs"] if line["message"].startswith(f"{event} ")]


def test_the_app_is_indexed() -> None:
    """The worker finds one function, its timer bound as the design says, retried a bounded number of times."""
    found = conversation({}, "0")
    assert found["init"]["status"] == 1, found["init"]
    assert found["loaded"]["status"] == 1
    assert found["functions"] == [
        {
            "name": "sweep",
            "id": str(uuid5(NAMESPACE_OID, "sweep")),
            "bindings": [
                {
                    "direction": "IN",
                    "type": "timerTrigger",
                    "name": "timer",
                    "schedule": "%SWEEP_SCHEDULE%",
                    "runOnStartup": False,
                    "useMonitor": True,
                }
            ],
            "retry": {"strategy": "fixed_delay", "count": 2, "seconds": 600},
        }
    ]


def test_with_entries_the_queues_function_is_indexed(tmp_path: Path) -> None:
    """Where workspaces.json lists workspaces the worker finds both functions; what the host does not retry itself, the
    queue brings back.
    """
    for name in ("function_app.py", "host.json", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "shared", tmp_path / "shared", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "workspaces.json").write_text('{"workspaces": [{"name": "contoso"}]}', encoding="utf-8")
    timer, work = conversation({}, "0", app=tmp_path)["functions"]
    assert (timer["name"], timer["retry"]["count"]) == ("sweep", 2)
    assert (work["name"], work["retry"]) == ("work", None)
    (binding,) = work["bindings"]
    assert (binding["type"], binding["queueName"]) == ("queueTrigger", "sweep-work")


def test_nothing_slow_is_imported_to_index() -> None:
    """Indexing imports neither the Azure clients nor anything of the shell."""
    tops = (
        "azure.identity",
        "azure.monitor",
        "azure.data",
        "azure.core",
        "msal",
        "requests",
        "pydantic",
        "typer",
        "rich",
    )
    assert not [name for name in conversation({}, "0")["imported"] if name.startswith(tops)]


def test_an_app_that_cannot_sweep_lists_nothing(tmp_path: Path) -> None:
    """With a compiled package for another Python the app lists no function, and its start says which and what to do."""
    about = tmp_path / "pydantic_core-2.0.dist-info"
    about.mkdir()
    (about / "WHEEL").write_text("Tag: cp311-cp311-manylinux2014_x86_64\n", encoding="utf-8")
    found = conversation({"PYTHONPATH": str(tmp_path)}, "0")
    assert found["functions"] == []
    assert found["init"]["status"] == 0
    assert "pydantic-core is built for cp311-cp311-manylinux2014_x86_64" in found["init"]["exception"]
    assert 'docs/deploy.md, "When the proof fails"' in found["init"]["exception"]
    (line,) = lines(found, "packages_unfit")
    assert json.loads(line.partition(" ")[2])["python"].startswith("3.13.")


def test_a_good_start_is_logged() -> None:
    """An app that can sweep logs so when it is indexed."""
    assert len(lines(conversation({}, "0"), "packages_fit")) == 1


def test_bad_settings_are_a_failure_of_the_function() -> None:
    """With bad settings the invocation fails, and one line names every mistake."""
    found = conversation({"TEAMS_WEBHOOK_URL": "http://x.logic.azure.com/?sig=SECRET"})
    assert found["invocations"][0]["status"] == 0
    (said,) = lines(found, "settings_invalid")
    mistakes = json.loads(said.partition(" ")[2])["mistakes"]
    assert [mistake.split(" ")[0] for mistake in mistakes] == [
        "SENTINEL_WORKSPACE_ID",
        "SENTINEL_WORKSPACE_RESOURCE_ID",
        "TEAMS_WEBHOOK_URL",
    ]
    assert "SECRET" not in json.dumps(found)


def test_the_timer_sweeps(tmp_path: Path) -> None:
    """Fired twice in the worker, late the first time, the function raises and tells once, and says so in receipts."""
    with Cloud() as cloud:
        cloud.load("EmailEvents", sample(cloud.clock()).events)
        environment = {**cloud.environment, "LEDGER_URL": f"sqlite:///{tmp_path}/ledger.db"}
        found = conversation(environment, "2", "--past-due")
        assert [each["status"] for each in found["invocations"]] == [1, 1], found
        assert len(lines(found, "past_due")) == 2
        first, second = (json.loads(line.partition(" ")[2]) for line in lines(found, "sweep_completed"))
        assert first["verdict"] == second["verdict"] == "flagged"
        assert first["created"] == len(cloud.incidents) > 0
        assert second["created"] == 0
        assert len(cloud.cards) == 1


def test_an_unfinished_sweep_is_a_failure_of_the_function(tmp_path: Path) -> None:
    """When Teams refuses the card the invocation fails, so the host tries again; no debug line holds the secret."""
    with Cloud() as cloud:
        cloud.load("EmailEvents", sample(cloud.clock()).events)
        cloud.faults.add(Fault(service="teams", times=100, status=400))
        environment = {**cloud.environment, "LEDGER_URL": f"sqlite:///{tmp_path}/ledger.db"}
        found = conversation(environment, "1", "--debug")
        assert found["invocations"][0]["status"] == 0
        assert "SweepUnfinished" in found["invocations"][0]["exception"]
        assert len(lines(found, "sweep_incomplete")) == 1
        assert cloud.environment["TEAMS_WEBHOOK_URL"].partition("sig=")[2] not in json.dumps(found)
