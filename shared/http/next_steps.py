"""What to do next about an error of a service: the second half of every error message."""

from __future__ import annotations

from shared.errors import Service

ENABLE_SENTINEL = (
    "make sure that SENTINEL_WORKSPACE_RESOURCE_ID names the right workspace; if it does, switch Microsoft Sentinel on"
    " for it (Azure portal, Microsoft Sentinel, Create)"
)
_RESPONDER = (
    "give the app's identity the role Microsoft Sentinel Responder on the workspace, and some minutes for it to work"
)
NEXT_STEPS: dict[tuple[str, Service], str] = {
    ("sign_in", Service.IDENTITY): (
        "check in Azure that the managed identity is assigned to the app and that AZURE_CLIENT_ID is its client id;"
        " elsewhere sign in with `az login` or `azd auth login`, in the cloud of AZURE_CLOUD"
    ),
    ("sign_in", Service.LOG_ANALYTICS): "check AZURE_CLOUD and that the app's identity is of the workspace's tenant",
    ("sign_in", Service.SENTINEL): "check AZURE_CLOUD and that the app's identity is of the workspace's tenant",
    ("sign_in", Service.GRAPH): "check AZURE_CLOUD and that the app's identity still exists in its tenant",
    ("sign_in", Service.TEAMS): (
        "check that TEAMS_WEBHOOK_URL is the flow's whole URL with its signature, and that the flow's trigger is open"
        " to Anyone"
    ),
    ("sign_in", Service.INGESTION): "check AZURE_CLOUD and that the app's identity is of the workspace's tenant",
    ("forbidden", Service.LOG_ANALYTICS): _RESPONDER,
    ("forbidden", Service.INGESTION): (
        "give the app's identity the role Monitoring Metrics Publisher on the data collection rule of FINDINGS_RULE_ID,"
        " and half an hour for it to work"
    ),
    ("not_found", Service.INGESTION): (
        "check that FINDINGS_ENDPOINT, FINDINGS_RULE_ID and FINDINGS_STREAM are those of one data collection rule that"
        " still exists"
    ),
    ("rejected", Service.INGESTION): (
        "look up the error code; check that the collection rule and the table have the columns of this version"
        " (docs/deploy.md), and report it"
    ),
    ("partial", Service.INGESTION): (
        "let the proxy pass requests to the host of FINDINGS_ENDPOINT, or check that setting; the next sweep uploads it"
        " again"
    ),
    ("forbidden", Service.SENTINEL): _RESPONDER,
    ("forbidden", Service.GRAPH): (
        "give the app's identity the application permission ThreatHunting.Read.All, with an administrator's consent"
    ),
    (
        "forbidden",
        Service.TEAMS,
    ): "check in the flow that its trigger is open to Anyone and that its owner may still post",
    ("not_found", Service.LOG_ANALYTICS): "check that SENTINEL_WORKSPACE_ID is the id of a workspace that still exists",
    ("not_found", Service.SENTINEL): (
        "check that SENTINEL_WORKSPACE_RESOURCE_ID names a workspace that still exists and has Microsoft Sentinel"
    ),
    ("not_found", Service.GRAPH): "check AZURE_CLOUD and GRAPH_ENDPOINT: advanced hunting is not available there",
    ("not_found", Service.TEAMS): (
        "look in Power Automate whether the flow was deleted or switched off; switch it on, or create another and set"
        " TEAMS_WEBHOOK_URL"
    ),
    ("partial", Service.TEAMS): (
        "let the proxy pass requests to the host of TEAMS_WEBHOOK_URL, or check that setting; the next sweep posts it"
        " again"
    ),
    ("conflict", Service.SENTINEL): "nothing to do: the next sweep reads the incident again and decides anew",
    ("conflict", Service.TEAMS): "look at the flow's run history in Power Automate",
    ("too_large", Service.LOG_ANALYTICS): "split the hunt, or shorten LOOKBACK_DAYS",
    ("too_large", Service.GRAPH): "split the hunt, or shorten LOOKBACK_DAYS",
    (
        "rejected",
        Service.TEAMS,
    ): "look at the flow's trigger and run history in Power Automate; the next sweep posts it again",
    (
        "rejected",
        Service.SENTINEL,
    ): "look up the error code, and report it as a fault of this program; the effect stays due",
    ("rejected", Service.LOG_ANALYTICS): (
        "look up the error code; a table on a Basic or lake plan, or one without the columns needed, refuses the hunt"
    ),
    (
        "rejected",
        Service.GRAPH,
    ): "look up the error code; the tenant may have no Defender for Office 365, or a column of the hunt may be missing",
}
_NEXT_BY_KIND = {
    "sign_in": "check the app's identity and AZURE_CLOUD",
    "forbidden": "check which roles the app's identity has",
    "not_found": "check the addresses in the app settings",
    "rejected": "check the addresses in the app settings",
    "too_large": "split the hunt, or shorten LOOKBACK_DAYS",
    "conflict": "nothing to do: the next sweep reads it again",
    "throttled": "nothing to do: the next sweep goes on; if it lasts, look for who else uses the service",
    "unavailable": "the next sweep tries again; if it lasts, check the service's health and the app's network",
    "partial": "the next sweep tries again; if it lasts, look for a proxy that responds in its place",
}


def next_step(kind: str, service: Service) -> str:
    """What to do about an error of this kind (`SweepError.kind`) from this service."""
    return NEXT_STEPS.get((kind, service)) or _NEXT_BY_KIND[kind]
