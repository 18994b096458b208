"""The entries on a card: each in detail, in a line, or told by number.

`minimal` is for what Teams has refused to take in full: nothing in it that anybody else wrote, but the address, of
which only plain letters, digits and a few marks are left.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from shared.model import Severity
from shared.teams import wording
from shared.teams.alert import Entry, OtherReason, Situation
from shared.teams.elements import Element, box, buttons, line, link_action, text_run, two_columns, words
from shared.teams.frame import quoted
from shared.teams.places import Group, Places, group_of
from shared.text import address, clean, ordinary, plain

_COLOUR = {Severity.HIGH: "attention", Severity.MEDIUM: "warning"}
_UNUSUAL = re.compile(r"(\[[.:]\]|[^A-Za-z0-9@._+'-])+")
_CAPTIONS = {
    Group.REFUSED: "NOT raised",
    Group.FINDING: "Also over the threshold",
    Group.UNANSWERED: "Posted without an answer: cards about these may have arrived",
    Group.REMINDER: "Still waiting",
    Group.DELETION: "Deleted",
}
_NAME_LATER = {
    Group.REFUSED: "NOT raised: the next card names them",
    Group.UNANSWERED: "posted without an answer: the next card names them",
}


def listing(places: Places, situation: Situation, links: int, *, minimal: bool = False) -> list[Element]:
    """All of them, in their places; the first `links` lines lead to their incidents."""
    before = (None, *places.details)
    items = [
        _minimal(entry, situation) if minimal else _detail(entry, situation, last)
        for last, entry in zip(before, places.details, strict=False)
    ]
    done = 0
    for group, members in groupby(places.lines, group_of):
        these = list(members)
        brief = [_brief(entry, linked=done + place < links, minimal=minimal) for place, entry in enumerate(these)]
        caption = words(_CAPTIONS[group], size="Small", weight="Bolder", isSubtle=True)
        items.append(box([caption, *brief], separator=True))
        done += len(these)
    return [*items, *_by_number(places)]


def line_link(entry: Entry) -> Element | None:
    """What makes an entry's line lead to its incident, None when it has none."""
    return link_action(entry.url)


def who(entry: Entry, limit: int, *, minimal: bool = False) -> str:
    """The recipient, inert."""
    if minimal and not ordinary(entry.recipient):
        return _UNUSUAL.sub("?", plain(entry.recipient, limit)) or "(no address)"
    return address(entry.recipient, limit) or "(no address)"


def _by_number(places: Places) -> list[Element]:
    """The rest: of those that must be named it is said that they will be."""
    texts = []
    for group, later in _NAME_LATER.items():
        if count := sum(1 for entry in places.rest if group_of(entry) is group):
            texts.append(f"and {count:,} more {later}")
    if others := [entry for entry in places.rest if not entry.by_name]:
        texts.append(f"{wording.more(others)}: see the incident list")
    return [words(text, weight="Bolder", separator=True) for text in texts]


def _detail(entry: Entry, situation: Situation, last: Entry | None) -> Element:
    """`last` is the one above it: the cause that both have is not quoted again."""
    loud = {"color": "attention"} if entry.reason is OtherReason.NOT_RAISED else {}
    facts = [
        line(text_run(who(entry, 120), weight="Bolder")),
        line(text_run(wording.why(entry, situation), **loud), spacing="None"),
    ]
    if entry.cause:
        same = last is not None and last.cause == entry.cause
        facts.append(line(text_run("The same cause", size="Small"), spacing="None") if same else quoted(entry.cause))
    facts.append(line(text_run(wording.by_action(entry.counts), isSubtle=True, size="Small"), spacing="None"))
    if entry.remediators:
        facts.append(line(text_run(clean(entry.remediators, 160), isSubtle=True, size="Small"), spacing="None"))
    for subject in entry.subjects[:2]:
        facts.append(line(text_run(f"“{plain(subject, 90)}”", size="Small", italic=True), spacing="None"))
    return two_columns(_count(entry), "70px", [*facts, *_button(entry)], separator=True)


def _minimal(entry: Entry, situation: Situation) -> Element:
    facts = [
        line(text_run(who(entry, 120, minimal=True), weight="Bolder")),
        line(text_run(wording.why(entry, situation)), spacing="None"),
        line(text_run(wording.by_action(entry.counts), isSubtle=True, size="Small"), spacing="None"),
    ]
    return two_columns(_count(entry), "70px", [*facts, *_button(entry)], separator=True)


def _count(entry: Entry) -> Sequence[Element]:
    colour = _COLOUR.get(entry.severity, "default")
    size = "ExtraLarge" if entry.total < 1_000 else "Large" if entry.total < 10_000 else "Default"
    return [
        words(f"{entry.total:,}", size=size, weight="Bolder", color=colour, horizontalAlignment="Center", wrap=False),
        words(entry.severity.value, size="Small", color=colour, spacing="None", horizontalAlignment="Center"),
    ]


def _button(entry: Entry) -> list[Element]:
    name = "Open incident" if entry.number is None else f"Open incident {entry.number}"
    return buttons((name, entry.url))


def _brief(entry: Entry, *, linked: bool, minimal: bool) -> Element:
    count = text_run(f"{entry.total:,} {entry.severity.value}  ", color=_COLOUR.get(entry.severity, "default"))
    action = line_link(entry) if linked else None
    style = {"selectAction": action, "underline": True} if action else {}
    return line(count, text_run(who(entry, 64, minimal=minimal), **style), spacing="None")
