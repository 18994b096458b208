"""The small Azure's analytics rules: when they run, which alerts they make, and which incidents come of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from tests.cloud import WORKSPACE_ID, Cloud
from tests.cloud.analytics_rules import Sees
from tests.cloud.findings_rules import findings_rules
from tests.cloud.findings_uploaded import finding_row
from tests.cloud.kql.errors import KqlError
from tests.support.caller import Caller
from tests.support.clock import FakeClock


class Road:
    """A small Azure with the rule for High, at 06:00; rows are readable after three minutes, runs are at 5 past."""

    def __init__(self, clock: FakeClock, cloud: Cloud, caller: Caller) -> None:
        self.clock, self.cloud, self.caller, self.rules = clock, cloud, caller, cloud.rules
        cloud.ingestion.first_delay = cloud.ingestion.delay

    def deploy(self, rules: int = 1, **properties: Any) -> None:
        """The table and the rule (of 2: the one for Medium as well), so changed; the first run is over."""
        self.cloud.deploy_findings(*findings_rules(**properties)[:rules])
        self.clock.advance(minutes=6)
        self.rules.catch_up()

    def upload(self, *findings: str, attempt: int = 1, **more: Any) -> None:
        """Upload a row for each."""
        self.cloud.ingestion.accept([finding_row(each, self.clock.now(), attempt, **more) for each in findings])

    def incidents(self) -> list[tuple[str, str, int]]:
        """Title, status and number of alerts of each incident, as made."""
        found = [each["properties"] for each in self.cloud.incidents.values()]
        return [(p["title"].rpartition(": ")[2], p["status"], p["additionalData"]["alertsCount"]) for p in found]

    def names(self) -> list[str]:
        """The incidents' names, as made."""
        return [each["name"] for each in self.cloud.incidents.values()]

    def ran(self) -> list[str]:
        """When runs took place that asked the engine for the High rule."""
        self.rules.catch_up()
        high = self.rules.runs[0].rule if self.rules.runs else ""
        return [f"{run.at:%d %H:%M}" for run in self.rules.runs if run.rule == high]


@pytest.fixture
def road(clock: FakeClock) -> Iterator[Road]:
    """A small Azure without rules yet."""
    with Cloud(clock=clock.now) as cloud, Caller(cloud) as caller:
        yield Road(clock, cloud, caller)


ALICE = ("alice@contoso.com", "New", 1)


def test_a_row_becomes_an_alert_and_an_incident(road: Road) -> None:
    """The run five minutes past the hour finds it; name, description, severity and details are the row's and rule's."""
    road.deploy()
    road.upload("alice")
    road.clock.advance(minutes=58)
    assert road.cloud.incidents == {}
    road.clock.advance(minutes=1)
    (name,) = road.names()
    resource = road.caller.arm("GET", f"/{name}").json()
    properties = resource["properties"]
    assert properties["title"] == "Unusual volume of remediated email: alice@contoso.com"
    assert properties["description"] == "About alice."
    assert (properties["severity"], properties["status"], properties["labels"]) == ("High", "New", [])
    assert (properties["providerName"], properties["incidentNumber"]) == ("Azure Sentinel", 1)
    assert properties["createdTimeUtc"] == "2026-11-24T07:05:00Z"
    (rule,) = properties["relatedAnalyticRuleIds"]
    assert rule.startswith(resource["id"].rpartition("/incidents/")[0] + "/alertRules/")
    assert properties["additionalData"]["tactics"] == ["InitialAccess"]
    listed = road.caller.arm("GET").json()["value"]
    assert [each["name"] for each in listed] == [name]


def test_the_incident_is_read_commented_and_escalated_as_any_other(road: Road) -> None:
    """A PUT with its etag keeps its rule and its alerts; comments count."""
    road.deploy(2)
    road.upload("alice", severity="Medium")
    road.clock.advance(hours=1)
    (name,) = road.names()
    message = {"properties": {"message": "more"}}
    assert road.caller.arm("PUT", f"/{name}/comments/c1", json=message).status_code == 201
    before = road.caller.arm("GET", f"/{name}").json()
    body = {**before, "properties": {**before["properties"], "severity": "High"}}
    after = road.caller.arm("PUT", f"/{name}", json=body)
    assert after.status_code == 200
    properties = after.json()["properties"]
    assert (properties["severity"], properties["additionalData"]["commentsCount"]) == ("High", 1)
    assert properties["relatedAnalyticRuleIds"] == before["properties"]["relatedAnalyticRuleIds"]
    road.clock.advance(minutes=5)
    (shown,) = road.caller.rows(
        "SecurityIncident | summarize arg_max(TimeGenerated, *) by IncidentName"
        " | mv-expand AlertId = AlertIds to typeof(string) | project Severity, AlertId"
    )
    assert shown == ["High", road.rules.alerts[0].id]


def test_the_tables_show_it_some_minutes_later(road: Road) -> None:
    """SecurityAlert after three minutes, SecurityIncident after five; the alert's id joins them."""
    road.deploy()
    road.upload("alice")
    road.clock.advance(minutes=61.9)
    assert road.caller.rows("SecurityAlert") == []
    road.clock.advance(minutes=0.1)
    (row,) = road.caller.rows("SecurityAlert | project SystemAlertId, AlertName, AlertSeverity, AlertType, Tactics")
    alert = row[0]
    assert row[1:4] == [
        "Unusual volume of remediated email: alice@contoso.com",
        "High",
        f"{WORKSPACE_ID}_{road.rules.runs[0].rule}",
    ]
    assert road.caller.rows("SecurityIncident") == []
    road.clock.advance(minutes=2)
    shown = road.caller.rows("SecurityIncident | project IncidentName, ProviderName, AlertIds, RelatedAnalyticRuleIds")
    assert shown == [[road.names()[0], "Azure Sentinel", json.dumps([alert]), json.dumps([road.rules.runs[0].rule])]]


@pytest.mark.parametrize("as_object", [False, True])
def test_custom_details_and_entities_are_json(road: Road, as_object: bool) -> None:
    """The details are a text in a text (or, switched, an object in it); entities without identifiers are left out."""
    road.rules.details_as_object = as_object
    road.deploy()
    road.upload("alice", RecipientName="", RecipientDomain="", Sender1="")
    road.clock.advance(hours=1.2)
    ((extended, entities),) = road.caller.rows("SecurityAlert | project ExtendedProperties, Entities")
    details = json.loads(extended)["Custom Details"]
    assert isinstance(details, dict) is as_object
    expected = {
        "FindingId": "alice",
        "Attempt": "1",
        "Recipient": "alice@contoso.com",
        "Episode": "0",
        "Sum_case": "17",
    }
    found = details if as_object else json.loads(details)
    assert found == {key: [value] for key, value in expected.items()}
    assert json.loads(entities) == [
        {"$id": "3", "MailboxPrimaryAddress": "alice@contoso.com", "Type": "mailbox"},
        {"$id": "4", "NetworkMessageId": "n-alice", "Recipient": "alice@contoso.com", "Type": "mailMessage"},
    ]
    part = 'parse_json(tostring(parse_json(ExtendedProperties)["Custom Details"]))'
    assert road.caller.rows(f"SecurityAlert | project tostring({part}.FindingId[0])") == [["alice"]]


def test_a_rule_fires_once_for_each_attempt(road: Road) -> None:
    """A row that came twice is one alert; a further attempt is one more, in the open incident; other kinds are none."""
    road.deploy()
    road.upload("alice", "alice")
    road.clock.advance(hours=1)
    road.upload("alice")
    road.upload("alice", Kind="growth")
    road.upload("bob", Kind="messages")
    road.clock.advance(hours=1)
    assert road.incidents() == [ALICE]
    road.upload("alice", attempt=2)
    road.clock.advance(hours=1)
    assert road.incidents() == [("alice@contoso.com", "New", 2)]
    assert [alert.details["Attempt"] for alert in road.rules.alerts] == [["1"], ["2"]]


def test_a_closed_incident_stays_closed(road: Road) -> None:
    """A new alert of its finding makes a new incident; so it does when the incident is deleted."""
    road.deploy()
    for attempt, status in enumerate(("Closed", "deleted"), 1):
        road.upload("alice", attempt=attempt)
        road.clock.advance(hours=1)
        name = road.names()[-1]
        if status == "Closed":
            road.cloud.analyst.close_in_defender(name, "False positive")
        else:
            road.cloud.analyst.delete(name)
    road.upload("alice", attempt=3)
    road.clock.advance(hours=1)
    assert road.incidents() == [("alice@contoso.com", "Closed", 1), ALICE]


@pytest.mark.parametrize("act", ["close", "reopen", "delete", "comment"])
def test_what_is_due_happens_before_an_analyst_acts(road: Road, act: str) -> None:
    """A run that was due before the analyst acts finds the incident as it was before."""
    road.deploy()
    road.upload("alice")
    road.clock.advance(hours=1)
    (name,) = road.names()
    if act == "reopen":
        road.cloud.analyst.close(name)
    road.upload("alice", attempt=2)
    road.clock.advance(hours=1)
    more = ["seen"] if act == "comment" else []
    getattr(road.cloud.analyst, act)(name, *more)
    expected = {
        "close": [("alice@contoso.com", "Closed", 2)],
        "reopen": [("alice@contoso.com", "Active", 1), ALICE],
        "delete": [],
        "comment": [("alice@contoso.com", "New", 2)],
    }
    assert road.incidents() == expected[act]
    times = [f"{change.time:%H:%M}" for change in road.cloud.store.history]
    assert times[-2:] == (["07:05", "08:05"] if act == "delete" else ["08:05", "08:06"])  # a deletion is no change


@pytest.mark.parametrize(("onboarded", "expected"), [(False, "Active"), (True, "Closed")])
def test_reopening_is_for_workspaces_outside_defender(road: Road, onboarded: bool, expected: str) -> None:
    """With reopenClosedIncident a new alert reopens the incident, without its classification; not once onboarded."""
    configuration = findings_rules()[0]["incidentConfiguration"]
    configuration["groupingConfiguration"]["reopenClosedIncident"] = True
    road.deploy(incidentConfiguration=configuration)
    road.rules.incidents.onboarded = onboarded
    road.upload("alice")
    road.clock.advance(hours=1)
    road.cloud.analyst.close(road.names()[0])
    road.upload("alice", attempt=2)
    road.clock.advance(hours=1)
    assert road.incidents()[0][1] == expected
    assert len(road.incidents()) == (2 if onboarded else 1)
    first = next(iter(road.cloud.incidents.values()))["properties"]
    assert ("classification" in first) is onboarded


@pytest.mark.parametrize(("since", "incidents"), [("first", 2), ("last", 1)])
def test_the_look_back_ends(road: Road, since: Any, incidents: int) -> None:
    """Seven days after the first alert of an incident (or, switched, after its last) an alert makes a new one."""
    road.rules.incidents.lookback_since = since
    road.deploy()
    for attempt in (1, 2, 3):
        road.upload("alice", attempt=attempt)
        road.clock.advance(days=3.6)
    assert [alerts for _, _, alerts in road.incidents()] == ([2, 1] if incidents == 2 else [3])


def test_alerts_are_grouped_by_the_finding_alone(road: Road) -> None:
    """Another finding, or the other rule, is another incident; without grouping each alert is."""
    road.deploy(2)
    road.upload("alice", "bob", Recipient="same@contoso.com")
    road.upload("alice", attempt=2, severity="Medium")
    road.clock.advance(hours=1)
    assert [alerts for _, _, alerts in road.incidents()] == [1, 1, 1]
    severities = sorted(each["properties"]["severity"] for each in road.cloud.incidents.values())
    assert severities == ["High", "High", "Medium"]


@pytest.mark.parametrize(
    ("properties", "alerts"),
    [({"incidentConfiguration": {"createIncident": False}}, 1), ({"enabled": False}, 0)],
)
def test_a_rule_that_makes_no_incidents(road: Road, properties: dict[str, Any], alerts: int) -> None:
    """With createIncident off there are alerts and no incident; a disabled rule makes nothing."""
    road.deploy(**properties)
    road.upload("alice")
    road.clock.advance(hours=2)
    assert road.incidents() == []
    assert len(road.rules.alerts) == alerts


def test_a_rule_that_is_off_for_a_week_does_not_catch_up(road: Road) -> None:
    """What came in meanwhile is not new any more when it is on again; what comes then is."""
    road.deploy(2)
    road.rules.switch(False)
    road.upload("alice")
    road.clock.advance(days=7)
    road.rules.switch(True, "Unusual volume of remediated email (High)")
    road.clock.advance(days=1)
    assert road.incidents() == []
    road.upload("alice", attempt=2)
    road.upload("bob", severity="Medium")
    road.clock.advance(hours=1)
    assert road.incidents() == [ALICE]
    with pytest.raises(LookupError, match="there is no rule 'Other'"):
        road.rules.switch(True, "Other")


def test_a_late_run_sees_what_is_new_by_then(road: Road) -> None:
    """Run 20 minutes late, it finds what the hour before it brought; the rest of its own hour is lost to it."""
    road.deploy()
    road.rules.late(20)
    road.upload("alice")  # readable at 06:09
    road.clock.advance(minutes=30)
    road.upload("bob")
    road.clock.advance(hours=2)
    assert road.ran() == ["24 07:25"]
    assert [title for title, _, _ in road.incidents()] == ["bob@contoso.com"]


def test_a_skipped_run_loses_its_hour(road: Road) -> None:
    """What one run was to find is not found by the next."""
    road.deploy()
    road.rules.skip(2)
    road.upload("alice")
    road.clock.advance(hours=2)
    road.upload("bob")
    road.clock.advance(hours=2)
    assert [title for title, _, _ in road.incidents()] == ["bob@contoso.com"]


def test_a_run_that_takes_place_twice_makes_two_alerts_in_one_incident(road: Road) -> None:
    """The second finds the same rows."""
    road.deploy()
    road.rules.twice(1)
    road.upload("alice")
    road.clock.advance(hours=2)
    assert road.incidents() == [("alice@contoso.com", "New", 2)]


def test_a_row_that_is_ingested_late_is_found_when_it_is_there(road: Road) -> None:
    """What counts is when it was ingested, not when it was generated; beyond the period it is not found."""
    road.deploy()
    road.cloud.ingestion.first_delay = timedelta(hours=30)
    road.upload("alice")
    road.cloud.ingestion.delay = timedelta(days=15)
    road.upload("bob")
    road.clock.advance(hours=30)
    assert road.incidents() == []
    road.clock.advance(days=20)
    assert road.incidents() == [ALICE]
    assert f"{road.rules.alerts[0].made:%d %H:%M}" == "25 13:05"


@pytest.mark.parametrize(
    ("sees", "generated", "found"),
    [("gapless", 59, 1), ("gapless", 61, 1), ("overlap", 59, 2), ("overlap", 61, 1), ("gap", 59, 1), ("gap", 61, 0)],
)
def test_what_comes_in_within_the_built_in_delay(road: Road, sees: Sees, generated: float, found: int) -> None:
    """A row that is ingested between schedule and run is found by one run, by two, or by none: all may be true."""
    road.rules.sees = sees
    road.deploy()
    road.clock.advance(minutes=generated - 6)
    road.upload("alice")  # readable three minutes later, at 07:02 or 07:04
    road.clock.advance(hours=3)
    assert road.incidents() == [("alice@contoso.com", "New", found)][: bool(found)]


def test_a_merged_incident_is_redirected(road: Road) -> None:
    """It is closed with the tag Redirected and no classification; the other one gets its alerts, or does not."""
    road.deploy()
    road.upload("alice", "bob", "carol")
    road.clock.advance(hours=1)
    one, two, three = road.names()
    road.rules.merge(one, two)
    road.rules.merge(three, two, alerts=False)
    closed = road.cloud.incidents[one]["properties"]
    assert (closed["status"], closed.get("classification")) == ("Closed", None)
    assert [label["labelName"] for label in closed["labels"]] == ["Redirected"]
    assert [alerts for _, _, alerts in road.incidents()] == [1, 2, 1]
    road.rules.merge(two, three, keeps=False)
    assert [alerts for _, _, alerts in road.incidents()] == [1, 0, 3]
    road.upload("alice", attempt=2)
    road.clock.advance(hours=1)
    assert road.incidents()[-1] == ALICE
    road.clock.advance(minutes=5)
    last = "SecurityIncident | summarize arg_max(TimeGenerated, *) by IncidentName | where IncidentName"
    ((alerts, labels),) = road.caller.rows(f"{last} == '{one}' | project array_length(AlertIds), tostring(Labels)")
    assert (alerts, json.loads(labels)[0]["labelName"]) == (1, "Redirected")


def test_defenders_verdicts_are_shown_in_sentinels_words(road: Road) -> None:
    """True positive, false positive, benign and not set have their counterparts."""
    road.deploy()
    road.upload("a", "b", "c", "d")
    road.clock.advance(hours=1)
    verdicts = ("True positive", "False positive", "Informational, expected activity", "Not set")
    for name, verdict in zip(road.names(), verdicts, strict=True):
        road.cloud.analyst.close_in_defender(name, verdict, "said")
    found = [each["properties"] for each in road.cloud.incidents.values()]
    assert [(each["classification"], each.get("classificationReason")) for each in found] == [
        ("TruePositive", "SuspiciousActivity"),
        ("FalsePositive", "InaccurateData"),
        ("BenignPositive", "SuspiciousButExpected"),
        ("Undetermined", None),
    ]
    assert {each["status"] for each in found} == {"Closed"}


def test_an_onboarded_workspace_has_incidents_of_defender(road: Road) -> None:
    """They may be readable over ARM some minutes after the alert only, and nobody can touch them before."""
    road.deploy()
    road.rules.incidents.onboarded = True
    road.rules.incidents.delay = timedelta(minutes=10)
    road.upload("alice")
    road.clock.advance(hours=1)
    (name,) = road.names()
    assert road.caller.arm("GET", f"/{name}").status_code == 404
    assert road.caller.arm("GET").json()["value"] == []
    road.clock.advance(minutes=9)
    properties = road.caller.arm("GET", f"/{name}").json()["properties"]
    assert (properties["providerName"], properties["createdTimeUtc"]) == ("Microsoft XDR", "2026-11-24T07:05:00Z")
    assert properties["additionalData"]["providerIncidentUrl"].startswith("https://security.microsoft.com/incident2/")
    assert [each["name"] for each in road.caller.arm("GET").json()["value"]] == [name]
    assert road.caller.put("mine").json()["properties"]["providerName"] == "Azure Sentinel"


def test_leaving_out_idle_runs_changes_nothing(road: Road) -> None:
    """The same rows at the same times make the same alerts, whether or not runs without news are left out."""
    found = []
    for skips in (True, False):
        road.rules.remove_all()
        road.rules.alerts.clear()
        road.rules.skips_idle = skips
        road.deploy(queryPeriod="PT6H")
        began = road.clock.now()
        for place, minutes in enumerate((1, 55, 3, 62, 119)):
            road.upload(f"{skips}{place % 3}", attempt=place)
            road.clock.advance(minutes=minutes)
        road.rules.late(10)
        road.upload(f"{skips}late")
        road.clock.advance(hours=3)
        road.rules.catch_up()
        found.append([(alert.name.replace(str(skips), ""), alert.made - began) for alert in road.rules.alerts])
        found[-1].sort()
        road.clock.advance(hours=24 - (road.clock.now() - began).total_seconds() / 3600 % 24)
    assert found[0] == found[1]
    assert len(found[0]) == 5  # the late run loses one


def test_runs_take_place_once_whoever_lets_them(road: Road) -> None:
    """Many requests at once after a leap of the clock let each run take place once."""
    road.deploy()
    road.upload("alice", "bob")
    road.clock.advance(hours=30)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: len(road.caller.arm("GET").json()["value"]), range(16)))
    assert answers == [2] * 16
    assert len(road.rules.alerts) == 2


def test_a_failing_query_makes_nothing_and_is_noted(road: Road) -> None:
    """A query that is not understood is refused when the rule is installed; a table that is gone fails the run."""
    with pytest.raises(KqlError, match="EmailRemediationFindings_CL"):
        road.rules.install(*findings_rules())
    road.deploy()
    road.upload("alice")
    road.rules.skips_idle = False
    road.cloud.remove("EmailRemediationFindings_CL")
    road.clock.advance(hours=1)
    assert road.incidents() == []
    assert "could not be found" in road.rules.runs[-1].failed


def test_what_was_kept_can_be_tried_again(road: Road) -> None:
    """Rules, alerts and groups are as they were, and SecurityAlert tells all alerts again."""
    road.deploy()
    road.upload("alice")
    road.clock.advance(hours=1)
    road.rules.catch_up()
    kept = road.rules.kept()
    road.upload("bob")
    road.clock.advance(hours=1)
    assert len(road.incidents()) == 2
    road.rules.restore(kept)
    road.cloud.load("SecurityAlert", [])
    road.clock.advance(minutes=5)
    assert [row[0] for row in road.caller.rows("SecurityAlert | project AlertName")] == [
        "Unusual volume of remediated email: alice@contoso.com",
        "Unusual volume of remediated email: bob@contoso.com",
    ]
    road.upload("alice", attempt=2)
    road.clock.advance(hours=1)
    assert road.incidents()[0] == ("alice@contoso.com", "New", 2)
