"""The limits of a rule's alerts: how many, which names, how many details and entities."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.cloud import WORKSPACE_ID, WORKSPACE_RESOURCE_ID, Cloud
from tests.cloud.alerts import Alert, RunOfRule, Values, alert_row
from tests.cloud.findings_rules import findings_rules
from tests.cloud.findings_uploaded import finding_row
from tests.cloud.rule_definitions import rule_of
from tests.support.clock import FakeClock

NOW = datetime(2026, 11, 24, 7, 5, tzinfo=UTC)


def rows_of_findings(count: int, **more: Any) -> list[Values]:
    """The rows of so many findings, as a query's result has them."""
    rows = [finding_row(f"f{place}", NOW, **more) for place in range(count)]
    return [{name: str(value) for name, value in row.items()} for row in rows]


def alerts_of(rows: Sequence[Values], **properties: Any) -> list[Alert]:
    """What a rule, changed in these properties, makes of rows."""
    run = RunOfRule(rule_of(findings_rules(**properties)[0]), NOW, (NOW - timedelta(days=14), NOW))
    return run.alerts(rows, (f"a{place}" for place in range(1000)))


def test_a_run_makes_150_alerts_and_the_last_is_about_all() -> None:
    """Of 150 rows each is an alert; of 151 there are 149 and one about all of them."""
    assert [alert.rows for alert in alerts_of(rows_of_findings(150))] == [1] * 150
    made = alerts_of(rows_of_findings(151))
    assert [alert.rows for alert in made] == [*[1] * 149, 151]
    assert made[148].details["FindingId"] == ["f148"]
    assert made[149].details["FindingId"][:2] == ["f0", "f1"]
    assert len(made[149].details["FindingId"]) == 50


def test_more_than_50_overridden_values_drop_all_overrides() -> None:
    """Of 50 rows each alert has its own name and text; of 51 none has, and all have the rule's."""
    kept = alerts_of(rows_of_findings(50))
    assert {alert.name for alert in kept} == {
        f"Unusual volume of remediated email: f{place}@contoso.com" for place in range(50)
    }
    assert kept[49].description == "About f49."
    dropped = alerts_of(rows_of_findings(51))
    assert {alert.name for alert in dropped} == {"Unusual volume of remediated email (High)"}
    assert {alert.description[:11] for alert in dropped} == {"#DONT_CORR#"}
    assert [alert.details["FindingId"] for alert in dropped] == [[f"f{place}"] for place in range(51)]


def test_an_overridden_text_is_cut_or_left() -> None:
    """256 bytes of a name and 5 KB of a description; a row without the value has the rule's own."""
    (long,) = alerts_of(rows_of_findings(1, Recipient="ä" * 200, Description="ä" * 3_000))
    assert long.name == "Unusual volume of remediated email: " + "ä" * 110
    assert long.description == "ä" * 2_560
    (empty,) = alerts_of(rows_of_findings(1, Recipient="", Description=""))
    assert empty.name == "Unusual volume of remediated email (High)"
    assert empty.description.startswith("#DONT_CORR#")


def test_an_incident_takes_what_fits_of_an_alert(clock: FakeClock) -> None:
    """Its title has 150 characters at most, its description 5,000, so that it can be written back."""
    with Cloud(clock=clock.now) as cloud:
        cloud.deploy_findings(*findings_rules())
        cloud.ingestion.accept([finding_row("f", clock.now(), Recipient="a" * 250, Description="b" * 5_100)])
        clock.advance(hours=2)
        (incident,) = cloud.incidents.values()
        assert incident["properties"]["title"] == "Unusual volume of remediated email: " + "a" * 114
        assert incident["properties"]["description"] == "b" * 5_000


def test_custom_details_have_50_values_and_2_kb() -> None:
    """A key that no longer fits is left out, and so is one without a value; later ones that fit are kept."""
    (alert,) = alerts_of(rows_of_findings(1, Recipient="r" * 2_000, Sum_case=""))
    assert alert.details == {"FindingId": ["f0"], "Attempt": ["1"], "Episode": ["0"]}
    fixed = len('{"FindingId":["f0"],"Attempt":["1"],"Recipient":[""]}')
    (full,) = alerts_of(rows_of_findings(1, Recipient="r" * (2_048 - fixed)))
    assert list(full.details) == ["FindingId", "Attempt", "Recipient"]
    (over,) = alerts_of(rows_of_findings(1, Recipient="r" * (2_049 - fixed)))
    assert list(over.details) == ["FindingId", "Attempt", "Episode", "Sum_case"]


def test_a_single_alert_is_about_all_rows() -> None:
    """Each different value once, each entity once."""
    rows = rows_of_findings(3, Attempt=1) + rows_of_findings(3)
    (alert,) = alerts_of(rows, eventGroupingSettings={"aggregationKind": "SingleAlert"})
    assert (alert.rows, alert.details["Attempt"], alert.details["FindingId"]) == (6, ["1"], ["f0", "f1", "f2"])
    assert len(alert.entities) == 9
    assert alerts_of([], eventGroupingSettings={"aggregationKind": "SingleAlert"})[0].rows == 0


def test_entities_have_64_kb() -> None:
    """Those that would make the list longer are left out."""
    (alert,) = alerts_of(
        rows_of_findings(200, Sender1="s" * 1_000),
        eventGroupingSettings={"aggregationKind": "SingleAlert"},
        customDetails={"FindingId": "FindingId"},
    )
    text = alert_row(alert, WORKSPACE_RESOURCE_ID, WORKSPACE_ID)["Entities"]
    assert 64_000 < len(text.encode()) <= 65_536
    assert len({json.dumps({**each, "$id": ""}) for each in json.loads(text)}) == len(alert.entities)


def test_a_severity_may_come_from_a_column() -> None:
    """One of the four; any other word leaves the rule's own."""
    override = {"alertSeverityColumnName": "Reason"}
    made = alerts_of(
        [*rows_of_findings(1, Reason="Low"), *rows_of_findings(1, Reason="Awful")], alertDetailsOverride=override
    )
    assert [alert.severity for alert in made] == ["Low", "High"]


@pytest.mark.parametrize(
    ("operator", "threshold", "fires"),
    [
        ("GreaterThan", 2, [3, 4]),
        ("LessThan", 2, [0, 1]),
        ("Equal", 2, [2]),
        ("NotEqual", 2, [0, 1, 3, 4]),
    ],
)
def test_the_trigger_counts_rows(operator: str, threshold: int, fires: list[int]) -> None:
    """A run with so many rows makes alerts."""
    rule = rule_of(findings_rules(triggerOperator=operator, triggerThreshold=threshold)[0])
    assert [rows for rows in range(5) if rule.fires(rows)] == fires


def test_a_suppressed_rule_rests_after_an_alert(clock: FakeClock) -> None:
    """For the suppression's duration it does not run."""
    with Cloud(clock=clock.now) as cloud:
        cloud.deploy_findings(*findings_rules(suppressionEnabled=True, suppressionDuration="PT3H"))
        for place in range(6):
            cloud.ingestion.accept([finding_row(f"f{place}", clock.now())])
            clock.advance(hours=1)
        cloud.rules.catch_up()
        assert sorted({f"{alert.made:%H:%M}" for alert in cloud.rules.alerts}) == ["07:05", "10:05"]
