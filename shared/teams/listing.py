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


class Listing:
    """The entries of one card as elements. Each is made once, however many arrangements of them are tried."""

    def __init__(self, situation: Situation, *, minimal: bool = False) -> None:
        self._situation = situation
        self._minimal = minimal
        self._made: dict[tuple[str, int, str], Element] = {}

    def placed(self, places: Places) -> list[Element]:
        """All of them, in their places."""
        items = []
        above = ""
        for entry in places.details:
            items.append(self._detail(entry, above))
            above = entry.cause
        for (group, severity), members in groupby(places.lines, _under):
            colour = {"isSubtle": True} if severity is None else {"color": _COLOUR.get(severity, "default")}
            text = _CAPTIONS[group] + (f": {severity.value}" if severity else "")
            caption = words(text, size="Small", weight="Bolder", **colour)
            lines = [self._line(entry, with_severity=severity is None) for entry in members]
            items.append(box([caption, *lines], separator=True))
        return [*items, *_by_number(places)]

    def _detail(self, entry: Entry, above: str) -> Element:
        key = ("detail", id(entry), above)
        if key not in self._made:
            made = _minimal(entry, self._situation) if self._minimal else _detail(entry, self._situation, above)
            self._made[key] = made
        return self._made[key]

    def _line(self, entry: Entry, *, with_severity: bool) -> Element:
        key = ("line", id(entry), "")
        if key not in self._made:
            self._made[key] = _brief(entry, with_severity=with_severity, minimal=self._minimal)
        return self._made[key]


def _under(entry: Entry) -> tuple[Group, Severity | None]:
    """The caption that its line stands under: findings, which are by severity, have one for each."""
    group = group_of(entry)
    return group, entry.severity if group is Group.FINDING else None


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


def _detail(entry: Entry, situation: Situation, above: str) -> Element:
    """`above` is the cause of the one above it: it is not quoted again."""
    loud = {"color": "attention"} if entry.reason is OtherReason.NOT_RAISED else {}
    facts = [
        line(text_run(who(entry, 120), weight="Bolder")),
        line(text_run(wording.why(entry, situation), **loud), spacing="None"),
        *_not_there_yet(entry),
    ]
    if entry.cause:
        same = above == entry.cause
        facts.append(line(text_run("The same cause", size="Small"), spacing="None") if same else quoted(entry.cause))
    small = [wording.by_action(entry.counts), *wording.from_whom(entry), clean(entry.remediators, 160)]
    facts += [line(text_run(text, isSubtle=True, size="Small"), spacing="None") for text in small if text]
    for subject in entry.subjects[:2]:
        facts.append(line(text_run(f"“{plain(subject, 90)}”", size="Small", italic=True), spacing="None"))
    return two_columns(_count(entry), "70px", [*facts, *_button(entry)], separator=True)


def _minimal(entry: Entry, situation: Situation) -> Element:
    facts = [
        line(text_run(who(entry, 120, minimal=True), weight="Bolder")),
        line(text_run(wording.why(entry, situation)), spacing="None"),
        *_not_there_yet(entry),
        line(text_run(wording.by_action(entry.counts), isSubtle=True, size="Small"), spacing="None"),
    ]
    return two_columns(_count(entry), "70px", [*facts, *_button(entry)], separator=True)


def _not_there_yet(entry: Entry) -> list[Element]:
    if not entry.awaited or entry.reason is OtherReason.NOT_RAISED:
        return []
    return [
        line(text_run("The analytics rule makes its incident, which is not there yet", size="Small"), spacing="None")
    ]


def _count(entry: Entry) -> Sequence[Element]:
    colour = _COLOUR.get(entry.severity, "default")
    size = "ExtraLarge" if entry.total < 1_000 else "Large" if entry.total < 10_000 else "Default"
    return [
        words(f"{entry.total:,}", size=size, weight="Bolder", color=colour, horizontalAlignment="Center", wrap=False),
        words(entry.severity.value, size="Small", color=colour, spacing="None", horizontalAlignment="Center"),
    ]


def _button(entry: Entry) -> list[Element]:
    name = "Open incident" if entry.number is None else f"Open incident {entry.number}"
    return buttons(("Look for its incident" if entry.awaited else name, entry.url))


def _brief(entry: Entry, *, with_severity: bool, minimal: bool) -> Element:
    """A line of as few bytes as will do: the more lines there are, the more of them lead to their incidents."""
    severity = f" {entry.severity.value}" if with_severity else ""
    action = link_action(entry.url)
    opens = {"selectAction": action} if action else {}
    return line(text_run(f"{entry.total:,}{severity}  {who(entry, 64, minimal=minimal)}", **opens))
