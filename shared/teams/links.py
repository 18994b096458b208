"""Where the portal shows things: incidents, the workbooks, the log of one run."""

from __future__ import annotations

import gzip
from base64 import b64encode, urlsafe_b64encode
from datetime import UTC, datetime
from urllib.parse import quote

from shared.text import link

_SENTINEL = "#view/Microsoft_Azure_Security_Insights/MainMenuBlade/~"
_LOGS = "#view/Microsoft_OperationsManagementSuite_Workspace/Logs.ReactView/resourceId"


def incidents_link(portal: str, workspace_resource_id: str) -> str:
    """The workspace's incident list in the portal (`portal` as in `settings.Cloud.portal`), "" if that is no URL."""
    return _in_sentinel(portal, workspace_resource_id, "Incidents")


def workbooks_link(portal: str, workspace_resource_id: str) -> str:
    """The workspace's workbooks in the portal, the sweep's among them, "" if that is no URL."""
    return _in_sentinel(portal, workspace_resource_id, "Workbooks")


def _in_sentinel(portal: str, workspace_resource_id: str, page: str) -> str:
    asset = workspace_resource_id.lower().replace(
        "/providers/microsoft.operationalinsights/workspaces/", "/providers/microsoft.securityinsightsarg/sentinel/"
    )
    return link(f"{portal}/{_SENTINEL}/{page}/id/{quote(asset, safe='')}")


def run_link(portal: str, app_resource_id: str, run_id: str, started: datetime) -> str:
    """What the function app logged in this run, as a query in the portal; "" when the app is not known.

    Lines with the run's id, and warnings and errors of two hours: what goes wrong before a receipt has no id.
    """
    if not app_resource_id:
        return ""
    query = (
        "FunctionAppLogs\n"
        f"| where TimeGenerated between (datetime({started.astimezone(UTC):%Y-%m-%dT%H:%M}Z) .. 2h)\n"
        f'| where Message has "{run_id}" or Level in ("Warning", "Error", "Critical")\n'
        "| order by TimeGenerated asc\n"
        "| project TimeGenerated, Level, Message"
    )
    packed = quote(b64encode(gzip.compress(query.encode(), mtime=0)).decode(), safe="")
    where = quote(app_resource_id, safe="")
    return link(f"{portal}/{_LOGS}/{where}/source/LogsBlade.AnalyticsShareLinkToQuery/q/{packed}")


def incident_link(portal: str, workspace_resource_id: str, incident_id: str, given: str = "") -> str:
    """One incident in the portal: the `incidentUrl` that Sentinel gave when it is a good one, else made up likewise."""
    path = quote(f"{workspace_resource_id}/providers/Microsoft.SecurityInsights/Incidents/{incident_id}")
    return link(given) or link(f"{portal}/#asset/Microsoft_Azure_Security_Insights/Incident{path}")


def alert_link(defender: str, finding_id: str) -> str:
    """The search for a finding's alert and incident in the Defender portal, ready to run; "" where there is none."""
    if not defender:
        return ""
    query = (
        f'SecurityAlert\n| where ExtendedProperties has "{finding_id}"\n'
        "| join kind=leftouter (SecurityIncident | mv-expand AlertId = AlertIds to typeof(string)) on"
        " $left.SystemAlertId == $right.AlertId\n"
        "| project TimeGenerated, AlertName, IncidentNumber, Title, Status, IncidentUrl"
    )
    packed = urlsafe_b64encode(gzip.compress(query.encode("utf-16-le"), mtime=0)).decode().rstrip("=")
    return link(f"{defender}/v2/advanced-hunting?query={packed}&timeRangeId=month")
