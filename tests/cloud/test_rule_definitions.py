"""Analytics rules as they are defined: out of ARM templates and files, and what Sentinel would refuse of them."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cloud.findings_rules import QUERY, findings_rules
from tests.cloud.rule_definitions import load_rules, rule_of, rules_of

GROUPING = findings_rules()[0]["incidentConfiguration"]["groupingConfiguration"]


def with_grouping(**more: Any) -> dict[str, Any]:
    """An incident configuration with these values in its grouping."""
    return {"createIncident": True, "groupingConfiguration": {**GROUPING, **more}}


def entity_mapping(kind: str, *identifiers: str) -> dict[str, Any]:
    """An entity mapping."""
    fields = [{"identifier": identifier, "columnName": "Recipient"} for identifier in identifiers]
    return {"entityType": kind, "fieldMappings": fields}


REFUSED: dict[str, dict[str, Any]] = {
    "severity 'high'": {"severity": "high"},
    "a query of 10001 characters": {"query": "x" * 10_001},
    "union *": {"query": "union *"},
    "triggerOperator 'More'": {"triggerOperator": "More"},
    "5 minutes to 14 days": {"queryPeriod": "P15D"},
    "shorter than queryFrequency": {"queryPeriod": "PT30M"},
    "an hour and more": {"queryFrequency": "PT30M"},
    "21 custom details": {"customDetails": {f"k{chr(97 + place)}": "Attempt" for place in range(21)}},
    "the custom detail '1st'": {"customDetails": {"1st": "Attempt"}, "incidentConfiguration": {"createIncident": True}},
    "the custom detail 'aaaaaaaaaaaaaaaaaaaaa'": {"customDetails": {"a" * 21: "Attempt", "FindingId": "FindingId"}},
    "none of the custom details": {"customDetails": {"Attempt": "Attempt"}},
    "more than 256 bytes": {"alertDetailsOverride": {"alertDisplayNameFormat": "ä" * 129}},
    "more than 5120 bytes": {"alertDetailsOverride": {"alertDescriptionFormat": "x" * 5_121}},
    "more than 3 columns": {"alertDetailsOverride": {"alertDisplayNameFormat": "{{a}}{{b}}{{c}}{{d}}"}},
    "alertTacticsColumnName is not understood": {"alertDetailsOverride": {"alertTacticsColumnName": "x"}},
    "11 entity mappings": {"entityMappings": [entity_mapping("Mailbox", "Upn")] * 11},
    "4 identifiers": {"entityMappings": [entity_mapping("MailMessage", "Recipient", "Sender", "Subject", "SenderIP")]},
    "the identifier 'Address' of Mailbox": {"entityMappings": [entity_mapping("Mailbox", "Address")]},
    "the entity 'Mail'": {"entityMappings": [entity_mapping("Mail", "Upn")]},
    "a lookbackDuration": {"incidentConfiguration": with_grouping(lookbackDuration="P8D")},
    "matchingMethod 'Some'": {"incidentConfiguration": with_grouping(matchingMethod="Some")},
    "aggregationKind: PerRow": {"eventGroupingSettings": {"aggregationKind": "PerRow"}},
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_sentinel_would_refuse_is_refused(message: str) -> None:
    """The message names what is wrong."""
    with pytest.raises(ValueError, match="Sentinel would refuse") as refusal:
        rule_of(findings_rules(**REFUSED[message])[0])
    assert message in str(refusal.value)


@pytest.mark.parametrize("name", ["displayName", "enabled", "suppressionDuration", "suppressionEnabled", "severity"])
def test_what_is_required_must_be_there(name: str) -> None:
    """A definition without it is refused by name."""
    given = findings_rules()[0]
    del given[name]
    with pytest.raises(ValueError, match=f"'{name}' is required"):
        rule_of(given)


def test_the_edges_of_the_limits_are_taken() -> None:
    """Just as much as is allowed."""
    details = {f"k{chr(97 + place)}": "Attempt" for place in range(19)} | {"FindingId": "FindingId"}
    override = {"alertDisplayNameFormat": "{{a}}{{b}}{{c}}" + "x" * 241, "alertDescriptionFormat": "x" * 5_120}
    entities = [entity_mapping("Mailbox", "Upn", "DisplayName", "MailboxPrimaryAddress")] * 10
    rule = rule_of(
        findings_rules(
            customDetails=details, alertDetailsOverride=override, entityMappings=entities, query="x" * 10_000
        )[0]
    )
    assert (len(rule.details), len(rule.entities), rule.grouping.lookback) == (20, 10, timedelta(days=7))


@pytest.mark.parametrize(
    ("query", "reach"),
    [
        (QUERY, timedelta(hours=1)),
        ("T | where ingestion_time() > ago(90m) and TimeGenerated > ago( 2d )", timedelta(days=2)),
        ("T | where TimeGenerated > ago(1h)", None),
        ("T | where ingestion_time() > ago(1h + 5m)", None),
        ("T | where ingestion_time() > now(-1h)", None),
    ],
)
def test_how_far_back_a_query_asks_is_known_of_simple_ones(query: str, reach: timedelta | None) -> None:
    """Only of a query that goes by ingestion_time() and names each span as one number."""
    assert rule_of(findings_rules(query)[0]).reach == reach


RULE = {
    **findings_rules()[0],
    "query": "[format('T | where Severity == \"{0}\"', variables('severities')[copyIndex()])]",
}
TEMPLATE: dict[str, Any] = {
    "parameters": {"table": {"type": "string", "defaultValue": "T"}},
    "variables": {"severities": ["High", "Medium"], "name": "[concat('of ', parameters('table'))]", "empty": []},
    "resources": [
        {"type": "Microsoft.Insights/dataCollectionRules", "properties": {"kind": "Direct"}},
        {
            "copy": {"name": "rules", "count": "[length(variables('severities'))]"},
            "type": "Microsoft.SecurityInsights/alertRules",
            "name": "[guid(resourceGroup().id, 'x')]",
            "properties": {
                **RULE,
                "severity": "[variables('severities')[copyIndex()]]",
                "displayName": "[format('{0}: {1}', variables('name'), variables('severities')[copyIndex()])]",
                "description": "[[not an expression]",
                "techniques": "[createArray('T1566')]",
                "enabled": "[not(false())]",
            },
        },
    ],
}


def test_rules_come_out_of_a_template() -> None:
    """Loops are written out, simple expressions worked out; one that is not understood stays as it is."""
    first, second = rules_of(TEMPLATE)
    assert [each["severity"] for each in (first, second)] == ["High", "Medium"]
    assert second["displayName"] == "of T: Medium"
    assert second["query"] == 'T | where Severity == "Medium"'
    assert (first["description"], first["techniques"]) == ("[not an expression]", ["T1566"])
    assert first["enabled"] == "[not(false())]"


def test_rules_come_out_of_a_module_and_of_an_export() -> None:
    """A nested deployment is given its parameters; an export names the rules' type under the workspace."""
    nested = {"properties": {"parameters": {"table": {"value": "U"}}, "template": TEMPLATE}, "type": "Deployments"}
    symbolic = {"resources": {"module": nested}}
    assert [each["displayName"] for each in rules_of(symbolic)] == ["of U: High", "of U: Medium"]
    kind = "Microsoft.OperationalInsights/workspaces/providers/alertRules"
    assert rules_of({"resources": [{"type": kind, "properties": RULE}]}) == [
        {**RULE, "query": "[format('T | where Severity == \"{0}\"', variables('severities')[copyIndex()])]"}
    ]


def test_rules_are_loaded_from_a_file(tmp_path: Path) -> None:
    """A template, a list of properties, or the properties of one rule; anything else is refused by the file's name."""
    path = tmp_path / "rules.json"
    for content, count in ((TEMPLATE, 2), (findings_rules(), 2), (findings_rules()[1], 1)):
        path.write_text(json.dumps(content), encoding="utf-8")
        assert len(load_rules(path)) == count
    refused: list[Any] = [{"resources": []}, [], [1], {"a": 1}]
    for wrong in refused:
        path.write_text(json.dumps(wrong), encoding="utf-8")
        with pytest.raises(ValueError, match=r"rules\.json: expected an ARM template"):
            load_rules(path)
