"""Where buttons lead: the portal's pages, with every id escaped, and the log of one run as a query."""

from __future__ import annotations

import gzip
from base64 import b64decode
from datetime import timedelta, timezone
from urllib.parse import unquote

import pytest

from shared.settings import app_resource_id
from shared.teams import incident_link, incidents_link, run_link, workbooks_link
from shared.text import link
from tests.support.cards import PORTAL, WORKSPACE
from tests.support.hostile import NOW

SUBSCRIPTION = "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0"
APP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-sweep/providers/Microsoft.Web/sites/func-sweep"
RUN = "7c1f2a90-5e0b-4c7d-9a53-1c0a3f1f7d26"
AZURE = {"WEBSITE_SITE_NAME": "func-sweep", "WEBSITE_OWNER_NAME": f"{SUBSCRIPTION}+rg-sweep-WestEuropewebspace-Linux"}


def test_portal_links_are_absolute_and_escaped() -> None:
    """What Sentinel gave is used when it is a good link; a made-up one holds the ids, escaped."""
    given = "https://portal.azure.com/#asset/Microsoft_Azure_Security_Insights/Incident/x"
    assert incident_link(PORTAL, WORKSPACE, "7", given) == given
    made = incident_link(PORTAL, WORKSPACE, "7", "javascript:alert(1)")
    assert made.endswith("/workspaces/soc/providers/Microsoft.SecurityInsights/Incidents/7")
    for page, pages_link in (("Incidents", incidents_link), ("Workbooks", workbooks_link)):
        listed = pages_link(PORTAL, WORKSPACE.replace("soc", "a <b>"))
        assert f"/MainMenuBlade/~/{page}/id/%2Fsubscriptions%2F" in listed
        assert listed.endswith("%2Fproviders%2Fmicrosoft.securityinsightsarg%2Fsentinel%2Fa%20%3Cb%3E")


def test_the_log_of_a_run_is_a_query_about_it() -> None:
    """The app's own log, from the run's start in UTC on: lines with its id, and what went wrong beside them."""
    made = run_link(PORTAL, APP, RUN, NOW.astimezone(timezone(timedelta(hours=5))))
    assert link(made, 600) == made
    where, packed = made.split("/source/LogsBlade.AnalyticsShareLinkToQuery/q/")
    assert unquote(where.rsplit("/", 1)[1]) == APP
    zipped = b64decode(unquote(packed))
    assert zipped[4:8] == bytes(4), "the time of packing is not in it: the same card each time"
    query = gzip.decompress(zipped).decode()
    assert query.startswith("FunctionAppLogs\n")
    assert "between (datetime(2026-11-24T06:01Z) .. 2h)" in query
    assert f'Message has "{RUN}"' in query
    assert made == run_link(PORTAL, APP, RUN, NOW)
    assert run_link(PORTAL, "", RUN, NOW) == ""


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        (AZURE, APP),
        ({**AZURE, "WEBSITE_OWNER_NAME": f"{SUBSCRIPTION}+rg-sweep-WestEuropewebspace"}, APP),
        ({**AZURE, "WEBSITE_RESOURCE_GROUP": "RG-Sweep"}, APP.replace("rg-sweep", "RG-Sweep")),
        ({}, ""),
        ({"WEBSITE_SITE_NAME": "func-sweep"}, ""),
        ({**AZURE, "WEBSITE_SITE_NAME": ""}, ""),
        ({**AZURE, "WEBSITE_OWNER_NAME": "rg-sweep"}, ""),
        ({**AZURE, "WEBSITE_OWNER_NAME": f"{SUBSCRIPTION}+rg"}, ""),
    ],
)
def test_the_app_knows_its_own_resource_id(environment: dict[str, str], expected: str) -> None:
    """In Azure it is made from what the platform tells the process; elsewhere, and from a half, nothing is made up."""
    assert app_resource_id(environment) == expected
