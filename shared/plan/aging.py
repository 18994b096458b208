"""What time does to a record: a longer look-back, messages that are seen again, and what is forgotten. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from shared.model import (
    Evidence,
    Finding,
    Messages,
    Record,
    Seen,
    WorkspaceState,
    day_number,
    message_hash,
    minute_number,
)
from shared.plan.policy import Policy
from shared.plan.records import reported

REFRESH_DAYS = 10  # a reported message's last-seen day is written anew only when it is this old
REMEMBER_DAYS = 30  # beyond the look-back, for message ids no longer seen


def lengthened(finding: Finding, record: Record, state: WorkspaceState, now: datetime) -> Record:
    """The record with those messages reported that only a longer look-back shows: older than the window before it was
    made longer, and remediated by then. Its recipient may be found only days later.

    What is owed, or counted to be told, was seen by an earlier sweep.
    """
    edge, at = state.unseen_before, state.lengthened_at
    if edge is None or at is None:
        return record
    known = set(record.untold)
    for owed in (record.creation, *record.comments):
        known |= owed.messages.times.keys() if owed else set()
    older = Messages.of(item for item in finding.evidence() if item.generated < edge and item.state_time <= at)
    return reported(record, older.without(known), now)


def refreshed(finding: Finding, record: Record, now: datetime) -> Record:
    """The record with the days its messages were last seen brought up to date; itself when none was old."""
    today = day_number(now)
    stale: dict[int, Seen] = {}
    for item in finding.evidence():
        key = message_hash(item.message_id)
        known = record.reported.get(key)
        if known is not None and known.day <= today - REFRESH_DAYS:
            stale[key] = known._replace(day=today)
        elif known is None and _by_time_alone(item, record):
            stale[key] = Seen(minute_number(item.state_time), today)
    return replace(record, reported={**record.reported, **stale}) if stale else record


def _by_time_alone(item: Evidence, record: Record) -> bool:
    return record.reported_before is not None and item.state_time < record.reported_before


def thinned(record: Record, policy: Policy, now: datetime) -> Record:
    """The record without the messages not seen for the look-back plus 30 days; itself when there are none."""
    edge = _unseen_since(policy, now)
    kept = {key: each for key, each in record.reported.items() if each.day >= edge}
    return record if len(kept) == len(record.reported) else replace(record, reported=kept)


def forgettable(records: Iterable[Record], policy: Policy, now: datetime) -> list[str]:
    """Whose records can go: no message seen for the look-back plus 30 days, nothing open, nothing owed.

    What is remembered by time alone is remembered as long.
    """
    edge = _unseen_since(policy, now)
    return [
        record.recipient
        for record in records
        if record.tell is None
        and not record.owed
        and (record.incident is None or not record.incident.open)
        and all(each.day < edge for each in record.reported.values())
        and (record.incident is None or day_number(record.incident.made_at) < edge)
        and (record.reported_before is None or day_number(record.reported_before) < edge)
    ]


def _unseen_since(policy: Policy, now: datetime) -> int:
    return day_number(now) - policy.lookback_days - REMEMBER_DAYS - REFRESH_DAYS
