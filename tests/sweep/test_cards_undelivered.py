"""A card that cannot be delivered does not silence the rest: it is split, told minimally, and repeats are bounded."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tests.cloud.faults import Fault, Wire
from tests.support.days import Days

ODD, CEO = "odd@contoso.com", "ceo@contoso.com"


def _posts(days: Days) -> int:
    return sum(each.service == "teams" for each in days.tenant.cloud.log)


def _copies(days: Days, recipient: str) -> int:
    """On how many cards this finding is told in detail (not in the line that says that cards may have arrived)."""
    return sum(recipient in card and "without an answer" not in card for card in days.cards)


def test_a_card_that_kills_its_connection_gives_way(days: Days) -> None:
    """A proxy cuts every card with one subject on it: others are told a day later at most, that one in a line."""
    days.tenant.settings["CARD_SUBJECTS"] = "true"
    days.mail(ODD, 12, subject="X5O!P%@AP EICAR")
    days.tenant.cloud.faults.add(Fault(service="teams", containing="EICAR", times=None, wire=Wire.DROP))
    assert days.sweep()["due"] == 1
    for day in range(1, 6):
        days.pass_by()
        if day == 2:
            days.mail(CEO, 60)
        days.sweep()
    assert days.told(CEO) == 1
    assert (days.told(ODD), "EICAR" in "".join(days.cards)) == (1, False)
    assert days.sweep()["event"] == "sweep_completed"
    assert _posts(days) <= 12


@pytest.mark.parametrize("status", [400, 413])
def test_a_card_that_is_refused_for_one_recipient_is_split(days: Days, status: int) -> None:
    """Teams refuses whatever names one recipient, even minimally: the others are told on cards of their own, once."""
    days.mail("blocked@contoso.com", 12)
    days.tenant.cloud.faults.add(Fault(service="teams", containing="blocked", times=None, status=status))
    assert days.sweep()["due"] == 1
    days.pass_by()
    days.mail(CEO, 60)
    for number in range(4):
        days.mail(f"r{number}@contoso.com", 11 + number)
    found = days.sweep()
    assert (found["told"], found["due"]) == (5, 1)
    assert [days.told(each) for each in (CEO, *(f"r{number}@contoso.com" for number in range(4)))] == [1] * 5
    posts = _posts(days)
    days.pass_by()
    days.sweep()
    assert days.told(CEO) == 1
    assert _posts(days) - posts <= 4, "the refused one, minimally, a probe, and a word that something is due"
    days.well()
    days.pass_by()
    assert (days.sweep()["told"], days.told("blocked@contoso.com")) == (1, 1)


def test_what_the_mail_says_is_left_off_a_card_that_is_refused(days: Days) -> None:
    """A card that is refused for a subject is told minimally, on the same day, without it."""
    days.tenant.settings["CARD_SUBJECTS"] = "true"
    days.mail(ODD, 12, subject="EICAR")
    days.tenant.cloud.faults.add(Fault(service="teams", containing="EICAR", times=None, status=400))
    found = days.sweep()
    assert (found["told"], found["event"]) == (1, "sweep_completed")
    assert days.told(ODD) == 1
    assert "EICAR" not in "".join(days.cards)


def test_when_even_the_probe_is_refused_nothing_is_split(days: Days) -> None:
    """Every card is refused, the one without a foreign word too: the road is at fault; all is told once it is well."""
    for number in range(9):
        days.mail(f"r{number}@contoso.com", 11 + number)
    days.tenant.cloud.faults.add(Fault(service="teams", times=None, status=400))
    assert days.sweep()["due"] == 9
    assert _posts(days) <= 3, "the card, the probe, and a word that something is due"
    days.well()
    days.pass_by()
    assert days.sweep()["told"] == 9
    assert len([card for card in days.cards if "r0@" in card]) == 1


@pytest.mark.parametrize(
    "status", [401, 302, pytest.param(403, marks=pytest.mark.slow), pytest.param(404, marks=pytest.mark.slow)]
)
def test_a_refusal_of_the_road_splits_nothing(days: Days, status: int) -> None:
    """A lost signature or a deleted flow is not about what a card holds: one post a sweep, and no probe."""
    for number in range(4):
        days.mail(f"r{number}@contoso.com", 11)
    days.tenant.cloud.faults.add(Fault(service="teams", times=None, status=status))
    for sweep in range(1, 4):
        assert days.sweep()["due"] == 4
        assert _posts(days) <= sweep, "once a sweep"
        days.pass_by(hours=5)


@pytest.mark.parametrize(
    ("effect", "how"),
    [
        (True, None),
        (False, 502),
        pytest.param(True, 502, marks=pytest.mark.slow),
        pytest.param(True, 504, marks=pytest.mark.slow),
    ],
)
def test_repeats_are_bounded_when_teams_does_not_answer(days: Days, effect: bool, how: int | None) -> None:
    """For days Teams does not answer, three sweeps a day: three cards about a finding, then a line a day; then told."""
    days.mail(ODD, 12)
    lost = Fault(service="teams", times=None, effect=effect, status=how, wire=Wire.ANSWER if how else Wire.DROP)
    days.tenant.cloud.faults.add(lost)
    tried: Counter[int] = Counter()
    for day in range(5):
        for _ in range(3):
            found = days.sweep()
            assert (found["due"], found["event"]) == (1, "sweep_incomplete")
            days.tenant.clock.advance(minutes=10)
        tried[day] = _posts(days) - sum(tried.values())
        days.pass_by()
    bodies = [each.body.decode() for each in days.tenant.cloud.log if each.service == "teams"]
    about = [body for body in bodies if ODD in body]
    lines = [body for body in about if "without an answer" in body]
    assert len(about) - len(lines) <= 3
    assert len(lines) <= 5, "once a day at most"
    assert max(tried.values()) <= 9
    days.well()
    before = days.told(ODD)
    assert days.sweep()["told"] == 1
    assert days.told(ODD) == before + 1
    days.pass_by()
    assert "told" not in days.sweep()


def test_a_finding_behind_one_that_is_never_answered_is_told_in_time(days: Days) -> None:
    """New findings come each day while one is never answered for: each is told within two days, on three cards at most.

    The bound counts over all cards that name a finding, not over each card.
    """
    days.tenant.settings["CARD_SUBJECTS"] = "true"
    days.mail(ODD, 12, subject="EICAR")
    fault = Fault(service="teams", containing="EICAR", times=None, effect=True, wire=Wire.DROP)
    days.tenant.cloud.faults.add(fault)
    for day in range(6):
        days.mail(f"n{day}@contoso.com", 20)
        days.sweep()
        days.pass_by()
    days.sweep()
    assert _copies(days, ODD) <= 3
    for day in range(6):
        assert 1 <= days.told(f"n{day}@contoso.com") <= 3, day


def test_an_address_that_is_never_answered_for_keeps_nobody_from_being_told(days: Days) -> None:
    """Even the line with one address is never answered for: those who were on cards with it are told all the same."""
    others = [f"r{number}@contoso.com" for number in range(5)]
    for recipient in ("eicar@contoso.com", *others):
        days.mail(recipient, 12)
    days.tenant.cloud.faults.add(Fault(service="teams", containing="eicar", times=None, wire=Wire.DROP))
    for day in range(8):
        days.sweep()
        days.pass_by()
        days.mail(f"new{day}@contoso.com", 12)
    assert all(days.told(recipient) for recipient in others)
    assert days.told("eicar@contoso.com") == 0
    assert all(days.told(f"new{day}@contoso.com") == 1 for day in range(6))
    assert days.sweep()["due"] == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_card_that_teams_says_it_did_not_take_is_tried_again(days: Days, status: int) -> None:
    """A certain failure is retried in the same sweep, and leaves no doubt: the next sweep posts the same card."""
    days.mail(ODD, 12)
    days.tenant.cloud.faults.add(Fault(service="teams", times=2, status=status))
    assert days.sweep()["told"] == 1
    assert days.told(ODD) == 1


def test_who_does_not_fit_the_card_is_named_on_the_next(days: Days) -> None:
    """More are refused than a card can name: each is named on one of the next cards, for they are in no list."""
    for number in range(60):
        days.mail(f"u{number:02}@contoso.com", 11 + (60 - number) // 4)
    days.break_writes(status=403)
    days.sweep()
    for _ in range(2):
        days.pass_by()
        days.sweep()
    named = {number for number in range(60) if days.told(f"u{number:02}@contoso.com")}
    assert named == set(range(60))


def test_a_web_page_is_no_acceptance_and_splits_nothing(days: Days) -> None:
    """A proxy's own page under 200 answers every card: one post a sweep, all told by the first that Teams takes."""
    for number in range(3):
        days.mail(f"r{number}@contoso.com", 11)
    page = Fault(service="teams", times=None, status=200, body="<html>Blocked by policy.</html>", effect=False)
    days.tenant.cloud.faults.add(page)
    assert days.sweep()["due"] == 3
    assert _posts(days) == 1
    days.well()
    days.pass_by()
    assert days.sweep()["told"] == 3
    (card,) = days.tenant.cloud.cards
    assert json.dumps(card).count("Open incident") >= 3


def test_why_data_is_not_trusted_is_told_once_a_day(days: Days) -> None:
    """On the card about the findings, when there is one; a notice of its own is sent only when there is none."""
    days.mail("a@contoso.com", 12, days=4, after=3)  # nothing has arrived since
    assert days.sweep()["verdict"] == "untrusted"
    days.tenant.clock.advance(hours=1)
    assert days.sweep().get("told") is None
    assert ["a@contoso.com" in card for card in days.cards] == [True]
    days.tenant.clock.advance(days=1)
    days.sweep()
    assert ["a@contoso.com" in card for card in days.cards] == [True, False]


class _Killed(BaseException):
    """The process ends here."""


def test_a_card_that_was_taken_is_not_sent_again(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process dies when Teams has taken it and that is written down, before the records say so."""

    def die(*_: object) -> None:
        raise _Killed

    days.mail("a@contoso.com", 12)
    with monkeypatch.context() as patch:
        patch.setattr("shared.sweep.post.told", die)
        with pytest.raises(_Killed):
            days.sweep()
    assert days.told("a@contoso.com") == 1
    found = days.sweep()
    assert (found["event"], found["standing"], days.told("a@contoso.com")) == ("sweep_completed", 1, 1)
