"""Misspelt settings: named with the one that was meant, where a person or a log shows it, and no false alarms."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from azure.functions.timer import TimerRequest
from hypothesis import given
from hypothesis import strategies as st

from shared.settings import NAMES, SettingsInvalid
from shared.settings.misspelt import misspelt, unknown_keys
from tests.cloud import Cloud
from tests.cloud.mail import sample
from tests.support import deployed

ROOT = Path(__file__).resolve().parents[2]
LONG = sorted(name for name in NAMES if len(name) >= 8)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("SUM_CASE_TRESHOLD", "SUM_CASE_THRESHOLD"),
        ("SUM_CASE_THERSHOLD", "SUM_CASE_THRESHOLD"),
        ("sum_case_treshold", "SUM_CASE_THRESHOLD"),
        ("SUMCASE_THRESHOLD", "SUM_CASE_THRESHOLD"),
        ("DRYRUN", "DRY_RUN"),
        ("DRY_RUNS", "DRY_RUN"),
        ("LOOKBACK_DAY", "LOOKBACK_DAYS"),
        ("LOOK_BACK_DAYS", "LOOKBACK_DAYS"),
        ("EXCLUDE_RECIPIENTS", "EXCLUDED_RECIPIENTS"),
        ("TEAM_WEBHOOK_URL", "TEAMS_WEBHOOK_URL"),
        ("SENTINEL_WORKSPACE_IDD", "SENTINEL_WORKSPACE_ID"),
        ("LEDGER_URI", "LEDGER_URL"),
        ("AZURE_CLIENTID", "AZURE_CLIENT_ID"),
    ],
)
def test_the_setting_that_was_meant_is_named(name: str, meant: str) -> None:
    """A name a letter or two off a setting's is named as it was written, with the setting."""
    (said,) = misspelt([name, "PATH", meant])
    assert said == f"{name} is no setting and has no effect: did you mean {meant}?"


# Names that other programs, shells, build servers and clouds set, near to ours or not.
FOREIGN = """\
PATH HOME USER SHELL TERM LANG LC_ALL PWD OLDPWD TZ TMPDIR EDITOR PAGER DISPLAY HOSTNAME LOGNAME MAIL DATE
PYTHONPATH PYTHONHOME VIRTUAL_ENV PIP_INDEX_URL NO_COLOR COLUMNS LINES CI GITHUB_TOKEN GITHUB_RUN_ID RUNNER_OS
LEDGER_CLI LEDGER_FILE LEDGER_KEY AWS_ENDPOINT AWS_ENDPOINT_URL ACR_ENDPOINT RPC_ENDPOINT S3_ENDPOINT LLM_ENDPOINT
AZURE_TENANT_ID AZURE_CLIENT_SECRET AZURE_SUBSCRIPTION_ID AZURE_CONFIG_DIR AZURE_LOCATION AZURE_ENV_NAME AZURE_DEVOPS
OPENAI_ENDPOINT LOG_LEVEL LOGLEVEL DATABASE_URL REDIS_URL HEALTH_URL DEBUG DRY RUN DRY_RUN_MODE HTTP_PROXY NO_PROXY
MAX_CONNECTIONS SLACK_WEBHOOK_URL DISCORD_WEBHOOK_URL WEBHOOK_URL WORKSPACE_ID WORKSPACE CARGO_HOME JAVA_HOME GOPATH
AzureWebJobsStorage AzureWebJobsStorage__accountName AzureWebJobsStorage__tableServiceUri AzureWebJobsSecretStorageType
FUNCTIONS_WORKER_RUNTIME FUNCTIONS_EXTENSION_VERSION WEBSITE_SITE_NAME WEBSITE_INSTANCE_ID WEBSITE_TIME_ZONE
APPLICATIONINSIGHTS_CONNECTION_STRING APPINSIGHTS_INSTRUMENTATIONKEY IDENTITY_ENDPOINT IDENTITY_HEADER MSI_ENDPOINT
SCM_DO_BUILD_DURING_DEPLOYMENT ENABLE_ORYX_BUILD PYTHON_ENABLE_DEBUG_LOGGING AzureFunctionsJobHost__logging
REQUESTS_CA_BUNDLE SSL_CERT_FILE OTEL_SERVICE_NAME XDG_CACHE_HOME HIST HUNT SOURCE SWEEP SHIFT DATES EVENTS
"""


def test_other_programs_names_are_left_alone() -> None:
    """No name of another program, of the host or of this very process is taken for one of ours."""
    assert misspelt(FOREIGN.split()) == []
    assert misspelt(NAMES) == []
    assert misspelt(name.lower() for name in NAMES) == []
    assert misspelt(os.environ) == []


@given(st.sampled_from(LONG), st.integers(0, 40), st.sampled_from(["drop", "double", "swap"]))
def test_any_slip_of_a_finger_is_seen(name: str, place: int, slip: str) -> None:
    """A letter left out, doubled, or swapped with its neighbour, anywhere in any setting's name, is named."""
    at = place % (len(name) - 1)
    wrong = {
        "drop": name[:at] + name[at + 1 :],
        "double": name[: at + 1] + name[at:],
        "swap": name[:at] + name[at + 1] + name[at] + name[at + 2 :],
    }[slip]
    if wrong not in NAMES:
        assert any(said.endswith(f"did you mean {name}?") for said in misspelt([wrong])), wrong


def test_names_of_the_caller_s_own() -> None:
    """A caller's further names are known, and proposed like a setting's."""
    own = ("EVENTS", "SHIFT", "DATES")
    assert misspelt(own, own) == []
    assert misspelt(["EVENT", "SHFIT", "DATES"], own) == [
        "EVENT is no setting and has no effect: did you mean EVENTS?",
        "SHFIT is no setting and has no effect: did you mean SHIFT?",
    ]
    assert misspelt(["EVENT", "SHFIT"]) == []


def test_the_file_s_keys_are_all_looked_at() -> None:
    """In local.settings.json every key is a setting or the host's; others are named, but not a secret among them."""
    example = json.loads((ROOT / "local.settings.example.json").read_text(encoding="utf-8"))["Values"]
    assert unknown_keys(example) == []
    assert unknown_keys([*NAMES, "AzureWebJobsStorage__accountName", "AzureWebJobs.sweep.Disabled", "OTEL_X"]) == []
    assert unknown_keys(
        ["THRESHOLD", "SUM_CASE_TRESHOLD", "https://x.example/?sig=S3cret", "Sgn4tureThatIsSecret"]
    ) == [
        "SUM_CASE_TRESHOLD in local.settings.json is no setting and has no effect: did you mean SUM_CASE_THRESHOLD?",
        "a key in local.settings.json is no setting and has no effect: README.md lists the settings",
        "THRESHOLD in local.settings.json is no setting and has no effect: did you mean SUM_CASE_THRESHOLD?",
        "a key in local.settings.json is no setting and has no effect: README.md lists the settings",
    ]


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("TEAMS_WEBHOOK", "TEAMS_WEBHOOK_URL"),
        ("WebhookUrl", "TEAMS_WEBHOOK_URL"),
        ("SEVERITY_THRESHOLD", "HIGH_SEVERITY_THRESHOLD"),
        ("MY_SUM_CASE_THRESHOLD", "SUM_CASE_THRESHOLD"),
        ("DRY_RUN_ONLY", "DRY_RUN"),
    ],
)
def test_part_of_a_name_is_taken_for_it(key: str, meant: str) -> None:
    """A key of the file that holds a setting's name, or is part of one, is named with that setting."""
    (said,) = unknown_keys([key])
    assert said == f"{key} in local.settings.json is no setting and has no effect: did you mean {meant}?"


def test_what_is_around_a_name_is_not_repeated() -> None:
    """A value that was pasted with its name as a key is not shown; a short or foreign key is no part of a name."""
    for key in ("TEAMS_WEBHOOK_URL=https://x.example/?sig=S3cret", "TEAMS_WEBHOOK_URL S3cret", "URL", "COLOUR"):
        (said,) = unknown_keys([key])
        assert said.endswith("README.md lists the settings")
        assert "S3cret" not in said


# --- where it is said


@pytest.fixture
def values(cloud: Cloud, environment: dict[str, str]) -> dict[str, str]:
    """The environment of a small Azure with mail, a ledger in the folder, and one misspelt setting."""
    cloud.load("EmailEvents", sample(cloud.clock()).events)
    return {**environment, "SUM_CASE_TRESHOLD": "40"}


def _shell(folder: Path, values: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """`python -m shared` in that folder, with this environment only."""
    command = [sys.executable, "-m", "shared", *arguments]
    return subprocess.run(command, cwd=folder, env=dict(values), capture_output=True, text=True)


ENVIRONMENT = "SUM_CASE_TRESHOLD is no setting and has no effect: did you mean SUM_CASE_THRESHOLD?"
IN_FILE = "LOOKBACK_DAY in local.settings.json is no setting and has no effect: did you mean LOOKBACK_DAYS?"


def test_the_shell_warns_once(checkout: Path, values: dict[str, str]) -> None:
    """`sweep` says it once on standard error and goes on; `--json` keeps standard output to itself."""
    (checkout / "local.settings.json").write_text(json.dumps({"Values": {"LOOKBACK_DAY": "3"}}))
    ran = _shell(checkout, values, "sweep", "--dry-run", "--json")
    assert ran.returncode == 0, ran.stderr
    assert [line for line in ran.stderr.splitlines() if line.startswith("warning:")] == [
        f"warning: {ENVIRONMENT}",
        f"warning: {IN_FILE}",
    ]
    assert (ran.stdout + ran.stderr).count("SUM_CASE_TRESHOLD") == 1
    assert json.loads(ran.stdout)["event"] == "sweep_planned"


@pytest.mark.parametrize("command", [["sweep"], ["doctor"]])
def test_bad_settings_are_said_beside_it(checkout: Path, values: dict[str, str], command: list[str]) -> None:
    """A required setting that is missing because it is misspelt: both are said, once each, and the code is 2."""
    values["SENTINEL_WORKSPACE_IDD"] = values.pop("SENTINEL_WORKSPACE_ID")
    ran = _shell(checkout, values, *command)
    assert ran.returncode == 2
    assert ran.stderr.count("SENTINEL_WORKSPACE_IDD is no setting") == 1
    assert ran.stderr.count("SENTINEL_WORKSPACE_ID is missing") == 1
    assert not ran.stdout


def test_the_doctor_has_a_check_for_it(checkout: Path, values: dict[str, str]) -> None:
    """`doctor` shows each as a doubt about the settings; there is nothing of it on standard error."""
    (checkout / "local.settings.json").write_text(json.dumps({"Values": {"LOOKBACK_DAY": "3"}}))
    ran = _shell(checkout, values, "doctor")
    assert ran.returncode == 3, ran.stdout
    assert [line for line in ran.stdout.splitlines() if line.startswith("doubt")] == [
        f"doubt settings   {ENVIRONMENT}",
        f"doubt settings   {IN_FILE}",
    ]
    assert not ran.stderr


def test_the_function_warns_and_notes(
    values: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In Azure it is a warning in the log and a note in the receipt, and never a failure."""
    for name in os.environ:
        if name in NAMES:
            monkeypatch.delenv(name)
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    call: Callable[[TimerRequest], None] = deployed.function().get_user_function()
    with caplog.at_level(logging.INFO):
        call(TimerRequest(past_due=False))
    lines = [(record.levelname, record.getMessage()) for record in caplog.records if record.name == "sweep"]
    assert ("WARNING", f"setting_misspelt {ENVIRONMENT}") in lines
    (receipt,) = [json.loads(line.partition(" ")[2]) for _, line in lines if line.startswith("sweep_completed ")]
    assert ENVIRONMENT in receipt["notes"]
    monkeypatch.setenv("SENTINEL_WORKSPACE_ID", "")
    caplog.clear()
    with pytest.raises(SettingsInvalid):
        call(TimerRequest(past_due=False))
    assert [record.getMessage().split()[0] for record in caplog.records if record.name == "sweep"] == [
        "setting_misspelt",
        "settings_invalid",
    ]
