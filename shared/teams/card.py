"""What a Teams card says, within its size budget: one digest for all that is to be told, one notice for all else.

Pure: the time is passed in. A card is never larger than 20 KB, however many findings there are: the first ones in
detail, more in a line each, the rest by count; all of them count as told. Its id is derived from what it tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid5

from shared.model import RULE_ID, Cause, Reason, Severity, Verdict
from shared.teams import wording
from shared.teams.alert import Also, Card, Entry, Notice, Situation, day
from shared.teams.elements import Element, beside, box, buttons, line, mentions, message, run, words
from shared.text import address, clean, plain, when

__all__ = ["CARD_LIMIT", "Also", "Card", "Cause", "Entry", "Notice", "Situation", "digest_card", "notice_card"]

CARD_LIMIT = 20_480  # bytes of UTF-8; a flow refuses 28,672 as it counts them, unseen by the sender
_DETAILS = 8
_DETAILS_OF_MANY = 5  # with more than _DETAILS, a phone shows the names sooner than the tenth button
_LINES = 30
_CAUSES = 3
_MENTIONING = (*wording.RAISED, Reason.ESCALATED, Also.NOT_RAISED)
_COLOUR = {Severity.HIGH: "attention", Severity.MEDIUM: "warning"}


def digest_card(entries: Sequence[Entry], situation: Situation) -> Card:
    """One card about all these recipients: findings before reminders, highest severity and count first."""
    ordered = sorted(entries, key=_order)
    tells = tuple(sorted(entry.key(situation.now) for entry in ordered))
    card_id = _id("digest", *tells)
    heading = wording.headline(ordered)
    told = wording.told(_sentences(heading, situation), (_sentence(each, situation) for each in ordered), len(ordered))
    upns = situation.mentions if any(entry.reason in _MENTIONING for entry in ordered) else ()
    mentioned, entities = mentions(upns)
    top = [_banner(heading, wording.about(situation), _mood(ordered, situation)), *mentioned, *_doubts(situation)]
    bottom = _bottom(situation, card_id)
    for details in range(len(ordered) if len(ordered) <= _DETAILS else _DETAILS_OF_MANY, -1, -1):
        rest = len(ordered) - details
        for lines in sorted({min(rest, _LINES), min(rest, _LINES // 3), 0}, reverse=True):
            body = [*top, *_listing(ordered, details, lines, situation), *bottom]
            text = message(body, told, entities)
            if len(text.encode()) <= CARD_LIMIT:
                return Card(card_id, text, tells)
    raise AssertionError("a card without any detail is within the limit")  # its parts are bounded, one by one


def notice_card(kind: Notice, causes: Sequence[Cause], situation: Situation) -> Card:
    """A card about the sweep itself: what happened, what that means for on-call, what to do. Once per cause and day."""
    today = day(situation.now)
    tells = tuple(sorted({f"{today}/{cause.id}" for cause in causes} or {f"{today}/{kind.value}"}))
    card_id = _id("notice", situation.workspace, kind.value, *tells)
    heading, meaning, todo = wording.NOTICES[kind]
    if kind is Notice.HEARTBEAT:
        if situation.standing or situation.held or situation.due:
            heading = "Nothing new"
        if situation.sweeps and situation.since:
            meaning = f"{situation.sweeps:,} sweeps since {when(situation.since)}. {meaning}"
    elif kind is Notice.DUE and situation.due:
        heading = f"{situation.due:,} not delivered yet"
    mood = {Notice.FAILED: "attention", Notice.HEARTBEAT: "good"}.get(kind, "warning")
    body = [_banner(heading, wording.whose(situation), mood)]
    body += _why([cause.text for cause in causes])
    body.append(words(meaning))
    if todo:
        body.append(words(f"**To do:** {todo}"))
    sentences = [f"{heading}. {wording.whose(situation)}.", *(cause.text for cause in causes), meaning, todo]
    told = wording.told([sentence for sentence in sentences if sentence])
    return Card(card_id, message([*body, *_bottom(situation, card_id, kind)], told, ()), tells)


def _id(*told: str) -> str:
    return str(uuid5(RULE_ID, "\n".join(told).encode("utf-8", "replace").decode()))


def _order(entry: Entry) -> tuple[int, int, int, str]:
    group = {Also.REMINDER: 1, Also.DELETED: 2}.get(entry.reason, 0) if isinstance(entry.reason, Also) else 0
    return group, -entry.severity.rank, -entry.total, entry.recipient


def _mood(entries: Sequence[Entry], situation: Situation) -> str:
    findings = [entry for entry in entries if entry.reason not in (Also.REMINDER, Also.DELETED)]
    if any(entry.severity is Severity.HIGH or entry.reason is Also.NOT_RAISED for entry in findings):
        return "attention"
    return "warning" if findings or situation.verdict in (Verdict.UNTRUSTED, Verdict.FAILED) else "accent"


def _banner(heading: str, about: str, mood: str) -> Element:
    below = line(run(about), spacing="None")
    return box([words(heading, size="Large", weight="Bolder"), below], style=mood, bleed=True)


def _said(text: str) -> Element:
    return line(run(clean(text, 240) or "(no words)"), spacing="Small")


def _why(texts: Sequence[str]) -> list[Element]:
    said = [_said(text) for text in texts[:_CAUSES]]
    if len(texts) > _CAUSES:
        said.append(words(f"and {len(texts) - _CAUSES} more", spacing="Small"))
    return said


def _doubts(situation: Situation) -> list[Element]:
    doubt = wording.doubt(situation)
    if not doubt:
        return []
    return [box([words(doubt, weight="Bolder"), *_why(situation.reasons)], style="warning", spacing="Small")]


def _listing(entries: Sequence[Entry], details: int, lines: int, situation: Situation) -> list[Element]:
    items = [_detail(entry, situation) for entry in entries[:details]]
    brief = [_brief(entry) for entry in entries[details : details + lines]]
    if brief:
        items.append(box(brief, separator=True))
    if rest := entries[details + lines :]:
        text = wording.more(rest) if details + lines else f"{len(rest):,} recipients"
        items.append(words(f"{text}: see the incident list", weight="Bolder", separator=True))
    return items


def _detail(entry: Entry, situation: Situation) -> Element:
    colour = _COLOUR.get(entry.severity, "default")
    size = "ExtraLarge" if entry.total < 1_000 else "Large" if entry.total < 10_000 else "Default"
    number = [
        words(f"{entry.total:,}", size=size, weight="Bolder", color=colour, horizontalAlignment="Center", wrap=False),
        words(entry.severity.value, size="Small", color=colour, spacing="None", horizontalAlignment="Center"),
    ]
    facts = [
        line(run(address(entry.recipient, 120) or "(no address)", weight="Bolder")),
        line(
            run(
                wording.why(entry, situation),
                **({"color": "attention"} if entry.reason is Also.NOT_RAISED else {}),
            ),
            spacing="None",
        ),
    ]
    if entry.cause:
        facts.append(_said(entry.cause))
    facts.append(line(run(wording.counted(entry.counts), isSubtle=True, size="Small"), spacing="None"))
    if entry.remediators:
        facts.append(line(run(clean(entry.remediators, 160), isSubtle=True, size="Small"), spacing="None"))
    for subject in entry.subjects[:2]:
        facts.append(line(run(f"“{plain(subject, 90)}”", size="Small", italic=True), spacing="None"))
    name = "Open incident" if entry.number is None else f"Open incident {entry.number}"
    facts += buttons((name, entry.url))
    return beside(number, "70px", facts, separator=True)


def _brief(entry: Entry) -> Element:
    colour = _COLOUR.get(entry.severity, "default")
    count = run(f"{entry.total:,} {entry.severity.value}  ", color=colour)
    return line(count, run(address(entry.recipient, 64) or "(no address)"), spacing="None")


def _bottom(situation: Situation, card_id: str, kind: Notice | None = None) -> list[Element]:
    body: list[Element] = []
    if held := wording.held(situation):
        body.append(words(held, color="warning", separator=True))
    if situation.due and kind is not Notice.DUE:
        body.append(words(f"{situation.due:,} still to be delivered; the next sweep completes it.", color="warning"))
        body += _why([cause.text for cause in situation.causes])
    small = [text for text in (wording.standing(situation), wording.covered(situation.coverage, situation)) if text]
    small.append(f"Sent {when(situation.now)}. Card {card_id}")
    if situation.run_id:
        small.append(f"Run {plain(situation.run_id, 64)}")
    body.append(box([line(run(text, size="Small", isSubtle=True), spacing="None") for text in small], separator=True))
    return body + buttons(("Open incident list", situation.incidents_url), ("Open this run", situation.run_url))


def _sentences(heading: str, situation: Situation) -> list[str]:
    sentences = [f"{heading}. {wording.about(situation)}."]
    if doubt := wording.doubt(situation):
        sentences += [f"{doubt}.", *situation.reasons[:_CAUSES]]
    if held := wording.held(situation):
        sentences.append(held)
    if situation.due:
        sentences.append(f"{situation.due:,} still to be delivered.")
        sentences += [cause.text for cause in situation.causes[:_CAUSES]]
    return sentences


def _sentence(entry: Entry, situation: Situation) -> str:
    who = address(entry.recipient, 100) or "(no address)"
    return f"{who}: {entry.total:,} ({entry.severity.value}). {wording.why(entry, situation)}."
