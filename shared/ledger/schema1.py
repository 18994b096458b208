"""Takes over a ledger of schema 1: what it noted as finished requests becomes facts that are owed.

Schema 1 noted each effect as an intent, with the exact body of its request. The body is dropped, what it was about is
kept. Each may have been sent, so each is in doubt until it is looked up; one that the fuse held back was not sent.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from shared.model import (
    Attempts,
    CardNote,
    Counts,
    Messages,
    OwedComment,
    OwedCreation,
    OwedEscalation,
    Reason,
    Record,
    Severity,
    ToldDue,
    ToldFinding,
)

_EARLIER = timedelta(days=1)  # schema 1 noted the time by our clock, which may be ahead of Sentinel's


@dataclass(frozen=True, slots=True)
class OldIntent:
    """The fields of an intent that still matter. `messages` are hashes, packed; `tells` are what a card tells.

    `told` is the day and the cause that a card last gave for its not being done: `2026-11-24/sentinel_forbidden`.
    """

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
    told: str = ""
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
    records: Mapping[str, Record], intents: Sequence[OldIntent]
) -> tuple[dict[str, Record], dict[str, CardNote]]:
    """The records and the cards that these intents, in the order they were noted, make of a ledger's `records`.

    May be done again with what it returned: the same effect is owed once. Raises ValueError or struct.error for an
    intent that schema 1 never wrote.
    """
    changed: dict[str, Record] = {}
    cards: dict[str, CardNote] = {}
    by_id = {intent.id: intent for intent in intents}
    for intent in intents:
        if intent.kind == "card":
            cards[intent.id] = _card(intent, {**records, **changed}, by_id)
        elif intent.recipient:
            record = changed.get(intent.recipient) or records.get(intent.recipient) or Record(intent.recipient)
            changed[intent.recipient] = _owing(record, intent)
        else:
            raise ValueError("an effect on no recipient")
    return changed, cards


def _owing(record: Record, intent: OldIntent) -> Record:
    messages = _messages(intent)
    attempts = _attempts(intent)
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
    if intent.kind != "comment":
        raise ValueError("an effect of no known kind")
    comment = OwedComment(intent.incident_id, intent.counts, messages, attempts)
    known = [each.messages.times.keys() for each in record.comments]
    if messages.times.keys() in known:
        return record
    return replace(record, comments=(*record.comments, comment))


def _messages(intent: OldIntent) -> Messages:
    """Its messages. When each was remediated is not known; it was before the intent was noted."""
    minute = int((intent.noted_at.timestamp() + 60) // 60)
    data = base64.b64decode(intent.messages, validate=True)
    return Messages(dict.fromkeys(struct.unpack(f">{len(data) // 8}Q", data), minute))


def _attempts(intent: OldIntent) -> Attempts:
    day, _, cause = intent.told.partition("/")
    return Attempts(
        intent.noted_at,
        marked=None if intent.held else intent.noted_at - _EARLIER,
        told=date.fromisoformat(day) if day else None,
        told_cause=cause,
    )


def _card(intent: OldIntent, records: Mapping[str, Record], intents: Mapping[str, OldIntent]) -> CardNote:
    findings: list[ToldFinding] = []
    due: list[ToldDue] = []
    others: dict[str, list[str]] = {"reminder": [], "deletion": [], "cause": []}
    for told in intent.tells:
        kind, _, rest = told.partition("|")
        subject, _, detail = rest.rpartition("|")
        if kind == "record":
            findings += _told_finding(records.get(subject), detail)
        elif kind == "intent":
            effect = intents.get(subject)
            due += [ToldDue(effect.recipient, effect.incident_id, detail.partition("/")[2])] if effect else []
        elif kind in others:
            others[kind].append(subject.partition("/")[2] if kind == "cause" else subject)
    return CardNote(
        intent.id,
        intent.noted_at.date(),
        accepted=intent.accepted,
        findings=tuple(findings),
        due=tuple(due),
        reminders=tuple(others["reminder"]),
        deletions=tuple(others["deletion"]),
        causes=tuple(others["cause"]),
    )


def _told_finding(record: Record | None, detail: str) -> list[ToldFinding]:
    """The finding, when it is about the recipient's last incident. `detail` is "episode/number of messages/reason"."""
    episode, _, reason = detail.split("/")
    number, why = int(episode), Reason(reason)
    incident = record.incident if record else None
    if record is None or incident is None or incident.episode != number:
        return []
    return [ToldFinding(record.recipient, incident.id, incident.episode, why)]
