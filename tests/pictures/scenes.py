"""The sweeps that the pictures are of: seeded tenants on the small Azure, a clock that stands still, real steps.

Nobody in them exists: all addresses are of contoso.com and of the example domains.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from shared.app import run_sweep
from shared.cli.preview.captured import Preview, ShownIncident
from shared.settings import from_values
from shared.sweep import workers
from shared.sweep.receipt import as_json
from tests.cloud import Cloud
from tests.cloud.mail import HARD, JUNK, SOFT, Mail, Row
from tests.support.clock import START
from tests.support.tenant import Tenant, running_tenant

RUN_ID = "7c1f2a90-5e0b-4c7d-9a53-1c0a3f1f7d26"
_BILLING = ("billing@invoices.example.net", "Invoice 4711 is overdue")
_PARCEL = ("track@parcel.example.org", "Your parcel is waiting")
_SIGN_IN = ("it-desk@sign-in.example.com", "Your password ends today")
_VOICE = ("voice@calls.example.com", "New voice message (0:42)")


@dataclass(frozen=True, slots=True)
class SweptTenant:
    """A tenant after one sweep: its small Azure, the folder of its ledger, and the receipt."""

    cloud: Cloud
    folder: Path
    values: Mapping[str, str]
    receipt: Mapping[str, Any]

    def preview(self, name: str) -> Preview:
        """Its cards, and the incident of the highest count."""
        bodies = [body if isinstance(body, str) else json.dumps(body) for body in self.cloud.cards]
        made = [each["properties"] for each in self.cloud.incidents.values()]
        made.sort(key=lambda each: each["incidentNumber"])
        return Preview(name, "", tuple(bodies), tuple(_incident(each) for each in made[:1]))


def _incident(properties: Mapping[str, Any]) -> ShownIncident:
    labels = tuple(each["labelName"] for each in properties["labels"])
    return ShownIncident(properties["title"], properties["severity"], labels, properties["description"])


@contextmanager
def swept_tenant(mail: Mail, **settings: str) -> Iterator[SweptTenant]:
    """One sweep of a tenant with this mail, as the deployed function runs it, at a fixed time."""
    root = logging.getLogger("sweep")
    level = root.level
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "WORKERS", 1)  # incidents are numbered in the order in which they come
        root.setLevel(logging.CRITICAL)
        try:
            with running_tenant(Path(name), patch) as tenant:
                yield _swept(tenant, mail, settings)
        finally:
            root.setLevel(level)


def _swept(tenant: Tenant, mail: Mail, settings: Mapping[str, str]) -> SweptTenant:
    tenant.cloud.append("EmailEvents", mail.events)
    tenant.cloud.append("EmailPostDeliveryEvents", mail.post_delivery)
    values = {**tenant.cloud.environment, "LEDGER_URL": f"sqlite:///{tenant.ledger}", **settings}
    report = run_sweep(from_values(values), clock=tenant.clock, run_id=RUN_ID)
    return SweptTenant(tenant.cloud, tenant.ledger.parent, values, as_json(report.receipt))


def _quiet_month(seed: int, ends_hours_ago: float = 0.6) -> Mail:
    """Thirty ordinary days of delivered mail, the newest row some time ago."""
    mail = Mail(START, seed)
    end = START - timedelta(hours=ends_hours_ago)
    for place in range(1_500):
        person = f"person{place % 97:02d}@contoso.com"
        mail.add(person, "Delivered", end - timedelta(minutes=28 * place))
    return mail


def _removed(mail: Mail, recipient: str, actions: str, origin: tuple[str, str], kind: str = "Phish ZAP") -> None:
    """A message from there for each letter (h, s, j: hard and soft deleted, to junk), the newest first."""
    for place, letter in enumerate(actions):
        removed = START - timedelta(hours=1 + 5.5 * place, minutes=(place * 7) % 60)
        action = {"h": HARD, "s": SOFT, "j": JUNK}[letter]
        row = mail.add(recipient, action, removed, subject=origin[1], delivered=removed - timedelta(minutes=52))
        _sent_by(row, origin[0])
        mail.acted({**row, "LastEventExecutionTime": row["TimeGenerated"]}, kind)


def _sent_by(row: Row, sender: str) -> None:
    domain = sender.partition("@")[2]
    row |= {"SenderFromAddress": sender, "SenderMailFromAddress": sender}
    row |= {"SenderFromDomain": domain, "SenderMailFromDomain": domain}


def three_findings() -> Mail:
    """Three recipients are over the threshold, one of them is High."""
    mail = _quiet_month(1)
    _removed(mail, "kim.larsen@contoso.com", "h" * 41 + "s" * 12, _BILLING)
    _removed(mail, "kim.larsen@contoso.com", "s" * 9 + "j", _SIGN_IN, "Manual remediation")
    _removed(mail, "finance@contoso.com", "h" * 3 + "s" * 9 + "j" * 11, _VOICE)
    _removed(mail, "li.wei@contoso.com", "s" * 14, _PARCEL)
    return mail


def one_campaign() -> Mail:
    """One sender and subject reached two hundred; fourteen are over the threshold."""
    mail = _quiet_month(2)
    names = ["ana", "bo", "chen", "dina", "emil", "fatou", "goran", "hana", "ivo", "jon", "kaya", "lea", "mo", "nils"]
    for place, name in enumerate(names):
        _removed(mail, f"{name}@contoso.com", "h" * (11 + place), _BILLING)
        _removed(mail, f"{name}@contoso.com", "j" * (place % 3), (_VOICE[0], f"New voice message for {name}"))
    for place in range(198):
        _removed(mail, f"reader{place:03d}@contoso.com", "h", _BILLING)
    return mail


def stale_data() -> Mail:
    """Nobody is over the threshold, and the newest row is 31 hours old."""
    return _quiet_month(3, ends_hours_ago=31)


SCENES: dict[str, tuple[Callable[[], Mail], dict[str, str]]] = {
    "findings": (three_findings, {}),
    "campaign": (one_campaign, {"MAX_NEW_INCIDENTS": "5"}),
    "untrusted": (stale_data, {"TEAMS_MENTIONS": '["oncall.soc@contoso.com"]'}),
}
