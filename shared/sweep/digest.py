"""The digest: what is told about recipients, on as few cards as Teams takes.

A card that is refused for what it holds, or that was twice not answered for, is sent in halves, down to one minimal
card for each recipient; unless Teams has taken a card in this sweep, one without foreign text goes first, and when that
is refused as well, the road is at fault.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.model import CardNote, Cause, ToldDue, ToldFinding
from shared.plan.news import doubtful_posts
from shared.sweep.context import Context
from shared.sweep.post import UNANSWERED_ID, Mentioned, Posted, Reminded, Tell, Unanswered, post
from shared.teams import Card, Entry, Situation, digest_card, probe_card

MOST_POSTS = 16
"""Of one sweep."""

SPLIT_AFTER = 2
"""Posts that were not answered for: of one card, then it is split; about one finding, then it goes on a card apart."""


_UNANSWERED = Cause(
    UNANSWERED_ID,
    "Teams may have taken today's cards, but did not answer: look at the flow's run history in Power Automate; they are"
    " posted again tomorrow",
)


def post_digest(context: Context, tells: Mapping[Entry, Tell], situation: Situation, causes: Sequence[str]) -> bool:
    """Tell all these, on as few cards as Teams takes; whether all were told. `causes` are told by the first full card.

    What an earlier card may have failed on stands on cards apart: it must not keep the others from being told.
    """
    first, apart, lines = _sorted_out(context, tells)
    digest = _Digest(context, tells, situation)
    told = digest.post_all([(_shuffled(first, situation), False)] if first else [], causes)
    told &= digest.post_all([(some, True) for some in _dealt(lines, situation)])
    if apart and not context.tally.down:
        proved = context.tally.card_id or _probe(context, situation)
        told &= bool(proved) and digest.post_all([(some, True) for some in _dealt(apart, situation)])
    return told and not context.tally.down


def _sorted_out(context: Context, tells: Mapping[Entry, Tell]) -> tuple[list[Entry], list[Entry], list[Entry]]:
    """What goes on the first card; findings on so many unanswered posts that they go apart; those told in a line."""
    posts = doubtful_posts(context.ledger.cards.values())
    first, apart, lines = [], [], []
    for entry, tell in tells.items():
        if isinstance(tell, Unanswered):
            lines.append(entry)
        elif isinstance(tell, ToldFinding) and posts[tell.incident_id] >= SPLIT_AFTER:
            apart.append(entry)
        else:
            first.append(entry)
    return first, apart, lines


def _shuffled(entries: Sequence[Entry], situation: Situation) -> list[Entry]:
    """In another order each day: whoever stands behind what is never taken is in front of it on another day."""
    day = situation.now.date().isoformat()

    def place(entry: Entry) -> bytes:
        return hashlib.blake2b(f"{day}|{entry.incident_id}".encode(), digest_size=8).digest()

    return sorted(entries, key=place)


def _dealt(entries: Sequence[Entry], situation: Situation) -> list[list[Entry]]:
    """For two cards, with other company each day: nobody is for ever on one card with what is never answered for."""
    ordered = _shuffled(entries, situation)
    half = (len(ordered) + 1) // 2
    return [some for some in (ordered[:half], ordered[half:]) if some]


@dataclass(slots=True)
class _Digest:
    """What is told about recipients in one sweep. `probed`: a card without foreign text was posted."""

    context: Context
    tells: Mapping[Entry, Tell]
    situation: Situation
    probed: bool = False

    def post_all(self, waiting: list[tuple[list[Entry], bool]], causes: Sequence[str] = ()) -> bool:
        """Post these cards, each full or minimal, and what is refused in halves; whether all were told."""
        whole = True
        while waiting:
            entries, minimal = waiting.pop(0)
            if self.context.tally.posts >= MOST_POSTS or self.context.tally.down:
                return False
            ended = self._post(entries, () if minimal else causes, minimal=minimal)
            if ended is Posted.ACCEPTED:
                causes = causes if minimal else ()
            elif ended is not Posted.REFUSED or not self._road_is_well():
                whole = False
            elif len(entries) > 1:
                half = (len(entries) + 1) // 2
                waiting = [(entries[:half], minimal), (entries[half:], minimal), *waiting]
            elif not minimal:
                waiting.insert(0, (entries, True))
            else:
                whole = False
        return whole

    def _post(self, entries: list[Entry], causes: Sequence[str], *, minimal: bool) -> Posted:
        card = digest_card(entries, self.situation, minimal=minimal)
        before = self.context.ledger.cards.get(card.id)
        if before is not None and before.doubtful >= SPLIT_AFTER and not minimal:
            return Posted.REFUSED
        return post(self.context, card, note_of(card, self.tells, self.situation, causes))

    def _road_is_well(self) -> bool:
        """Whether Teams takes a card without foreign text; then a refused card was refused for what it holds."""
        if self.context.tally.card_id or self.probed:
            return True
        self.probed = True
        well = _probe(self.context, self.situation)
        self.context.tally.down = not well
        return well


def _probe(context: Context, situation: Situation) -> bool:
    """Whether Teams takes a card without foreign text. Posted once a day, when Teams does not answer."""
    card = probe_card(situation)
    if card.id in context.ledger.cards:
        context.tally.causes.append(_UNANSWERED)
        return False
    day = situation.now.date()
    return post(context, card, CardNote(card.id, day)) is Posted.ACCEPTED


def note_of(card: Card, tells: Mapping[Entry, Tell], situation: Situation, causes: Sequence[str]) -> CardNote:
    """What is noted about a card before it is posted."""
    told_here = [tells[entry] for entry in card.told if entry in tells]
    return CardNote(
        card.id,
        situation.now.date(),
        findings=tuple(each for each in told_here if isinstance(each, ToldFinding)),
        due=tuple(each for each in told_here if isinstance(each, ToldDue)),
        unanswered=tuple(each.finding for each in told_here if isinstance(each, Unanswered)),
        reminders=tuple(each.recipient for each in told_here if isinstance(each, Reminded)),
        deletions=tuple(each.recipient for each in told_here if isinstance(each, Mentioned)),
        causes=tuple(causes),
    )
