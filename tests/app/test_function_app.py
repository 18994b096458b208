"""What is deployed: the timer's binding, the host's settings, a start that imports nothing slow."""

import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from azure.functions.timer import TimerRequest

from shared.logs import LEVELS
from shared.settings import Settings, SettingsInvalid, checks
from tests.support import deployed

ROOT = Path(__file__).resolve().parents[2]
HOST = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
FUNCTION = deployed.function()


def sweep(past_due: bool = False) -> None:
    """Call the function as the worker does."""
    call: Callable[[TimerRequest], None] = FUNCTION.get_user_function()
    call(TimerRequest(past_due=past_due))


def test_the_timer() -> None:
    """One function, `sweep`, bound to a timer `timer` whose schedule is a setting; monitored, never run on start-up."""
    assert FUNCTION.get_function_name() == "sweep"
    assert [json.loads(binding) for binding in FUNCTION.get_raw_bindings()] == [
        {
            "direction": "IN",
            "type": "timerTrigger",
            "name": "timer",
            "schedule": "%SWEEP_SCHEDULE%",
            "runOnStartup": False,
            "useMonitor": True,
        }
    ]


def test_the_retry_is_bounded() -> None:
    """A failed sweep is tried again a few times, minutes apart; the interval is one that the worker can read."""
    retry = FUNCTION.get_settings_dict("retry_policy") or {}
    assert retry["strategy"] == "fixed_delay"
    assert 2 <= int(retry["max_retry_count"]) <= 3
    hours, minutes, seconds = (int(part) for part in retry["delay_interval"].split(":"))
    assert hours < 24
    assert timedelta(minutes=5) <= timedelta(hours=hours, minutes=minutes, seconds=seconds) <= timedelta(minutes=30)


def test_the_host_lets_a_sweep_finish() -> None:
    """The host's time limit leaves room beyond the longest sweep that the settings allow."""
    hours, minutes, seconds = (int(part) for part in HOST["functionTimeout"].split(":"))
    most = next(bound.le for bound in Settings.model_fields["sweep_budget_seconds"].metadata if hasattr(bound, "le"))
    assert timedelta(hours=hours, minutes=minutes, seconds=seconds) >= timedelta(seconds=most, minutes=10)


def test_the_host_keeps_what_an_absence_alarm_needs() -> None:
    """Neither the results of invocations nor the sweep's own lines are filtered out or sampled away."""
    levels = HOST["logging"]["logLevel"]
    for category in ("default", "Host.Results", "Function"):
        assert levels[category] == "Information"
    assert HOST["logging"]["applicationInsights"]["samplingSettings"]["isEnabled"] is False
    assert HOST["version"] == "2.0"


def test_the_extension_bundle_is_the_current_one() -> None:
    """The timer's extension comes from bundle 4, whatever its newest version is."""
    assert HOST["extensionBundle"] == {
        "id": "Microsoft.Azure.Functions.ExtensionBundle",
        "version": "[4.0.0, 5.0.0)",
    }


def test_every_schedule_that_is_shipped_is_one() -> None:
    """The default schedule and the example's are expressions that the host can read."""
    example = json.loads((ROOT / "local.settings.example.json").read_text(encoding="utf-8"))["Values"]
    for schedule in (Settings.model_fields["sweep_schedule"].default, example["SWEEP_SCHEDULE"]):
        assert checks.schedule(schedule) is None


def test_nothing_slow_at_import() -> None:
    """Importing the app imports neither the Azure clients, nor the settings' machinery, nor the shell."""
    ran = subprocess.run(
        [sys.executable, "-c", "import function_app, sys; print(*sys.modules)"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    slow = (
        "azure.identity",
        "azure.monitor",
        "azure.data",
        "azure.core",
        "msal",
        "cryptography",
        "requests",
        "tenacity",
    )
    shell = ("typer", "rich", "click")
    assert not [name for name in ran.stdout.split() if name.startswith((*slow, *shell, "pydantic"))]


def test_late_timers_are_logged(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A timer that fires late says so before anything else."""
    monkeypatch.delenv("TEAMS_WEBHOOK_URL", raising=False)
    for past_due in (True, False):
        caplog.clear()
        with pytest.raises(SettingsInvalid):
            sweep(past_due)
        assert [record.getMessage().split(" ")[0] for record in caplog.records if record.name == "sweep"] == [
            *(["past_due"] if past_due else []),
            "settings_invalid",
        ]


class Knocks:
    """A port on this machine that counts who knocks."""

    def __init__(self) -> None:
        self.knocks = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.knocks += 1
            connection.close()


def addressed(port: int) -> Mapping[str, str]:
    """Settings that lead every request to that port; one of them is wrong."""
    there = f"https://127.0.0.1:{port}"
    guid = "0b6d4f0c-7f5e-4c43-9d44-6c1b4e1f2a3d"
    return {
        "SENTINEL_WORKSPACE_ID": guid,
        "SENTINEL_WORKSPACE_RESOURCE_ID": f"/subscriptions/{guid}/resourceGroups/rg/providers"
        "/Microsoft.OperationalInsights/workspaces/law",
        "TEAMS_WEBHOOK_URL": f"{there}/workflows?sig=SECRET",
        "TEAMS_WEBHOOK_EXTRA_HOSTS": f'["127.0.0.1:{port}"]',
        "LOG_ANALYTICS_ENDPOINT": there,
        "ARM_ENDPOINT": there,
        "GRAPH_ENDPOINT": there,
        "IDENTITY_ENDPOINT": f"{there}/msi/token",
        "IDENTITY_HEADER": "header",
        "LOOKBACK_DAYS": "0",
    }


def test_bad_settings_end_it_before_any_request(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """With one bad setting the function raises, logs what is wrong, asks nobody anything and writes no ledger."""
    wire = Knocks()
    ledger = tmp_path / "ledger.db"
    for name, value in {**addressed(wire.port), "LEDGER_URL": f"sqlite:///{ledger}"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsInvalid, match=r"LOOKBACK_DAYS: expected a whole number from 1 to 90"):
        sweep()
    wire.listener.close()
    assert wire.knocks == 0
    assert not ledger.exists()
    (line,) = [record.getMessage() for record in caplog.records if record.name == "sweep"]
    assert json.loads(line.removeprefix("settings_invalid "))["mistakes"] == [
        "LOOKBACK_DAYS: expected a whole number from 1 to 90"
    ]
    assert "SECRET" not in caplog.text


def test_libraries_do_not_log_urls() -> None:
    """Whatever level the host gives the root logger, the library that logs request paths stays silent below errors."""
    code = (
        "import logging, function_app; logging.getLogger().setLevel(logging.DEBUG);"
        "print(logging.getLogger('urllib3.connectionpool').getEffectiveLevel(),"
        " logging.getLogger('azure.core').getEffectiveLevel(), logging.getLogger('sweep').getEffectiveLevel())"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["40", "30", "20"]
    assert LEVELS["urllib3"] >= 40


def test_what_is_deployed_is_what_runs() -> None:
    """.funcignore leaves out tests, docs, infrastructure and local secrets, and nothing that the function imports."""
    lines = (ROOT / ".funcignore").read_text(encoding="utf-8").splitlines()
    ignored = {line.strip().rstrip("/") for line in lines if line.strip() and not line.startswith("#")}
    assert {"tests", "docs", "infra", "local.settings.json", ".*"} <= ignored
    assert not ignored & {"shared", "function_app.py", "host.json", "requirements.txt", "workspaces.json"}


def test_the_example_holds_no_secret() -> None:
    """local.settings.example.json shows where things go, and holds neither a signature nor a real id."""
    text = (ROOT / "local.settings.example.json").read_text(encoding="utf-8")
    assert "sig=" not in text
    assert set(re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", text)) == {"00000000-0000-0000-0000-000000000000"}
    assert "TEAMS_WEBHOOK_URL" in text
