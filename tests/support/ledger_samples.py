"""What a ledger can hold, with every field set: a record, what it owes, a card, the workspace's state."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from shared.model import (
    Attempts,
    CardNote,
    Cause,
    Counts,
    Evidence,
    Incident,
    Messages,
    OurIncident,
    OwedComment,
    OwedCreation,
    OwedEscalation,
    Reason,
    Record,
    Remedy,
    Seen,
    Severity,
    ToldDue,
    ToldFinding,
    WorkspaceState,
    incident_id,
    message_hash,
    minute_number,
)

WORKSPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.OperationalInsights/workspaces/W"
NOW = datetime(2026, 11, 24, 6, 0, 0, 123456, tzinfo=UTC)


def record(recipient: str = "ann@contoso.com", messages: int = 12, **changes: object) -> Record:
    """A record with every field set, each to something other than its default."""
    ours, minute = incident_id(WORKSPACE, recipient, 1), minute_number(NOW)
    fields: dict[str, object] = {
        "recipient": recipient,
        "incident": OurIncident(
            ours,
            episode=1,
            severity=Severity.HIGH,
            made_at=NOW,
            seen=Incident(ours, "Active", Severity.HIGH, owned=True, number=7, modified=NOW, episode=1),
            deleted=True,
            deletion_told=True,
        ),
        "reported": {
            message_hash(f"{recipient} {number}"): Seen(minute - number, 20_000 + number % 30)
            for number in range(messages)
        },
        "reported_before": NOW - timedelta(days=40),
        "counts": Counts(1, 2, 3, 4),
        "remediators": "bob@contoso.com, 3 messages",
        "creation": owed_creation(recipient),
        "comments": (owed_comment(recipient, "one"), owed_comment(recipient, "two", refused=True)),
        "escalation": OwedEscalation(ours, Severity.HIGH, Counts(50), attempts()),
        "tell": Reason.GREW,
        "untold": {message_hash("untold"): minute, 2**64 - 1: minute + 1, 0: 0},
        "told_at": NOW - timedelta(days=1),
        "reminded_at": NOW - timedelta(days=2),
        "settled_at": NOW - timedelta(days=5),
    }
    return Record(**(fields | changes))  # type: ignore[arg-type]


def owed_creation(recipient: str = "ann@contoso.com", episode: int = 2) -> OwedCreation:
    """An incident that is to be made, and may have been."""
    return OwedCreation(
        incident_id(WORKSPACE, recipient, episode),
        episode,
        Reason.REOPENED,
        Severity.HIGH,
        Counts(soft_delete=50),
        Messages.of([evidence("new 1"), evidence("new 2")]),
        attempts(),
    )


def owed_comment(recipient: str = "ann@contoso.com", message: str = "one", *, refused: bool = False) -> OwedComment:
    """A comment that is to be made, and may have been; or that Sentinel has refused."""
    return OwedComment(
        incident_id(WORKSPACE, recipient, 1),
        Counts(hard_delete=5),
        Messages.of([evidence(message)]),
        attempts(marked=None, refused=True) if refused else attempts(),
    )


def attempts(**changes: object) -> Attempts:
    """Attempts with every field set."""
    fields: dict[str, object] = {
        "owed_since": NOW - timedelta(days=3),
        "tried": 2,
        "marked": NOW - timedelta(days=1),
        "cause": Cause("sentinel_forbidden", "Sentinel refused: give the app's identity its role"),
        "told": date(2026, 11, 23),
        "told_cause": "sentinel_forbidden",
    }
    return Attempts(**(fields | changes))  # type: ignore[arg-type]


def evidence(message_id: str) -> Evidence:
    """A remediated message, whose subject is not plain ASCII."""
    return Evidence(message_id, NOW, "\N{ROBOT FACE} <b>", Remedy.SOFT_DELETE, NOW, NOW)


def card(name: str = "one", **changes: object) -> CardNote:
    """A card with every field set."""
    ours = incident_id(WORKSPACE, "ann@contoso.com", 1)
    fields: dict[str, object] = {
        "id": name,
        "day": date(2026, 11, 24),
        "doubtful": 2,
        "accepted": True,
        "findings": (ToldFinding("ann@contoso.com", ours, 1, Reason.GREW, digest=2**64 - 1),),
        "due": (ToldDue("bob@contoso.com", "i", "sentinel_forbidden"),),
        "unanswered": (ToldFinding("eve@contoso.com", "j", 2, Reason.FIRST),),
        "reminders": ("joe@contoso.com",),
        "deletions": ("kim@contoso.com",),
        "causes": ("hunt_failed",),
        "round": "2026-11-24T06:00Z",
    }
    return CardNote(**(fields | changes))  # type: ignore[arg-type]


def state(**changes: object) -> WorkspaceState:
    """What the ledger holds about the workspace, with every field set."""
    fields: dict[str, object] = {
        "listed_to": NOW,
        "lookback_days": 30,
        "looked_from": NOW - timedelta(days=30),
        "unseen_before": NOW - timedelta(days=31),
        "lengthened_at": NOW - timedelta(days=2),
        "checked_guid": "11111111-2222-4333-8444-555555555555",
        "history_known": True,
        "card_at": NOW - timedelta(hours=1),
        "begun_at": NOW - timedelta(days=9),
        "causes_day": date(2026, 11, 24),
        "causes_told": ("hunt_failed", "sentinel_forbidden"),
        "accepted_coverage_since": date(2026, 11, 20),
        "rule_used": True,
        "in_defender": True,
        "portals_looked": date(2026, 11, 21),
        "portals_told": date(2026, 11, 22),
        "query_by": "arm",
    }
    return WorkspaceState(**(fields | changes))  # type: ignore[arg-type]
