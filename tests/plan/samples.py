"""What the plan's tests are made of: a recipient's messages, incident and record. Threshold 10, High above 50."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from shared.model import (
    Act,
    Action,
    Attempts,
    CardNote,
    Cause,
    Counts,
    Evidence,
    Finding,
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
    day_number,
    incident_id,
    message_hash,
    minute_number,
)
from shared.plan.policy import Policy

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
TODAY = day_number(NOW)
DAY = timedelta(days=1)
MADE = NOW - 5 * DAY
WORKSPACE = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/soc"
    "/providers/Microsoft.OperationalInsights/workspaces/soc"
)
WHO = "dana@contoso.com"
REFUSAL = Cause("sentinel_refused", "Sentinel refuses it")
DOWN = Cause("sentinel_unavailable", "Sentinel does not answer")
NO_ROLE = Cause("sentinel_forbidden", "no role")
DATE = NOW.date()
YESTERDAY = DATE - DAY


def policy(
    *,
    threshold: int = 10,
    factor: int = 2,
    max_new: int = 100,
    lookback_days: int = 30,
    excluded: Collection[str] = (),
) -> Policy:
    """The settings that decide."""
    return Policy(WORKSPACE, threshold, 50, factor, max_new, lookback_days, lambda recipient: recipient in excluded)


def name_of(episode: int = 0, who: str = WHO) -> str:
    """The id of a recipient's incident."""
    return incident_id(WORKSPACE, who, episode)


def mail(number: int, when: datetime = NOW - DAY, generated: datetime | None = None) -> Evidence:
    """One message, remediated then."""
    return Evidence(f"m-{number}", when, "s", Remedy.SOFT_DELETE, when, generated or when)


def evidence_of(start: int, count: int, when: datetime = NOW - DAY) -> tuple[Evidence, ...]:
    """So many messages, numbered from `start`."""
    return tuple(mail(number, when) for number in range(start, start + count))


def key(number: int) -> int:
    """The hash of the message of that number."""
    return message_hash(f"m-{number}")


def _keys(*numbers: int) -> set[int]:
    """The hashes of these."""
    return {key(number) for number in numbers}


def some(start: int, count: int, when: datetime = NOW - DAY) -> Messages:
    """So many messages, as the ledger remembers them."""
    return Messages.of(evidence_of(start, count, when))


def minutes(start: int, count: int, when: datetime = NOW - DAY) -> dict[int, int]:
    """The same by hash and minute alone."""
    return {key(number): minute_number(when) for number in range(start, start + count)}


def found(count: int, *, start: int = 0, who: str = WHO, when: datetime = NOW - DAY) -> Finding:
    """A recipient with so many messages."""
    return Finding.of(who, evidence_of(start, count, when))


def soft(total: int) -> Counts:
    """So many soft deletes."""
    return Counts(soft_delete=total)


def reported_ones(count: int, day: int = TODAY) -> dict[int, Seen]:
    """The first messages, as reported and last seen on that day."""
    return {key(number): Seen(minute_number(NOW - DAY), day) for number in range(count)}


def there(status: str = "New", severity: Severity = Severity.MEDIUM, **more: Any) -> Incident:
    """An incident as Sentinel has it."""
    return Incident(more.pop("id", name_of()), status, severity, **more)


def ours(seen: Incident | None, *, severity: Severity = Severity.MEDIUM, episode: int = 0, **more: Any) -> OurIncident:
    """An incident of ours, made five days ago."""
    return OurIncident(name_of(episode), episode, severity, more.pop("made_at", MADE), seen, **more)


def record_of(count: int, incident: OurIncident | None, **more: Any) -> Record:
    """The record of a recipient of whom the first `count` messages are reported."""
    return Record(WHO, incident, reported_ones(count), **more)


def open_incident(count: int, **more: Any) -> Record:
    """The record of a recipient with an open incident."""
    return record_of(count, ours(there()), **more)


def closed(count: int, classification: str = "", **more: Any) -> Record:
    """The record of a recipient whose incident is closed."""
    return record_of(count, ours(there("Closed", classification=classification)), **more)


def tried(*, in_doubt: bool = False, refused: bool = False, **more: Any) -> Attempts:
    """How the attempts at something owed since yesterday have gone."""
    marked = NOW - DAY if in_doubt else None
    cause = more.pop("cause", REFUSAL if refused else None)
    return Attempts(NOW - DAY, 1, marked, cause, refused, **more)


def creation(
    messages: Messages, *, episode: int = 0, total: int | None = None, attempts: Attempts | None = None
) -> OwedCreation:
    """An incident that is to be made."""
    counts = soft(len(messages) if total is None else total)
    return OwedCreation(
        name_of(episode), episode, Reason.FIRST, Severity.MEDIUM, counts, messages, attempts or Attempts(NOW - DAY)
    )


def comment(
    messages: Messages, *, on: str | None = None, total: int | None = None, attempts: Attempts | None = None
) -> OwedComment:
    """A comment that is to be made."""
    counts = soft(len(messages) if total is None else total)
    return OwedComment(on or name_of(), counts, messages, attempts or Attempts(NOW - DAY))


def escalation(*, on: str | None = None, total: int = 51, attempts: Attempts | None = None) -> OwedEscalation:
    """A severity that is to be set."""
    return OwedEscalation(on or name_of(), Severity.HIGH, soft(total), attempts or Attempts(NOW - DAY))


def noted_card(
    number: int = 1, *, doubtful: int = 1, day: date = DATE, accepted: bool = False, **tells: object
) -> CardNote:
    """A card that was posted, and not answered for unless accepted."""
    return CardNote(f"card-{number}", day, doubtful, accepted, **tells)  # type: ignore[arg-type]


def action(act: Act, messages: Messages, *, reason: Reason = Reason.GREW, total: int = 11, **more: Any) -> Action:
    """What is to be done about the first incident."""
    made = Action(act, reason, WHO, 0, name_of(), Severity.MEDIUM, soft(total), messages)
    return replace(made, **more)


def times_of(messages: Iterable[Messages]) -> set[int]:
    """The hashes of all of these."""
    return {each for one in messages for each in one.times}
