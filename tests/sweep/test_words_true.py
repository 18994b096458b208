"""What a sweep writes is true of what it did: in comments, on cards, in the receipt of a dry run."""

from __future__ import annotations

import pytest

from tests.cloud.faults import Fault
from tests.support.days import Days, incident_name

WHO = "a@contoso.com"


def test_a_comment_does_not_claim_a_severity_that_was_refused(days: Days) -> None:
    """Sentinel refuses the severity for ever: the new messages are reported, and nobody reads that it is High."""
    days.mail(WHO, 12)
    days.sweep()
    days.pass_by()
    days.mail(WHO, 60)
    days.break_writes(containing="raised-to:High")
    found = days.sweep()
    assert (found.get("escalated"), found["commented"], found["due"]) == (None, 1, 1)
    assert (days.incident(WHO) or {})["severity"] == "Medium"
    comments = days.comments(WHO)
    assert [text.startswith("60 new messages remediated") for text in comments] == [True]
    assert "escalated" not in comments[0]


def test_a_comment_says_that_the_severity_was_escalated_when_it_was(days: Days) -> None:
    """The severity is set first; its comment says so."""
    days.mail(WHO, 12)
    days.sweep()
    days.pass_by()
    days.mail(WHO, 60)
    found = days.sweep()
    assert (found["escalated"], found["commented"]) == (1, 1)
    assert days.comments(WHO)[0].startswith("Severity escalated to High: Sum_case is now 72")


def test_that_our_incidents_could_not_be_listed_is_told_beside_findings(days: Days) -> None:
    """On the day on which there is something to tell about recipients as well, a card names the cause, once."""
    days.mail(WHO, 12)
    days.tenant.cloud.faults.add(
        Fault(service="sentinel", method="GET", match="filter", times=None, status=200, body={"value": [{"name": "x"}]})
    )
    found = days.sweep()
    assert (found["event"], found["created"], found["told"]) == ("sweep_incomplete", 1, 1)
    told = [card for card in days.cards if "our incidents could not be listed" in card]
    assert len(told) == 1
    days.tenant.clock.advance(hours=1)
    days.sweep()
    assert [card for card in days.cards if "our incidents could not be listed" in card] == told


def test_a_dry_run_is_not_clean_while_a_finding_is_to_be_told(days: Days) -> None:
    """Teams refused the card, the incident is closed since: the next sweep tells it, so a dry run says it is due."""
    days.mail(WHO, 12)
    days.tenant.cloud.faults.add(Fault(service="teams", times=None, status=403))
    days.sweep()
    days.tenant.clock.advance(hours=1)
    days.tenant.cloud.analyst.close(incident_name(WHO))
    days.pass_by()
    found = days.sweep(DRY_RUN="true")
    assert (found["event"], found["verdict"], found["due"]) == ("sweep_planned", "flagged", 1)
    assert "card_due" in days.causes
    days.well()
    found = days.sweep()
    assert (found["told"], found["verdict"]) == (1, "flagged")
    days.pass_by()
    found = days.sweep(DRY_RUN="true")
    assert (found["verdict"], found.get("due")) == ("clean", None)


def test_why_data_is_not_trusted_is_told_although_only_short_cards_arrive(days: Days) -> None:
    """A short card says that the data is not trusted, not why: a notice says that, once."""
    days.mail(WHO, 12)
    days.tenant.clock.advance(days=2)
    days.tenant.cloud.faults.add(Fault(service="teams", containing="others may be missing", times=1, status=400))
    found = days.sweep()
    assert (found["verdict"], found["told"]) == ("untrusted", 1)
    assert days.told(WHO) == 1
    assert [card for card in days.cards if WHO in card and "The newest row" in card] == []
    assert len([card for card in days.cards if "No all-clear: data not trusted" in card]) == 1
    cards = len(days.cards)
    days.tenant.clock.advance(hours=1)
    days.sweep()
    assert len(days.cards) == cards


@pytest.mark.parametrize("verdict", ["untrusted", "failed"])
def test_that_our_incidents_could_not_be_listed_is_told_beside_another_cause(days: Days, verdict: str) -> None:
    """The notice about data that is not trusted, or about a hunt that failed, names that cause as well."""
    days.mail(WHO, 12)
    days.sweep()
    days.tenant.clock.advance(days=3)
    days.tenant.cloud.faults.add(
        Fault(service="sentinel", method="GET", match="filter", times=None, status=200, body={"value": [{"name": "x"}]})
    )
    if verdict == "failed":
        days.tenant.cloud.faults.add(Fault(service="log_analytics", times=None, status=400))
    assert days.sweep()["verdict"] == verdict
    assert len(days.cards) == 2
    assert "our incidents could not be listed" in days.cards[1]
    days.tenant.clock.advance(hours=1)
    days.sweep()
    assert len(days.cards) == 2


def test_nobody_is_reminded_of_what_was_taken_meanwhile(days: Days) -> None:
    """Whatever a card names as waiting was read anew: an analyst takes all of a crowd after the list was read."""
    waiting = [f"u{number:02}@contoso.com" for number in range(20)]
    for place, who in enumerate(waiting):
        days.mail(who, 11 + place)
    days.sweep()
    days.pass_by(days=4)
    analyst = days.tenant.cloud.analyst

    def take(_: object) -> None:
        for who in waiting[5:]:
            analyst.assign(incident_name(who), "analyst@contoso.com")

    days.tenant.cloud.faults.add(Fault(service="sentinel", method="GET", match="filter=", effect=True, then=take))
    found = days.sweep(REMIND_AFTER_DAYS="3")
    assert found["reminded"] == 5
    summary = days.tenant.cloud.cards[-1]["summary"]
    assert [who for who in waiting if who in summary] == waiting[:5]
