"""What the doctor asks Sentinel: the workspace, our incidents, the right to write them, its clock, its portals."""

from __future__ import annotations

from datetime import timedelta

from shared.cli.checks import CheckResult, Found
from shared.clock import Clock
from shared.errors import SweepError
from shared.hunt import Hunt
from shared.incidents.arm import ArmIncidents
from shared.incidents.permissions import WRITING, not_permitted
from shared.model import Window
from shared.settings import Settings

APART = 60.0
"""Seconds between our clock and Sentinel's; far fewer than the minutes after which sign-in fails."""
LOOK = timedelta(days=30)
READ_THE_CARD = "make sure that on-call reads the Teams card"


def look_at_sign_in(token: str) -> CheckResult:
    """Whether this token was issued."""
    return (Found.FINE, "a token for Azure Resource Manager was issued") if token else (Found.WRONG, "an empty token")


def look_at_workspace(guid: str, settings: Settings) -> CheckResult:
    """Whether this is the GUID of the settings."""
    if guid.lower() == str(settings.sentinel_workspace_id).lower():
        return Found.FINE, "the GUID and the resource id belong to one workspace"
    return Found.WRONG, (
        f"SENTINEL_WORKSPACE_ID is {settings.sentinel_workspace_id}, but the workspace of"
        f" SENTINEL_WORKSPACE_RESOURCE_ID has the id {guid}: set both to the same workspace"
    )


def look_at_incidents(sentinel: ArmIncidents) -> CheckResult:
    """Whether our incidents can be listed."""
    found = next(iter(sentinel.changed(None)), None)
    seen = "at least one is there" if found else "none is there yet"
    return Found.FINE, f"ours can be listed, {seen}"


def look_at_rights(sentinel: ArmIncidents) -> CheckResult:
    """Whether incidents may be written, by what Azure says of our permissions; nothing is written to find out."""
    try:
        granted = sentinel.permissions()
    except SweepError as error:
        if error.status not in (403, 404):
            raise
        return Found.UNTRIED, (
            "cannot tell whether incidents may be written: the identity may not list its own permissions"
            " (Microsoft.Authorization/permissions/read); the first sweep will show"
        )
    missing = not_permitted(granted, WRITING)
    if not missing:
        return Found.FINE, "incidents and comments may be written; nothing was written to find out"
    return Found.WRONG, (
        f"the identity lacks {', '.join(missing)}: give it the role Microsoft Sentinel Responder on the workspace (or"
        " the custom role of docs/permissions.md), and wait some minutes"
    )


def look_at_clock(sentinel: ArmIncidents) -> CheckResult:
    """How far our clock is from Sentinel's."""
    skew = sentinel.skew()
    if skew is None:
        return Found.UNTRIED, "cannot tell how far this clock is from Sentinel's: no response with a time"
    if abs(skew) < APART:
        return Found.FINE, "this clock and Sentinel's are less than a minute apart"
    side = "ahead of" if skew > 0 else "behind"
    return Found.WRONG, (
        f"this clock is {abs(skew):,.0f} seconds {side} Sentinel's: the window and the age of the data are wrong by as"
        " much, and a sign-in may fail; set this machine's clock by a time server (NTP)"
    )


def look_at_portals(hunt: Hunt, clock: Clock) -> CheckResult:
    """In which portal analysts work: whether the workspace is onboarded to the Defender portal, by its incidents."""
    now = clock.now()
    providers = hunt.incident_providers(Window(now - LOOK, now))
    ends = "Sentinel leaves the Azure portal after 31 March 2027"
    if providers is None or not any(providers):
        return Found.UNTRIED, (
            f"cannot tell whether the workspace is onboarded to the Defender portal: no incident that a rule has"
            f" made in {LOOK.days} days. Incidents made over the API are not shown there, and {ends}: {READ_THE_CARD}"
        )
    if providers[0]:
        return Found.FINE, (
            "the workspace is onboarded to the Defender portal, whose queue does not show incidents made over the API:"
            f" analysts who work there see the Teams card only, and {ends}: {READ_THE_CARD}"
        )
    return Found.FINE, (
        "the workspace is not onboarded to the Defender portal, as its incidents show; once it is, incidents made over"
        f" the API do not appear in that portal's queue, and {ends}: {READ_THE_CARD}"
    )
