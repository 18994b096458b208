"""What an earlier try of a round may have told: by finding and by name, of this round, and not once it is taken."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.model import CardNote, Reason, ToldDue, ToldFinding
from shared.plan.news import News, NotDone
from shared.plan.told_in_doubt import causes_without, left_untold, news_without, told_in_doubt
from tests.plan.samples import DOWN, NO_ROLE, WHO, YESTERDAY, escalation, name_of, noted_card, open_incident

ROUND = "2026-11-24T06:00Z"
FINDING = ToldFinding(WHO, name_of(), 0, Reason.FIRST)
RECORD = open_incident(11, tell=Reason.FIRST)
DUE = NotDone(RECORD, escalation(), NO_ROLE)
ALL = News((RECORD,), (RECORD,), (DUE,), (RECORD,), (RECORD,))


def news_after_card(**tells: Any) -> News:
    """All kinds of news, after a card of this round that told these."""
    return news_without(ALL, told_in_doubt([noted_card(round=ROUND, **tells)], ROUND))


def test_each_thing_is_left_out_by_what_the_card_told() -> None:
    """A finding in whichever form; an effect, a reminder and a deletion by their own names."""
    assert news_after_card() == ALL
    for form in ("findings", "unanswered"):
        assert news_after_card(**{form: (FINDING,)}) == replace(ALL, findings=(), unanswered=())
    assert news_after_card(due=(ToldDue(WHO, name_of(), NO_ROLE.id),)) == replace(ALL, due=())
    assert news_after_card(due=(ToldDue(WHO, name_of(1), NO_ROLE.id),)) == ALL
    assert news_after_card(deletions=(WHO,)) == replace(ALL, deletions=())
    assert news_after_card(reminders=(WHO,)) == replace(ALL, reminders=())
    assert news_after_card(findings=(replace(FINDING, incident_id=name_of(1)),)) == ALL


def test_a_cause_is_left_out_by_its_id() -> None:
    """And by no other."""
    named = told_in_doubt([noted_card(round=ROUND, causes=(DOWN.id,))], ROUND)
    assert causes_without((DOWN, NO_ROLE), named) == (NO_ROLE,)


@pytest.mark.parametrize(
    ("card", "round_id", "counts"),
    [
        (noted_card(round=ROUND, findings=(FINDING,)), ROUND, True),
        (noted_card(round=ROUND, findings=(FINDING,), day=YESTERDAY), ROUND, True),
        (noted_card(round=ROUND, findings=(FINDING,), accepted=True), ROUND, False),
        (noted_card(round="2026-11-23T06:00Z", findings=(FINDING,)), ROUND, False),
        (noted_card(findings=(FINDING,)), ROUND, False),
        (noted_card(findings=(FINDING,)), "", False),
        (noted_card(round=ROUND, findings=(FINDING,)), "", False),
    ],
)
def test_only_an_unanswered_card_of_this_round_counts(card: CardNote, round_id: str, counts: bool) -> None:
    """Not one that was taken, nor one of another round or of none; past midnight it is still this round's."""
    named = told_in_doubt([card], round_id)
    assert bool(named) == counts
    others = [noted_card(round=ROUND, accepted=True), noted_card(round="2026-11-23T06:00Z")]
    assert told_in_doubt([*others, card, *others], round_id) == named
    assert left_untold([RECORD], named) == counts
    assert not left_untold([replace(RECORD, tell=None)], named)
