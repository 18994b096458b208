"""What a replay has to give, in plain Python without the project's code: a sweep a day, nobody closes anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Found = Mapping[str, Iterable[str]]
"""The messages counted for each recipient over the threshold."""


@dataclass
class Person:
    """What is known of one recipient."""

    made: bool = False
    high: bool = False
    reported: set[str] = field(default_factory=set)
    untold: set[str] = field(default_factory=set)
    waiting: tuple[int, frozenset[str]] | None = None


def replay_by_hand(
    days: Iterable[Found], *, threshold: int, high: int, most: int, excluded: Iterable[str] = ()
) -> list[dict[str, int]]:
    """For each day: flagged, created, commented, escalated, held, excluded and told."""
    people: dict[str, Person] = {}
    left_out = set(excluded)
    return [_day(people, found, threshold, high, most, left_out) for found in days]


def _day(
    people: dict[str, Person], found: Found, threshold: int, high: int, most: int, left_out: set[str]
) -> dict[str, int]:
    day = dict.fromkeys(("created", "commented", "escalated", "held", "told"), 0)
    queue: list[tuple[int, str, set[str]]] = []
    everybody = set(found) | {name for name, person in people.items() if person.waiting}
    for name in everybody - left_out:
        person = people.setdefault(name, Person())
        messages = set(found.get(name, ()))
        total = max(len(messages), person.waiting[0] if person.waiting else 0)
        new = (messages | set(person.waiting[1] if person.waiting else ())) - person.reported
        if total <= threshold:
            continue
        if not person.made:
            queue.append((-total, name, new))
            continue
        tells = total > high and not person.high
        if tells:
            person.high, day["escalated"] = True, day["escalated"] + 1
        if new:
            day["commented"] += 1
            person.reported |= new
            person.untold |= new
        if tells or len(person.untold) > threshold:
            person.untold, day["told"] = set(), day["told"] + 1
    for place, (total, name, new) in enumerate(sorted(queue, key=lambda each: each[:2])):
        person = people[name]
        if place < most:
            person.made, person.high, person.waiting = True, -total > high, None
            person.reported |= new
            day["created"], day["told"] = day["created"] + 1, day["told"] + 1
        else:
            person.waiting, day["held"] = (-total, frozenset(new)), day["held"] + 1
    return {"flagged": len(found), "excluded": len(everybody & left_out), **day}
