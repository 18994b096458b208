"""What an earlier try of the same round may have told: a further try does not tell it again. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from shared.model import CardNote, Cause, Record
from shared.plan.news import News


def told_in_doubt(cards: Iterable[CardNote], round_id: str) -> frozenset[str]:
    """What stands on unanswered cards of this round: incident ids of findings, and names of everything else.

    Nothing outside of a round.
    """
    named: set[str] = set()
    for card in cards:
        if not round_id or card.round != round_id or card.accepted:
            continue
        named.update(each.incident_id for each in (*card.findings, *card.unanswered))
        named.update(_due(each.recipient, each.incident_id) for each in card.due)
        named.update(_reminder(each) for each in card.reminders)
        named.update(_deletion(each) for each in card.deletions)
        named.update(_cause(each) for each in card.causes)
    return frozenset(named)


def news_without(news: News, named: Collection[str]) -> News:
    """The news without what is `named` by `told_in_doubt`."""
    return News(
        _untold(news.findings, named),
        _untold(news.unanswered, named),
        tuple(each for each in news.due if _due(each.record.recipient, each.owed.incident_id) not in named),
        tuple(record for record in news.deletions if _deletion(record.recipient) not in named),
        tuple(record for record in news.reminders if _reminder(record.recipient) not in named),
    )


def causes_without(causes: Iterable[Cause], named: Collection[str]) -> tuple[Cause, ...]:
    """The causes without those that are `named` by `told_in_doubt`."""
    return tuple(cause for cause in causes if _cause(cause.id) not in named)


def left_untold(records: Iterable[Record], named: Collection[str]) -> bool:
    """Whether a finding is still to be told that is `named` by `told_in_doubt`."""
    return any(record.tell is not None and record.incident and record.incident.id in named for record in records)


def _untold(records: Sequence[Record], named: Collection[str]) -> tuple[Record, ...]:
    return tuple(record for record in records if record.incident is None or record.incident.id not in named)


def _due(recipient: str, incident_id: str) -> str:
    return f"due/{recipient}/{incident_id}"


def _reminder(recipient: str) -> str:
    return f"reminder/{recipient}"


def _deletion(recipient: str) -> str:
    return f"deletion/{recipient}"


def _cause(cause_id: str) -> str:
    return f"cause/{cause_id}"
