"""The list of incidents: read to its end, which it must have, and never away from the service."""

from __future__ import annotations

import json

import pytest

from shared.errors import PartialData, Unavailable
from shared.incidents.arm import MOST_PAGES
from tests.cloud import Fault
from tests.cloud.faults import Wire
from tests.cloud.wire import Request
from tests.support.clients import Clients, incident_body


def endless(azure: Clients, *, seconds: float = 0.0) -> None:
    """Every page of the list names another one, and takes so long by the clock."""
    fault = Fault(service="sentinel", status=200, times=None)

    def number(_: Request) -> None:
        azure.clock.advance(seconds=seconds)
        fault.body = {"value": [], "nextLink": f"{azure.settings.arm}/page?number={fault.hits}"}

    fault.then = number
    azure.cloud.faults.add(fault)


def test_a_list_without_an_end_is_given_up(azure: Clients) -> None:
    """A nextLink that is always a new one ends in an error that says so, after a fixed number of pages."""
    endless(azure)
    with pytest.raises(PartialData, match=f"goes on after {MOST_PAGES} pages"):
        list(azure.sentinel.changed(None))
    assert len(azure.sent("sentinel")) == MOST_PAGES


def test_a_list_ends_with_the_budget(azure: Clients) -> None:
    """A list whose pages are slow is given up when the sweep's time is."""
    azure.http.deadline = lambda: 60.0
    endless(azure, seconds=7)
    with pytest.raises(Unavailable, match="SWEEP_BUDGET_SECONDS"):
        list(azure.sentinel.changed(None))
    assert len(azure.sent("sentinel")) == 9


def test_a_list_of_many_pages_is_read_whole(azure: Clients) -> None:
    """Pages that hold nothing, or only what is known already, are followed like any other."""
    azure.cloud.store.put("00000000-0000-0000-0000-000000000001", json.loads(incident_body()))
    whole = azure.settings.arm + azure.settings.sentinel_workspace_resource_id
    last = f"{whole}/providers/Microsoft.SecurityInsights/incidents?api-version=2025-09-01"
    links = [f"{azure.settings.arm}/page?number={number}" for number in range(20)] + [last]
    for link in links:
        azure.cloud.faults.add(Fault(service="sentinel", status=200, body={"value": [], "nextLink": link}))
    assert len(list(azure.sentinel.changed(None))) == 1
    assert len(azure.sent("sentinel")) == 22


@pytest.mark.parametrize(
    "link",
    [
        "{host}.elsewhere.example/x",
        "{host}@elsewhere.example/x",
        "https://user@127.0.0.1:{port}/x",
        "https://elsewhere.example\\@127.0.0.1:{port}/x",
        "https://127.0.0.1:1{port}/x",
        "https://127.0.0.1:99999/x",
        "https://[127.0.0.1/x",
        "http://127.0.0.1:{port}/x",
        "https:///x",
        {"href": "x"},
    ],
)
def test_a_list_is_not_followed_to_what_looks_like_the_service(azure: Clients, link: object) -> None:
    """The token goes to the very host and port of ARM, however a link is spelt."""
    port = azure.settings.arm.rsplit(":", 1)[1]
    if isinstance(link, str):
        link = link.format(host=azure.settings.arm, port=port)
    azure.cloud.faults.add(Fault(service="sentinel", status=200, body={"value": [], "nextLink": link}))
    with pytest.raises(PartialData, match="another address"):
        list(azure.sentinel.changed(None))
    assert len(azure.sent("sentinel")) == 1


def test_a_link_may_spell_the_service_in_another_way(azure: Clients) -> None:
    """An address in capitals is the same one."""
    link = azure.settings.arm.replace("https", "HTTPS") + "/page?number=2"
    azure.cloud.faults.add(
        Fault(service="sentinel", status=200, body={"value": [], "nextLink": link}),
        Fault(service="sentinel", status=200, body={"value": []}),
    )
    assert list(azure.sentinel.changed(None)) == []
    assert len(azure.sent("sentinel")) == 2


def test_a_list_that_breaks_off_is_no_list(azure: Clients) -> None:
    """A page that arrives by half is asked for again, and else an error: nothing is concluded from the first one."""
    link = f"{azure.settings.arm}/page?number=2"
    azure.cloud.faults.add(
        Fault(service="sentinel", status=200, body={"value": [], "nextLink": link}),
        Fault(service="sentinel", status=200, body={"value": []}, wire=Wire.TRUNCATE, times=None),
    )
    with pytest.raises(Unavailable):
        list(azure.sentinel.changed(None))
