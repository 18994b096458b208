"""What the doctor asks Sentinel: the workspace, our incidents, the right to write them, its clock, its portals."""

from __future__ import annotations

from datetime import timedelta

from shared.cli.checks import CheckResult, Found
from shared.clock import Clock
from shared.errors import SweepError
from shared.hunt import Hunt
from shared.incidents.arm import ArmIncidents
from shared.incidents.permissions import FOLLOWING, WRITING, not_permitted
from shared.incidents.portals import onboarded, portals_in_words, portals_remark
from shared.model import Window
from shared.settings import Settings

APART = 60.0
"""Seconds between our clock and Sentinel's; far fewer than the minutes after which sign-in fails."""
LOOK = timedelta(days=30)


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


def look_at_rights(sentinel: ArmIncidents, raise_by: str) -> CheckResult:
    """Whether incidents may be written, and with `rule` also followed, by what Azure says of our permissions; nothing
    is written to find out.
    """
    try:
        granted = sentinel.permissions()
    except SweepError as error:
        if error.status not in (403, 404):
            raise
        return Found.UNTRIED, (
            "cannot tell whether incidents may be written: the identity may not list its own permissions"
            " (Microsoft.Authorization/permissions/read); the first sweep will show"
        )
    follows = raise_by == "rule"
    missing = not_permitted(granted, (*WRITING, *FOLLOWING) if follows else WRITING)
    if not missing:
        more = "; SecurityAlert and the findings table may be read" if follows else ""
        return Found.FINE, f"incidents and comments may be written{more}; nothing was written to find out"
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


def look_at_portals(hunt: Hunt, clock: Clock, raise_by: str) -> CheckResult:
    """In which portal analysts work: whether the workspace is onboarded to the Defender portal, by its incidents."""
    now = clock.now()
    known = onboarded(hunt.incident_providers(Window(now - LOOK, now)))
    words = portals_in_words(known, raise_by)
    if portals_remark(known, raise_by):
        return Found.DOUBT, words
    return (Found.FINE if known is not None or raise_by == "rule" else Found.UNTRIED), words
