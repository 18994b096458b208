"""What the doctor asks about the rule road (RAISE_BY=rule): the findings table, what it leads to, the upload."""

from __future__ import annotations

from shared.cli.checks import CheckResult, Found
from shared.errors import Rejected
from shared.hunt import Hunt
from shared.hunt.columns import ALERT_TABLE, FINDINGS, FINDINGS_TABLE
from shared.incidents.upload import FindingUploads
from shared.query.refusal import TableMissing

DEPLOY = "deploy it with RAISE_BY=rule (docs/portals.md)"


def look_at_table(hunt: Hunt) -> CheckResult:
    """Whether the findings table is there, with each column that is uploaded: others are dropped without a word."""
    try:
        there = hunt.columns(FINDINGS_TABLE)
    except TableMissing:
        return Found.WRONG, (
            f"there is no table {FINDINGS_TABLE}, or the identity may not read it: {DEPLOY}, and give the identity the"
            " right to query it (docs/permissions.md); a new table is known after some minutes"
        )
    if there is None:
        return Found.UNTRIED, f"cannot tell: {FINDINGS_TABLE} sent an empty response"
    missing = [f"{name} ({kind})" for name, kind in FINDINGS.items() if name not in there]
    other = [f"{name} is {there[name]}, not {kind}" for name, kind in FINDINGS.items() if there.get(name, kind) != kind]
    if missing or other:
        lacks = [f"it lacks {', '.join(missing)}"] if missing else []
        return Found.WRONG, (
            f"{FINDINGS_TABLE} is not the table of this version: {'; '.join(lacks + other)}. What no column takes is"
            f" lost, and the rules miss it: {DEPLOY} once more"
        )
    return Found.FINE, f"{FINDINGS_TABLE} is there, with the columns of this version"


def look_at_followed(hunt: Hunt, workspace: str) -> CheckResult:
    """Whether it can be followed what became of findings: the table, SecurityAlert and SecurityIncident are asked."""
    found = hunt.followed(workspace).values()
    try:
        hunt.columns(ALERT_TABLE)
    except TableMissing:
        return Found.UNTRIED, (
            "cannot tell: SecurityAlert is not there before the first alert, or the identity may not read it (the right"
            " …/workspaces/query/SecurityAlert/read, docs/permissions.md)"
        )
    alerts = sum(each.alerted is not None for each in found)
    incidents = sum(each.incident is not None for each in found)
    return Found.FINE, (
        f"the table holds {sum(each.attempt > 0 for each in found):,} findings of this workspace; the rules made alerts"
        f" of {alerts:,} findings, and incidents of {incidents:,}"
    )


def look_at_uploads(uploads: FindingUploads) -> CheckResult:
    """Whether uploads are taken from us: sign-in, role, rule and stream are tried with an upload of no row."""
    try:
        uploads.check()
    except Rejected as error:
        if not error.own:
            raise
        return Found.FINE, (
            f"the Logs Ingestion API lets us upload: it refused an upload without a row only for what it holds"
            f" ({error.status}); no row was written"
        )
    return Found.FINE, "the Logs Ingestion API takes uploads from this identity: one without a row; no row was written"
