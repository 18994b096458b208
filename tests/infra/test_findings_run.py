"""The deployed analytics rules at work on the small Azure: which rows of the findings table become alerts, and how."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cloud import Cloud, schemas
from tests.cloud.alerts import Alert
from tests.cloud.findings_uploaded import finding_row
from tests.cloud.rule_definitions import load_rules
from tests.infra.rule_template import TEMPLATE
from tests.infra.test_findings import COLUMNS
from tests.support.clock import FakeClock

KUSTO = {name: {"boolean": "bool"}.get(kind, kind) for name, kind in COLUMNS.items()}


class Watched:
    """A small Azure with the table and the rules of the deployment; it has run them once, and is a minute past it."""

    def __init__(self, cloud: Cloud, clock: FakeClock) -> None:
        self.cloud, self.clock = cloud, clock
        cloud.ingestion.deploy(KUSTO)
        cloud.ingestion.first_delay = cloud.ingestion.delay
        cloud.rules.install(*load_rules(TEMPLATE))
        self.pass_hours(0, minutes=6)

    def upload(self, finding: str, **row: Any) -> None:
        """Upload one row; what it does not give is as for any finding."""
        self.cloud.ingestion.accept([finding_row(finding, self.clock.now(), **row)])

    def pass_hours(self, hours: int, minutes: int = 0) -> None:
        """Let the time pass, and the rules run."""
        self.clock.advance(hours=hours, minutes=minutes)
        self.cloud.rules.catch_up()

    @property
    def alerts(self) -> list[Alert]:
        """The alerts that were made."""
        assert [run.failed for run in self.cloud.rules.runs if run.failed] == []
        return self.cloud.rules.alerts

    def made(self) -> list[tuple[str, str, str]]:
        """Of each alert the finding, the attempt and the severity, in order."""
        return sorted(
            (alert.details["FindingId"][0], alert.details["Attempt"][0], alert.severity) for alert in self.alerts
        )


@pytest.fixture
def watched(clock: FakeClock) -> Iterator[Watched]:
    """The rules, before any finding."""
    with Cloud(clock=clock.now) as cloud:
        yield Watched(cloud, clock)


def test_the_small_azure_has_the_deployed_table() -> None:
    """The columns that sweeps are tested with are those that the deployment makes."""
    assert dict(schemas.EMAIL_REMEDIATION_FINDINGS) == KUSTO


def test_a_finding_is_an_alert_once(watched: Watched) -> None:
    """A finding's row becomes one alert of its severity at the next run, and no other afterwards."""
    watched.upload("alice", severity="High")
    watched.upload("bob", severity="Medium")
    watched.pass_hours(1)
    assert watched.made() == [("alice", "1", "High"), ("bob", "1", "Medium")]
    watched.pass_hours(30)
    assert len(watched.alerts) == 2


def test_each_hour_is_looked_at_once(watched: Watched) -> None:
    """Whenever within the hour a row arrives, exactly one run finds it."""
    for number in range(12):
        watched.upload(f"f{number:02}")
        watched.pass_hours(0, minutes=11)
    watched.pass_hours(2)
    assert watched.made() == [(f"f{number:02}", "1", "High") for number in range(12)]


@pytest.mark.parametrize("minutes", [0, 5, 70, 60 * 24])
@pytest.mark.parametrize("severity", ["High", "Medium"])
def test_a_row_that_comes_twice_is_one_alert(watched: Watched, minutes: int, severity: str) -> None:
    """A repeated upload makes no second alert, also with another severity: the first row counts for both rules."""
    watched.upload("alice", severity="Medium")
    watched.pass_hours(0, minutes=minutes)
    watched.upload("alice", severity=severity, Sum_case=60)
    watched.pass_hours(3)
    assert watched.made() == [("alice", "1", "Medium")]


def test_the_next_attempt_is_an_alert_of_the_same_incident(watched: Watched) -> None:
    """A second attempt alerts again, and joins the incident that is open."""
    watched.upload("alice")
    watched.pass_hours(2)
    watched.upload("alice", attempt=2)
    watched.pass_hours(2)
    assert watched.made() == [("alice", "1", "High"), ("alice", "2", "High")]
    assert len(watched.cloud.incidents) == 1


@pytest.mark.parametrize("kind", ["growth", "messages", "", "Finding"])
def test_other_rows_are_passed_over(watched: Watched, kind: str) -> None:
    """Growth and the further parts of a list make no alert."""
    watched.upload("alice", Kind=kind)
    watched.pass_hours(2)
    assert watched.alerts == []


def test_the_words_and_details_are_the_rows(watched: Watched) -> None:
    """Title, description and custom details are those of the finding."""
    watched.upload("alice", Description="Seventeen messages.\n\nWhat to do next")
    watched.pass_hours(1)
    (alert,) = watched.alerts
    assert alert.name == "Unusual volume of remediated email: alice@contoso.com"
    assert alert.description == "Seventeen messages.\n\nWhat to do next"
    assert {key: list(values) for key, values in alert.details.items()} == {
        "FindingId": ["alice"],
        "Attempt": ["1"],
        "Recipient": ["alice@contoso.com"],
        "Episode": ["0"],
        "Sum_case": ["17"],
    }


@pytest.mark.parametrize("messages", [0, 1, 2, 3])
def test_the_entities_are_those_that_there_are(watched: Watched, messages: int) -> None:
    """The mailbox, the account, and a message for each that the row has: none without an id."""
    there = {
        f"{column}{place}": f"{column.lower()}-{place}" if place <= messages else ""
        for place in (1, 2, 3)
        for column in ("NetworkMessageId", "Sender", "Subject")
    }
    watched.upload("alice", **there)
    watched.pass_hours(1)
    (alert,) = watched.alerts
    kinds = [entity["Type"] for entity in alert.entities if any(key not in ("$id", "Type") for key in entity)]
    assert kinds == ["mailbox", "account"] + ["mailMessage"] * messages
