"""Text that has to fit: of each section as many lines as there is room for, by an order of importance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from shared.text import inert, units


@dataclass(frozen=True, slots=True)
class Section:
    """Lines under a heading, the most important first. A section without lines is not there at all."""

    heading: str
    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class Fitted:
    """What fits: the lines of each section, without headings, and the room that is left, as it was measured."""

    lines: Mapping[str, list[str]]
    room: int


Measure = Callable[[str], int]
"""How long a text is: in UTF-16 units (`units`), or in bytes."""


def utf8(text: str) -> int:
    """Length in bytes, as the fields of a table and of an alert are counted; never less than in UTF-16 units."""
    return len(text.encode("utf-8", "replace"))


def fitted(
    sections: Mapping[str, Section], order: Sequence[tuple[str, int]], room: int, measure: Measure = units
) -> Fitted:
    """Lines are taken in this order: of a section up to so many in all, then the next. One that does not fit ends its
    section, so long lists give way to what comes before them in the order. `room` is as `measure` counts.
    """
    taken: dict[str, list[str]] = {name: [] for name in sections}
    ended: set[str] = set()
    for name, most in order:
        section = sections[name]
        while name not in ended and len(taken[name]) < min(most, len(section.lines)):
            line = section.lines[len(taken[name])]
            cost = measure(line) + 1 + (0 if taken[name] else measure(section.heading) + 2)
            if cost > room:
                ended.add(name)
            else:
                room -= cost
                taken[name].append(line)
    return Fitted(taken, room)


def under(heading: str, lines: Sequence[str]) -> list[str]:
    """A blank line, the heading and the lines; nothing when there are no lines."""
    return ["", heading, *lines] if lines else []


def inert_within(text: str, room: int) -> str:
    """`inert` text that has at most `room` UTF-16 units, its escapes included."""
    limit = room
    while units(made := inert(text, limit)) > room:
        limit = limit * 3 // 4
    return made
