"""Posting cards: a card is noted, sent, and marked as accepted by one write; the records follow from that mark.

A card that Teams may have taken is not sent again in this sweep.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto

from shared.errors import SweepError
from shared.model import CardNote, Cause, Record, ToldDue, ToldFinding
from shared.plan.news import named_as_due, without_told
from shared.plan.records import told
from shared.sweep.breaker import cause_of
from shared.sweep.context import Context
from shared.teams import Card
from shared.teams.webhook import refused_for_its_content


@dataclass(frozen=True, slots=True)
class Reminded:
    """A recipient whose waiting incident is on a card."""

    recipient: str


@dataclass(frozen=True, slots=True)
class Mentioned:
    """A recipient whose deleted incident is on a card."""

    recipient: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A finding on a card, in a line: cards about it may have arrived."""

    finding: ToldFinding


Tell = ToldFinding | ToldDue | Unanswered | Reminded | Mentioned


UNANSWERED_ID = "teams_unanswered"
"""Of the cause that Teams may have taken a card and did not answer."""
_NOT_AGAIN = "Teams may have taken the card: this round does not post it again, the next one does"
NOT_AGAIN = Cause(UNANSWERED_ID, f"A card of this round was not answered for. {_NOT_AGAIN}")
"""Why what stood on an unanswered card is still due after a further try of the same round."""


class Posted(Enum):
    """How a post ended."""

    ACCEPTED = auto()
    REFUSED = auto()  # for what the card holds
    DOUBTFUL = auto()  # Teams may have taken it
    FAILED = auto()  # the road is at fault


def take_in_accepted(context: Context) -> None:
    """Bring the records up to date from cards that an earlier sweep saw accepted, and drop the cards."""
    for card in list(context.ledger.cards.values()):
        if card.accepted:
            _take_in(context, card)


def post(context: Context, card: Card, noted: CardNote) -> Posted:
    """Note a card, post it, and bring the records up to date once it is accepted.

    Raises:
        LeaseLost: another sweep is at work by now; nothing is noted or sent then.
        LedgerError: it could not be written down.
    """
    tally, before = context.tally, context.ledger.cards.get(card.id)
    doubtful = before.doubtful if before else 0
    noted = replace(noted, round=context.parts.entry.round)
    context.prove_lease()
    # Counted as one more that Teams may have taken: so it is if this process ends before the answer.
    context.ledger.save(cards=[replace(noted, doubtful=doubtful + 1)])
    context.prove_lease()
    tally.posts += 1
    try:
        context.parts.webhook.post(card.body)
    except SweepError as error:
        in_round = error.maybe_done and context.parts.entry.in_round
        tally.causes.append(_not_again(error) if in_round else cause_of(error))
        if error.maybe_done:
            return Posted.DOUBTFUL
        if before and doubtful:
            context.ledger.save(cards=[replace(noted, doubtful=doubtful, round=before.round)])
        else:
            context.ledger.save(dropped_cards=[card.id])
        if refused_for_its_content(error):
            return Posted.REFUSED
        tally.down = True
        return Posted.FAILED
    tally.took(noted)
    accepted = replace(noted, doubtful=doubtful, accepted=True)
    context.ledger.save(cards=[accepted])  # one write: from here on the card is never sent again
    _take_in(context, accepted)
    return Posted.ACCEPTED


def _not_again(error: SweepError) -> Cause:
    return replace(cause_of(error), id=UNANSWERED_ID, text=f"{error}. {_NOT_AGAIN}")


def _take_in(context: Context, card: CardNote) -> None:
    """Record as told what an accepted card tells; may be done again after a crash."""
    ledger, now = context.ledger, context.now()
    changed: dict[str, Record] = {}

    def record(recipient: str) -> Record | None:
        return changed.get(recipient) or ledger.records.get(recipient)

    for finding in (*card.findings, *card.unanswered):
        known = record(finding.recipient)
        if known is not None and known.incident is not None and known.incident.id == finding.incident_id:
            changed[finding.recipient] = told(known, now)
    for due in card.due:
        if (known := record(due.recipient)) is not None:
            changed[due.recipient] = named_as_due(known, due.incident_id, due.cause, card.day)
    for recipient in card.reminders:
        if (known := record(recipient)) is not None:
            changed[recipient] = replace(known, reminded_at=now)
    for recipient in card.deletions:
        if (known := record(recipient)) is not None and known.incident is not None:
            changed[recipient] = replace(known, incident=replace(known.incident, deletion_told=True))
    ledger.save(changed.values())
    same_day = ledger.state.causes_day == card.day
    causes = {*(ledger.state.causes_told if same_day else ()), *card.causes}
    ledger.save_state(card_at=now, causes_day=card.day, causes_told=tuple(sorted(causes)))
    others = [each for each in ledger.cards.values() if each.id != card.id]
    kept, dropped = without_told(others, (*card.findings, *card.unanswered))
    ledger.save(cards=kept, dropped_cards=(card.id, *dropped))
