"""The hunt over Microsoft Graph: its shapes, its limits, its refusals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from shared.errors import Forbidden, PartialData, Service, SweepError
from shared.query.refusal import TableMissing
from tests.cloud import Fault
from tests.cloud.tenant import sample
from tests.hunting import NOW, WINDOW, Ground, hunting_ground


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    """One small Azure with the sample tenant."""
    with hunting_ground(events=sample(NOW).events) as made:
        yield made


@pytest.fixture(autouse=True)
def no_faults(ground: Ground) -> Iterator[None]:
    """A test's faults end with it."""
    yield
    ground.cloud.faults.clear()


def test_advanced_hunting_speaks_both_casings(ground: Ground) -> None:
    """Graph's documentation spells its keys in two ways; both are read."""
    found = []
    for casing in ("camel", "pascal"):
        ground.cloud.graph.casing = casing
        found.append([finding.recipient for finding in ground.hunt(hunt_source="defender").findings(WINDOW)])
    ground.cloud.graph.casing = "camel"
    assert found[0] == found[1]
    assert found[0]


def test_advanced_hunting_splits_at_its_own_limit(ground: Ground) -> None:
    """Graph gives 100,000 rows at most; a result that reaches its limit is asked for in parts."""
    ground.cloud.limits.graph_rows = 6
    try:
        hunter = ground.hunt(hunt_source="defender")
        found = [finding.recipient for finding in hunter.findings(WINDOW)]
    finally:
        ground.cloud.limits.graph_rows = 100_000
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
    ground: Ground, fault: dict[str, Any], error: type[SweepError], words: str
) -> None:
    """What goes wrong at Graph is told as clearly."""
    ground.cloud.faults.add(Fault(service="graph", times=None, **fault))
    with pytest.raises(error, match=words) as caught:
        ground.hunt(hunt_source="defender").findings(WINDOW)
    assert caught.value.service is Service.GRAPH
