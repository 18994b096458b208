"""No secret in a log, a receipt or the ledger, whatever fails in a sweep."""

from __future__ import annotations

import json
import logging
import sqlite3
import zlib
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.sweep.receipt import as_json
from tests.cloud.faults import Fault, Wire
from tests.cloud.mail import SOFT, Mail
from tests.support.tenant import Tenant

TROUBLE = {
    "nothing": None,
    "teams 400": Fault(service="teams", status=400, times=None),
    "teams 401": Fault(service="teams", status=401, times=None),
    "teams 302": Fault(service="teams", status=302, headers={"Location": "https://example.com/?sig=x"}, times=None),
    "teams 503": Fault(service="teams", status=503, times=None),
    "teams drops": Fault(service="teams", wire=Wire.DROP, times=None),
    "sentinel 401": Fault(service="sentinel", status=401, times=None),
    "sentinel 403": Fault(service="sentinel", method="PUT", status=403, times=None),
    "sentinel drops": Fault(service="sentinel", wire=Wire.DROP, times=None),
    "hunt 401": Fault(service="log_analytics", status=401, times=None),
    "hunt is html": Fault(service="log_analytics", status=200, body="<html>", times=None),
    "no token": Fault(service="identity", status=400, times=None),
    "identity down": Fault(service="identity", status=500, times=None),
}


@pytest.fixture
def tenant(tenant: Tenant) -> Tenant:
    """A recipient to raise and to tell about."""
    mail = Mail(tenant.clock.now())
    mail.remediated("dana@contoso.com", 11, 0.2, (SOFT,))
    tenant.cloud.append("EmailEvents", mail.events)
    return tenant


def _rows(ledger: Path) -> str:
    """All that the ledger's file holds, inflated."""
    found = []
    with sqlite3.connect(ledger) as database:
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in database.execute(f'SELECT * FROM "{table}"'):
                for cell in row:
                    found.append(zlib.decompress(cell) if isinstance(cell, bytes) and cell[:1] == b"x" else cell)
    database.close()
    return "\n".join(map(repr, found))


@pytest.mark.parametrize("trouble", TROUBLE.values(), ids=TROUBLE.keys())
def test_no_secret_leaves_a_sweep(tenant: Tenant, trouble: Fault | None, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the webhook's signature nor a token nor the identity's header is in a log, the receipt or the ledger."""
    if trouble is not None:
        tenant.cloud.faults.add(trouble)
    with caplog.at_level(logging.DEBUG):
        report = tenant.sweep()
    url = tenant.cloud.webhook_url
    tokens = {each.headers.get("authorization", "").removeprefix("Bearer ") for each in tenant.cloud.log} - {""}
    secrets = {
        parse_qs(urlsplit(url).query)["sig"][0],
        urlsplit(url).path,
        tenant.cloud.environment["IDENTITY_HEADER"],
        *tokens,
    }
    told = "\n".join(
        [
            *(record.getMessage() + str(record.__dict__) for record in caplog.records),
            caplog.text,
            json.dumps(as_json(report.receipt)),
            repr(report),
            _rows(tenant.ledger),
        ]
    )
    assert len(secrets) >= 3
    assert report.receipt.run_id in told
    for secret in secrets:
        assert len(secret) > 8
        assert secret not in told
