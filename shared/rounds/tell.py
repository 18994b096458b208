"""Telling a round that has ended: its last log line, and its card. Claimed by a conditional write, so done once."""

from __future__ import annotations

import logging
import secrets
from dataclasses import replace
from datetime import timedelta

from shared.errors import SweepError
from shared.model import CardNote, RoundTold
from shared.rounds.decide import all_entries, may_claim
from shared.rounds.outcome import event_of, is_complete, line_of, to_be_posted
from shared.rounds.parts import RoundParts, log_line
from shared.rounds.rows import RoundBegun, RoundProgress, RoundsState
from shared.teams import run_link
from shared.teams.webhook import refused_for_its_content

MOST_UNANSWERED = 3
"""Posts of one card that Teams may have taken; then it is not posted again."""
GIVEN_UP = timedelta(hours=1)
"""After the deadline; so long it is tried to post a card that Teams refuses."""


def tell_if_over(parts: RoundParts, round_id: str) -> bool:
    """Tell the round if every entry has ended. Whether nothing is left to do about it."""
    if parts.store.anybody_open(round_id):
        return False
    begun, progress = parts.store.begun(round_id), parts.store.progress(round_id)
    if begun is None or progress is None or progress.listed < len(begun.names):
        return False  # who has no row yet has not ended
    return tell(parts, begun)


def tell(parts: RoundParts, begun: RoundBegun) -> bool:
    """Tell the round, whoever of its entries has not ended as missing; nothing is done while somebody else tells it.

    Whether nothing is left to do about it: its card is posted, or there is none, or it is given up.
    """
    now, claim = parts.clock.now(), secrets.token_hex(8)

    def claimed(progress: RoundProgress) -> RoundProgress | None:
        return replace(progress, claimed_at=now, claimed_by=claim) if may_claim(progress, now) else None

    progress = parts.store.change_progress(begun.id, claimed)
    if progress is None:
        found = parts.store.progress(begun.id)
        told_before = found is None or found.told
        if told_before:
            parts.store.change_state(lambda state: _without(state, begun.id))
        return told_before
    told = _told(parts, begun)
    if not progress.logged:
        level = logging.INFO if is_complete(told) else logging.ERROR
        log_line(event_of(told), dict(line_of(told)), level)
        parts.store.change_progress(begun.id, lambda each: replace(each, logged=True))
    late = now - begun.began >= parts.deadline + GIVEN_UP
    if not _posted(parts, told) and not late:
        return False
    parts.store.change_progress(begun.id, lambda each: replace(each, told=True))
    parts.store.change_state(lambda state: _without(state, begun.id))
    return True


def _told(parts: RoundParts, begun: RoundBegun) -> RoundTold:
    settings = parts.settings
    return RoundTold(
        round=begun.id,
        began=begun.began,
        ended=parts.clock.now(),
        entries=all_entries(begun.names, parts.store.ended(begun.id)),
        new=begun.new,
        gone=begun.gone,
        by_hand=begun.by_hand,
        mentions=settings.mentions,
        runbook_url=settings.runbook_url,
        log_url=run_link(settings.cloud.portal, parts.app_resource_id, begun.id, begun.began),
    )


def _posted(parts: RoundParts, told: RoundTold) -> bool:
    """Post the round's card, if there is one to post; False when it is to be tried again."""
    if parts.webhook is None:
        return True
    before = parts.store.card(told.round)
    if before is not None and before.accepted:
        _taken(parts)
        return True
    unanswered = before.doubtful if before else 0
    if unanswered >= MOST_UNANSWERED:
        log_line("round_card_unanswered", {"round": told.round, "posts": unanswered}, logging.ERROR)
        return True
    shown = to_be_posted(told, parts.store.state().card_at, parts.settings.heartbeat_days)
    if shown is None:
        return True
    noted = CardNote(told.round, told.ended.date(), doubtful=unanswered + 1)
    # Counted as one more that Teams may have taken: so it is if this process ends before the answer.
    parts.store.note_card(noted)
    try:
        parts.webhook.post(parts.card(shown))
    except SweepError as error:
        log_line("round_card_failed", {"round": told.round, "why": str(error)}, logging.ERROR)
        if not error.maybe_done:
            parts.store.note_card(replace(noted, doubtful=unanswered))
        return refused_for_its_content(error)  # as long as the round's code is the same, so is the card
    parts.store.note_card(replace(noted, doubtful=unanswered, accepted=True))
    _taken(parts)
    return True


def _taken(parts: RoundParts) -> None:
    """Keep when Teams took a round's card."""
    now = parts.clock.now()
    parts.store.change_state(lambda state: replace(state, card_at=now))


def _without(state: RoundsState, round_id: str) -> RoundsState:
    return replace(state, untold=tuple(each for each in state.untold if each != round_id))
