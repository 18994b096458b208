"""Of many workspaces every card begins with the name of its own, in whatever form it is drawn or read aloud."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.model import Cause
from shared.teams import Card, Notice, Situation, digest_card, notice_card, probe_card
from shared.teams.trial import TRIAL_HEADING, trial_card
from tests.support.cards import SITUATION, WORST, WORST_ENTRY, entries_like, entry, opened, situations, worst_situation
from tests.support.examples import examples_of

NAMED = replace(SITUATION, name="contoso")
ONE = entry("a", 12)
MANY = entries_like([WORST_ENTRY], 60)
LONGEST = "a" * 40


def first_line_of(card: Card) -> tuple[str, str]:
    """What a card shows first, and what its message says first; the checks of all cards hold."""
    content = opened(card)
    return content["body"][0]["items"][0]["text"], content["speak"]


@pytest.mark.parametrize(
    "card",
    [
        digest_card([ONE], NAMED),
        digest_card([ONE], NAMED, minimal=True),
        probe_card(NAMED),
        notice_card(Notice.HEARTBEAT, (), replace(NAMED, first=True)),
        notice_card(Notice.DUE, (), replace(NAMED, due=3)),
        *(notice_card(kind, (Cause("a", "b"),), NAMED) for kind in Notice),
    ],
)
def test_a_card_begins_with_the_name(card: Card) -> None:
    """What is shown, the summary and the fallback."""
    shown, spoken = first_line_of(card)
    assert shown.startswith("contoso: ")
    assert spoken.startswith("contoso: ")
    assert json.loads(card.body)["summary"].startswith("contoso: ")


@pytest.mark.examples
@settings(max_examples=examples_of(10), deadline=None)
@given(situations, st.sampled_from(Notice), st.from_regex(r"[a-z0-9-]{1,40}", fullmatch=True), st.booleans())
def test_the_name_is_all_that_it_changes(situation: Situation, kind: Notice, name: str, minimal: bool) -> None:
    """Without a name the card is as it was; with one its id and what it tells are the same."""
    for made in (
        lambda about: digest_card([ONE], about, minimal=minimal),
        lambda about: notice_card(kind, (Cause("a", "b"),), about),
        probe_card,
    ):
        plain, with_name = made(situation), made(replace(situation, name=name))
        shown, _ = first_line_of(with_name)
        assert shown == f"{name}: {first_line_of(plain)[0]}"
        assert (with_name.id, with_name.told) == (plain.id, plain.told)


def test_the_longest_name_fits_beside_the_worst_of_everything() -> None:
    """However much there is to say."""
    worst = replace(worst_situation(WORST), name=LONGEST)
    for card in (digest_card(MANY, worst), digest_card(MANY, worst, minimal=True), probe_card(worst)):
        assert first_line_of(card)[0].startswith(LONGEST)
    assert first_line_of(notice_card(Notice.UNTRUSTED, worst.causes, worst))[0].startswith(LONGEST)


def test_the_test_card_of_many_workspaces_is_named_too() -> None:
    """Somebody who checks each customer's channel sees whose it is."""
    body = json.loads(trial_card("soc", "abc", SITUATION.now, "contoso"))
    shown = body["attachments"][0]["content"]["body"][0]["items"][0]["text"]
    assert shown == f"contoso: {TRIAL_HEADING}"
    assert body["summary"].startswith(f"contoso: {TRIAL_HEADING}. ")
    assert "contoso" not in trial_card("soc", "abc", SITUATION.now)
