"""A card's id says what it tells: the same things the same id, other things another one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.model import Cause, Reason, Verdict
from shared.teams import (
    Notice,
    OtherReason,
    digest_card,
    notice_card,
)
from tests.support.cards import (
    SITUATION,
    entry,
)
from tests.support.hostile import NOW

DIGEST = 8_836_473_541_418_900_507


def test_a_cards_id_is_derived_from_what_it_tells() -> None:
    """The same things told make the same id, in any order, at any hour and in any form; anything else makes another."""
    one, two = entry("a", 12, messages=(1, 2)), entry("b", 13, messages=(3,))
    made = digest_card([one, two], SITUATION).id
    later = replace(SITUATION, now=NOW + timedelta(days=1), held=3, verdict=Verdict.UNTRUSTED)
    assert digest_card([two, replace(one, messages=(2, 1), new=5, url="https://a.example")], later).id == made
    assert digest_card([one, two], SITUATION, minimal=True).id == made
    for other in (
        [one],
        [one, replace(two, episode=1)],
        [one, replace(two, incident_id="x")],
        [one, replace(two, reason=Reason.ESCALATED)],
        [one, replace(two, messages=(3, 4))],
        [one, replace(two, messages=())],
        [replace(one, messages=(3,)), replace(two, messages=(1, 2))],
    ):
        assert digest_card(other, SITUATION).id != made


def test_growth_is_another_card_for_other_messages_only() -> None:
    """What grew is the same card on any day for the same messages, and another as soon as there are others."""
    grown = entry("a", 12, Reason.GREW, messages=(1, 2))
    made = digest_card([grown], SITUATION).id
    assert digest_card([grown], replace(SITUATION, now=NOW + timedelta(days=3))).id == made
    assert digest_card([replace(grown, messages=(1, 3))], SITUATION).id != made


@given(st.lists(st.integers(0, 2**64 - 1)))
@example([])
@example([0])
@example([2**64 - 1, 2**63])
def test_the_digest_of_messages_fits_the_ledger(messages: list[int]) -> None:
    """A number of 63 bits, the same in any order and however often a message stands there; 0 for none alone."""
    made = entry("a", 12, messages=tuple(messages)).digest()
    assert 0 <= made < 2**63
    assert entry("a", 12, messages=(*sorted(messages, reverse=True), *messages)).digest() == made
    assert (made == 0) is (not messages)
    another = next(number for number in range(len(messages) + 1) if number not in messages)
    assert entry("a", 12, messages=(*messages, another)).digest() != made


def test_the_digest_stays_what_it_is() -> None:
    """Ledgers hold it: a release that computed another would tell everything again."""
    assert entry("a", 12, messages=(3, 1, 2**64 - 1)).digest() == DIGEST


@pytest.mark.parametrize("reason", [OtherReason.REMINDER, OtherReason.NOT_RAISED, OtherReason.UNANSWERED])
def test_what_is_told_again_another_day_is_another_card(reason: Reason | OtherReason) -> None:
    """What is told once a day: the same day the same id, the next day the next."""
    given_ = [entry("a", 12, reason)]
    made = digest_card(given_, SITUATION).id
    assert digest_card(given_, replace(SITUATION, now=NOW + timedelta(hours=5))).id == made
    assert digest_card(given_, replace(SITUATION, now=NOW + timedelta(days=1))).id != made


def test_a_notice_has_one_id_for_its_causes_and_day() -> None:
    """A failure is told once per cause and UTC day in each workspace."""
    why = [Cause("b", "one wording"), Cause("a", "another")]
    made = notice_card(Notice.FAILED, why, SITUATION)
    assert made.told == ()
    assert notice_card(Notice.FAILED, why[::-1], replace(SITUATION, now=NOW + timedelta(hours=9))).id == made.id
    assert notice_card(Notice.DUE, why, SITUATION).id != made.id
    assert notice_card(Notice.FAILED, why[:1], SITUATION).id != made.id
    assert notice_card(Notice.FAILED, why, replace(SITUATION, now=NOW + timedelta(days=1))).id != made.id
    assert notice_card(Notice.FAILED, why, replace(SITUATION, workspace="other")).id != made.id
    heartbeat = notice_card(Notice.HEARTBEAT, (), SITUATION).id
    assert notice_card(Notice.HEARTBEAT, (), replace(SITUATION, now=NOW + timedelta(hours=9))).id == heartbeat
    assert notice_card(Notice.HEARTBEAT, (), replace(SITUATION, now=NOW + timedelta(days=1))).id != heartbeat
