"""The Microsoft clouds: the addresses of their services, and the audiences of their tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cloud:
    """Where a Microsoft cloud's services are. Audiences stay the cloud's even when an endpoint is overridden.

    `defender` is the Defender portal, "" where it is not offered. The hosts of the Logs Ingestion API end with
    `ingestion_suffix`.
    """

    authority: str
    log_analytics: str
    arm: str
    arm_audience: str
    graph: str
    portal: str
    defender: str
    table_suffix: str
    teams_hosts: tuple[str, ...]
    ingestion_audience: str
    ingestion_suffix: str

    @property
    def queue_suffix(self) -> str:
        """What the hosts of queue services end with."""
        return self.table_suffix.replace("table.", "queue.", 1)

    @property
    def log_analytics_audience(self) -> str:
        """The audience of a Log Analytics token: the service's own public address."""
        return self.log_analytics

    @property
    def graph_audience(self) -> str:
        """The audience of a Graph token."""
        return self.graph


CLOUDS: Mapping[str, Cloud] = {
    "AzureCloud": Cloud(
        authority="https://login.microsoftonline.com",
        log_analytics="https://api.loganalytics.io",
        arm="https://management.azure.com",
        arm_audience="https://management.azure.com",
        graph="https://graph.microsoft.com",
        portal="https://portal.azure.com",
        defender="https://security.microsoft.com",
        table_suffix="table.core.windows.net",
        teams_hosts=(".logic.azure.com", ".environment.api.powerplatform.com"),
        ingestion_audience="https://monitor.azure.com",
        ingestion_suffix=".ingest.monitor.azure.com",
    ),
    "AzureUSGovernment": Cloud(
        authority="https://login.microsoftonline.us",
        log_analytics="https://api.loganalytics.us",
        arm="https://management.usgovcloudapi.net",
        arm_audience="https://management.usgovcloudapi.net",
        graph="https://graph.microsoft.us",
        portal="https://portal.azure.us",
        defender="https://security.microsoft.us",
        table_suffix="table.core.usgovcloudapi.net",
        teams_hosts=(
            ".logic.azure.us",
            ".environment.api.gov.powerplatform.microsoft.us",
            ".environment.api.high.powerplatform.microsoft.us",
            ".environment.api.appsplatform.us",
        ),
        ingestion_audience="https://monitor.azure.us",
        ingestion_suffix=".ingest.monitor.azure.us",
    ),
    "AzureChinaCloud": Cloud(
        authority="https://login.chinacloudapi.cn",
        log_analytics="https://api.loganalytics.azure.cn",
        arm="https://management.chinacloudapi.cn",
        arm_audience="https://management.chinacloudapi.cn",
        graph="https://microsoftgraph.chinacloudapi.cn",
        portal="https://portal.azure.cn",
        defender="",
        table_suffix="table.core.chinacloudapi.cn",
        teams_hosts=(".logic.azure.cn", ".environment.api.powerplatform.partner.microsoftonline.cn"),
        ingestion_audience="https://monitor.azure.cn",
        ingestion_suffix=".ingest.monitor.azure.cn",
    ),
}
RETIRED_CONNECTORS = (".webhook.office.com", "outlook.office.com", "outlook.office365.com")
