"""What is to be told: which findings, effects that are due, deletions and reminders go on today's cards. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from shared.model import (
    CardNote,
    Cause,
    Owed,
    OwedComment,
    Record,
    ToldFinding,
    WorkspaceState,
)
from shared.plan.owed import exchanged

MOST_DOUBTFUL = 3
"""Cards about one finding that Teams may have taken without an answer; then it is named in a line, once a day."""

REFUSED_AGAIN = timedelta(days=7)
"""What Sentinel refuses for ever is named on the first day, and then so often."""


@dataclass(frozen=True, slots=True)
class NotDone:
    """Something that is owed to Sentinel and could not be done, and why."""

    record: Record
    owed: Owed
    cause: Cause


@dataclass(frozen=True, slots=True)
class News:
    """What one sweep has to tell about recipients."""

    findings: tuple[Record, ...] = ()
    unanswered: tuple[Record, ...] = ()
    due: tuple[NotDone, ...] = ()
    deletions: tuple[Record, ...] = ()
    reminders: tuple[Record, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.findings or self.unanswered or self.due or self.deletions or self.reminders)


def doubtful_posts(cards: Iterable[CardNote]) -> Counter[str]:
    """By incident id, on how many posts a finding was that Teams may have taken; one count per thing told a day for
    what is no finding, under its own name.
    """
    posts: Counter[str] = Counter()
    for card in cards:
        if card.accepted:
            continue
        for finding in card.findings:
            posts[finding.incident_id] += card.doubtful
        for name in _daily(card):
            posts[name] += card.doubtful
    return posts


def _daily(card: CardNote) -> list[str]:
    day = card.day.isoformat()
    return [
        *(f"{day}/reminder/{each}" for each in card.reminders),
        *(f"{day}/deletion/{each}" for each in card.deletions),
        *(f"{day}/due/{each.recipient}/{each.incident_id}" for each in card.due),
        *(f"{day}/cause/{each}" for each in card.causes),
    ]


def findings_to_tell(
    records: Iterable[Record], cards: Collection[CardNote], today: date
) -> tuple[tuple[Record, ...], tuple[Record, ...]]:
    """The records to be told on a card of their own, and those of which cards may have arrived three times already."""
    posts = doubtful_posts(cards)
    named = {told.incident_id for card in cards if card.day == today for told in card.unanswered}
    findings, unanswered = [], []
    for record in records:
        if record.tell is None or record.incident is None:
            continue
        if posts[record.incident.id] < MOST_DOUBTFUL:
            findings.append(record)
        elif record.incident.id not in named:
            unanswered.append(record)
    return tuple(findings), tuple(unanswered)


def due_to_tell(
    due: Mapping[str, Cause], records: Mapping[str, Record], cards: Iterable[CardNote], threshold: int, today: date
) -> tuple[NotDone, ...]:
    """What could not be done and is to be named today; one line for each recipient, what was refused first.

    `due` says for each recipient why not. A comment that would not be told is not named either, unless refused.
    """
    posts = doubtful_posts(cards)
    found = []
    for recipient, cause in due.items():
        record = records.get(recipient)
        if record is None:
            continue
        for owed in sorted(record.owed, key=_refused_first):
            name = f"{today.isoformat()}/due/{recipient}/{owed.incident_id}"
            if _to_be_named(record, owed, cause, threshold, today) and posts[name] < MOST_DOUBTFUL:
                refusal = owed.attempts.cause if owed.attempts.refused else None
                found.append(NotDone(record, owed, refusal or cause))
                break
    return tuple(sorted(found, key=lambda each: _refused_first(each.owed)))


def _refused_first(owed: Owed) -> bool:
    return not owed.attempts.refused


def _to_be_named(record: Record, owed: Owed, cause: Cause, threshold: int, today: date) -> bool:
    attempts = owed.attempts
    if attempts.refused:
        return attempts.told is None or today - attempts.told >= REFUSED_AGAIN
    if isinstance(owed, OwedComment) and len(record.untold.keys() | owed.messages.times.keys()) <= threshold:
        return False
    return attempts.told != today or attempts.told_cause != cause.id


def causes_to_tell(
    causes: Iterable[Cause], state: WorkspaceState, cards: Iterable[CardNote], today: date
) -> tuple[Cause, ...]:
    """Those of these causes that no card of today has told; each once a day."""
    told = set(state.causes_told) if state.causes_day == today else set()
    posts = doubtful_posts(cards)
    unique = {cause.id: cause for cause in causes}
    return tuple(
        cause
        for name, cause in unique.items()
        if name not in told and posts[f"{today.isoformat()}/cause/{name}"] < MOST_DOUBTFUL
    )


def named_as_due(record: Record, incident_id: str, cause: str, today: date) -> Record:
    """The record once a card has named what it owes on this incident as not done, for this cause.

    What was refused is named by its own cause only.
    """

    def with_day(owed: Owed) -> Owed:
        return replace(owed, attempts=replace(owed.attempts, told=today, told_cause=cause))

    changed = record
    for owed in record.owed:
        refusal = owed.attempts.cause if owed.attempts.refused else None
        if owed.incident_id == incident_id and (refusal is None or refusal.id == cause):
            changed = exchanged(changed, owed, with_day(owed))
    return changed


def without_told(
    cards: Iterable[CardNote], told: Sequence[ToldFinding]
) -> tuple[tuple[CardNote, ...], tuple[str, ...]]:
    """What becomes of earlier cards without an answer once these findings are told: changed cards, and ids to drop."""
    incidents = {each.incident_id for each in told}
    changed, dropped = [], []
    for card in cards:
        findings = tuple(each for each in card.findings if each.incident_id not in incidents)
        unanswered = tuple(each for each in card.unanswered if each.incident_id not in incidents)
        if findings == card.findings and unanswered == card.unanswered:
            continue
        rest = replace(card, findings=findings, unanswered=unanswered)
        if findings or unanswered or _daily(rest):
            changed.append(rest)
        else:
            dropped.append(card.id)
    return tuple(changed), tuple(dropped)


def outdated(
    cards: Iterable[CardNote], records: Mapping[str, Record], state: WorkspaceState, today: date
) -> tuple[str, ...]:
    """Ids of earlier cards without an answer that no longer matter: nothing on them is still to be told.

    A card that names nobody and nothing, such as a heartbeat, matters on its day.
    """
    gone = []
    for card in cards:
        waiting = any(
            (record := records.get(each.recipient)) is not None
            and record.tell is not None
            and record.incident is not None
            and record.incident.id == each.incident_id
            for each in (*card.findings, *card.unanswered)
        )
        names = card.findings or card.unanswered or _daily(card)
        over = card.day < today or (names and not _left_today(card, records, state))
        if not card.accepted and not waiting and over:
            gone.append(card.id)
    return tuple(gone)


def _left_today(card: CardNote, records: Mapping[str, Record], state: WorkspaceState) -> bool:
    """Whether no other card has told yet what this one was to tell on its day."""
    told = state.causes_told if state.causes_day == card.day else ()
    reminded = [each.reminded_at for name in card.reminders if (each := records.get(name))]
    deleted = [each.incident for name in card.deletions if (each := records.get(name))]
    owed = [
        effect.attempts.told
        for due in card.due
        if (each := records.get(due.recipient))
        for effect in each.owed
        if effect.incident_id == due.incident_id
    ]
    return (
        any(cause not in told for cause in card.causes)
        or any(when is None or when.date() != card.day for when in reminded)
        or any(incident is not None and not incident.deletion_told for incident in deleted)
        or any(day != card.day for day in owed)
    )
