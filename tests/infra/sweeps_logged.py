"""What real sweeps log when a tenant is well, quiet, failing and so on: what alerts and workbook are tested on."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
from azure.functions.timer import TimerRequest

from shared.model import Receipt
from shared.settings import SettingsInvalid
from tests.cloud import Fault
from tests.cloud.mail import Mail
from tests.infra.telemetry import Row, listening, logged, trace
from tests.support import deployed
from tests.support.clock import START
from tests.support.tenant import Tenant, running_tenant


@dataclass(frozen=True, slots=True)
class Logged:
    """The lines of one or more sweeps, each at the time it was logged, and the last receipt (None: none was made)."""

    rows: tuple[Row, ...]
    receipt: Receipt | None


def _mail(*, flagged: int = 0) -> Mail:
    """A month of mail; one recipient has so many remediated messages."""
    mail = Mail(START)
    for day in range(30):
        for _ in range(3):
            mail.add("person@contoso.com", "Delivered", mail.ago(day + 0.1))
    if flagged:
        mail.remediated("finance@contoso.com", flagged)
    return mail


def _quiet(place: Tenant) -> Receipt:
    place.cloud.load("EmailEvents", _mail().events)
    return place.sweep().receipt


def _flagged(place: Tenant) -> Receipt:
    place.cloud.load("EmailEvents", _mail(flagged=60).events)
    return place.sweep().receipt


def _failing(place: Tenant) -> Receipt:
    place.cloud.load("EmailEvents", _mail(flagged=60).events)
    place.cloud.faults.add(Fault(service="log_analytics", times=None, status=403))
    return place.sweep().receipt


def _untrusted(place: Tenant) -> Receipt:
    place.cloud.load("EmailEvents", [])
    return place.sweep().receipt


def _due(place: Tenant) -> Receipt:
    place.cloud.load("EmailEvents", _mail(flagged=60).events)
    place.cloud.faults.add(Fault(service="sentinel", method="PUT", times=None, status=503))
    return place.sweep().receipt


def _dry(place: Tenant) -> Receipt:
    place.cloud.load("EmailEvents", _mail(flagged=60).events)
    return place.sweep(DRY_RUN="true").receipt


def _invalid(place: Tenant) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in place.cloud.environment.items():
            patch.setenv(name, value)
        patch.setenv("LOOKBACK_DAYS", "900")
        with suppress(SettingsInvalid):
            deployed.function().get_user_function()(TimerRequest(past_due=False))


SCENES: dict[str, Callable[[Tenant], Receipt | None]] = {
    "quiet": _quiet,
    "flagged": _flagged,
    "failing": _failing,
    "untrusted": _untrusted,
    "due": _due,
    "dry run": _dry,
    "invalid": _invalid,
}


@cache
def logged_in(name: str) -> Logged:
    """What the sweep of that scene logs at START; each is run once."""
    with (
        tempfile.TemporaryDirectory() as folder,
        pytest.MonkeyPatch.context() as patch,
        running_tenant(Path(folder), patch) as place,
        listening() as heard,
    ):
        heard.time = START
        receipt = SCENES[name](place)
    return Logged(tuple(heard.rows), receipt)


def logged_before(name: str, ago: timedelta) -> list[Row]:
    """The scene's lines, so long before START."""
    return [{**row, "TimeGenerated": row["TimeGenerated"] - ago} for row in logged_in(name).rows]


def skipped(ago: timedelta) -> Row:
    """The line of a sweep that found another one at work."""
    receipt = Receipt(
        run_id="11111111-1111-4111-8111-111111111111",
        version="0",
        settings="0" * 12,
        workspace="w",
        started=START - ago,
        seconds=1.0,
        event="sweep_skipped",
        verdict=None,
    )
    return trace(START - ago, logged(receipt))
