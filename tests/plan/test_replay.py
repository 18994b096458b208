"""A replay against plain Python: what would have been raised and told on past days."""

from __future__ import annotations

import random
from dataclasses import asdict
from datetime import timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.model import Evidence, Finding, Remedy
from shared.plan.replay import Replay, ReplayedDay, week_of
from tests.plan.replay_oracle import Found, replay_by_hand
from tests.plan.samples import DAY, NOW, policy
from tests.support.examples import examples_of

FIGURES = ("flagged", "created", "commented", "escalated", "held", "excluded", "told")


def past(seed: int, days: int, people: int, window: int) -> list[dict[str, list[tuple[str, int]]]]:
    """For each day whose messages, with the day of each, are in the window and more than ten."""
    chance = random.Random(seed)
    mail: dict[str, list[tuple[str, int]]] = {f"user{place}@contoso.com": [] for place in range(people)}
    out = []
    for day in range(days):
        for name, messages in mail.items():
            burst = chance.choice((0, 0, 0, 1, 2, 12, 60)) if chance.random() < 0.3 else 0
            messages += [(f"{name}-{day}-{number}", day) for number in range(burst)]
        seen = {name: [each for each in messages if each[1] > day - window] for name, messages in mail.items()}
        out.append({name: messages for name, messages in seen.items() if len(messages) > 10})
    return out


def finding(name: str, messages: list[tuple[str, int]]) -> Finding:
    """The finding of these messages."""
    times = {message: NOW + day * DAY for message, day in messages}
    return Finding.of(
        name, tuple(Evidence(each, time, "s", Remedy.SOFT_DELETE, time, time) for each, time in times.items())
    )


def replayed(days: list[dict[str, list[tuple[str, int]]]], most: int, excluded: tuple[str, ...]) -> list[ReplayedDay]:
    """What the project makes of these days."""
    replay = Replay(policy(max_new=most, excluded=excluded))
    return [
        replay.sweep({name: finding(name, messages) for name, messages in day.items()}, NOW + number * DAY)
        for number, day in enumerate(days)
    ]


@pytest.mark.examples
@settings(max_examples=examples_of(100), deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 9), st.sampled_from([1, 2, 100]), st.booleans())
@example(3, 9, 1, False)  # held for days, below the threshold meanwhile
@example(3, 9, 100, True)
def test_each_day_is_as_in_plain_python(seed: int, people: int, most: int, leaves_out: bool) -> None:
    """What is raised, held, commented on, escalated and told on each day is what the rules in plain Python give."""
    days = past(seed, 25, people, window=12)
    excluded = ("user0@contoso.com",) if leaves_out else ()
    plain: list[Found] = [{name: [each for each, _ in messages] for name, messages in day.items()} for day in days]
    expected = replay_by_hand(plain, threshold=10, high=50, most=most, excluded=excluded)
    found = [{name: asdict(day)[name] for name in FIGURES} for day in replayed(days, most, excluded)]
    assert found == [{name: day[name] for name in FIGURES} for day in expected]


def test_a_long_quiet_time_forgets_no_open_incident() -> None:
    """A recipient who comes back months later still has the incident: one comment, and no second incident."""
    again = {"user@contoso.com": [(f"m{number}", 0) for number in range(12)]}
    later = {"user@contoso.com": [(f"n{number}", 200) for number in range(12)]}
    days = replayed([again, *[{} for _ in range(200)], later], 100, ())
    assert [(day.created, day.commented, day.told) for day in days if day.created or day.commented] == [
        (1, 0, 1),
        (0, 1, 1),
    ]


def test_comments_end_after_the_ninetieth() -> None:
    """Once an incident takes no more comments, new messages are told when they are more than a threshold."""
    days = [{"user@contoso.com": [(f"m{number}", 0) for number in range(11 + day)]} for day in range(120)]
    found = replayed(days, 100, ())
    assert sum(day.commented for day in found) == 91
    assert sum(day.told for day in found) == 1 + 119 // 11 + 1  # the first, each eleventh, and that it is High now


def test_a_week_is_made_of_whole_days_after_the_first() -> None:
    """The first sweep and the days that see too little are left out, unless there are no others."""

    def day(number: int, created: int, told: int = 0, *, shortened: bool = False) -> ReplayedDay:
        return ReplayedDay(NOW + timedelta(days=number), created, created, told=told, shortened=shortened)

    days = [day(0, 40, 40, shortened=True), day(1, 9, 9, shortened=True)]
    days += [day(2 + number, number % 2, 2 * (number % 2)) for number in range(14)]
    week = week_of(days)
    assert (week.days, week.first, week.incidents, week.cards, week.told, week.most) == (14, 40, 3.5, 3.5, 7, 4)
    assert week_of(days[:2]).incidents == 63
    assert week_of(days[:2]).most is None
    assert (week_of(days[:1]).days, week_of(days[:1]).incidents) == (0, 0)


def test_what_is_held_is_raised_when_its_turn_comes() -> None:
    """Over MAX_NEW_INCIDENTS it waits, and is raised on the next day, even when its recipient is found no more."""
    both = {f"user{place}@contoso.com": [(f"{place}-{number}", 0) for number in range(20 - place)] for place in (0, 1)}
    found = replayed([both, {}, {}], 1, ())
    assert [(day.created, day.held, day.told) for day in found] == [(1, 1, 1), (1, 0, 1), (0, 0, 0)]
