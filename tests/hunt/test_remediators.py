"""What else the hunt asks: who remediated, which incidents there were; and whom, in which cloud."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from shared.hunt import Remediations
from shared.settings.clouds import CLOUDS
from tests.cloud import schemas
from tests.cloud.mail import Mail, sample
from tests.query.test_literals import HOSTILE
from tests.support.clients import WINDOW, Clients, connected
from tests.support.clock import START


@pytest.fixture(scope="module")
def azure(azure: Clients) -> Clients:
    """A small Azure with the sample tenant's mail."""
    azure.cloud.load("EmailEvents", sample(START).events)
    return azure


@pytest.mark.parametrize("cloud", ["AzureUSGovernment", "AzureChinaCloud"])
def test_each_cloud_is_asked_with_its_own_tokens(cloud: str) -> None:
    """In another cloud tokens are asked for that cloud's services, whatever address stands in for them."""
    with pytest.MonkeyPatch.context() as patch, connected(patch, cloud=cloud, events=sample(START).events) as made:
        for source in ("sentinel", "defender"):
            hunter = made.hunt(hunt_source=source)
            assert hunter.coverage(WINDOW).rows > 0
            assert hunter.findings(WINDOW)
        audiences = {
            parse_qs(urlsplit(request.path).query)["resource"][0]
            for request in made.cloud.log
            if request.service == "identity"
        }
    services = CLOUDS[cloud]
    assert audiences == {services.log_analytics, services.graph}


def test_one_request_asks_for_one_answer(azure: Clients) -> None:
    """The hunt waits as long as the service may take, sets no timespan of its own, and asks once."""
    http = azure.fresh_http()
    azure.hunt(http).findings(WINDOW)
    request = azure.cloud.log[-1]
    assert request.headers["prefer"] == "wait=600"
    assert request.json.get("timespan") is None
    assert http.requests["log_analytics"] == 1


@pytest.mark.parametrize("source", ["sentinel", "defender"])
def test_who_remediated(azure: Clients, source: str) -> None:
    """Of the messages asked about, it is told who remediated them, and how many attempts failed."""
    tenant = Mail(START)
    rows = [tenant.add("Me@contoso.com", "Hard delete", tenant.ago(2), message=f"M{place}") for place in range(5)]
    for row, kind, result in [
        (rows[0], "Manual remediation", "Success"),
        (rows[1], "Phish ZAP", "Success"),
        (rows[1], "Phish ZAP", "Success"),  # the same once more, byte for byte
        (rows[2], "Automated Remediation", "Error"),
        (rows[2], "Redelivery", "Success"),
        (rows[3], "Malware ZAP", "Success"),
    ]:
        tenant.acted(row, kind, result)
    remediations = tenant.post_delivery
    if source == "defender":
        remediations = [
            {"Timestamp" if name == "TimeGenerated" else name: value for name, value in row.items()}
            for row in remediations
        ]
        columns = schemas.EMAIL_POST_DELIVERY_EVENTS_DEFENDER
        remediations = [{name: value for name, value in row.items() if name in columns} for row in remediations]
        azure.cloud.defender.refresh()  # so that what follows is not made anew from the workspace's table
        azure.cloud.defender.tables.define("EmailPostDeliveryEvents", columns)
        azure.cloud.defender.tables.append("EmailPostDeliveryEvents", remediations)
    else:
        azure.cloud.load("EmailPostDeliveryEvents", remediations)
    found = azure.hunt(hunt_source=source).remediators(
        WINDOW, {"me@contoso.com": ["m0", "M1", "M2", "M4"], "else@contoso.com": ["M1"]}
    )
    assert found is not None
    assert found["me@contoso.com"] == Remediations({"admin": 1, "zap": 1}, failed=1, unknown=2)
    assert found["me@contoso.com"].words == (
        "4 messages: 1 by admins, 1 by ZAP, 2 by nobody on record; 1 attempt failed"
    )
    assert found["else@contoso.com"].words == ""


def test_who_remediated_is_asked_in_portions(azure: Clients) -> None:
    """Many recipients are asked about in several queries, none of them too long for the service."""
    azure.cloud.load("EmailPostDeliveryEvents", sample(START).post_delivery)
    before = len(azure.cloud.log)
    asked = {f"user{place:04}@contoso.com": ["m"] for place in range(1_200)} | {"just.above@contoso.com": ["m"]}
    found = azure.hunt().remediators(WINDOW, asked)
    assert found is not None
    assert found.keys() == asked.keys()
    queries = [request for request in azure.cloud.log[before:] if request.service == "log_analytics"]
    assert len(queries) == 3


def test_hostile_recipients_are_data_for_the_engine(azure: Clients) -> None:
    """Addresses that try to be KQL are compared as text by the engine, to the letter."""
    tenant = Mail(START)
    hostile = [text for text in HOSTILE if text]
    for place, text in enumerate(hostile):
        row = tenant.add(text, "Hard delete", tenant.ago(1), message=f"m{place}")
        tenant.acted(row, "Manual remediation")
    azure.cloud.load("EmailPostDeliveryEvents", tenant.post_delivery)
    found = azure.hunt().remediators(WINDOW, {text.lower(): [f"m{place}"] for place, text in enumerate(hostile)})
    assert found == {text.lower(): Remediations({"admin": 1}) for text in hostile}
