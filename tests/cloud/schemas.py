"""The tables' columns, as Microsoft documents them and as a real workspace shows them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

_ALL = json.loads((Path(__file__).parent.parent / "data" / "schemas.json").read_text("utf-8"))

EMAIL_EVENTS: Mapping[str, str] = _ALL["EmailEvents_workspace_getschema"]["columns"]
"""Column name to KQL type, from `getschema` in a real workspace (2026-09): with `Timestamp`."""

EMAIL_EVENTS_DOCS: Mapping[str, str] = _ALL["EmailEvents_docs"]["columns"]
"""The same table by the Azure Monitor reference (2026-07): without `Timestamp`."""

EMAIL_POST_DELIVERY_EVENTS: Mapping[str, str] = _ALL["EmailPostDeliveryEvents_docs"]["columns"]
"""One row per action on delivered mail, by the Azure Monitor reference."""

EMAIL_REMEDIATION_FINDINGS: Mapping[str, str] = {
    "TimeGenerated": "datetime",
    "FoundAt": "datetime",
    "RowId": "string",
    "Kind": "string",
    "FindingId": "string",
    "Attempt": "int",
    "Part": "int",
    "Parts": "int",
    "Recipient": "string",
    "RecipientName": "string",
    "RecipientDomain": "string",
    "Episode": "int",
    "Severity": "string",
    "Reason": "string",
    "Sum_case": "int",
    "HardDelete_case": "int",
    "SoftDelete_case": "int",
    "MoveToJunk_case": "int",
    "MoveToDelete_case": "int",
    "MessageHashes": "dynamic",
    "NewestMessages": "dynamic",
    **{f"{name}{place}": "string" for place in (1, 2, 3) for name in ("NetworkMessageId", "Sender", "Subject")},
    "Description": "string",
    "RunId": "string",
    "Version": "string",
}
"""The project's own table of findings, which analytics rules read."""

_WORKSPACE_ONLY = ("TenantId", "TimeGenerated", "LastEventExecutionTime", "SourceSystem", "Type")
EMAIL_EVENTS_DEFENDER: Mapping[str, str] = {
    name: kind for name, kind in EMAIL_EVENTS.items() if name not in _WORKSPACE_ONLY
}
"""The same table in advanced hunting: `Timestamp` is its one time."""

EMAIL_POST_DELIVERY_EVENTS_DEFENDER: Mapping[str, str] = {
    "Timestamp": "datetime",
    **{
        name: kind
        for name, kind in EMAIL_POST_DELIVERY_EVENTS.items()
        if name not in _WORKSPACE_ONLY and not name.startswith("_")
    },
}
