"""Whom the ledger knows: by address, by pseudonym, by a card."""

from __future__ import annotations

from shared.ledger import Loaded
from shared.model import CardNote, Record, ToldDue, ToldFinding, pseudonym
from shared.nearest import nearest
from shared.text import address


def record_of(loaded: Loaded, name: str) -> Record | None:
    """The record of the person with this address (lower-cased), also after it was forgotten."""
    return loaded.records.get(name) or loaded.records.get(pseudonym(name))


def in_ledger(loaded: Loaded, name: str) -> bool:
    """Whether there is a record of this person, or a card without an answer that names it."""
    return record_of(loaded, name) is not None or name in _on_cards(loaded)


def near_miss(loaded: Loaded, name: str) -> str:
    """A sentence that names the known address which was meant, "" when none is near."""
    addresses = {each for each in (*loaded.records, *_on_cards(loaded)) if "@" in each}
    meant = nearest(name, addresses)
    return f" Did you mean {address(meant)}?" if meant else ""


def named_on(card: CardNote) -> set[str]:
    """The recipients that a card names."""
    told: list[ToldFinding | ToldDue] = [*card.findings, *card.unanswered, *card.due]
    return {*card.reminders, *card.deletions, *(each.recipient for each in told)}


def _on_cards(loaded: Loaded) -> set[str]:
    return {name for card in loaded.cards.values() for name in named_on(card)}
