"""Notices, minimal cards and probes: what the sweep has to say about itself and its cards."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.model import Cause
from shared.teams import (
    Notice,
    digest_card,
    incident_link,
    notice_card,
    probe_card,
)
from tests.support.cards import (
    PORTAL,
    SITUATION,
    WORKSPACE,
    lines_of,
    opened,
)
from tests.support.hostile import NOW
from tests.teams.render_card import DOUBTED, FEW, HOSTILE, card_as_text


def test_a_minimal_card_says_who_how_many_and_where() -> None:
    """The address as far as it is plain, why, the counts by action, the way to the incident; it wakes nobody."""
    url = incident_link(PORTAL, WORKSPACE, "8")
    hostile = replace(HOSTILE[0], url=url, number=7, cause="why", remediators="somebody")
    card = digest_card([hostile], replace(DOUBTED, run_id=""), minimal=True)
    assert lines_of(card)[:10] == [
        "1 new (1 High)",
        "Unusual volume of remediated email in contoso-soc: more than 10 in 30 days",
        "Shown in short: Teams did not accept the full card.",
        "Data not trusted: the numbers may be too low, and others may be missing",
        "90",
        "High",
        "x@evil?example?hxxps?evil?example?login?img?src?x?",
        "New: first time over the threshold",
        "90 remediated: hard delete 80, soft delete 10",
        "[ Open incident 7 ]",
    ]
    assert url in card.body
    assert "entities" not in card.body
    assert "kim.larsen@contoso.com" in lines_of(digest_card(FEW, SITUATION, minimal=True))


def test_a_probe_says_what_follows() -> None:
    """On-call reads that a card could not be delivered and that its content follows; it tells no entry."""
    card = probe_card(DOUBTED)
    assert lines_of(card)[0] == "A card could not be delivered"
    assert "Teams did not accept a card of this sweep. What was on it follows in smaller parts." in lines_of(card)
    assert probe_card(replace(DOUBTED, now=DOUBTED.now + timedelta(hours=5))).id == card.id
    assert probe_card(replace(DOUBTED, now=DOUBTED.now + timedelta(days=1))).id != card.id


@pytest.mark.parametrize(
    ("kind", "lines"),
    [
        (Notice.FAILED, ("Sweep failed: nothing was checked", "silence is not an all-clear", "To do:")),
        (
            Notice.UNTRUSTED,
            ("No all-clear: data not trusted", "There may be more", "data connector", "The next sweep checks again"),
        ),
        (
            Notice.DUE,
            (
                "3 not delivered yet",
                "Nothing is lost: what is due is written down, and the next sweep tries again.",
                "To do:** Fix the cause",
            ),
        ),
        (Notice.HEARTBEAT, ("All quiet", "7 sweeps since 2026-11-17 06:01 UTC", "If this card stops coming")),
    ],
)
def test_a_notice_says_what_happened_what_it_means_and_what_to_do(kind: Notice, lines: tuple[str, ...]) -> None:
    """Somebody woken by a notice needs no other page to begin."""
    due = 3 if kind is Notice.DUE else 0
    situation = replace(SITUATION, due=due, sweeps=7, since=NOW - timedelta(days=7))
    why = () if kind is Notice.HEARTBEAT else (Cause("x", "Log Analytics refused (403): grant the role."),)
    card = notice_card(kind, why, situation)
    for line in lines + tuple(cause.text for cause in why):
        assert line in card_as_text(card)
    if kind is Notice.HEARTBEAT:
        standing = notice_card(kind, (), replace(situation, standing=2))
        assert lines_of(standing)[0] == "Nothing new"


def test_what_could_not_be_read_is_not_called_undelivered() -> None:
    """When our incidents could not be listed, nothing is due, and still it is no all-clear."""
    card = notice_card(Notice.DUE, (Cause("incidents_unread", "Our incidents could not be listed: 503."),), SITUATION)
    assert lines_of(card)[0] == "Not everything could be looked up"
    assert "Our incidents could not be listed: 503." in lines_of(card)
    assert "no all-clear" in card_as_text(card)
    assert "delivered" not in card.body


def test_the_first_card_says_that_the_sweep_is_set_up() -> None:
    """The heartbeat of a new ledger: set up, what follows, what silence means."""
    card = notice_card(Notice.HEARTBEAT, (), replace(SITUATION, first=True, sweeps=1, since=NOW, standing=3))
    lines = lines_of(card)
    assert lines[0] == "The sweep is set up"
    for words in ("This is its first card", "More cards follow when", "If no card comes for long, something is wrong."):
        assert words in lines[2]
    assert "sweeps since" not in card.body


@pytest.mark.parametrize("kind", Notice)
def test_a_notice_that_something_is_wrong_mentions_somebody(kind: Notice) -> None:
    """What failed, cannot be trusted or is due wakes people; a heartbeat or a new word does not."""
    content = opened(notice_card(kind, (), replace(SITUATION, mentions=("on_call@contoso.com",))))
    assert ("entities" in content["msteams"]) is (kind not in (Notice.HEARTBEAT, Notice.NEW_WORD))


@pytest.mark.parametrize("kind", Notice)
def test_what_is_due_is_said_once(kind: Notice) -> None:
    """A due notice is about what is due; every other one says it, with its causes, in its footer."""
    why = (Cause("x", "Teams answered 503."),)
    lines = lines_of(notice_card(kind, why if kind is Notice.DUE else (), replace(SITUATION, due=3, causes=why)))
    assert lines.count("Teams answered 503.") == 1
    assert ("3 still due: the next sweep tries again." in lines) is (kind is not Notice.DUE)
