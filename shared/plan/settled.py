"""What an operator settles by hand: a baseline, and a person who is forgotten. Pure; each returns a new record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from shared.model import CardNote, Finding, Messages, Record, without_person
from shared.plan.records import reported

# -- a baseline -------------------------------------------------------------------------------------------------------


def why_left(record: Record | None) -> str:
    """Why a baseline leaves this recipient as it is; "" when it does not."""
    if record is None:
        return ""
    if record.incident is not None and record.incident.open:
        return "open"
    return "owed" if record.owed or record.tell is not None else ""


def baselined(finding: Finding, record: Record | None, now: datetime) -> Record:
    """The record in which all that was found counts as reported; no incident is made, and nothing is owed."""
    record = record or Record(finding.recipient)
    evidence = finding.evidence()
    before = record.reported_before
    if finding.total > len(evidence) and evidence:  # the lists were cut: what is older is not on them
        oldest = min(item.state_time for item in evidence)
        before = max(before, oldest) if before else oldest
    changed = replace(reported(record, Messages.of(evidence), now), reported_before=before, counts=finding.counts)
    return changed if record.incident else replace(changed, settled_at=now)


# -- a person who is forgotten ----------------------------------------------------------------------------------------


def may_be_made(record: Record) -> bool:
    """Whether something about this recipient was tried without a certain answer: the next sweep looks it up."""
    return any(owed.attempts.in_doubt for owed in record.owed)


def forgotten(record: Record, now: datetime) -> Record:
    """What stays of a record so that the same messages are not raised again: hashes, times, the last incident's id and
    state. What was owed lapses; its messages, and those still to be told, count as reported.
    """
    waiting = [Messages(record.untold), *(each.messages for each in record.comments)]
    waiting += [record.creation.messages] if record.creation else []
    for messages in waiting:
        record = reported(record, messages, now)
    # A card that mentions the deletion of its incident would name the person.
    incident = replace(record.incident, deletion_told=True) if record.incident else None
    return without_person(
        Record(
            record.recipient,
            incident,
            record.reported,
            record.reported_before,
            settled_at=record.settled_at or (None if incident else now),
            forgotten=True,
        )
    )


def cards_without(cards: Iterable[CardNote], recipient: str) -> tuple[tuple[CardNote, ...], tuple[str, ...]]:
    """The cards without an answer that name this recipient: as they are without the name, and the ids of those on which
    nothing is left.
    """
    changed, emptied = [], []
    for card in cards:
        rest = replace(
            card,
            findings=tuple(each for each in card.findings if each.recipient != recipient),
            due=tuple(each for each in card.due if each.recipient != recipient),
            unanswered=tuple(each for each in card.unanswered if each.recipient != recipient),
            reminders=tuple(each for each in card.reminders if each != recipient),
            deletions=tuple(each for each in card.deletions if each != recipient),
        )
        if rest == card:
            continue
        if rest.findings or rest.due or rest.unanswered or rest.reminders or rest.deletions or rest.causes:
            changed.append(rest)
        else:
            emptied.append(card.id)
    return tuple(changed), tuple(emptied)
