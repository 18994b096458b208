"""The search for a finding's alert: what the link opens is a query that Microsoft's own binder takes."""

from __future__ import annotations

import gzip
from base64 import urlsafe_b64decode
from urllib.parse import parse_qs, urlsplit

from shared.teams import alert_link
from tests.support.kusto import parse

FINDING = "77115baa-b1aa-5559-b650-3072a89f71e4"
TABLES = {
    "SecurityAlert": {
        "TimeGenerated": "datetime", "SystemAlertId": "string", "AlertName": "string", "ExtendedProperties": "string",
    },
    "SecurityIncident": {
        "IncidentNumber": "int", "Title": "string", "Status": "string", "IncidentUrl": "string", "AlertIds": "dynamic",
    },
}  # fmt: skip


def query_in(url: str) -> str:
    """The query that advanced hunting opens with."""
    (packed,) = parse_qs(urlsplit(url).query)["query"]
    return gzip.decompress(urlsafe_b64decode(packed + "=" * (-len(packed) % 4))).decode("utf-16-le")


def test_the_search_for_an_alert_is_a_query_that_runs() -> None:
    """It names the finding, and the incident with the alert, when there is one."""
    url = alert_link("https://security.microsoft.com", FINDING)
    assert url.startswith("https://security.microsoft.com/v2/advanced-hunting?query=")
    query = query_in(url)
    assert f'has "{FINDING}"' in query
    ((answer,),) = parse([(TABLES, [query])])
    assert not answer["diagnostics"], answer
    ((faulty,),) = parse([(TABLES, [query.replace("AlertName", "AlertNamed")])])
    assert faulty["diagnostics"]


def test_where_there_is_no_defender_portal_there_is_no_search() -> None:
    """In Azure China."""
    assert not alert_link("", FINDING)
