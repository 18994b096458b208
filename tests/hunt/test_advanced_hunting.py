"""The hunt over Microsoft Graph: its shapes, its limits, its refusals."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors import Forbidden, PartialData, Service, SweepError
from shared.query.refusal import TableMissing
from tests.cloud import Fault
from tests.cloud.mail import sample
from tests.support.clients import WINDOW, Clients
from tests.support.clock import START


@pytest.fixture(scope="module")
def azure(azure: Clients) -> Clients:
    """A small Azure with the sample tenant's mail."""
    azure.cloud.load("EmailEvents", sample(START).events)
    return azure


def test_advanced_hunting_speaks_both_casings(azure: Clients) -> None:
    """Graph's documentation spells its keys in two ways; both are read."""
    found = []
    for casing in ("camel", "pascal"):
        azure.cloud.graph.casing = casing
        found.append([finding.recipient for finding in azure.hunt(hunt_source="defender").findings(WINDOW)])
    azure.cloud.graph.casing = "camel"
    assert found[0] == found[1]
    assert found[0]


def test_advanced_hunting_splits_at_its_own_limit(azure: Clients) -> None:
    """Graph gives 100,000 rows at most; a result that reaches its limit is asked for in parts."""
    azure.cloud.limits.graph_rows = 6
    try:
        hunter = azure.hunt(hunt_source="defender")
        found = [finding.recipient for finding in hunter.findings(WINDOW)]
    finally:
        azure.cloud.limits.graph_rows = 100_000
    assert len(found) > 6
    assert hunter.notes[0].startswith("the hunt was too large for one query")


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ({"status": 403}, Forbidden, r"ThreatHunting\.Read\.All"),
        ({"status": 200, "body": {"value": []}}, PartialData, "an unexpected response to the query"),
        (
            {"status": 200, "body": {"schema": [{"name": "x"}], "results": []}},
            PartialData,
            "an unexpected response to the query",
        ),
        ({"status": 200, "body": {"schema": [], "results": [5]}}, PartialData, "an unexpected response to the query"),
        ({"status": 200, "body": {"schema": [], "results": []}}, PartialData, "a column RecipientEmailAddress missing"),
        ({"status": 200, "body": b"<html>"}, PartialData, "proxy"),
        (
            {
                "status": 400,
                "body": {
                    "error": {
                        "code": "BadRequest",
                        "message": "'where' operator: Failed to resolve table or column expression named 'EmailEvents'."
                        " Fix semantic errors in your query.",
                    }
                },
            },
            TableMissing,
            "Defender for Office 365 Plan 2",
        ),
    ],
)
def test_advanced_hunting_failures_say_what_to_do(
    azure: Clients, fault: dict[str, Any], error: type[SweepError], words: str
) -> None:
    """What goes wrong at Graph is told as clearly."""
    azure.cloud.faults.add(Fault(service="graph", times=None, **fault))
    with pytest.raises(error, match=words) as caught:
        azure.hunt(hunt_source="defender").findings(WINDOW)
    assert caught.value.service is Service.GRAPH
