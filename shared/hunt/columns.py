"""The columns that the queries read. What they can do without (column_ifexists) is not among them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from shared.query.answer import COUNTS, Answer

_EVENTS = {
    "NetworkMessageId": "string",
    "RecipientEmailAddress": "string",
    "LatestDeliveryAction": "string",
    "Subject": "string",
}
_ACTS = {
    "NetworkMessageId": "string",
    "RecipientEmailAddress": "string",
    "Action": "string",
    "ActionType": "string",
    "ActionResult": "string",
}
_INCIDENTS = {
    "TimeGenerated": "datetime",
    "IncidentName": "string",
    "Title": "string",
    "Status": "string",
    "Severity": "string",
}
INCIDENT_TABLE = "SecurityIncident"
FINDINGS_TABLE = "EmailRemediationFindings_CL"
ALERT_TABLE = "SecurityAlert"
OF_THE_WORKSPACE = (INCIDENT_TABLE, FINDINGS_TABLE, ALERT_TABLE)
"""Tables that are always the workspace's, wherever the mail is asked about."""
FINDINGS: Mapping[str, str] = {
    **dict.fromkeys(("TimeGenerated", "FoundAt"), "datetime"),
    **dict.fromkeys(("RowId", "Kind", "FindingId"), "string"),
    **dict.fromkeys(("Attempt", "Part", "Parts"), "int"),
    **dict.fromkeys(("Recipient", "RecipientName", "RecipientDomain"), "string"),
    "Episode": "int",
    **dict.fromkeys(("Severity", "Reason"), "string"),
    **dict.fromkeys(("Sum_case", *COUNTS), "int"),
    **dict.fromkeys(("MessageHashes", "NewestMessages"), "dynamic"),
    **{f"{name}{place}": "string" for place in (1, 2, 3) for name in ("NetworkMessageId", "Sender", "Subject")},
    **dict.fromkeys(("Description", "RunId", "Version"), "string"),
}
"""The columns of the findings table, name to KQL type: what infra/ makes and shared/incidents/finding_rows.py fills."""


def needed_columns(source: Literal["sentinel", "defender"]) -> dict[str, dict[str, str]]:
    """The columns that the queries read, name to KQL type, by table. Incidents are always the workspace's."""
    time = {"TimeGenerated" if source == "sentinel" else "Timestamp": "datetime"}
    return {
        "EmailEvents": {**time, **_EVENTS},
        "EmailPostDeliveryEvents": {**time, **_ACTS},
        INCIDENT_TABLE: dict(_INCIDENTS),
    }


def column_types(answer: Answer) -> Mapping[str, str]:
    """The names and KQL types of a response's columns."""
    return {name: kind.lower() for name, kind in zip(answer.names, answer.types, strict=True)}


def read_providers(answer: Answer) -> tuple[int, int]:
    """The response to providers.kql: how many incidents are Defender's, and how many others'.

    Raises:
        PartialData: it holds something else.
    """
    for row in answer.rows:
        cells = list(row)[:2]
        if len(cells) == 2 and all(type(cell) is int and cell >= 0 for cell in cells):
            return cells[0], cells[1]
    raise answer.malformed("Defender", "missing, or that is not a count")
