"""The alerts: their KQL, word for word as it is deployed, over what real sweeps log and the workspace remembers."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from shared.hunt.hunt import TITLE
from shared.model import LABEL
from tests.cloud.mail import Mail
from tests.cloud.mirror import SECURITY_INCIDENT
from tests.infra.bicep import INFRA, deployed, outputs, parameters
from tests.infra.rule_template import RULE_NAMES
from tests.infra.sweeps_logged import SCENES, logged_before, logged_in, skipped
from tests.infra.telemetry import APP_TRACES, Row, ask, fires, range_of, rules, trace, workspace
from tests.infra.test_bicep import GIVEN, WORKSPACE
from tests.support.clock import START
from tests.support.kusto import parse
from tests.support.tenant import Tenant

RULES = rules(GIVEN)
ABSENCE, TROUBLE, DRY_RUNS, UNATTENDED = "sweep-absence", "sweep-trouble", "sweep-dry-runs", "sweep-unattended"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TABLES = {"AppTraces": APP_TRACES, "SecurityIncident": SECURITY_INCIDENT}


def fired(*rows: Row, **given: Any) -> set[str]:
    """The alerts about the app that fire an hour after START, over these lines."""
    with workspace(rows) as tables:
        alerts = rules({**GIVEN, **given})
        return {name for name in (ABSENCE, TROUBLE, DRY_RUNS) if fires(alerts[name], tables, START + HOUR)}


def test_there_are_four() -> None:
    """There is an alert for absence, for trouble, for dry runs and for unattended incidents."""
    assert RULES.keys() == {ABSENCE, TROUBLE, DRY_RUNS, UNATTENDED}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("quiet", set()),
        ("flagged", set()),
        ("failing", {TROUBLE, ABSENCE}),
        ("untrusted", {TROUBLE, ABSENCE}),
        ("due", {TROUBLE, ABSENCE}),
        ("dry run", {DRY_RUNS, ABSENCE}),
        ("invalid", {TROUBLE, ABSENCE}),
    ],
)
def test_the_last_sweep_alone(name: str, expected: set[str]) -> None:
    """A tenant in which this has been the only sweep: who is quiet is left in peace, who is in trouble is not."""
    assert fired(*logged_before(name, timedelta())) == expected


@pytest.mark.parametrize("name", ["failing", "untrusted", "due", "invalid"])
def test_trouble_after_a_good_day(name: str) -> None:
    """Trouble is told although the sweep of the day before ended well; absence is not, as one is no gap yet."""
    assert fired(*logged_before("quiet", timedelta(hours=24)), *logged_before(name, timedelta())) == {TROUBLE}


def test_a_dead_app() -> None:
    """An app that logs nothing more is told, whether it never did or stopped, and that nothing is in the table."""
    assert fired() == {ABSENCE}
    assert fired(*logged_before("flagged", timedelta(hours=25, minutes=30))) == {ABSENCE}
    assert fired(*logged_before("quiet", timedelta(days=40))) == {ABSENCE}


def test_a_slow_day_is_no_absence() -> None:
    """A sweep that ends up to two hours later than the day before is not missed."""
    assert fired(*logged_before("quiet", timedelta(hours=24, minutes=59))) == set()


def test_the_window_follows_its_parameter() -> None:
    """absenceHours is how long a gap may be, up to what Azure Monitor looks back."""
    late = logged_before("quiet", timedelta(hours=9))
    assert fired(*late, absenceHours=8) == {ABSENCE}
    assert fired(*late, absenceHours=12) == set()
    assert fired(*logged_before("quiet", timedelta(hours=45)), absenceHours=47) == set()


def test_leaving_to_another_sweep_is_neither() -> None:
    """A sweep that found another at work counts neither as one that ended well nor as trouble."""
    assert fired(skipped(timedelta())) == {ABSENCE}
    assert fired(skipped(timedelta()), *logged_before("quiet", HOUR)) == set()


def test_a_dry_run_beside_real_sweeps() -> None:
    """A dry run is not told while real sweeps go on."""
    assert fired(*logged_before("dry run", HOUR), *logged_before("flagged", timedelta(hours=2))) == set()


def test_a_sweep_that_mends_itself_is_still_told() -> None:
    """Trouble of the last day is told once even when the next attempt ended well; yesterday's is not."""
    assert fired(*logged_before("due", HOUR), *logged_before("flagged", timedelta())) == {TROUBLE}
    assert (
        fired(*logged_before("due", timedelta(hours=23, minutes=30)), *logged_before("flagged", timedelta())) == set()
    )


def test_other_lines_are_not_receipts() -> None:
    """What others log, and what merely quotes a receipt, is not taken for one."""
    line = logged_in("quiet").rows[-1]["Message"]
    assert fired(trace(START, f"echo {line}"), trace(START, "sweeping the floor"), trace(START, "")) == {ABSENCE}
    quoted = json.dumps({"notes": ['"verdict": "clean", "dry_run": false'], "verdict": "failed", "due": 0})
    assert fired(trace(START, f"sweep_failed {quoted}")) == {ABSENCE, TROUBLE}


@pytest.mark.parametrize(
    ("name", "trouble", "reason"),
    [
        ("failing", "it failed", "log_analytics_forbidden"),
        ("untrusted", "its data cannot be trusted", "coverage_empty"),
        ("due", "it left findings due", "sentinel_unavailable"),
        ("invalid", "its settings are invalid", "LOOKBACK_DAYS"),
    ],
)
def test_the_mail_says_which(name: str, trouble: str, reason: str) -> None:
    """The trouble is the dimension that the e-mail names, and the row behind it carries the receipt's reasons."""
    (criterion,) = RULES[TROUBLE].body["properties"]["criteria"]["allOf"]
    assert criterion["dimensions"] == [{"name": "Trouble", "operator": "Include", "values": ["*"]}]
    with workspace(logged_before(name, timedelta())) as tables:
        (row,) = ask(criterion["query"], tables, START + HOUR)
    assert row["Trouble"] == trouble
    assert reason in row["Reasons"]
    receipt = logged_in(name).receipt
    assert (row["RunId"] or "") == (receipt.run_id if receipt else "")


# ---- unattended incidents: the workspace's own record of incidents


def raised(place: Tenant) -> str:
    """A High incident raised by a real sweep; its id."""
    place.cloud.load("EmailEvents", [dict(row) for row in flagged_rows()])
    assert place.sweep().receipt.created == 1
    (incident,) = place.cloud.incidents
    assert place.cloud.incidents[incident]["properties"]["severity"] == "High"
    return incident


def flagged_rows() -> Sequence[Row]:
    """A month of mail in which one recipient exceeds the threshold for High."""
    mail = Mail(START)
    mail.remediated("finance@contoso.com", 60)
    return mail.events


def unattended(place: Tenant) -> bool:
    """Whether the alert fires now."""
    return fires(RULES[UNATTENDED], place.cloud.tables, place.clock.now())


def test_a_high_incident_left_alone(tenant: Tenant) -> None:
    """A High incident that is New and unowned is told after a day, and no more once the look-back has passed it."""
    raised(tenant)
    seen = []
    for _ in range(5):
        seen.append(unattended(tenant))
        tenant.clock.advance(hours=12, minutes=1)
    assert seen == [False, False, True, True, False]


@pytest.mark.parametrize("attention", ["assign", "close", "set_severity"])
def test_a_high_incident_that_is_attended(tenant: Tenant, attention: str) -> None:
    """An incident that somebody took, closed or lowered is not told."""
    incident = raised(tenant)
    tenant.clock.advance(hours=30)
    assert unattended(tenant)
    analyst = tenant.cloud.analyst
    if attention == "assign":
        analyst.assign(incident, status="New")
    elif attention == "close":
        analyst.close(incident, "TruePositive")
    else:
        analyst.set_severity(incident, "Low")
    assert not unattended(tenant)


def test_a_change_keeps_it_in_sight(tenant: Tenant) -> None:
    """An old incident that still waits is told again when something is added to it."""
    incident = raised(tenant)
    tenant.clock.advance(days=6)
    assert not unattended(tenant)
    tenant.cloud.analyst.edit(incident, description="Seen, nobody free.")
    assert unattended(tenant)


def test_others_incidents_are_not_ours(tenant: Tenant) -> None:
    """A High, New, unowned incident without our label is somebody else's."""
    tenant.cloud.define("SecurityIncident", SECURITY_INCIDENT)
    old = {
        "TimeGenerated": START,
        "CreatedTime": START,
        "IncidentName": "1",
        "Title": "Other",
        "Severity": "High",
        "Status": "New",
        "Owner": {"objectId": None, "email": None, "assignedTo": None, "userPrincipalName": None},
        "Labels": [{"labelName": f"not-{LABEL}", "labelType": "User"}],
    }
    tenant.cloud.load("SecurityIncident", [old])
    tenant.clock.advance(hours=30)
    assert not unattended(tenant)
    tenant.cloud.load("SecurityIncident", [{**old, "Labels": [{"labelName": LABEL, "labelType": "User"}]}])
    assert unattended(tenant)


@pytest.mark.parametrize(
    ("made", "ours"),
    [
        ({"RelatedAnalyticRuleIds": [RULE_NAMES["High"]]}, True),
        ({"RelatedAnalyticRuleIds": ["another", RULE_NAMES["Medium"]]}, True),
        ({"RelatedAnalyticRuleIds": [], "Title": f"{TITLE}: a@contoso.com involving one user"}, True),
        ({"RelatedAnalyticRuleIds": ["another"], "Title": "Another rule's"}, False),
        ({"Title": f"Not an {TITLE.lower()}: a@contoso.com"}, False),
    ],
)
def test_incidents_that_a_rule_made_are_ours(tenant: Tenant, made: dict[str, Any], ours: bool) -> None:
    """An incident that an analytics rule made of a finding has no label of ours: its rule or its title tells."""
    tenant.cloud.define("SecurityIncident", SECURITY_INCIDENT)
    incident = {"TimeGenerated": START, "CreatedTime": START, "IncidentName": "1", "Labels": [], "Title": "Multi-stage"}
    tenant.cloud.load("SecurityIncident", [{**incident, "Severity": "High", "Status": "New", **made}])
    tenant.clock.advance(hours=30)
    assert unattended(tenant) == ours


# ---- the rules themselves


@pytest.mark.parametrize("name", RULES)
def test_a_rule_tells_everybody_every_day(name: str) -> None:
    """Each rule is asked hourly, repeats daily while it holds, reaches the action group, and has a runbook."""
    properties = RULES[name].body["properties"]
    assert properties["enabled"] is True
    assert properties["evaluationFrequency"] == "PT1H"
    assert (properties["autoMitigate"], properties["muteActionsDuration"]) == (False, "P1D")
    assert properties["actions"] == {"actionGroups": ["<onCall.id>"]}
    named = re.search(r'docs/operate\.md, "([^"]+)"', properties["description"])
    assert named
    assert f"\n## {named[1]}\n" in (INFRA.parent / "docs/operate.md").read_text(encoding="utf-8")


def test_everybody_named_gets_mail() -> None:
    """Each address of alertEmails is told."""
    (group,) = (item for item in deployed(GIVEN) if item.type == "Microsoft.Insights/actionGroups")
    mails = [receiver["emailAddress"] for receiver in group.body["properties"]["emailReceivers"]]
    assert mails == ["soc@example.com", "oncall@example.com"]


@pytest.mark.parametrize("name", RULES)
def test_a_rule_looks_back_far_enough(name: str) -> None:
    """The range is overridden to cover what the query asks for: P1D, the window's, would cut 26 hours."""
    properties = RULES[name].body["properties"]
    (criterion,) = properties["criteria"]["allOf"]
    units = {"h": HOUR, "d": DAY}
    asked = re.findall(r"ago\((\d+)([hd])\)", criterion["query"])
    longest = max(int(number) * units[unit] for number, unit in asked)
    assert longest <= range_of(RULES[name]) == 2 * DAY
    widest = parameters()["absenceHours"].maximum
    assert widest is not None
    assert timedelta(hours=widest) < range_of(RULES[name])


@pytest.mark.parametrize("hours", [2, 26, 47])
@pytest.mark.parametrize("name", RULES)
def test_azure_monitor_takes_the_query(name: str, hours: int) -> None:
    """ago() has a literal, there is no let, nothing is left to be filled in."""
    (criterion,) = rules({**GIVEN, "absenceHours": hours})[name].body["properties"]["criteria"]["allOf"]
    assert unfit(criterion["query"]) == []


def unfit(query: str) -> list[str]:
    """What of a query Azure Monitor does not take, or the deployment did not fill in."""
    code = re.sub(r"//[^\n]*", "", query)
    times = re.findall(r"\b(?:ago|now)\(([^)]*)\)", code)
    unfilled = re.findall(r"\{\w+\}", query)
    return [time for time in times if not re.fullmatch(r"\d+[smhd]", time)] + re.findall(r"\blet\b", code) + unfilled


@pytest.mark.parametrize(
    "query",
    [
        "let Allowed = 26h;\nT | where TimeGenerated > ago(Allowed)",
        "T | where TimeGenerated > ago({hours}h)",
        "let Since = ago(2d);\nT | where TimeGenerated > Since",
        "let Span = timespan(26:00:00);\nT",
        "T | where TimeGenerated > ago(2 * 1d)",
        "T | where TimeGenerated > now(-1d)",
    ],
)
def test_what_azure_monitor_does_not_take_is_seen(query: str) -> None:
    """A let around a time, an ago() of a name or a sum, a place that was not filled in."""
    assert unfit(query)


def test_queries_are_checked_when_they_are_deployed() -> None:
    """Azure checks each query; not where the table may not exist yet, which the app's first incident may make."""
    skipped_for = {name for name, rule in RULES.items() if rule.body["properties"]["skipQueryValidation"]}
    assert skipped_for == {UNATTENDED}


def test_no_absence_alarm_where_none_can_be() -> None:
    """With absenceHours 0 and allowNoAlarm it is not made, and the deployment says so; dry runs are still told."""
    given = {**GIVEN, "absenceHours": 0, "allowNoAlarm": True}
    assert rules(given).keys() == {TROUBLE, DRY_RUNS, UNATTENDED}
    assert "No e-mail comes when sweeps stop" in outputs(given)["NOT_WATCHED"]
    assert "ago(47h)" in rules(given)[DRY_RUNS].body["properties"]["criteria"]["allOf"][0]["query"]
    assert rules({**GIVEN, "allowNoAlarm": True}).keys() == RULES.keys()
    assert outputs({**GIVEN, "allowNoAlarm": True})["NOT_WATCHED"] == ""


def test_a_workspace_that_may_not_be_read() -> None:
    """With watchSentinel false nothing reads the workspace or is scoped on it, and the deployment says so."""
    given = {**GIVEN, "watchSentinel": False, "sentinelLocation": "northeurope", "sentinelAccess": "none"}
    assert rules(given).keys() == {ABSENCE, TROUBLE, DRY_RUNS}
    assert "nobody takes a High incident" in outputs(given)["NOT_WATCHED"]
    for item in deployed(given):
        assert WORKSPACE not in json.dumps({key: item.body.get(key) for key in ("scope", "sourceId")})
        assert WORKSPACE not in item.body.get("properties", {}).get("scopes", [])
        assert item.body.get("properties", {}).get("sourceId") != WORKSPACE
        assert "sentinelWorkspace" not in json.dumps(item.body), item.symbol


def test_each_rule_asks_where_its_table_is() -> None:
    """Receipts are asked of the app's own workspace, incidents of the Sentinel workspace, in its own region."""
    for given, region in (("", "<sentinelWorkspace.outputs.location>"), ("northeurope", "northeurope")):
        alerts = rules({**GIVEN, "sentinelLocation": given})
        assert alerts[UNATTENDED].body["location"] == region
    for name, rule in alerts.items():
        ours = name != UNATTENDED
        assert rule.body["properties"]["scopes"] == ["<monitoring.outputs.workspaceId>" if ours else WORKSPACE]
        assert ours == (rule.body["location"] == "westeurope")
        assert ("AppTraces" if ours else "SecurityIncident") in rule.body["properties"]["criteria"]["allOf"][0]["query"]


def test_microsofts_parser_has_nothing_to_say() -> None:
    """Microsoft's own parser and binder accept every alert's KQL, and see the columns that the rule reads."""
    criteria = [rule.body["properties"]["criteria"]["allOf"][0] for rule in RULES.values()]
    (answers,) = parse([(TABLES, [each["query"] for each in criteria])])
    for criterion, answer in zip(criteria, answers, strict=True):
        assert answer["diagnostics"] == []
        named = [dimension["name"] for dimension in criterion["dimensions"]]
        assert {*named, criterion.get("metricMeasureColumn", next(iter(answer["columns"])))} <= answer["columns"].keys()


def test_the_severities() -> None:
    """Nobody watching and nobody looking are worse than one sweep in trouble."""
    assert {name: rule.body["properties"]["severity"] for name, rule in RULES.items()} == {
        ABSENCE: 1,
        TROUBLE: 2,
        DRY_RUNS: 2,
        UNATTENDED: 1,
    }


# ---- the fields


def test_every_scene_leaves_one_line() -> None:
    """Each sweep says how it ended in exactly one line that begins with its event."""
    events = {name: logged_in(name).rows[-1]["Message"].split(" ")[0] for name in SCENES}
    assert events == {
        "quiet": "sweep_completed",
        "flagged": "sweep_completed",
        "failing": "sweep_failed",
        "untrusted": "sweep_completed",
        "due": "sweep_incomplete",
        "dry run": "sweep_planned",
        "invalid": "settings_invalid",
    }
    for name in SCENES:
        lines = [row for row in logged_in(name).rows if re.match("sweep_|settings_", row["Message"])]
        assert len(lines) == 1, name
