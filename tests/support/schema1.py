"""Rows as schema 1 wrote them: records with what was done, and each effect that was noted as a finished request."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from shared.incidents.text import comment_id
from shared.model import OurIncident, Record, message_hash

Rows = dict[str, bytes]


def _key(kind: str, name: str) -> str:
    """The key of a row: `record` of a recipient, `intent` of an effect's id."""
    return f"b.{kind}.{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def row(kind: str, value: Mapping[str, Any], **beside: Any) -> bytes:
    """A row, deflated like the larger ones of schema 1."""
    text = json.dumps({"v": 1, **beside, kind: dict(value)}, separators=(",", ":"), sort_keys=True).encode()
    return text if len(text) < 200 else zlib.compress(text)


def record_row(record: Record, **fields: Any) -> Rows:
    """The row of a record with an incident; `fields` are set beside what it holds, by the names of schema 1."""
    incident = record.incident
    assert isinstance(incident, OurIncident)
    found: dict[str, Any] = {
        "recipient": record.recipient,
        "episode": incident.episode,
        "incident_id": incident.id,
        "severity": incident.severity.value,
        "reported": _packed({name: seen.day for name, seen in record.reported.items()}),
        "counts": {"soft_delete": record.counts.total},
        "raised_at": incident.made_at.isoformat(),
    }
    if incident.seen:
        seen = incident.seen
        found["incident"] = {
            "id": seen.id,
            "status": seen.status,
            "severity": seen.severity.value,
            "number": seen.number,
            "url": seen.url,
            "created": seen.created.isoformat() if seen.created else None,
            "modified": seen.modified.isoformat() if seen.modified else None,
            "comments": seen.comments,
            "episode": seen.episode,
        }
    return {_key("record", record.recipient): row("record", found | fields)}


class Intents:
    """The effects that schema 1 noted, in order; `rows` are theirs."""

    def __init__(self, noted_at: datetime) -> None:
        self.rows: Rows = {}
        self._noted_at = noted_at

    def note(self, name: str, kind: str, **fields: Any) -> None:
        """Note one; its body is what nobody needs any more."""
        intent = {"id": name, "kind": kind, "noted_at": self._noted_at.isoformat(), "body": "{}" * 500, **fields}
        self.rows[_key("intent", name)] = row("intent", intent, place=len(self.rows) + 1)

    def create(self, recipient: str, incident: str, messages: Iterable[str], **fields: Any) -> None:
        """An incident that is to be made."""
        self.note(incident, "create", **_effect(recipient, incident, messages, "first"), **fields)

    def comment(self, recipient: str, incident: str, messages: Iterable[str], **fields: Any) -> str:
        """A comment; its id."""
        effect = _effect(recipient, incident, messages, "grew")
        name = comment_id(incident, [message_hash(each) for each in messages])
        self.note(name, "comment", **effect, **fields)
        return name

    def escalate(self, recipient: str, incident: str, total: int, **fields: Any) -> None:
        """The severity High."""
        effect = {**_effect(recipient, incident, (), "escalated"), "counts": {"soft_delete": total}}
        self.note(f"{incident}-High", "escalate", **effect, severity="High", **fields)

    def card(self, name: str, *tells: str, accepted: bool = False) -> None:
        """A card that tells these things."""
        self.note(name, "card", tells=list(tells), **({"accepted": True} if accepted else {}))


def _effect(recipient: str, incident: str, messages: Iterable[str], reason: str) -> dict[str, Any]:
    ordered = sorted(message_hash(each) for each in messages)
    return {
        "recipient": recipient,
        "incident_id": incident,
        "reason": reason,
        "counts": {"soft_delete": len(ordered)},
        "messages": base64.b64encode(struct.pack(f">{len(ordered)}Q", *ordered)).decode(),
        "tell": True,
    }


def _packed(days: Mapping[int, int]) -> str:
    names = sorted(days)
    packed = struct.pack(f">{len(names)}Q", *names) + struct.pack(f">{len(names)}H", *(days[each] for each in names))
    return base64.b64encode(packed).decode()
