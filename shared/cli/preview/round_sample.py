"""The sample of a round over many workspaces: its card. No customer in it exists."""

from __future__ import annotations

from datetime import timedelta
from uuid import NAMESPACE_DNS, uuid5

from shared.cli.preview.captured import Preview
from shared.cli.preview.staged import NOW, WORKSPACE
from shared.errors import Call, Service
from shared.http.statuses import from_status
from shared.model import EntryEnd, EntryTold, RoundTold
from shared.teams import run_link, workbooks_link
from shared.teams.round_card import round_card

_PORTAL = "https://portal.azure.com"
_APP = f"{WORKSPACE.partition('/providers/')[0]}/providers/Microsoft.Web/sites/email-remediation-sweep"
_BEGAN = NOW - timedelta(minutes=14)


def round_sample(name: str, about: str) -> Preview:
    """Forty-eight workspaces, most of them well."""
    refused = from_status(Service.LOG_ANALYTICS, Call.QUERY, 403)
    told = RoundTold(
        round="2026-11-24T06:00Z",
        began=_BEGAN,
        ended=NOW,
        entries=(
            *(EntryTold(f"customer-{number:02}", EntryEnd.CLEAN) for number in range(42)),
            _ended("fabrikam", EntryEnd.FLAGGED, created=2, told=3),
            EntryTold("tailspin", EntryEnd.FLAGGED),
            _ended("adatum", EntryEnd.FAILED, f"{refused.cause}: {refused}"),
            _ended("woodgrove", EntryEnd.UNTRUSTED, "coverage_stale: the newest row in EmailEvents is 31 h old"),
            _ended("litware", EntryEnd.ABANDONED, tries=3),
            _ended("proseware", EntryEnd.PLANNED, dry_run=True),
        ),
        new=("proseware",),
        gone=("contoso",),
        log_url=run_link(_PORTAL, _APP, "2026-11-24T06:00Z", _BEGAN),
        workbook_url=workbooks_link(_PORTAL, WORKSPACE),
    )
    return Preview(name, about, (round_card(told).body,))


def _ended(
    name: str, end: EntryEnd, *reasons: str, created: int = 0, told: int = 0, tries: int = 1, dry_run: bool = False
) -> EntryTold:
    link = run_link(_PORTAL, _APP, str(uuid5(NAMESPACE_DNS, name)), _BEGAN)
    return EntryTold(name, end, reasons=reasons, created=created, told=told, tries=tries, dry_run=dry_run, run_url=link)
