"""One workspace with Sentinel: its tables, its incidents, its analytics rules and its analyst, behind no port yet."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from tests.cloud import schemas
from tests.cloud.alerts import SECURITY_ALERT
from tests.cloud.analyst import Analyst
from tests.cloud.analytics_rules import AnalyticsRules
from tests.cloud.incidents import Incidents
from tests.cloud.mirror import SECURITY_INCIDENT, Mirror
from tests.cloud.tables import Tables


class SentinelWorkspace:
    """The workspace with these two ids. `portal` is where its incidents' links lead; for the rest see `Cloud`."""

    def __init__(
        self,
        resource_id: str,
        guid: str,
        clock: Callable[[], datetime],
        *,
        portal: str = "https://portal.azure.com",
        timestamp: bool = True,
        overwrites: bool = False,
    ) -> None:
        self.resource_id = resource_id
        self.guid = guid
        self.store = Incidents(
            f"{resource_id}/providers/Microsoft.SecurityInsights", portal, clock, "email-remediation-sweep", overwrites
        )
        self.tables = Tables()
        self.rules = AnalyticsRules(self.tables, self.store, resource_id, guid)
        self.analyst = Analyst(self.store, self.rules.catch_up)
        self.tables.define("EmailEvents", schemas.EMAIL_EVENTS if timestamp else schemas.EMAIL_EVENTS_DOCS)
        self.tables.define("EmailPostDeliveryEvents", schemas.EMAIL_POST_DELIVERY_EVENTS)
        self.tables.define("SecurityIncident", SECURITY_INCIDENT)
        self.tables.refresh["SecurityIncident"] = Mirror(self.store, lambda: self.rules.delays.incident_rows).rows
        self.tables.define("SecurityAlert", SECURITY_ALERT)
        self.tables.refresh["SecurityAlert"] = self.rules.alert_rows
