"""Two analytics rules over the table of findings, for tests that do not read those of the deployment."""

from __future__ import annotations

from typing import Any

QUERY = """EmailRemediationFindings_CL
| where Kind == "finding" and Severity == "{severity}"
| summarize FirstIn = min(ingestion_time()), arg_max(TimeGenerated, *) by FindingId, Attempt
| where FirstIn > ago(1h)"""


def findings_rules(query: str = QUERY, **properties: Any) -> list[dict[str, Any]]:
    """A rule for each severity, which replaces `{severity}` in the query; `properties` go over the rules' own."""
    return [{**_rule(severity, query.replace("{severity}", severity)), **properties} for severity in ("High", "Medium")]


def _rule(severity: str, query: str) -> dict[str, Any]:
    return {
        "displayName": f"Unusual volume of remediated email ({severity})",
        "description": "#DONT_CORR# A recipient's mail was remediated unusually often.",
        "severity": severity,
        "enabled": True,
        "query": query,
        "queryFrequency": "PT1H",
        "queryPeriod": "P14D",
        "triggerOperator": "GreaterThan",
        "triggerThreshold": 0,
        "suppressionEnabled": False,
        "suppressionDuration": "PT5H",
        "tactics": ["InitialAccess"],
        "techniques": ["T1566"],
        "eventGroupingSettings": {"aggregationKind": "AlertPerResult"},
        "alertDetailsOverride": {
            "alertDisplayNameFormat": "Unusual volume of remediated email: {{Recipient}}",
            "alertDescriptionFormat": "{{Description}}",
        },
        "customDetails": {name: name for name in ("FindingId", "Attempt", "Recipient", "Episode", "Sum_case")},
        "entityMappings": [
            _entity("Mailbox", MailboxPrimaryAddress="Recipient"),
            _entity("Account", Name="RecipientName", UPNSuffix="RecipientDomain"),
            _entity("MailMessage", NetworkMessageId="NetworkMessageId1", Recipient="Recipient", Sender="Sender1"),
        ],
        "incidentConfiguration": {
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
        },
    }


def _entity(kind: str, **fields: str) -> dict[str, Any]:
    mappings = [{"identifier": identifier, "columnName": column} for identifier, column in fields.items()]
    return {"entityType": kind, "fieldMappings": mappings}
