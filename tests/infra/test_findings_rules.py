"""`RAISE_BY=rule`, the analytics rules: what Azure takes, how they are followed, their query and the template."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid5

import pytest

from shared.incidents.text import title
from shared.model import RULE_ID
from tests.infra.bicep import INFRA, declarations
from tests.infra.rule_template import MODULE, TEMPLATE, analytics_rules, rule_template
from tests.infra.test_findings import COLUMNS, TABLE
from tests.support.kusto import parse

QUERY = (INFRA / "queries/rule-findings.kql").read_text(encoding="utf-8")
RULES = {item.body["properties"]["severity"]: item.body for item in analytics_rules()}
PAGE = (INFRA.parent / "docs/portals.md").read_text(encoding="utf-8")
DEPLOY = (INFRA.parent / "docs/deploy.md").read_text(encoding="utf-8")
ALERTS = {"TimeGenerated": "datetime", "SystemAlertId": "string", "AlertName": "string", "ExtendedProperties": "string"}
SEVERITIES = pytest.mark.parametrize("severity", ["High", "Medium"])
# Of Sentinel's entity types: the identifiers that name one entity for certain, and those that may go with them.
STRONG = {
    "Mailbox": ({"MailboxPrimaryAddress"}, {"Upn", "DisplayName"}),
    "Account": ({"Name", "UPNSuffix"}, {"DisplayName"}),
    "MailMessage": ({"NetworkMessageId", "Recipient"}, {"Sender", "SenderIP", "Subject", "InternetMessageId"}),
}


def rule_properties(severity: str) -> Mapping[str, Any]:
    """The properties of the rule of this severity."""
    found: Mapping[str, Any] = RULES[severity]["properties"]
    return found


@pytest.fixture(scope="module")
def bound() -> dict[str, dict[str, Any]]:
    """What Microsoft's binder says of each rule's query, and of two faulty ones, over the columns of the table."""
    queries = {severity: body["properties"]["query"] for severity, body in RULES.items()}
    queries["a column that is not there"] = queries["High"].replace("RecipientDomain", "RecipientHost")
    queries["a wrong type"] = queries["High"].replace("ago(1h)", "ago(FindingId)")
    kinds = {name: {"boolean": "bool"}.get(kind, kind) for name, kind in COLUMNS.items()}
    (queries["docs/portals.md"],) = re.findall(r"```kusto\n(.+?)```", PAGE, re.DOTALL)
    (answers,) = parse([({TABLE: kinds, "SecurityAlert": ALERTS}, list(queries.values()))])
    return dict(zip(queries, answers, strict=True))


# ---- the rules


def test_a_rule_for_each_severity() -> None:
    """There are two, alike but for their severity; neither takes it from a column, which would drop all overrides."""
    assert RULES.keys() == {"High", "Medium"}
    for severity in RULES:
        assert f"severity {severity}" in rule_properties(severity)["displayName"]
        assert "alertSeverityColumnName" not in rule_properties(severity)["alertDetailsOverride"]
    high = json.dumps(rule_properties("High"))
    assert high.replace('severity High"', 'severity Medium"').replace('"High"', '"Medium"').replace(
        '\\"High\\"', '\\"Medium\\"'
    ).replace("// High is", "// Medium is") == json.dumps(rule_properties("Medium"))


@SEVERITIES
def test_a_rule_stays_the_same_rule(severity: str) -> None:
    """Its name is fixed: deployed again, or imported by hand before, there is no second one."""
    assert RULES[severity]["name"] == str(uuid5(RULE_ID, f"email-remediation-sweep|{severity}"))
    assert RULES[severity]["kind"] == "Scheduled"


@SEVERITIES
def test_the_schedule_is_one_that_azure_takes(severity: str) -> None:
    """It runs hourly and looks back 14 days: the most there is, and beyond two days no shorter interval is taken."""
    rule = rule_properties(severity)
    assert (rule["queryFrequency"], rule["queryPeriod"]) == ("PT1H", "P14D")
    assert "FirstIn > ago(1h)" in rule["query"]
    assert (rule["triggerOperator"], rule["triggerThreshold"]) == ("GreaterThan", 0)
    assert (rule["enabled"], rule["suppressionEnabled"]) == (True, False)


@SEVERITIES
def test_an_incident_for_each_finding(severity: str) -> None:
    """Each row is an alert; alerts of one finding, and no others, share an incident for a week; none is reopened."""
    rule = rule_properties(severity)
    assert rule["description"].startswith("#DONT_CORR#")
    assert len(rule["description"]) <= 5000
    assert rule["eventGroupingSettings"] == {"aggregationKind": "AlertPerResult"}
    assert rule["incidentConfiguration"] == {
        "createIncident": True,
        "groupingConfiguration": {
            "enabled": True,
            "reopenClosedIncident": False,
            "lookbackDuration": "P7D",
            "matchingMethod": "Selected",
            "groupByEntities": [],
            "groupByAlertDetails": [],
            "groupByCustomDetails": ["FindingId"],
        },
    }
    assert (rule["tactics"], rule["techniques"]) == (["InitialAccess"], ["T1566"])


@SEVERITIES
def test_the_details_by_which_it_is_followed(severity: str) -> None:
    """Custom details: 20 at most, with keys that are taken, and those by which the sweep knows its findings."""
    details = rule_properties(severity)["customDetails"]
    assert set(details) == {"FindingId", "Attempt", "Recipient", "Episode", "Sum_case"}
    assert len(details) <= 20
    for key in details:
        assert re.fullmatch(r"[a-zA-Z]+\w*", key)
        assert len(key) <= 20
    # The longest values there are: a GUID, an address of 320 characters, three numbers.
    assert sum(map(len, details)) + 36 + 320 + 3 * 10 <= 2048


@SEVERITIES
def test_the_words_of_an_alert(severity: str) -> None:
    """The formats of title and description are short enough, with at most three columns each."""
    override = rule_properties(severity)["alertDetailsOverride"]
    assert override.keys() == {"alertDisplayNameFormat", "alertDescriptionFormat"}
    for name, most in (("alertDisplayNameFormat", 256), ("alertDescriptionFormat", 5 * 1024)):
        assert 0 < len(override[name].encode()) <= most
        assert 1 <= len(re.findall(r"{{\w+}}", override[name])) <= 3


@SEVERITIES
def test_who_and_what_is_in_an_incident(severity: str) -> None:
    """Five entities, each named for certain: the mailbox, the account, the three newest messages."""
    mappings = rule_properties(severity)["entityMappings"]
    assert [mapping["entityType"] for mapping in mappings] == ["Mailbox", "Account"] + ["MailMessage"] * 3
    assert len(mappings) <= 5
    for mapping in mappings:
        named = [field["identifier"] for field in mapping["fieldMappings"]]
        strong, others = STRONG[mapping["entityType"]]
        assert strong <= set(named) <= strong | others
        assert len(named) == len(set(named)) <= 3
    for place, mapping in enumerate(mappings[2:], 1):
        assert {field["columnName"] for field in mapping["fieldMappings"]} == {
            f"NetworkMessageId{place}",
            f"Recipient{place}",
            f"Sender{place}",
        }


@pytest.mark.parametrize("name", ["alarm-unattended", "workbook-open", "workbook-open-by-age"])
def test_their_incidents_are_watched(name: str) -> None:
    """The queries over our incidents know those that the rules made, by the rules' names and by their title."""
    query = (INFRA / f"queries/{name}.kql").read_text(encoding="utf-8")
    watched = re.findall(r'RelatedAnalyticRuleIds\) contains "([^"]+)"', query)
    assert sorted(watched) == sorted(body["name"] for body in RULES.values())
    (begin,) = re.findall(r'Title startswith "([^"]+)"', query)
    for severity in RULES:
        assert (
            rule_properties(severity)["alertDetailsOverride"]["alertDisplayNameFormat"] == f"{begin}{{{{Recipient}}}}"
        )
    assert title("a@contoso.com") == f"{begin}a@contoso.com"


# ---- their query


def columns_used(rule: Mapping[str, Any]) -> Iterator[str]:
    """The columns that a rule takes from the rows of its query."""
    yield from rule["customDetails"].values()
    for mapping in rule["entityMappings"]:
        yield from (field["columnName"] for field in mapping["fieldMappings"])
    for text in rule["alertDetailsOverride"].values():
        yield from re.findall(r"{{(\w+)}}", text)


def test_the_query_is_the_one_of_the_repository() -> None:
    """Each rule's query is infra/queries/rule-findings.kql with its severity filled in, short enough for a rule."""
    assert QUERY.count('"{severity}"') == 1
    for severity in RULES:
        query = rule_properties(severity)["query"]
        assert query == QUERY.replace("{severity}", severity)
        assert len(query) <= 10_000
        assert not re.search(r"\b(?:search|union)\s+\*", query)
        assert "{" not in query


def test_microsofts_binder_has_nothing_to_say(bound: dict[str, dict[str, Any]]) -> None:
    """Microsoft's own parser and binder accept both queries over the table's columns, and find a planted fault."""
    assert [bound[severity]["diagnostics"] for severity in RULES] == [[], []]
    for fault in ("a column that is not there", "a wrong type"):
        assert bound[fault]["diagnostics"], fault


@SEVERITIES
def test_the_query_gives_what_the_rule_takes(severity: str, bound: dict[str, dict[str, Any]]) -> None:
    """Each column that a rule names is in its answer, with TimeGenerated, and no list of all messages is."""
    columns = bound[severity]["columns"]
    assert set(columns_used(rule_properties(severity))) | {"TimeGenerated"} <= columns.keys()
    assert {"MessageHashes", "NewestMessages"}.isdisjoint(columns)
    assert "dynamic" not in columns.values()


def test_the_query_of_the_page_is_bound(bound: dict[str, dict[str, Any]]) -> None:
    """The query with which docs/portals.md has rows and alerts compared is one that the workspace takes."""
    assert bound["docs/portals.md"]["diagnostics"] == []
    assert {"Uploaded", "Alerted", "Recipient"} <= bound["docs/portals.md"]["columns"].keys()


def test_the_pages_name_the_rules() -> None:
    """docs/portals.md calls the rules by their names; docs/deploy.md deletes these and the table, at known versions."""
    high, medium = (rule_properties(severity)["displayName"] for severity in ("High", "Medium"))
    assert f"*{high}* and *… Medium*" in " ".join(PAGE.split())
    assert medium == high.replace("High", "Medium")
    removed = set(re.findall(r"alertRules/([0-9a-f-]{36})\?api-version=([\d-]+)", DEPLOY))
    detail = declarations(MODULE, "resource")
    assert removed == {(body["name"], detail["rules"].detail.split("@")[1]) for body in RULES.values()}
    assert f"/tables/{TABLE}?api-version={detail['findings'].detail.split('@')[1]}" in DEPLOY


# ---- by hand


def test_the_template_is_up_to_date() -> None:
    """infra/findings-rule.json is as `make findings-rule` writes it now."""
    assert TEMPLATE.read_text(encoding="utf-8") == rule_template(), (
        "infra/findings-rule.json is out of date: run make findings-rule"
    )


def test_the_template_makes_the_same_rules() -> None:
    """It holds both rules in the form in which Sentinel exports them, and needs the workspace's name only."""
    content = json.loads(TEMPLATE.read_text(encoding="utf-8"))
    assert content["parameters"] == {"workspace": {"type": "String"}}
    assert [item["properties"] for item in content["resources"]] == [body["properties"] for body in RULES.values()]
    for item, body in zip(content["resources"], RULES.values(), strict=True):
        assert item["type"] == "Microsoft.OperationalInsights/workspaces/providers/alertRules"
        assert item["kind"] == body["kind"]
        assert item["name"].endswith(f"'/Microsoft.SecurityInsights/{body['name']}')]")
        assert item["id"].endswith(f"'/alertRules/{body['name']}')]")


def test_nothing_in_the_template_is_read_as_an_expression() -> None:
    """Azure evaluates a text that begins with a bracket: none but the names' does."""
    content = json.loads(TEMPLATE.read_text(encoding="utf-8"))
    for item in content["resources"]:
        assert not re.search(r'"\[', json.dumps(item["properties"]))
