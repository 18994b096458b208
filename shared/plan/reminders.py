"""Whom to remind on-call about: incidents of ours that are New, without an owner, and old enough."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from shared.model import Record, day_number

EARLY = timedelta(minutes=30)  # daily sweeps tell at a slightly different time each day: "every 3 days" is not day 4


def reminders(records: Iterable[Record], remind_after_days: int, now: datetime) -> list[Record]:
    """Records whose incident has waited so many days, or so many since the last reminder; oldest first; none when 0.

    Nobody is reminded of what was told on the same day, nor of somebody who was forgotten.
    """
    if remind_after_days <= 0:
        return []
    every = timedelta(days=remind_after_days) - EARLY
    due = []
    for record in records:
        ours = record.incident
        if ours is None or not ours.waiting or record.tell is not None or record.forgotten:
            continue
        told_today = record.told_at is not None and day_number(record.told_at) == day_number(now)
        if not told_today and now - max(ours.made_at, record.reminded_at or ours.made_at) >= every:
            due.append((ours.made_at, record.recipient, record))
    return [record for _, _, record in sorted(due, key=lambda each: each[:2])]
