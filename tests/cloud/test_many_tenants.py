"""Many tenants in the small Azure: their rows, incidents, channels and limits are apart; the identity is one."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator

import pytest
import requests

from tests.cloud.identity import CLOUDS
from tests.cloud.many_tenants import CloudTenant, ManyTenants
from tests.cloud.marked_mail import marked_mail
from tests.cloud.query_queue import QueryQueue
from tests.cloud.wire import Refused, Request
from tests.support.clients import CARD, incident_body

NAMES = ("contoso", "fabrikam-eu")


@pytest.fixture(scope="module")
def two_tenants() -> Iterator[ManyTenants]:
    """Two tenants with mail, without limits."""
    with ManyTenants(NAMES) as made:
        for place, tenant in enumerate(made.tenants.values(), 1):
            rows = marked_mail(made.clock(), tenant.mark, place)
            tenant.workspace.tables.append("EmailEvents", rows)
        yield made


def authorized_call(many: ManyTenants, service: str, method: str, path: str, body: str = "") -> requests.Response:
    """One request with a token."""
    audience = CLOUDS["AzureCloud"].of(service) if service != "teams" else ""
    token = many.identity.issue(audience)[0]
    return requests.request(
        method,
        many.address(service) + path,
        data=body.encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        verify=many.environment["REQUESTS_CA_BUNDLE"],
        timeout=10,
    )


def query(many: ManyTenants, tenant: CloudTenant, kql: str) -> requests.Response:
    """A query in a tenant's workspace."""
    path = f"/v1/workspaces/{tenant.workspace.guid}/query"
    return authorized_call(many, "log_analytics", "POST", path, json.dumps({"query": kql}))


def test_each_has_its_own_mail(two_tenants: ManyTenants) -> None:
    """A query sees the rows of its own workspace, and every text in them bears the tenant's mark."""
    kql = "EmailEvents | project RecipientEmailAddress, Subject, SenderFromAddress, SenderDisplayName"
    for tenant in two_tenants.tenants.values():
        rows = query(two_tenants, tenant, kql).json()["tables"][0]["rows"]
        assert len(rows) > 20
        assert all(tenant.mark in text for row in rows for text in row)


def test_each_has_its_own_incidents_and_channel(two_tenants: ManyTenants) -> None:
    """What is written to one tenant's workspace and channel is in no other's; a foreign name there is unknown."""
    first, other = two_tenants.tenants.values()
    place = f"{first.workspace.resource_id}/providers/Microsoft.SecurityInsights/incidents/an-incident"
    assert (
        authorized_call(two_tenants, "sentinel", "PUT", f"{place}?api-version=2025-09-01", incident_body()).status_code
        == 201
    )
    assert authorized_call(two_tenants, "teams", "POST", first.webhook.target, CARD).status_code == 202
    assert (len(first.incidents), len(other.incidents), len(two_tenants.incidents)) == (1, 0, 0)
    assert (len(first.cards), len(other.cards), len(two_tenants.cards)) == (1, 0, 0)
    mixed = place.replace(f"{first.name}-rg", f"{other.name}-rg")
    assert authorized_call(two_tenants, "sentinel", "GET", f"{mixed}?api-version=2025-09-01").status_code == 404
    assert [each.service for each in two_tenants.requests_of(first.name)][-3:] == ["sentinel", "teams", "sentinel"]


def test_the_app_is_led_to_all(two_tenants: ManyTenants) -> None:
    """The file names each workspace and no secret; the environment has the webhooks, and no workspace of the app's."""
    text = two_tenants.workspaces_json()
    entries = json.loads(text)["workspaces"]
    assert [entry["name"] for entry in entries] == list(NAMES)
    assert entries[1]["TEAMS_WEBHOOK_URL"] == "%FABRIKAM_EU_WEBHOOK_URL%"
    assert "sig=" not in text
    assert two_tenants.tenants["fabrikam-eu"].webhook.sig in two_tenants.environment["FABRIKAM_EU_WEBHOOK_URL"]
    assert "SENTINEL_WORKSPACE_ID" not in two_tenants.environment
    assert two_tenants.alone("contoso")["SENTINEL_WORKSPACE_ID"] == two_tenants.tenants["contoso"].workspace.guid


def test_a_query_takes_its_time() -> None:
    """A query runs as long as its tenant's do; longer than the server's timeout, it is a 504."""
    with ManyTenants(NAMES, throttle=100) as many:
        quick, slow = many.tenants.values()
        quick.takes, slow.takes = lambda _: 20, lambda _: 181
        began = time.monotonic()
        assert query(many, quick, "print 1").status_code == 200
        assert time.monotonic() - began >= 0.2
        assert query(many, slow, "print 1").status_code == 504


def test_writes_are_counted_by_subscription() -> None:
    """A tenant whose bucket is empty is told to wait; the other one's writes pass."""
    with ManyTenants(NAMES, throttle=0.001) as many:
        first, other = many.tenants.values()
        place = "{}/providers/Microsoft.SecurityInsights/incidents/x?api-version=2025-09-01"
        request = Request("sentinel", "PUT", place.format(first.workspace.resource_id), {}, b"", 0.0)
        answers = [first.arm.handle(request).status for _ in range(201)]
        assert (answers.count(429), answers[-1]) == (1, 429)
        request = Request("sentinel", "PUT", place.format(other.workspace.resource_id), {}, b"", 0.0)
        assert other.arm.handle(request).status != 429


def test_five_queries_run_at_once() -> None:
    """Of ten queries five run, four wait their turn, and the tenth finds the queue full; all nine run in the end."""
    queue, ends, ran, refused = QueryQueue(at_once=5, waiting=4, seconds=60), threading.Event(), [], []

    def one() -> None:
        try:
            with queue.turn():
                ends.wait(10)
                ran.append(1)
        except Refused as refusal:
            refused.append(refusal.answer.status)

    threads = [threading.Thread(target=one) for _ in range(10)]
    for thread in threads:
        thread.start()
        time.sleep(0.01)
    ends.set()
    for thread in threads:
        thread.join()
    assert (len(ran), refused, queue.most, queue.refused) == (9, [429], 5, 1)


def test_who_waits_too_long_gets_a_429() -> None:
    """A query whose turn does not come in time is refused, and the next one is let in when the place is free."""
    queue = QueryQueue(speed=1000, at_once=1, seconds=100)
    with queue.turn(), pytest.raises(Refused), queue.turn():
        pass
    with queue.turn():
        assert queue.refused == 1
