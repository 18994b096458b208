"""Mail of a made-up tenant, with the tenant's mark in every address, subject and sender."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.cloud.mail import Mail, Row


def marked_mail(now: datetime, mark: str, flagged: int, *, messages: int = 14, seed: int = 1) -> list[Row]:
    """Rows of `EmailEvents`: so many recipients with so many remediated messages or a few more, others with few."""
    mail = Mail(now, seed)
    for place in range(flagged):
        mail.remediated(f"user{place}@{mark}.example", messages + place % 5)
    mail.remediated(f"quiet@{mark}.example", 4)
    for day in range(6):
        mail.add(f"person{day}@{mark}.example", "Delivered", mail.ago(day * 4 + 0.2))
    return [_marked(row, mark) for row in mail.events]


def _marked(row: Row, mark: str) -> dict[str, Any]:
    sender = f"{mark}.{row['SenderFromAddress']}"
    domain = f"{mark}.{row['SenderFromDomain']}"
    return {
        **row,
        "Subject": f"{mark} {row['Subject']}",
        "SenderMailFromAddress": sender,
        "SenderFromAddress": sender,
        "SenderDisplayName": f"{mark} {row['SenderDisplayName']}",
        "SenderMailFromDomain": domain,
        "SenderFromDomain": domain,
    }
