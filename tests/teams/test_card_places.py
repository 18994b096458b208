"""Who stands on a card how: the worst first, whom no list shows by name, all others at least by number."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from shared.model import Cause, Reason, Severity
from shared.teams import OtherReason, Situation, digest_card, incidents_link
from shared.teams.card import CARD_LIMIT
from tests.support.cards import (
    PORTAL,
    SITUATION,
    WORKSPACE,
    WORST_SITUATION,
    entry,
    is_named,
    lines_of,
    links,
)
from tests.support.examples import examples_of
from tests.teams.render_card import MANY, card_as_text
from tests.teams.render_card import SITUATION as SAMPLE

PLAIN = replace(WORST_SITUATION, workspace="soc", mentions=(), reasons=("r",), causes=(Cause("c", "why"),), run_id="")


@pytest.mark.examples
@examples(max_examples=examples_of(20), deadline=None)
@given(
    st.lists(st.sampled_from([*Reason, *OtherReason]), min_size=1, max_size=90),
    st.sampled_from(["a", "\U0001f4b8" * 60]),
    st.sampled_from([SITUATION, PLAIN, WORST_SITUATION]),
    st.booleans(),
)
def test_who_must_be_named_is_told_only_when_named(
    reasons: list[Reason | OtherReason], tail: str, situation: Situation, minimal: bool
) -> None:
    """Of what was not raised, and of what Teams did not answer for, told are exactly those whose name is shown."""
    given_ = [
        entry(f"u{place}x", 11 + place, reason, cause=tail, subjects=(tail,), remediators=tail)
        for place, reason in enumerate(reasons)
    ]
    card = digest_card(given_, situation, minimal=minimal)
    told = set(card.told)
    for each in given_:
        assert (each in told) is (is_named(card, each) or not each.by_name)


@pytest.mark.parametrize("minimal", [False, True])
@pytest.mark.parametrize("situation", ["plain", "worst"])
def test_every_refusal_is_named_on_some_card(situation: str, minimal: bool) -> None:
    """Sixty that Sentinel refuses, among hundreds of findings: the cards that follow each other name them all."""
    refused = [entry(f"u{n:02}x", 11 + (60 - n) // 4, OtherReason.NOT_RAISED, cause="why " * 90) for n in range(60)]
    unanswered = [entry(f"v{n:02}x", 12, OtherReason.UNANSWERED) for n in range(12)]
    fresh = [entry(f"w{n:03}x", 900) for n in range(300)]
    waiting = [*refused, *unanswered]
    cards = 0
    while waiting:
        cards += 1
        card = digest_card([*waiting, *fresh], SITUATION if situation == "plain" else WORST_SITUATION, minimal=minimal)
        assert {each for each in card.told if each.by_name} == {each for each in waiting if is_named(card, each)}
        assert set(fresh) <= set(card.told)
        left = [each for each in waiting if each not in card.told]
        assert len(left) < len(waiting)
        waiting = left
    assert cards <= (4 if situation == "plain" else 20)


def test_sixty_refusals_take_two_cards() -> None:
    """The first card names those with the most messages and says that the others follow; the next names these."""
    refused = [
        entry(f"u{n:02}x", 11 + (60 - n) // 4, OtherReason.NOT_RAISED, cause="Sentinel refused.") for n in range(60)
    ]
    first = digest_card(refused, SITUATION)
    assert len(first.told) >= 38
    assert f"and {60 - len(first.told)} more NOT raised: the next card names them" in lines_of(first)
    assert "incident list" not in first.body
    second = digest_card([each for each in refused if each not in first.told], SITUATION)
    assert {*first.told, *second.told} == set(refused)
    assert second.id != first.id


def test_the_worst_comes_first() -> None:
    """What was not raised, then findings by severity and count, then what Teams did not answer for, reminders,
    deletions, whatever order they were given in."""
    given_ = [
        entry("deleted", 900, OtherReason.DELETED), entry("waiting", 800, OtherReason.REMINDER), entry("low", 11),
        entry("mid", 49), entry("top", 70), entry("high", 60, OtherReason.NOT_RAISED, cause="Sentinel is down."),
        entry("many", 500, severity=Severity.MEDIUM), entry("unsure", 700, OtherReason.UNANSWERED),
    ]  # fmt: skip
    lines = lines_of(digest_card(given_, SITUATION))
    assert lines[0] == (
        "1 NOT raised (1 High), 4 new (1 High), 1 posted without an answer (1 High), 1 still waiting (1 High),"
        " 1 deleted"
    )
    order = [line.split("@")[0] for line in lines if line.endswith("@contoso.com")]
    assert order == ["high", "top", "many", "mid", "low", "unsure", "waiting", "deleted"]


def test_those_without_a_place_are_told_by_number() -> None:
    """A flood: five in detail, as many names as fit, the rest counted with how many are High; all of them are told."""
    given_ = [entry(f"user{n}", 12 + n % 60) for n in range(1_000)]
    card = digest_card(given_, replace(SITUATION, incidents_url=incidents_link(PORTAL, WORKSPACE)))
    text = card_as_text(card)
    high = sum(1 for each in given_ if each.severity is Severity.HIGH)
    assert text.startswith(f"1,000 new ({high:,} High)\n")
    names = len(re.findall("user[0-9]+@contoso", text))
    assert names == 39
    assert f"and {1_000 - names:,} more, {high - names:,} of them High: see the incident list" in text
    assert "[ Open incident list ]" in text
    assert len(card.told) == 1_000
    words = json.loads(card.body)["summary"]
    assert re.search(r"And \d+ more: see the incident list\.$", words)


@pytest.mark.examples
@examples(max_examples=examples_of(20), deadline=None)
@given(
    st.lists(st.sampled_from([*Reason, OtherReason.UNANSWERED, OtherReason.REMINDER]), min_size=1, max_size=90),
    st.sampled_from(["a", "\U0001f4b8" * 60]),
    st.integers(20, 560),
    st.sampled_from([SITUATION, PLAIN, WORST_SITUATION]),
    st.booleans(),
)
def test_whoever_is_named_has_a_link(
    reasons: list[Reason | OtherReason], tail: str, long: int, situation: Situation, minimal: bool
) -> None:
    """No recipient with an incident is named without the way to it; the others are counted."""
    given_ = [
        entry(f"u{place}x", 11 + place, reason, url=f"https://a.example/{place}/{'a' * long}", subjects=(tail,))
        for place, reason in enumerate(reasons)
    ]
    card = digest_card(given_, situation, minimal=minimal)
    opened_ = set(links(card))
    for each in given_:
        assert (each.url in opened_) is is_named(card, each)


@pytest.mark.parametrize(("count", "linked"), [(16, 16), (24, 24), (31, 31), (900, 34)])
def test_as_many_as_fit_are_links(count: int, linked: int) -> None:
    """With the portal's long URLs about thirty findings are links, of a flood a few more; the rest is in the list."""
    card = digest_card(MANY[:count], replace(SAMPLE, incidents_url=""))
    assert len(links(card)) >= linked
    rest = count - len(links(card))
    assert any(
        text.startswith(f"and {rest:,} more") and "see the incident list" in text for text in lines_of(card)
    ) is (rest > 0)


def test_one_more_name_would_not_fit() -> None:
    """The room on a card of many is used: it is within one link of the limit, and two at least stand in detail."""
    card = digest_card(MANY, SAMPLE)
    assert len(card.body.encode()) > CARD_LIMIT - 600
    assert sum(text.startswith("[ Open incident 4") for text in lines_of(card)) >= 2


def test_lines_say_what_they_are() -> None:
    """Lines stand under what they are about: a refused recipient is not taken for one that has an incident."""
    given_ = [
        *(entry(f"r{n}", 20, OtherReason.NOT_RAISED) for n in range(7)), *(entry(f"f{n}", 12) for n in range(60)),
        *(entry(f"u{n}", 12, OtherReason.UNANSWERED) for n in range(20)), entry("h", 80),
    ]  # fmt: skip
    lines = lines_of(digest_card(given_, SITUATION))
    places = [lines.index(text) for text in (
        "NOT raised", "20 Medium  r6@contoso.com", "Also over the threshold: High", "80  h@contoso.com",
        "Also over the threshold: Medium", "12  f0@contoso.com",
        "Posted without an answer: cards about these may have arrived", "12 Medium  u15@contoso.com",
        "and 12 more posted without an answer: the next card names them", "and 37 more: see the incident list",
    )]  # fmt: skip
    assert places == sorted(places)


def test_a_flood_is_rendered_at_once() -> None:
    """Ten thousand findings make the same small card as a thousand."""
    card = digest_card([entry(f"user{n}", 12) for n in range(10_000)], SITUATION)
    assert "and 9,961 more: see the incident list" in card_as_text(card)
