"""The card of a round: how many are well, who is not and why, the worst first; inert, and never too large."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.model import EntryEnd, EntryTold, RoundTold
from shared.teams.round_card import round_card
from tests.support.cards import MARK, QUOTES, WORST, marked, opened, strings, upns, urls
from tests.support.examples import examples_of
from tests.support.hostile import NOW
from tests.teams.render_card import card_as_text

LOG = "https://portal.azure.com/#log"


def entry_ended(name: str, end: EntryEnd = EntryEnd.CLEAN, *reasons: str, **more: object) -> EntryTold:
    """An entry that ended so."""
    return replace(EntryTold(name, end, reasons=reasons, run_url=LOG), **more)  # type: ignore[arg-type]


def round_with(*entries: EntryTold, **more: object) -> RoundTold:
    """A round of these, of a quarter of an hour."""
    made = RoundTold("2026-11-24T06:00Z", NOW, NOW + timedelta(minutes=15), entries, mentions=("ann@contoso.com",))
    return replace(made, **more)  # type: ignore[arg-type]


def round_card_text(one: RoundTold) -> str:
    """The card as somebody reads it; the checks of all cards hold."""
    card = round_card(one)
    opened(card)
    return card_as_text(card)


def round_colour(one: RoundTold) -> str:
    """The colour of the card's top."""
    return str(opened(round_card(one))["body"][0]["style"])


FORTY_EIGHT = (
    *(entry_ended(f"well-{number}") for number in range(45)),
    entry_ended("known-1", EntryEnd.FLAGGED),
    entry_ended("known-2", EntryEnd.FLAGGED),
    entry_ended("adatum", EntryEnd.FAILED, "log_analytics_forbidden: Log Analytics answered 403: give it the role"),
)


def test_it_begins_with_how_many_ended_how() -> None:
    """The first line, the summary too; who is well, and what only stands as it stood, is counted and not named."""
    content = opened(round_card(round_with(*FORTY_EIGHT)))
    first = "48 workspaces: 45 clean, 2 flagged, 1 failed"
    assert content["body"][0]["items"][0]["text"] == first
    assert content["speak"].startswith(f"{first}. Email remediation sweep: round of 2026-11-24 06:01 UTC, 15 min.")
    text = round_card_text(round_with(*FORTY_EIGHT))
    assert "adatum" in text
    assert "Log Analytics answered 403: give it the role" in text
    assert "log_analytics_forbidden" not in text
    assert "well-" not in text
    assert "known-" not in text


def test_the_worst_come_first_each_with_why() -> None:
    """Given up, failed, not swept, not trusted, due, dry runs, removed, then what was raised; by name among equals."""
    one = round_with(
        entry_ended("a-raised", EntryEnd.FLAGGED, created=1, told=3),
        entry_ended("b-gone", EntryEnd.REMOVED),
        entry_ended("c-dry", EntryEnd.PLANNED, due=4, dry_run=True),
        entry_ended("d-due", EntryEnd.FLAGGED, "teams_unanswered: Teams may have taken it", due=2),
        entry_ended("e-doubted", EntryEnd.UNTRUSTED, "coverage_stale: the newest row is 31 h old"),
        entry_ended("f-late", EntryEnd.MISSING),
        entry_ended("h-failed", EntryEnd.FAILED, "x: broken"),
        entry_ended("g-failed", EntryEnd.FAILED, "x: broken"),
        entry_ended("i-killed", EntryEnd.ABANDONED, tries=3),
        entry_ended("j-words", EntryEnd.CLEAN, 'word_1: "Wiped" is in 3 rows'),
    )
    text = round_card_text(one)
    expected = [
        "10 workspaces: 1 clean, 2 flagged, 1 not trusted, 3 failed, 1 not swept, 1 dry run, 1 removed",
        "i-killed",
        "Given up: of 3 tries the last one never ended",
        "g-failed",
        "h-failed",
        "f-late",
        "Not swept before the round's deadline",
        "e-doubted",
        "Data not trusted: no all-clear",
        "the newest row is 31 h old",
        "d-due",
        "2 due: the next round tries again",
        "c-dry",
        "Dry run: nothing was written or told",
        "b-gone",
        "a-raised",
        "j-words",
        "To do:",
    ]
    places = [text.find(each) for each in expected]
    assert -1 not in places, expected[places.index(-1)]
    assert places == sorted(places)
    assert "4 due" not in text
    assert "1 new incident, 3 told" in opened(round_card(round_with(one.entries[0])))["speak"]


@pytest.mark.parametrize(
    ("entries", "more", "colour", "mentioned"),
    [
        ([entry_ended("a", EntryEnd.FAILED)], {}, "attention", True),
        ([entry_ended("a", EntryEnd.ABANDONED)], {}, "attention", True),
        ([entry_ended("a", EntryEnd.MISSING)], {}, "attention", True),
        ([entry_ended("a", EntryEnd.UNTRUSTED)], {}, "warning", True),
        ([entry_ended("a", EntryEnd.FLAGGED, due=1)], {}, "warning", False),
        ([entry_ended("a", EntryEnd.PLANNED)], {}, "warning", False),
        ([entry_ended("a")], {"gone": ("contoso",)}, "warning", True),
        ([entry_ended("a", EntryEnd.FLAGGED, told=1)], {}, "accent", False),
        ([entry_ended("a")], {"heartbeat": True}, "good", False),
    ],
)
def test_its_colour_is_that_of_the_worst(
    entries: list[EntryTold], more: dict[str, object], colour: str, mentioned: bool
) -> None:
    """And nobody is woken by what the customers' own cards tell."""
    one = round_with(*entries, **more)
    assert round_colour(one) == colour
    assert ("<at>ann</at>" in round_card(one).body) == mentioned


def test_who_comes_and_who_is_no_longer_swept_is_named() -> None:
    """A change of the file that drops a customer is never silent, however many there are."""
    text = round_card_text(round_with(entry_ended("a"), new=("woodgrove",), gone=("contoso", "adatum")))
    assert "No longer swept: adatum, contoso" in text
    assert "New: woodgrove" in text
    many = round_card_text(round_with(entry_ended("a"), gone=tuple(f"n{number:03}" for number in range(500))))
    assert "n019 and 480 more" in many


def test_a_heartbeat_says_since_when_all_is_quiet() -> None:
    """The first one says that the way to the channel works."""
    assert "first card" in round_card_text(round_with(entry_ended("a"), heartbeat=True))
    text = round_card_text(round_with(entry_ended("a"), heartbeat=True, since=NOW - timedelta(days=7)))
    assert "Nothing to report since 2026-11-17 06:01 UTC" in text
    assert "To do" not in text


@pytest.mark.parametrize(("end", "text"), [(EntryEnd.FAILED, WORST), (EntryEnd.UNTRUSTED, QUOTES)])
def test_five_thousand_fit_as_far_as_they_do(end: EntryEnd, text: str) -> None:
    """As many as fit are named, the rest is counted."""
    entries = [entry_ended(f"n{number:04}", end, *[f"x: {text}"] * 9, tries=3, due=9) for number in range(5_000)]
    card = round_card(round_with(*entries, log_url=f"https://{'l' * 590}", runbook_url=f"https://{'r' * 540}"))
    opened(card)
    named = sum(f"n{number:04}" in card.body for number in range(5_000))
    assert 2 <= named < 100
    assert f"and {5_000 - named:,} more" in card_as_text(card)


def test_twelve_more_are_counted_when_sixty_are_named() -> None:
    """Of 72 short ones."""
    assert "and 12 more" in round_card_text(
        round_with(*(entry_ended(f"n{number}", EntryEnd.MISSING, run_url="") for number in range(72)))
    )


def test_no_address_is_on_it() -> None:
    """Neither of a recipient in a reason, nor in a name that somebody put into the queue."""
    one = round_with(
        entry_ended("kim@contoso.com", EntryEnd.REMOVED), entry_ended("a", EntryEnd.FAILED, "x: kim@contoso.com is odd")
    )
    assert "kim" not in round_card(replace(one, mentions=())).body


entries_told = st.builds(
    EntryTold,
    name=marked,
    end=st.sampled_from(EntryEnd),
    reasons=st.lists(marked | marked.map(lambda text: f"a_cause: {text}"), max_size=4).map(tuple),
    created=st.integers(0, 9),
    told=st.integers(0, 9),
    due=st.integers(0, 10**6),
    dry_run=st.booleans(),
    tries=st.integers(0, 3),
    run_url=urls,
)
rounds_told = st.builds(
    RoundTold,
    round=marked,
    began=st.just(NOW),
    ended=st.integers(0, 10**5).map(lambda minutes: NOW + timedelta(minutes=minutes)),
    entries=st.lists(entries_told, max_size=30).map(tuple),
    new=st.lists(marked, max_size=30).map(tuple),
    gone=st.lists(marked, max_size=30).map(tuple),
    by_hand=st.booleans(),
    heartbeat=st.booleans(),
    since=st.none() | st.just(NOW),
    mentions=upns,
    runbook_url=urls,
    log_url=urls,
    workbook_url=urls,
)


@pytest.mark.examples
@settings(max_examples=examples_of(25), deadline=None)
@given(rounds_told)
def test_whatever_names_and_reasons_hold_the_card_is_a_card(one: RoundTold) -> None:
    """The official schema, the size, no markup of anybody else's; the same round the same id."""
    card = round_card(one)
    content = opened(card)
    assert card.id == round_card(replace(one, entries=())).id
    assert not [path for path, text in strings(content["body"]) if MARK in text and not path.endswith("TextRun.text")]
