"""The doctor: what is missing is named with what to do, and nothing is written to find out."""

import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shared.app import run_sweep
from shared.cli.checks import Check, Found
from shared.cli.commands import app
from shared.cli.doctor import examine
from shared.cli.tables import by_hand
from shared.clock import Clock, SystemClock
from shared.ledger import open_ledger
from shared.settings import from_values, load
from shared.sweep.receipt import as_json
from tests.cloud import Cloud, Fault
from tests.cloud.mail import Mail, sample
from tests.cloud.small_azure import WORKSPACE_RESOURCE_ID
from tests.support.clients import sign_in_to
from tests.support.clock import START, FakeClock

ROOT = Path(__file__).resolve().parents[2]


def doctor(cloud: Cloud, folder: Path) -> subprocess.CompletedProcess[str]:
    """`python -m shared doctor` against the small Azure."""
    ledger = {"PATH": os.environ["PATH"], "LEDGER_URL": f"sqlite:///{folder}/ledger.db"}
    environment = {**ledger, **cloud.environment}
    command = [sys.executable, "-m", "shared", "doctor"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def test_all_is_well(tmp_path: Path) -> None:
    """With everything in place each check says so; nothing is written, posted or made."""
    with Cloud() as cloud:
        cloud.load("EmailEvents", sample(cloud.clock()).events)
        ran = doctor(cloud, tmp_path)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        about = [line.split()[1] for line in ran.stdout.splitlines() if line.startswith("ok")]
        assert about == [
            "settings", "schedule", "sign-in", "workspace", "incidents", "rights", "clock", "data", "witness",
            "columns", "ledger", "webhook",
        ]  # fmt: skip
        assert not [request for request in cloud.log if request.method in ("PUT", "PATCH", "DELETE")]
        assert not cloud.cards
        assert not list(tmp_path.iterdir())
        assert cloud.environment["TEAMS_WEBHOOK_URL"].partition("sig=")[2] not in ran.stdout + ran.stderr


def _checks(
    cloud: Cloud,
    folder: Path,
    patch: pytest.MonkeyPatch,
    given: Mapping[str, str] = {},
    clock: Clock = SystemClock(),  # noqa: B008 (it holds nothing)
) -> list[Check]:
    """What the doctor finds, in this process."""
    sign_in_to(cloud.environment, patch)
    values = {**cloud.environment, "LEDGER_URL": f"sqlite:///{folder}/ledger.db", **given}
    return list(examine(from_values(values), clock))


def test_the_data_s_figures_are_those_of_a_receipt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a receipt says of the data, the doctor says in a line, the second witness and the history included."""
    with Cloud() as cloud:
        tenant = sample(cloud.clock())
        cloud.load("EmailEvents", tenant.events)
        cloud.load("EmailPostDeliveryEvents", tenant.post_delivery)
        (found,) = [check for check in _checks(cloud, tmp_path, monkeypatch) if check.about == "data"]
        given = {**cloud.environment, "LEDGER_URL": f"sqlite:///{tmp_path}/ledger.db", "DRY_RUN": "true"}
        said = as_json(run_sweep(from_values(given)).receipt)["coverage"]
    last = said["last_day"]
    for words in (
        f"{said['rows']} rows in 30 days, {last['rows']} messages in the last day",
        f"{said['filled']:.0%} of all with a delivery action",
        f"{said['removals_shown']} of the {said['removals_seen']} removals that EmailPostDeliveryEvents has seen",
        f"compared with {said['history_days']} earlier days",
        "looks like a removal: Moved to another dimension (1)",
    ):
        assert words in found.words
    assert said["removals_seen"] > 20


def test_what_earlier_sweeps_measured_is_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The doctor has the same doubt as a sweep would, whose ledger knows what was usual before the window."""
    clock = FakeClock()
    with Cloud(clock=clock.now) as cloud:
        usual = Mail(START)
        for place in range(2_000):
            usual.add("a@contoso.com", "Delivered", usual.ago(29 * place / 2_000))
        cloud.load("EmailEvents", usual.events)
        given = {**cloud.environment, "LEDGER_URL": f"sqlite:///{tmp_path}/ledger.db"}
        with monkeypatch.context() as patch:
            sign_in_to(cloud.environment, patch)
            assert run_sweep(from_values(given), clock=clock).receipt.verdict == "clean"
        clock.advance(days=31)
        few = Mail(clock.now())
        for place in range(400):
            few.add("a@contoso.com", "Delivered", few.ago(29 * place / 400))
        cloud.load("EmailEvents", few.events)
        found = _checks(cloud, tmp_path, monkeypatch, clock=clock)
        with closing(open_ledger(given["LEDGER_URL"], WORKSPACE_RESOURCE_ID, None)) as ledger:
            accepted = (clock.now() - timedelta(days=20)).date()
            ledger.save_state(replace(ledger.load().state, accepted_coverage_since=accepted))
        later = _checks(cloud, tmp_path, monkeypatch, clock=clock)
    assert any("under a third of the" in check.words for check in found if check.found is Found.DOUBT)
    assert [check for check in later if check.found is Found.DOUBT] == []
    assert any(f"earlier days (accepted as normal since {accepted})" in check.words for check in later)


def test_old_data_is_a_doubt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data that no sweep would trust is a doubt, and the only one."""
    with Cloud() as cloud:
        cloud.load("EmailEvents", sample(cloud.clock() - timedelta(days=5)).events)
        found = _checks(cloud, tmp_path, monkeypatch)
    assert [check.about for check in found if check.found is Found.DOUBT] == ["data"]
    assert not [check for check in found if check.found is Found.WRONG]


@pytest.mark.parametrize(
    ("service", "about"), [("identity", "sign-in"), ("sentinel", "workspace"), ("log_analytics", "data")]
)
def test_what_is_refused_is_named(service: str, about: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that refuses is named by its check with what to do; the other checks are made all the same."""
    with Cloud() as cloud:
        cloud.load("EmailEvents", sample(cloud.clock()).events)
        cloud.faults.add(Fault(service=service, times=None, status=403))
        found = _checks(cloud, tmp_path, monkeypatch)
    assert about in [check.about for check in found if check.found is Found.WRONG]
    assert [check.found for check in found if check.about in ("settings", "ledger", "webhook")] == [Found.FINE] * 3


def test_two_workspaces_are_one_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A GUID of another workspace than the resource's is wrong."""
    other = {"SENTINEL_WORKSPACE_ID": "0b6d4f0c-7f5e-4c43-9d44-6c1b4e1f2a3d"}
    with Cloud() as cloud:
        cloud.load("EmailEvents", sample(cloud.clock()).events)
        found = {check.about: check for check in _checks(cloud, tmp_path, monkeypatch, other)}
    assert found["workspace"].found is Found.WRONG
    assert "set both to the same workspace" in found["workspace"].words


@pytest.mark.parametrize(
    ("expression", "found", "words"),
    [
        ("0 0 6 * * *", Found.FINE, r"the next sweeps are due at (\w{3} \d{4}-\d\d-\d\d 06:00:00(, | UTC$)){3}"),
        ("0 0 6 29 2 *", Found.DOUBT, r"due at (\w{3} 20\d\d-02-29 06:00:00, ){2}.* UTC; up to 70,104 hours pass"),
        (
            "0 0 6 * * MON-FRI",
            Found.DOUBT,
            r"up to 72 hours .* allows 45 at most: sweep daily, a quiet day costs a few",
        ),
        ("0 0 3 */2 * *", Found.DOUBT, r"up to 48 hours"),
        ("0 0 0,21 * * *", Found.FINE, r"UTC$"),
    ],
)
def test_when_the_next_sweeps_are_due(
    expression: str, found: Found, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next three times are said in UTC; a gap that the absence alarm cannot bridge is a doubt."""
    with Cloud() as cloud:
        every = _checks(cloud, tmp_path, monkeypatch, {"SWEEP_SCHEDULE": expression})
    (check,) = (check for check in every if check.about == "schedule")
    assert check.found is found
    assert re.search(words, check.words), check.words


def test_a_ledger_that_cannot_be_read_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is no ledger is named."""
    (tmp_path / "ledger.db").write_text("not a database" * 100)
    with Cloud() as cloud:
        found = {check.about: check for check in _checks(cloud, tmp_path, monkeypatch)}
    assert found["ledger"].found is Found.WRONG


@pytest.mark.parametrize(("dry", "expected"), [("false", Found.WRONG), ("true", Found.FINE)])
def test_a_webhook_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dry: str, expected: Found) -> None:
    """Without TEAMS_WEBHOOK_URL only a dry run can do: unless DRY_RUN is on it is wrong, and every check is made."""
    with Cloud() as cloud:
        cloud.load("EmailEvents", sample(cloud.clock()).events)
        for name, value in {**cloud.environment, "LEDGER_URL": f"sqlite:///{tmp_path}/l.db", "DRY_RUN": dry}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("TEAMS_WEBHOOK_URL")
        settings = load(beside=tmp_path, webhook_needed=False)
        found = {check.about: check for check in examine(settings, SystemClock())}
        ran = CliRunner().invoke(app, ["doctor"])
    assert found["webhook"].found is expected
    assert "TEAMS_WEBHOOK_URL is not set" in found["webhook"].words
    others = {check.found for about, check in found.items() if about not in ("webhook", "portals")}
    assert others == {Found.FINE}
    assert ran.exit_code == (1 if expected is Found.WRONG else 0)


@pytest.mark.parametrize(("days", "status", "code"), [(0, 0, 0), (5, 0, 3), (0, 403, 1)])
def test_what_the_doctor_ends_with(
    days: int, status: int, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit code is that of the worst that was found."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    with Cloud() as cloud:
        cloud.load("EmailEvents", sample(cloud.clock() - timedelta(days=days)).events)
        if status:
            cloud.faults.add(Fault(service="sentinel", times=None, status=status))
        for name, value in {**cloud.environment, "LEDGER_URL": f"sqlite:///{tmp_path}/ledger.db"}.items():
            monkeypatch.setenv(name, value)
        ran = CliRunner().invoke(app, ["doctor"])
    assert ran.exit_code == code, ran.output


@pytest.mark.parametrize(
    ("url", "found", "words"),
    [
        ("sqlite:///{folder}/new/er/l.db", Found.FINE, "does not exist yet: the first sweep creates it"),
        ("sqlite:////proc/x/y.db", Found.WRONG, "does not exist yet, and cannot be created in /proc: set LEDGER_URL"),
        ("sqlite:////dev/null/l.db", Found.WRONG, "cannot be created in /dev/null"),
        ("sqlite:///{folder}/gone.db", Found.FINE, "does not exist yet: the first sweep creates it"),
    ],
)
def test_a_ledger_that_is_not_there_yet(
    url: str, found: Found, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that the first sweep is to make is called that, and wrong where no file can be made."""
    (tmp_path / "gone.db").symlink_to(tmp_path / "away.db")
    given = {"LEDGER_URL": url.format(folder=tmp_path)}
    with Cloud() as cloud:
        by_name = {check.about: check for check in _checks(cloud, tmp_path, monkeypatch, given)}
    assert by_name["ledger"].found is found
    assert words in by_name["ledger"].words
    assert [each.name for each in tmp_path.iterdir()] == ["gone.db"]


@pytest.mark.parametrize(
    ("setting", "about", "source"),
    [
        ("ARM_ENDPOINT", "workspace", "sentinel"),
        ("LOG_ANALYTICS_ENDPOINT", "data", "sentinel"),
        ("GRAPH_ENDPOINT", "data", "defender"),
    ],
)
def test_a_service_that_is_not_reached_is_named(
    setting: str, about: str, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that is not reached: its host is named, and the setting that sends the request there."""
    with Cloud() as cloud:
        given = {setting: "https://127.0.0.1:1", "HUNT_SOURCE": source}
        found = {check.about: check for check in _checks(cloud, tmp_path, monkeypatch, given, FakeClock())}
    assert found[about].found is Found.WRONG
    assert f"(the host of {setting} is 127.0.0.1:1: is it the right one?)" in found[about].words
    assert "next sweep" not in by_hand(found[about].words)


@pytest.mark.parametrize("where", ["environment", "file"])
def test_the_schedule_is_shown_beside_bad_settings(where: str, tmp_path: Path) -> None:
    """When the next sweeps are due is shown also when other settings are wrong or missing; the code stays 2."""
    shutil.copytree(ROOT / "shared", tmp_path / "shared", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "workspaces.json", tmp_path)
    values = {"PATH": os.environ["PATH"]}
    if where == "environment":
        values["SWEEP_SCHEDULE"] = "0 30 5 * * *"
        (tmp_path / "local.settings.json").write_text("{")
    else:
        (tmp_path / "local.settings.json").write_text('{"Values": {"SWEEP_SCHEDULE": "0 30 5 * * *"}}')
    command = [sys.executable, "-m", "shared", "doctor"]
    ran = subprocess.run(command, cwd=tmp_path, env=values, capture_output=True, text=True)
    assert ran.returncode == 2, ran.stderr
    assert re.fullmatch(r"ok +schedule +the next sweeps are due at (\w{3} [\d-]+ 05:30:00(, )?){3} UTC\n", ran.stdout)
    assert ran.stderr.startswith("These settings cannot be used:\n")
    values["SWEEP_SCHEDULE"] = ""  # as azd prints one that is not set
    unset = subprocess.run(command, cwd=tmp_path, env=values, capture_output=True, text=True)
    assert unset.stdout.count(" 06:00:00") == 3
    values["SWEEP_SCHEDULE"] = "daily"
    wrong = subprocess.run(command, cwd=tmp_path, env=values, capture_output=True, text=True)
    assert (wrong.returncode, wrong.stdout) == (2, "")
