"""A row of the findings table as the sweep uploads one, for tests of what rules make of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any


def finding_row(finding: str, now: datetime, attempt: int = 1, severity: str = "High", **more: Any) -> dict[str, Any]:
    """The row of a finding about somebody of that name."""
    return {
        "TimeGenerated": now.isoformat(),
        "Kind": "finding",
        "FindingId": finding,
        "Attempt": attempt,
        "Severity": severity,
        "Recipient": f"{finding}@contoso.com",
        "RecipientName": finding,
        "RecipientDomain": "contoso.com",
        "Episode": 0,
        "Sum_case": 17,
        "Description": f"About {finding}.",
        "NetworkMessageId1": f"n-{finding}",
        "Sender1": "sender@example.com",
        **more,
    }
