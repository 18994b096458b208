"""Where the portal shows things: the incident list, one incident."""

from __future__ import annotations

from urllib.parse import quote

from shared.text import link

_LIST = "#view/Microsoft_Azure_Security_Insights/MainMenuBlade/~/Incidents/id"


def incidents_link(portal: str, workspace_resource_id: str) -> str:
    """The workspace's incident list in the portal (`portal` as in `settings.Cloud.portal`), "" if that is no URL."""
    asset = workspace_resource_id.lower().replace(
        "/providers/microsoft.operationalinsights/workspaces/", "/providers/microsoft.securityinsightsarg/sentinel/"
    )
    return link(f"{portal}/{_LIST}/{quote(asset, safe='')}")


def incident_link(portal: str, workspace_resource_id: str, incident_id: str, given: str = "") -> str:
    """One incident in the portal: the `incidentUrl` that Sentinel gave when it is a good one, else made up likewise."""
    path = quote(f"{workspace_resource_id}/providers/Microsoft.SecurityInsights/Incidents/{incident_id}")
    return link(given) or link(f"{portal}/#asset/Microsoft_Azure_Security_Insights/Incident{path}")
