"""What is over the fuse, or late, is not forgotten: a later sweep raises it, or card and receipt say so by number."""

from __future__ import annotations

import pytest

from shared.plan import room
from tests.cloud.faults import Fault
from tests.support.days import Days, incident_name


def _crowd(days: Days, many: int, *, name: str = "r") -> list[str]:
    """So many recipients, the later the more messages, all over the threshold."""
    recipients = [f"{name}{number:02}@contoso.com" for number in range(many)]
    for number, recipient in enumerate(recipients):
        days.mail(recipient, 11 + number)
    return recipients


def _raised(days: Days) -> set[str]:
    """Whose incidents are there."""
    return {each["properties"]["title"].split()[-1] for each in days.tenant.cloud.incidents.values()}


@pytest.mark.parametrize("late", [1_450, 1_499, 3_000])
def test_a_slow_hunt_costs_no_finding(days: Days, late: int) -> None:
    """The budget ends while the hunt is answered: all that was found is noted, and raised although it has left."""
    recipients = _crowd(days, 7)
    clock = days.tenant.clock
    days.tenant.cloud.faults.add(
        Fault(service="log_analytics", containing="Counted", effect=True, then=lambda _: clock.advance(seconds=late))
    )
    days.tenant.settings["MAX_NEW_INCIDENTS"] = "4"
    found = days.sweep()
    if late < 1_500:
        assert (found.get("flagged"), found["event"]) == (7, "sweep_incomplete")
    else:  # the answer came too late to be taken: that is said, and the next sweep hunts again
        assert (found["verdict"], found["event"]) == ("failed", "sweep_failed")
        days.sweep()
    days.pass_by(days=31)
    for _ in range(3):
        days.sweep()
    assert _raised(days) == set(recipients)
    assert all(days.told(each) for each in recipients)
    assert days.sweep()["verdict"] == "clean"


def test_how_many_are_not_remembered_is_said_by_number(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than can be written down wait: card and receipt say how many are lost unless their mail stays in view."""
    monkeypatch.setattr(room, "REMEMBERED", 5)
    days.tenant.settings["MAX_NEW_INCIDENTS"] = "2"
    recipients = _crowd(days, 9)
    found = days.sweep()
    assert (found["created"], found["held"], days.last and days.last.receipt.held_unremembered) == (2, 7, 4)
    assert "4 of them" in days.cards[-1] or "4 are not remembered" in days.cards[-1], days.cards[-1]
    days.pass_by(hours=1)
    for _ in range(5):
        days.sweep()
    assert _raised(days) == set(recipients), "those still in the window are found again"
    assert days.last is not None
    assert days.last.receipt.held_unremembered == 0


def test_what_was_refused_is_remembered_beyond_the_limit(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a card has named as refused is never forgotten for want of room, however many come before it."""
    monkeypatch.setattr(room, "REMEMBERED", 3)
    days.tenant.settings["MAX_NEW_INCIDENTS"] = "1"
    days.mail("odd@contoso.com", 11)
    days.break_writes(containing="odd")
    assert days.sweep()["due"] == 1
    days.pass_by()
    _crowd(days, 6, name="z")
    days.sweep()
    days.well()
    days.pass_by(days=31)
    for _ in range(4):
        days.sweep()
    assert days.incident("odd@contoso.com") is not None


def test_more_refusals_than_the_fuse_has_room_for_jam_nothing(days: Days) -> None:
    """As many creations as MAX_NEW_INCIDENTS are refused for ever: whoever comes next is raised on the same day."""
    days.tenant.settings["MAX_NEW_INCIDENTS"] = "3"
    for number in range(3):
        days.mail(f"poison{number}@contoso.com", 40)
    days.break_writes(containing="poison")
    assert days.sweep()["due"] == 3
    for day in range(1, 9):
        days.pass_by()
        newcomer = f"new{day}@contoso.com"
        days.mail(newcomer, 60 if day % 2 else 11)
        assert (days.sweep()["created"], days.told(newcomer)) == (1, 1)
    assert days.told("poison0@contoso.com") == 2, "named on the first day and a week later"


def test_refusals_met_today_cost_nobody_their_turn(days: Days) -> None:
    """The highest are refused on the first day already: as many others are tried in their place, no more than that."""
    days.tenant.settings["MAX_NEW_INCIDENTS"] = "2"
    for number in range(2):
        days.mail(f"poison{number}@contoso.com", 40)
    others = _crowd(days, 5)
    days.break_writes(containing="poison")
    found = days.sweep()
    assert (found["created"], found["due"], found["held"]) == (2, 2, 3)
    assert _raised(days) == set(others[-2:])


def test_a_newcomer_of_high_severity_is_named_while_sentinel_refuses_all(days: Days) -> None:
    """The role is lost for days and the fuse is full: who comes meanwhile is named with the cause on the first day."""
    days.tenant.settings["MAX_NEW_INCIDENTS"] = "3"
    for number in range(3):
        days.mail(f"u{number}@contoso.com", 12)
    days.break_writes(status=403)
    days.sweep()
    days.pass_by()
    days.mail("ceo@contoso.com", 80)
    days.sweep()
    assert days.told("ceo@contoso.com") == 1
    assert "Microsoft Sentinel Responder" in days.cards[-1]
    days.well()
    days.pass_by()
    days.sweep()
    assert days.incident("ceo@contoso.com") is not None


def test_one_that_was_refused_is_healed_while_others_are_held(days: Days) -> None:
    """The next version is taken: what it refused before is raised after those whose turn it is, and none is lost."""
    days.tenant.settings["MAX_NEW_INCIDENTS"] = "2"
    days.mail("odd@contoso.com", 90)
    days.break_writes(containing="odd")
    days.sweep()
    others = _crowd(days, 4)
    days.sweep()
    assert _raised(days) == set(others[-2:])
    days.well()
    days.pass_by(days=31)
    assert [days.sweep().get("created") for _ in range(3)] == [2, 1, None]
    assert _raised(days) == {"odd@contoso.com", *others}


def test_what_was_held_reaches_an_incident_that_is_open_again(days: Days) -> None:
    """Held as the next episode, then the old incident is reopened and the mail leaves: its messages are commented."""
    days.tenant.settings["MAX_NEW_INCIDENTS"] = "1"
    days.mail("x@contoso.com", 12)
    days.sweep()
    days.pass_by(hours=1)
    days.tenant.cloud.analyst.close(incident_name("x@contoso.com"))
    days.pass_by()
    days.mail("big@contoso.com", 50)
    days.mail("x@contoso.com", 30)
    assert days.sweep()["held"] == 1
    days.pass_by(hours=2)
    days.tenant.cloud.analyst.reopen(incident_name("x@contoso.com"))
    days.pass_by(days=31)
    found = days.sweep()
    assert (found["commented"], found["told"], found["verdict"]) == (1, 1, "flagged")
    assert len(days.comments("x@contoso.com")) == 1
    assert days.incident("x@contoso.com", 1) is None
    assert days.sweep()["verdict"] == "clean"


def test_a_held_next_episode_waits_although_the_last_is_closed_otherwise(days: Days) -> None:
    """Held, then the closing is changed to benign, which needs more new messages: decided by the closing as it is."""
    days.tenant.settings["MAX_NEW_INCIDENTS"] = "1"
    days.mail("x@contoso.com", 12)
    days.sweep()
    days.tenant.cloud.analyst.close(incident_name("x@contoso.com"))
    days.pass_by()
    days.mail("big@contoso.com", 50)
    days.mail("x@contoso.com", 15)
    assert days.sweep()["held"] == 1
    days.tenant.cloud.analyst.close(incident_name("x@contoso.com"), "BenignPositive")
    days.pass_by()
    found = days.sweep()
    assert (found.get("created"), found.get("held"), found["settled"]) == (None, None, 1)
    days.mail("x@contoso.com", 6)
    days.pass_by()
    assert days.sweep()["created"] == 1, "the 15 that were held are still new: 21 are more than twice ten"


def test_a_forgotten_recipient_with_many_episodes_is_raised_or_due(days: Days) -> None:
    """Four episodes, the record long forgotten, and no SecurityIncident any more: raised or said to be due."""
    who = "a@contoso.com"
    for episode in range(4):
        days.mail(who, 12)
        assert days.sweep()["created"] == 1
        days.tenant.clock.advance(hours=2)
        days.tenant.cloud.analyst.close(incident_name(who, episode))
        days.tenant.clock.advance(days=2)
    days.mail("later@contoso.com", 12)  # the newest change of all is another incident's: the list begins there
    days.sweep()
    days.tenant.clock.advance(hours=2)
    days.tenant.cloud.analyst.close(incident_name("later@contoso.com"))
    days.pass_by(days=102)
    days.sweep()  # forgotten by the first quiet sweep
    days.tenant.cloud.remove("SecurityIncident")
    days.mail(who, 60)
    found = days.sweep()
    assert found["verdict"] == "flagged"
    assert days.incident(who, 4) is not None or (found["due"], found["event"]) == (1, "sweep_incomplete")
    if days.incident(who, 4) is None:
        days.pass_by()
        days.sweep()
    assert days.incident(who, 4) is not None
    assert days.told(who)
