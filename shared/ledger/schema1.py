"""A ledger that was written by schema 1, taken over: what it held as finished requests becomes facts that are owed.

Schema 1 noted each effect as an intent: the body of its request, word for word. Only what it was about is kept. Each
may have been sent, so each is in doubt until it has been looked up; those that the fuse held back were certainly not.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from shared.model import (
    Attempts,
    CardNote,
    Counts,
    Messages,
    OurIncident,
    OwedComment,
    OwedCreation,
    OwedEscalation,
    Reason,
    Record,
    Severity,
    ToldFinding,
)

_EARLIER = timedelta(days=1)  # schema 1 noted by our clock, which may be ahead of Sentinel's


@dataclass(frozen=True, slots=True)
class OldIntent:
    """The fields of an intent that still matter. `messages` are hashes, packed."""

    id: str
    kind: str
    noted_at: datetime
    recipient: str = ""
    incident_id: str = ""
    episode: int = 0
    reason: Reason | None = None
    severity: Severity = Severity.MEDIUM
    counts: Counts = field(default_factory=Counts)
    messages: str = ""
    tells: tuple[str, ...] = ()
    accepted: bool = False
    held: bool = False


def upgraded(document: dict[str, Any]) -> dict[str, Any]:
    """A row of schema 1 as one of schema 2; an intent stays as it is, to be taken over with its recipient's record."""
    found = dict(document)
    if isinstance(found.get("record"), dict):
        found["record"] = _record(found["record"])
    if isinstance(found.get("standing"), dict):
        old = found.pop("standing")
        told = [str(each) for each in old.get("causes", [])]
        found["state"] = {name: value for name, value in old.items() if name != "causes"}
        if told:
            day = max(each[:10] for each in told)
            found["state"] |= {"causes_day": day, "causes_told": [each[11:] for each in told if each[:10] == day]}
    return found


def _record(old: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("recipient", "counts", "reported_before", "remediators", "tell", "told_at", "reminded_at")
    days = _days(old.get("reported", ""))
    minutes = {key: (day + 1) * 1_440 for key, day in days.items()}  # at the latest
    untold = sorted(days, key=lambda key: (-days[key], key))[: int(old.get("untold", 0))]
    incident = {
        "id": old["incident_id"],
        "episode": old["episode"],
        "severity": old["severity"],
        "made_at": old["raised_at"],
        "seen": old.get("incident"),
        "deleted": old.get("deleted", False),
        "deletion_told": old.get("deletion_told", False),
    }
    packed = [(key, minutes[key], day) for key, day in sorted(days.items())]
    return {
        **{name: old[name] for name in kept if name in old},
        "incident": incident,
        "reported": _text(packed, ">{0}Q", ">{0}I", ">{0}H"),
        "untold": _text([(key, minutes[key]) for key in sorted(untold)], ">{0}Q", ">{0}I"),
    }


def _days(packed: str) -> dict[int, int]:
    data = base64.b64decode(packed, validate=True)
    count, rest = divmod(len(data), 10)
    if rest:
        raise ValueError("a cut list of message ids")
    hashes = struct.unpack_from(f">{count}Q", data)
    return dict(zip(hashes, struct.unpack_from(f">{count}H", data, 8 * count), strict=True))


def _text(rows: list[Any], *formats: str) -> str:
    columns = zip(*rows, strict=True) if rows else [()] * len(formats)
    packed = (struct.pack(each.format(len(rows)), *column) for each, column in zip(formats, columns, strict=True))
    return base64.b64encode(b"".join(packed)).decode()


def taken_over(
    records: Mapping[str, Record], intents: Iterable[OldIntent]
) -> tuple[dict[str, Record], dict[str, CardNote]]:
    """The records and the cards that these intents, in the order they were noted, make of a ledger's `records`.

    May be done again with what it returned: the same effect is owed once.
    """
    changed: dict[str, Record] = {}
    cards: dict[str, CardNote] = {}
    for intent in intents:
        if intent.kind == "card":
            cards[intent.id] = _card(intent, {**records, **changed})
        elif intent.recipient:
            record = changed.get(intent.recipient) or records.get(intent.recipient) or Record(intent.recipient)
            changed[intent.recipient] = _owing(record, intent)
    return changed, cards


def _owing(record: Record, intent: OldIntent) -> Record:
    attempts = Attempts(intent.noted_at, marked=None if intent.held else intent.noted_at - _EARLIER)
    minute = int((intent.noted_at.timestamp() + 60) // 60)
    data = base64.b64decode(intent.messages, validate=True)
    messages = Messages(dict.fromkeys(struct.unpack(f">{len(data) // 8}Q", data), minute))
    if intent.kind == "create":
        creation = OwedCreation(
            intent.incident_id,
            intent.episode,
            intent.reason or Reason.FIRST,
            intent.severity,
            intent.counts,
            messages,
            attempts,
        )
        return replace(record, creation=creation)
    if intent.kind == "escalate":
        escalation = OwedEscalation(intent.incident_id, intent.severity, intent.counts, attempts)
        return replace(record, escalation=escalation)
    comment = OwedComment(intent.incident_id, intent.counts, messages, attempts)
    others = tuple(each for each in record.comments if each.messages.times.keys() != messages.times.keys())
    return replace(record, comments=(*others, comment))


def _card(intent: OldIntent, records: Mapping[str, Record]) -> CardNote:
    findings, reminders, deletions, causes = [], [], [], []
    for told in intent.tells:
        kind, _, rest = told.partition("|")
        subject, _, detail = rest.rpartition("|")
        record = records.get(subject)
        incident = record.incident if record else None
        if kind == "record" and isinstance(incident, OurIncident):
            episode, _, rest = detail.partition("/")
            reason = Reason(rest.rpartition("/")[2])
            if incident.episode == int(episode):
                findings.append(ToldFinding(subject, incident.id, incident.episode, reason))
        elif kind == "reminder":
            reminders.append(subject)
        elif kind == "deletion":
            deletions.append(subject)
        elif kind == "cause":
            causes.append(subject.partition("/")[2])
    return CardNote(
        intent.id,
        intent.noted_at.date(),
        accepted=intent.accepted,
        findings=tuple(findings),
        reminders=tuple(reminders),
        deletions=tuple(deletions),
        causes=tuple(causes),
    )
