"""A card in plain words: for toasts, for screen readers, and for clients that draw no card."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile

from shared.teams import wording
from shared.teams.alert import Entry, Situation
from shared.teams.campaigns import campaign_words
from shared.teams.frame import CAUSES
from shared.teams.listing import who
from shared.text import bare

_BYTES = 1_200  # three copies of the words travel in each card
_WITH_SENDERS = 5  # recipients: of more, who they are matters more than from whom the mail came
_FEW, _BYTES_OF_MANY = 12, 600  # the more recipients, the more room their links need


def digest_in_words(entries: Sequence[Entry], situation: Situation, *, minimal: bool = False) -> str:
    """A digest of these, in order. `minimal` leaves out what anybody else wrote, but the addresses, made inert."""
    heading = wording.headed(wording.headline(entries), situation)
    first = [f"{heading}. {wording.about(situation, own=minimal)}."]
    if doubt := wording.doubt(situation):
        first += [f"{doubt}.", *(() if minimal else situation.reasons[:CAUSES])]
    if minimal:
        first.append(wording.MINIMAL)
    if held := wording.held(situation):
        first.append(held)
    if situation.due:
        first.append(f"{situation.due:,} still due.")
        first += () if minimal else [cause.text for cause in situation.causes[:CAUSES]]
    first[1:1] = campaign_words(situation, minimal=minimal)
    brief = minimal or len(entries) > _WITH_SENDERS
    each = (_sentence(entry, situation, minimal, brief) for entry in entries)
    return _joined(first, each, len(entries), listed=not any(entry.by_name for entry in entries))


def in_words(sentences: Iterable[str]) -> str:
    """These sentences, without empty ones, as many as fit."""
    return _joined([sentence for sentence in sentences if sentence])


def _sentence(entry: Entry, situation: Situation, minimal: bool, brief: bool) -> str:
    recipient = who(entry, 100, minimal=minimal)
    senders = "" if brief else "".join(f" {text}." for text in wording.from_whom(entry)[:1])
    return f"{recipient}: {entry.total:,} ({entry.severity.value}). {wording.why(entry, situation)}.{senders}"


def _joined(first: Sequence[str], each: Iterable[str] = (), count: int = 0, *, listed: bool = True) -> str:
    """`first`, then of the `count` in `each` what fits. `listed`: the incident list shows all of them."""
    kept: list[str] = []
    room = _BYTES if count <= _FEW else _BYTES_OF_MANY

    def fits(sentence: str) -> bool:
        nonlocal room
        text = bare(sentence, 300)
        room -= len(text.encode()) + 1
        if room >= 0:
            kept.append(text)
        return room >= 0

    shown = sum(1 for _ in takewhile(fits, each)) if all(fits(sentence) for sentence in first) else 0
    if shown < count:
        kept.append(f"And {count - shown:,} more" + (": see the incident list." if listed else "."))
    return " ".join(kept)
