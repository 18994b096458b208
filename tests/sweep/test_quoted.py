"""No person in a receipt, its log line, the ledger's copy or what is raised to the host, whatever a service says."""

from __future__ import annotations

import json
import logging
from datetime import date
from typing import Any

import pytest
from azure.functions.timer import TimerRequest

from shared.app import run_sweep
from shared.ledger.sqlite import SqliteLedger
from shared.logs import quiet
from shared.settings import Settings, SettingsInvalid, from_values
from shared.sweep.receipt import as_json
from tests.cloud.faults import Fault
from tests.cloud.mail import SOFT, Mail
from tests.cloud.small_azure import WORKSPACE_RESOURCE_ID
from tests.support import deployed
from tests.support.tenant import Tenant, facts

VICTIM = "victim.smith@contoso.com"
SUBJECT = "Overdue invoice 4711"
ID = "99713387-9d61-49eb-8edc-f51153d8bb01"
SAID = (
    f"Invalid value 'Unusual volume of remediated email: {VICTIM}' for property 'title'",
    f"Invalid value '{SUBJECT}' of {VICTIM} in request {ID}",
    f"Error converting value \"{SUBJECT}\" to type 'System.Guid' (victim.smith%40contoso.com)",
    f"{'x' * 170} {VICTIM} was refused",
    f'{{"error": {{"code": "BadRequest", "message": "no such user \\"victim.smith\\"@contoso.com, {ID}"}}}}',
    f'sweep_completed {{"verdict":"clean"}}\n{VICTIM}\r\nsweep_completed {{}}',
)
WHERE: dict[str, dict[str, Any]] = {
    "a write": {"service": "sentinel", "method": "PUT", "status": 400},
    "a write that conflicts": {"service": "sentinel", "method": "PUT", "status": 409},
    "a list": {"service": "sentinel", "method": "GET", "status": 400},
    "the hunt": {"service": "log_analytics", "status": 400},
    "the hunt's rights": {"service": "log_analytics", "status": 403},
    "a card": {"service": "teams", "status": 400},
}


@pytest.fixture
def tenant(tenant: Tenant) -> Tenant:
    """A recipient to raise and to tell about."""
    mail = Mail(tenant.clock.now())
    for _ in range(12):
        mail.add(VICTIM, SOFT, mail.ago(mail.chance.uniform(0.05, 0.2)), subject=SUBJECT)
    tenant.cloud.append("EmailEvents", mail.events)
    return tenant


@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize("where", WHERE)
def test_no_person_is_in_a_receipt(tenant: Tenant, caplog: pytest.LogCaptureFixture, where: str, said: str) -> None:
    """Neither the recipient nor a subject of theirs is in a receipt, a log line or the ledger's copy; ids are."""
    body = {"error": {"code": "BadRequest", "message": said}}
    tenant.cloud.faults.add(Fault(times=None, body=body, **WHERE[where]))
    quiet()
    with caplog.at_level(logging.INFO):
        report = tenant.sweep()
    kept = SqliteLedger(str(tenant.ledger), WORKSPACE_RESOURCE_ID, True).receipts(date.min)
    shown = [
        json.dumps(as_json(report.receipt)),
        repr(report.receipt),
        json.dumps(kept),
        *(record.getMessage() for record in caplog.records),
    ]
    assert facts(report)["event"] != "sweep_completed" or report.receipt.notes
    assert len(kept) == 1
    for text in shown:
        assert "victim" not in text
        assert "contoso.com" not in text
        assert WHERE[where]["service"] != "sentinel" or where == "a list" or SUBJECT not in text
        assert "\n" not in text
    if ID in said and where == "a write":
        assert ID in shown[0]


def test_no_person_is_raised_to_the_host(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the function raises says why, in the receipt's words: the host writes it into its own log."""
    for name, value in {**tenant.cloud.environment, "LEDGER_URL": f"sqlite:///{tenant.ledger}"}.items():
        monkeypatch.setenv(name, value)
    body = {"error": {"code": "BadRequest", "message": f"{VICTIM} is no good title"}}
    tenant.cloud.faults.add(Fault(service="sentinel", method="PUT", status=400, body=body, times=None))
    with pytest.raises(Exception, match="sweep_incomplete") as raised:
        deployed.function().get_user_function()(TimerRequest(past_due=False))
    assert "[address] is no good title" in str(raised.value)
    assert "victim" not in repr(raised.value)


@pytest.mark.parametrize("name", [name.upper() for name in Settings.model_fields])
def test_no_person_is_in_what_is_said_of_settings(tenant: Tenant, name: str) -> None:
    """Typed into any setting, alone or within JSON, a person's address is not repeated by what is said of it."""
    for value in (f"{VICTIM}:", json.dumps([{VICTIM: VICTIM}]), f'["{VICTIM}:x y"]', f"https://{VICTIM}/x"):
        with pytest.raises(SettingsInvalid) as raised:
            from_values({**tenant.cloud.environment, name: value, "LOOKBACK_DAYS": VICTIM, "HUNT_SOURCE": VICTIM})
        assert "victim" not in f"{raised.value} {raised.value.mistakes!r}"


def test_no_person_is_in_what_did_not_come_from_an_error(tenant: Tenant, caplog: pytest.LogCaptureFixture) -> None:
    """An address in a delivery action's word, or in a note of the caller's, is in no receipt and in no copy of it."""
    mail = Mail(tenant.clock.now(), seed=2)
    mail.add("kim@contoso.com", f"Held for {VICTIM}", mail.ago(0.1))
    tenant.cloud.append("EmailEvents", mail.events)
    values = {**tenant.cloud.environment, "LEDGER_URL": f"sqlite:///{tenant.ledger}"}
    with caplog.at_level(logging.INFO, logger="sweep"):
        receipt = run_sweep(from_values(values), clock=tenant.clock, notes=[f"seen {VICTIM}"]).receipt
    kept = SqliteLedger(str(tenant.ledger), WORKSPACE_RESOURCE_ID, True).receipts(date.min)
    assert receipt.notes[0] == "seen [address]"
    assert receipt.coverage is not None
    assert receipt.coverage.unknown_actions == {"Held for [address]": 1}
    for text in (repr(receipt), json.dumps(kept), caplog.text):
        assert "Held for [address]" in text
        assert "victim" not in text
