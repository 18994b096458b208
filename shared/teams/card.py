"""The three kinds of card, each within its size budget: what is new, what the sweep itself has to say, and a probe.

Pure: the time is passed in. A card is never larger than 20 KB, however many findings there are: the first ones in
detail, more in a line each, the rest by number. Its id is derived from what it tells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from shared.model import Cause, Reason, Severity, Verdict
from shared.teams import wording
from shared.teams.alert import Card, Entry, Notice, OtherReason, Situation, utc_day
from shared.teams.campaigns import campaign_box
from shared.teams.elements import mentions, message, words
from shared.teams.frame import banner, card_id, causes_quoted, doubts, footer
from shared.teams.listing import Listing
from shared.teams.notices import PROBE, digest_opens, notice, notice_opens, read_on, runbook_section
from shared.teams.places import Places, arrangements, in_order
from shared.teams.spoken import digest_in_words, in_words

CARD_LIMIT = 20_480
"""Bytes of UTF-8; a flow refuses 28,672 as it counts them, unseen by the sender."""

_ANY_ID = card_id()  # all ids are of one length
_MENTIONING = (*wording.NEW, Reason.ESCALATED, OtherReason.NOT_RAISED, OtherReason.UNANSWERED)
_DOUBTFUL = (Verdict.UNTRUSTED, Verdict.FAILED)
_MOODS = {Notice.FAILED: "attention", Notice.HEARTBEAT: "good"}
_NOBODY_WAKES = (Notice.HEARTBEAT, Notice.NEW_WORD)


def digest_card(entries: Sequence[Entry], situation: Situation, *, minimal: bool = False) -> Card:
    """One card about these recipients: what was not raised, then findings, the highest severity and count first.

    `minimal` is for one that Teams has refused: nothing on it that anybody else wrote, but the address, made inert.
    """
    ordered = in_order(entries)
    keys = {id(entry): entry.key(situation.now) for entry in ordered}
    compose = _minimal(ordered, situation) if minimal else _full(ordered, situation)
    for places in arrangements(ordered):
        if len(compose(places, _ANY_ID).encode()) <= CARD_LIMIT:
            name = card_id("digest", *sorted(keys[id(entry)] for entry in places.told))
            return Card(name, compose(places, name), places.told)
    raise AssertionError("a card with a single line is within the limit")  # its parts are bounded, one by one


def notice_card(kind: Notice, causes: Sequence[Cause], situation: Situation) -> Card:
    """A card about the sweep itself: what happened, what that means for on-call, what to do. Once per cause and day."""
    today = utc_day(situation.now)
    keys = sorted({f"{today}/{cause.id}" for cause in causes} or {f"{today}/{kind.value}"})
    name = card_id("notice", situation.workspace, kind.value, *keys)
    heading, meaning, todo = notice(kind, situation)
    heading = wording.headed(heading, situation)
    whose = wording.whose(situation)
    mentioned, entities = mentions(() if kind in _NOBODY_WAKES else situation.mentions)
    body = [banner(heading, whose, _MOODS.get(kind, "warning")), *mentioned]
    body += causes_quoted([cause.text for cause in causes])
    body.append(words(meaning))
    if todo:
        body.append(words(f"**To do:** {todo}"))
    hint = read_on(runbook_section(kind, situation), situation) if todo else ""
    body += footer(situation, name, notice_opens(kind, situation), due=kind is not Notice.DUE, hint=hint)
    sentences = [f"{heading}. {whose}.", *(cause.text for cause in causes), meaning, todo, wording.held(situation)]
    return Card(name, message(body, in_words(sentences), entities))


def probe_card(situation: Situation) -> Card:
    """A card without a word that anybody else wrote: a card could not be delivered, its content follows in parts.

    When Teams refuses even this one, what the refused card held was not the cause.
    """
    name = card_id("probe", situation.workspace, utc_day(situation.now))
    heading, meaning = wording.headed(PROBE[0], situation), PROBE[1]
    whose = wording.whose(situation, own=True)
    opens = digest_opens(situation)
    body = [banner(heading, whose, "warning"), words(meaning), *footer(situation, name, opens, causes=False)]
    return Card(name, message(body, in_words((f"{heading}. {whose}.", meaning)), ()))


_Compose = Callable[[Places, str], str]
"""The body of a card: who stands on it how, its id."""


def _full(ordered: Sequence[Entry], situation: Situation) -> _Compose:
    spoken = digest_in_words(ordered, situation)
    mentioned, entities = mentions(situation.mentions if _wakes(ordered, situation) else ())
    heading = wording.headed(wording.headline(ordered), situation)
    first = banner(heading, wording.about(situation), _mood(ordered, situation))
    top = [first, *mentioned, *doubts(situation), *campaign_box(situation, ordered)]
    rows = Listing(situation)
    bottom = cache(lambda name: footer(situation, name, digest_opens(situation)))

    def compose(places: Places, name: str) -> str:
        return message([*top, *rows.placed(places), *bottom(name)], spoken, entities)

    return compose


def _minimal(ordered: Sequence[Entry], situation: Situation) -> _Compose:
    spoken = digest_in_words(ordered, situation, minimal=True)
    heading = wording.headed(wording.headline(ordered), situation)
    first = banner(heading, wording.about(situation, own=True), _mood(ordered, situation))
    short, doubted = words(wording.MINIMAL), doubts(situation, reasons=False)
    top = [first, short, *doubted, *campaign_box(situation, ordered, minimal=True)]
    rows = Listing(situation, minimal=True)
    bottom = cache(lambda name: footer(situation, name, digest_opens(situation), causes=False))

    def compose(places: Places, name: str) -> str:
        return message([*top, *rows.placed(places), *bottom(name)], spoken, ())

    return compose


def _wakes(entries: Sequence[Entry], situation: Situation) -> bool:
    return situation.verdict in _DOUBTFUL or any(entry.reason in _MENTIONING for entry in entries)


def _mood(entries: Sequence[Entry], situation: Situation) -> str:
    shown = [entry for entry in entries if entry.reason is not OtherReason.DELETED]
    if any(entry.severity is Severity.HIGH or entry.reason is OtherReason.NOT_RAISED for entry in shown):
        return "attention"
    return "warning" if shown or situation.verdict in _DOUBTFUL else "accent"
