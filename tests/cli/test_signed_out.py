"""Whole commands when nobody is signed in: said once, in one sentence, and nothing is tried that cannot work."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.cli.checks import Check, Found
from shared.cli.doctor import examine
from shared.settings import from_values
from shared.sweep.receipt import as_json
from tests.cloud import Cloud, Fault
from tests.cloud.mail import SOFT, Mail
from tests.support.tenant import Tenant
from tests.support.terminal import ROOT, on_a_terminal

TABLE = "https://account.table.core.windows.net"


@pytest.fixture
def tenant(tenant: Tenant) -> Tenant:
    """A recipient to raise, and an identity endpoint that knows nobody."""
    mail = Mail(tenant.clock.now())
    mail.remediated("dana@contoso.com", 11, 0.2, (SOFT,))
    tenant.cloud.append("EmailEvents", mail.events)
    return tenant


def requests(cloud: Cloud) -> list[str]:
    """The services that were asked, in order."""
    return [each.service for each in cloud.log]


def once(receipt: dict[str, Any]) -> str:
    """The one reason, said nowhere else in the receipt."""
    (reason,) = receipt["reasons"]
    assert reason.startswith("identity_sign_in: Not signed in")
    assert json.dumps(receipt).count("Not signed in") == 1
    return str(reason)


@pytest.mark.parametrize(
    "given", [{}, {"DRY_RUN": "true"}, {"LEDGER_URL": TABLE}, {"LEDGER_URL": TABLE, "DRY_RUN": "1"}]
)
@pytest.mark.parametrize("source", ["sentinel", "defender"])
@pytest.mark.parametrize(("status", "asked"), [(400, 1), (500, 5)])
def test_a_sweep_says_it_once(tenant: Tenant, given: dict[str, str], source: str, status: int, asked: int) -> None:
    """A sweep that cannot sign in fails with one reason; the identity endpoint is asked as often as the rules say, no
    other service is. With a ledger on this machine a card says so; without a ledger nothing is sent."""
    tenant.cloud.faults.add(Fault(service="identity", status=status, times=None))
    report = tenant.sweep(HUNT_SOURCE=source, **given)
    receipt = as_json(report.receipt)
    assert (receipt["event"], receipt["verdict"]) == ("sweep_failed", "failed")
    once(receipt)
    told = not given
    assert requests(tenant.cloud) == ["identity"] * asked + ["teams"] * told
    assert receipt["retries"] == asked - 1
    assert ["Not signed in" in json.dumps(card) for card in tenant.cloud.cards] == [True] * told


def test_what_is_due_stays_due(tenant: Tenant) -> None:
    """What an earlier sweep left is not tried in vain, is counted as due, and is done when somebody is signed in."""
    tenant.cloud.faults.add(Fault(service="sentinel", method="PUT", status=403, times=None))
    assert tenant.sweep().receipt.due == 1
    tenant.cloud.faults.clear()
    tenant.cloud.log.clear()
    tenant.clock.advance(days=1)
    tenant.cloud.faults.add(Fault(service="identity", status=403, times=None))
    report = tenant.sweep()
    once(as_json(report.receipt))
    assert report.receipt.due == 1
    assert requests(tenant.cloud) == ["identity", "teams", "teams"]  # who is not raised, and that the sweep failed
    assert ["dana@contoso.com" in json.dumps(card) for card in tenant.cloud.cards[1:]] == [True, False]
    tenant.cloud.faults.clear()
    tenant.clock.advance(days=1)
    tenant.sweep()
    assert len(tenant.cloud.incidents) == 1


def test_a_token_lost_in_mid_sweep_is_said_once(tenant: Tenant) -> None:
    """When only the hunt's token is refused, the hunt fails for it, and the receipt says so once."""
    tenant.cloud.faults.add(Fault(service="identity", match="loganalytics", status=400, times=None))
    once(as_json(tenant.sweep().receipt))


def _checks(tenant: Tenant, values: dict[str, str]) -> list[Check]:
    """What the doctor finds, in this process."""
    return list(examine(from_values({**tenant.cloud.environment, **values}), tenant.clock))


@pytest.mark.parametrize("source", ["sentinel", "defender"])
def test_the_doctor_says_it_once(tenant: Tenant, source: str) -> None:
    """The sign-in's check says why; the checks that depend on it say that they were not tried; the others are made."""
    tenant.cloud.faults.add(Fault(service="identity", status=400, times=None))
    found = _checks(tenant, {"LEDGER_URL": TABLE, "HUNT_SOURCE": source})
    untried = {check.about for check in found if check.found is Found.UNTRIED}
    needs_it = {"workspace", "incidents", "rights", "data", "columns", "ledger", "portals"}
    assert untried == needs_it | {"clock", "witness"}
    assert [check.about for check in found if check.found is Found.WRONG] == ["sign-in"]
    assert {"settings", "webhook"} <= {check.about for check in found if check.found is Found.FINE}
    assert " ".join(check.words for check in found).count("Not signed in") == 1
    assert {check.words for check in found if check.about in needs_it} == {"not tried: not signed in"}
    assert requests(tenant.cloud) == ["identity"]


def test_a_ledger_on_this_machine_is_looked_at(tenant: Tenant, tmp_path: Path) -> None:
    """A check that needs no token is made although nobody is signed in."""
    tenant.cloud.faults.add(Fault(service="identity", status=400, times=None))
    found = {check.about: check for check in _checks(tenant, {"LEDGER_URL": f"sqlite:///{tmp_path}/l.db"})}
    assert found["ledger"].found is Found.FINE


def test_an_audience_that_is_refused_later_is_named(tenant: Tenant, tmp_path: Path) -> None:
    """When the first token is had and another audience's is not, its check says why."""
    tenant.cloud.faults.add(Fault(service="identity", match="loganalytics", status=400, times=None))
    values = {"LEDGER_URL": f"sqlite:///{tmp_path}/l.db"}
    found = {check.about: check for check in _checks(tenant, values)}
    assert [about for about, check in found.items() if check.found is Found.WRONG] == ["data"]
    assert found["data"].words.startswith("Not signed in")


@pytest.mark.parametrize("arguments", [["sweep"], ["sweep", "--dry-run"], ["doctor"]])
@pytest.mark.parametrize("where", ["azure", "laptop"])
def test_a_person_reads_it_once(tenant: Tenant, arguments: list[str], where: str, tmp_path: Path) -> None:
    """On a terminal, and on standard output elsewhere, each command says it once, and what to do."""
    program = tmp_path / "az"
    program.write_text("#!/bin/sh\necho \"ERROR: Please run 'az login' to setup account.\" >&2\nexit 1\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    values = {**tenant.cloud.environment, "PATH": str(tmp_path), "LEDGER_URL": TABLE}
    if where == "azure":
        tenant.cloud.faults.add(Fault(service="identity", status=400, times=None))
    else:
        del values["IDENTITY_ENDPOINT"]
    todo = "AZURE_CLIENT_ID" if where == "azure" else "`az login`"
    command = [sys.executable, "-m", "shared", *arguments]
    ran = subprocess.run(command, cwd=ROOT, env=values, capture_output=True, text=True)
    seen = on_a_terminal(values, *arguments, columns=250)
    for code, text in ((ran.returncode, ran.stdout), (seen.code, seen.text)):
        assert code == 1
        assert text.count("Not signed in") == 1, text
        assert text.count(todo) == 1, text
        assert "Traceback" not in text
    assert "azure.identity" not in ran.stderr + seen.text
    assert ran.stderr.count("Not signed in") == (0 if arguments == ["doctor"] else 1)
