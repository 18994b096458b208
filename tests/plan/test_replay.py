"""A replay against plain Python: what would have been raised and told on past days."""

from __future__ import annotations

import random
from dataclasses import asdict, replace
from datetime import timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.model import Evidence, Finding, Incident, OurIncident, Remedy, Severity
from shared.plan.replay import Replay, ReplayedDay, Week, week_of
from tests.plan.replay_oracle import Found, replay_by_hand
from tests.plan.samples import DAY, NOW, WHO, found, name_of, policy
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


def test_the_busiest_week_is_any_seven_days_in_a_row() -> None:
    """The last seven as well, and neither six days nor eight; fewer than seven are no week."""

    def most(*created: int) -> int | None:
        return week_of([ReplayedDay(NOW, 0, 99), *(ReplayedDay(NOW, each, each) for each in created)]).most

    assert most(1, 2, 3, 4, 5, 6, 7, 8) == 2 + 3 + 4 + 5 + 6 + 7 + 8
    assert most(8, 7, 6, 5, 4, 3, 2, 1) == 8 + 7 + 6 + 5 + 4 + 3 + 2
    assert most(1, 2, 3, 4, 5, 6, 7) == 28
    assert most(1, 2, 3, 4, 5, 6) is None


def test_a_card_with_a_single_finding_is_a_card() -> None:
    """Days with nothing to tell have none."""
    days = [ReplayedDay(NOW, 0, told=each) for each in (5, 0, 1, 2, 0, 0, 0, 0)]
    assert (week_of(days).cards, week_of(days).told) == (2, 3)


def test_no_days_come_to_nothing() -> None:
    """A replay without a day, or with the first sweep only, has a week of zeros."""
    assert week_of([]) == Week(0, 0, 0, 0, 0, None)
    assert week_of([ReplayedDay(NOW, 4, 4, told=4)]) == Week(0, 4, 0, 0, 0, None)


def test_a_day_says_whether_its_window_was_shortened() -> None:
    """Only when the caller says so."""
    replay = Replay(policy())
    assert replay.sweep({}, NOW) == ReplayedDay(NOW, 0)
    assert replay.sweep({}, NOW, shortened=True) == ReplayedDay(NOW, 0, shortened=True)


def test_an_incident_is_taken_at_once() -> None:
    """A replayed incident is Active and owned from the sweep that makes it on, and has the severity set last."""
    replay = Replay(policy())
    made = Incident(name_of(), "Active", Severity.MEDIUM, owned=True, created=NOW, modified=NOW, comments=0, episode=0)
    replay.sweep({WHO: found(11)}, NOW)
    assert replay.records[WHO].incident == OurIncident(name_of(), 0, Severity.MEDIUM, NOW, made)
    replay.sweep({WHO: found(51)}, NOW + DAY)
    raised = replace(made, severity=Severity.HIGH, comments=1)
    assert replay.records[WHO].incident == OurIncident(name_of(), 0, Severity.HIGH, NOW, raised)


def test_who_waits_keeps_the_place_in_a_full_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those noted by an earlier sweep count against the creations that are remembered: others get what they leave."""
    monkeypatch.setattr("shared.plan.room.REMEMBERED", 4)
    replay = Replay(policy(max_new=1))

    def held(finds: int, *names: str) -> tuple[int, set[str]]:
        day = replay.sweep({name: found(finds, who=name) for name in names}, NOW)
        return day.held, {name for name, record in replay.records.items() if record.creation}

    assert held(20, "a@x", "b@x", "c@x", "d@x") == (3, {"b@x", "c@x", "d@x"})
    # Two may be tried now; b, c and d are noted: no place is left for g and h.
    assert held(30, "e@x", "f@x", "g@x", "h@x") == (6, {"b@x", "c@x", "d@x", "f@x"})
    assert held(0) == (3, {"b@x", "c@x", "d@x"})
