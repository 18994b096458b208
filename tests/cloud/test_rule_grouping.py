"""Which alerts of a rule share an incident: the grouping, on a store of incidents alone, without the engine."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.cloud import WORKSPACE_ID, WORKSPACE_RESOURCE_ID
from tests.cloud.alerts import Values
from tests.cloud.analytics_rules import AnalyticsRules, as_texts
from tests.cloud.findings_rules import findings_rules
from tests.cloud.findings_uploaded import finding_row
from tests.cloud.incidents import Incidents
from tests.cloud.tables import Tables
from tests.support.clock import START


def test_a_function_may_stand_for_the_engine() -> None:
    """Rules run on a store of incidents alone, with whatever answers their query."""
    now = START
    store = Incidents("/base", "https://portal.azure.com", lambda: now, "nobody")
    asked = []

    def ask(query: str, at: datetime, window: tuple[datetime, datetime], seen: datetime) -> list[Values]:
        assert 'Severity == "High"' in query
        asked.append((at, window, seen))
        return as_texts([finding_row("alice", at, attempt=len(asked))])

    rules = AnalyticsRules(Tables(), store, WORKSPACE_RESOURCE_ID, WORKSPACE_ID, ask)
    rules.install(findings_rules()[0])
    now += timedelta(hours=2, minutes=5)
    rules.catch_up()
    times = [START + timedelta(hours=hours, minutes=5) for hours in (0, 1, 2)]
    assert asked == [(time, (time - timedelta(days=14), time), time) for time in times]
    (incident,) = store.stored.values()
    assert incident["properties"]["additionalData"]["alertsCount"] == 3
    assert [alert.details["Attempt"] for alert in rules.alerts] == [["1"], ["2"], ["3"]]


def runs_without_engine(
    rows: Callable[[int], dict[str, Any]], runs: int, **properties: Any
) -> tuple[AnalyticsRules, Incidents]:
    """A rule without an engine, after so many runs; `rows` says which row each finds."""
    hours = itertools.count()
    store = Incidents("/base", "https://portal.azure.com", lambda: START + timedelta(hours=runs), "nobody")
    rules = AnalyticsRules(
        Tables(), store, WORKSPACE_RESOURCE_ID, WORKSPACE_ID, lambda *_: as_texts([rows(next(hours))])
    )
    rules.install(findings_rules(**properties)[0], start=START)
    rules.catch_up()
    return rules, store


def test_an_incident_takes_150_alerts() -> None:
    """The next one makes a new incident."""
    _, store = runs_without_engine(lambda run: finding_row("alice", START, attempt=run), 151)
    assert [len(alerts) for alerts in store.alerts.values()] == [150, 1]


@pytest.mark.parametrize(
    ("grouping", "alerts"),
    [
        ({"groupByCustomDetails": ["Recipient"]}, [2, 1]),
        ({"groupByCustomDetails": ["Recipient", "Attempt"]}, [1, 1, 1]),
        ({"groupByCustomDetails": [], "groupByAlertDetails": ["DisplayName"]}, [2, 1]),
        ({"groupByCustomDetails": [], "groupByAlertDetails": ["Severity"]}, [3]),
        ({"groupByCustomDetails": [], "groupByEntities": ["Mailbox"]}, [2, 1]),
        ({"groupByCustomDetails": [], "groupByEntities": []}, [1, 1, 1]),
        ({"matchingMethod": "AnyAlert"}, [3]),
        ({"matchingMethod": "AllEntities"}, [1, 1, 1]),
        ({"enabled": False}, [1, 1, 1]),
    ],
)
def test_what_alerts_of_an_incident_have_in_common(grouping: dict[str, Any], alerts: list[int]) -> None:
    """The values that the grouping names: all of them, and each present."""

    def row(run: int) -> dict[str, Any]:
        who = "bob" if run == 1 else "alice"
        return finding_row(f"f{run}", START, attempt=run, Recipient=f"{who}@contoso.com")

    configuration = findings_rules()[0]["incidentConfiguration"]
    configuration["groupingConfiguration"].update(grouping)
    _, store = runs_without_engine(row, 3, incidentConfiguration=configuration)
    assert [len(found) for found in store.alerts.values()] == alerts


def test_alerts_without_the_value_share_no_incident() -> None:
    """A custom detail that is missing is nothing in common."""
    _, store = runs_without_engine(lambda run: finding_row("", START, attempt=run), 2)
    assert [len(found) for found in store.alerts.values()] == [1, 1]
