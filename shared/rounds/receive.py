"""What a message of the queue leads to: the round's own message, and where the others go."""

from __future__ import annotations

import logging

from shared.clock import Clock
from shared.rounds.decide import comes_back, is_late, is_sent
from shared.rounds.messages import NotAMessage, message_of
from shared.rounds.parts import RoundParts, log_line, opened_round
from shared.rounds.send import go_on, send_own
from shared.rounds.tell import tell, tell_if_over
from shared.rounds.tries import sweep_by_hand, try_entry
from shared.rounds.unfinished import RoundUnfinished
from shared.settings import SettingsInvalid

__all__ = ["RoundUnfinished", "receive", "work"]


def work(message: bytes | str, clock: Clock | None = None) -> None:
    """Do what a message of the queue `sweep-work` asks. Raised is only what brings the message back.

    Raises:
        RoundUnfinished: another sweep is at work, or this one is tried again.
        SettingsInvalid: the app settings, or `workspaces.json` as a whole; logged.
        LedgerError, QueueUnavailable: the storage failed.
    """
    try:
        with opened_round(clock) as parts:
            receive(parts, message)
    except SettingsInvalid as invalid:
        log_line("settings_invalid", {"mistakes": invalid.mistakes}, logging.ERROR)
        raise


def receive(parts: RoundParts, text: bytes | str) -> None:
    """The same with parts that are open; what it raises is not logged."""
    try:
        message = message_of(text)
    except NotAMessage as error:
        log_line("message_invalid", {"why": str(error)}, logging.ERROR)
        return
    if not message.round:
        sweep_by_hand(parts, message.workspace)
    elif message.workspace:
        try_entry(parts, message.round, message.workspace)
    else:
        _own(parts, message.round)


def _own(parts: RoundParts, round_id: str) -> None:
    """Send what was not sent; at the deadline, tell the round; come back until it is told."""
    store, now = parts.store, parts.clock.now()
    begun, progress = store.begun(round_id), store.progress(round_id)
    if begun is None or progress is None or progress.told:
        return
    if progress.over or is_late(begun.began, parts.deadline, now):
        done = tell(parts, begun)
    else:
        go_on(parts, begun)
        done = tell_if_over(parts, round_id)
    if done:
        return
    progress = store.progress(round_id)
    if progress is not None and not is_sent(progress, parts.clock.now()):
        send_own(parts, round_id, comes_back(begun.began, parts.deadline, parts.clock.now()))
