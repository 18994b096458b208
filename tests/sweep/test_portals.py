"""What analysts in the Defender portal do not see: said in each receipt, and on a card once a week."""

from __future__ import annotations

import pytest

from tests.cloud.faults import Fault
from tests.cloud.mail import stamp
from tests.support.days import Days

ON_A_CARD = "Analysts in the Defender portal do not see these incidents"
PROVIDERS = "Synchronised"
"""A word of the query that asks where the workspace's incidents come from, and of no other."""


def defender_makes_an_incident(days: Days) -> None:
    """One that the Defender portal has synchronised: the workspace is onboarded."""
    now = stamp(days.tenant.clock.now())
    row = {"TimeGenerated": now, "IncidentName": f"defender-{now}", "ProviderName": "Microsoft XDR", "Status": "New"}
    days.tenant.cloud.append("SecurityIncident", [row])


def in_receipt(days: Days) -> bool:
    """Whether the last receipt says so."""
    assert days.last is not None
    return any("analysts in the Defender portal do not see" in note for note in days.last.receipt.notes)


def on_cards(days: Days) -> int:
    """How many cards have said so."""
    return sum(ON_A_CARD in card for card in days.cards)


def times_looked(days: Days) -> int:
    """How often the workspace was asked."""
    queries = [each for each in days.tenant.cloud.log if each.service == "log_analytics"]
    return sum(PROVIDERS in each.json["query"] for each in queries)


def test_each_receipt_says_it_and_a_card_once_a_week(days: Days) -> None:
    """Every day somebody new is told; where the workspace is, is looked up on the first day and a week later."""
    defender_makes_an_incident(days)
    said = []
    for day in range(9):
        days.mail(f"r{day}@contoso.com", 12)
        assert days.sweep()["told"] == 1
        assert in_receipt(days)
        said.append(on_cards(days))
        days.pass_by()
    assert said == [1] * 7 + [2, 2]
    assert times_looked(days) == 2


def test_where_nothing_shows_it_nothing_is_said(days: Days) -> None:
    """A workspace without incidents of Defender; when it is onboarded later, the next look sees it."""
    for _ in range(2):
        days.mail("vip@contoso.com", 12)
        days.sweep()
        assert not in_receipt(days)
        days.pass_by()
    defender_makes_an_incident(days)
    days.pass_by(days=6)
    days.mail("other@contoso.com", 12)
    assert days.sweep()["told"] == 1
    assert (in_receipt(days), on_cards(days)) == (True, 1)


def test_what_was_seen_once_stays_when_nothing_shows_it_any_more(days: Days) -> None:
    """Nor is it forgotten when the look fails; the next sweep looks again."""
    defender_makes_an_incident(days)
    days.mail("vip@contoso.com", 12)
    days.sweep()
    days.pass_by(days=7)
    days.tenant.cloud.faults.add(Fault(service="log_analytics", containing=PROVIDERS, times=None, status=400))
    days.sweep()
    assert in_receipt(days)
    days.well()
    days.pass_by(days=31)
    looked = times_looked(days)
    days.sweep()
    assert (in_receipt(days), times_looked(days)) == (True, looked + 1)


@pytest.mark.parametrize("accepted", [True, False])
def test_a_card_that_was_not_taken_has_told_nobody(days: Days, accepted: bool) -> None:
    """The week begins with a card that Teams has taken."""
    defender_makes_an_incident(days)
    days.mail("vip@contoso.com", 12)
    if not accepted:
        days.tenant.cloud.faults.add(Fault(service="teams", status=400, times=None))
    days.sweep()
    days.well()
    days.pass_by()
    days.mail("other@contoso.com", 12)
    days.sweep()
    assert on_cards(days) == 1
    assert (ON_A_CARD in days.cards[-1]) is not accepted
