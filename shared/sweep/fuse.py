"""The fuse's memory: what MAX_NEW_INCIDENTS holds back is written down, so that its turn comes whatever the mail does.

A held finding is an intent that may not be tried yet. Each sweep that flags its recipient decides about it anew; when
the recipient has fallen below the threshold meanwhile, it is raised word for word as it was held.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from shared.ledger.cache import Book
from shared.model import Act, Action, Finding, Intent, Reason, Record, message_hash
from shared.plan.decide import Policy, decide
from shared.sweep.intents import Rendering, render

MOST = 5_000


def fallen(book: Book, findings: Mapping[str, Finding], policy: Policy) -> list[Intent]:
    """What was held for recipients who are no longer flagged, highest `Sum_case` first.

    Not what today's settings would leave alone, nor what an incident has been opened for meanwhile.
    """
    waiting = [
        intent
        for intent in book.held()
        if intent.recipient not in findings and _stands(intent, book.records.get(intent.recipient), policy)
    ]
    return sorted(waiting, key=lambda intent: (-intent.counts.total, intent.recipient))


def _stands(intent: Intent, record: Record | None, policy: Policy) -> bool:
    if policy.excluded(intent.recipient) or intent.counts.total <= policy.threshold:
        return False
    if record is None:
        return intent.episode == 0
    closed = record.deleted or (record.incident is not None and not record.incident.open)
    return closed and intent.episode == record.episode + 1


def its_turn(waiting: Sequence[Intent], actions: Sequence[Action], findings: Mapping[str, Finding], most: int) -> int:
    """How many of the `waiting` are among the `most` highest of all that is to be raised, today's findings included."""
    today = sorted(
        findings[action.recipient].total
        for action in actions
        if action.act is Act.CREATE or action.reason is Reason.HELD
    )
    above = (place + len(today) - bisect_left(today, each.counts.total) for place, each in enumerate(waiting))
    return sum(place < most for place in above)


def hold(
    book: Book,
    actions: Sequence[Action],
    findings: Mapping[str, Finding],
    policy: Policy,
    how: Rendering,
    now: datetime,
) -> list[Intent]:
    """The intents of the actions that are held, without those that are written down already: the MOST highest.

    Beyond that the fuse holds back a flood, and that is a threshold to mend, not mail to remember.
    """
    new: list[Intent] = []
    for action in [action for action in actions if action.reason is Reason.HELD][:MOST]:
        finding, record = findings[action.recipient], book.records.get(action.recipient)
        there = book.intents.get(action.incident_id)
        messages = tuple(sorted({message_hash(item.message_id) for item in finding.evidence}))
        if there is None or (there.counts, there.messages) != (finding.counts, messages):
            create = decide(finding, record, policy)
            new += [replace(intent, held=True) for intent in render(create, finding, record, how, now)]
    return new


def released(book: Book, actions: Mapping[str, Action], waiting: Sequence[Intent]) -> list[str]:
    """Ids of what need not be held any more: decided otherwise today, or left alone by today's settings."""
    kept = {intent.id for intent in waiting}
    held = {action.incident_id for action in actions.values() if action.reason is Reason.HELD}
    return [intent.id for intent in book.held() if intent.id not in kept | held]
