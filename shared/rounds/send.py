"""The steps of a round's begin, in order; each is marked once it is done, so whoever comes next goes on from there."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from shared.rounds.decide import PAUSE
from shared.rounds.messages import WorkMessage
from shared.rounds.parts import RoundParts, log_line
from shared.rounds.rows import RoundBegun, RoundProgress

_AT_ONCE = 99
"""Entries whose rows are written in one transaction, beside the mark: Table storage takes 100 rows."""


def go_on(parts: RoundParts, begun: RoundBegun) -> int:
    """Do what is not marked as done: the log lines, the round's own message, the entries' rows, and their messages.

    Returns how many entries' messages were sent.
    """
    progress = parts.store.progress(begun.id) or RoundProgress()
    if not progress.announced:
        _announce(parts, begun)
    if progress.own_at is None:
        send_own(parts, begun.id, PAUSE)
    _list(parts, begun)
    return _send(parts, begun)


def send_own(parts: RoundParts, round_id: str, hidden: timedelta) -> None:
    """Send the round's own message, and mark when it comes."""
    due = parts.clock.now() + hidden
    parts.queue.send(WorkMessage(round_id), hidden)
    parts.store.change_progress(round_id, lambda progress: replace(progress, own_at=_later(progress.own_at, due)))


def _later(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else max(one, other)


def _announce(parts: RoundParts, begun: RoundBegun) -> None:
    log_line("round_started", {"round": begun.id, "workspaces": len(begun.names)})
    for name in begun.names:
        log_line("round_entry", {"round": begun.id, "workspace_name": name})
    if begun.new or begun.gone:
        changed = {"round": begun.id, "new": list(begun.new), "gone": list(begun.gone)}
        log_line("round_changed", changed, logging.WARNING)
    parts.store.change_progress(begun.id, lambda progress: replace(progress, announced=True))


def _list(parts: RoundParts, begun: RoundBegun) -> None:
    while True:
        progress = parts.store.progress(begun.id) or RoundProgress()
        if progress.over or progress.listed >= len(begun.names):
            return
        names = begun.names[progress.listed : progress.listed + _AT_ONCE]
        after = replace(progress, listed=progress.listed + len(names))
        parts.store.list_entries(begun.id, names, progress, after)


def _send(parts: RoundParts, begun: RoundBegun) -> int:
    progress = parts.store.progress(begun.id) or RoundProgress()
    sent, count = progress.sent, 0
    while sent < len(begun.names) and not progress.over:
        parts.queue.send(WorkMessage(begun.id, begun.names[sent]))
        sent, count = sent + 1, count + 1
        progress = parts.store.change_progress(begun.id, partial(_marked, sent=sent)) or progress
        sent = max(sent, progress.sent)
    return count


def _marked(progress: RoundProgress, sent: int) -> RoundProgress:
    return replace(progress, sent=max(progress.sent, sent))
