"""Notices, minimal cards and probes: what the sweep has to say about itself and its cards."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from shared.model import Cause, Verdict
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
    entry,
    lines_of,
    links,
    opened,
)
from tests.support.hostile import NOW
from tests.teams.render_card import CARDS, DOUBTED, FEW, HOSTILE, card_as_text


def test_a_minimal_card_says_who_how_many_and_where() -> None:
    """The address as far as it is plain, why, the counts by action, the way to the incident; it wakes nobody."""
    url = incident_link(PORTAL, WORKSPACE, "8")
    hostile = replace(HOSTILE[0], url=url, number=7, cause="why", remediators="somebody")
    card = digest_card([hostile], replace(DOUBTED, run_id="", held=0), minimal=True)
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


PAGE = "https://docs.contoso.example/sweep/operate"
LINKED = replace(
    SITUATION, incidents_url="https://a.example/list", run_url="https://a.example/log",
    workbook_url="https://a.example/workbook", runbook_url=PAGE,
)  # fmt: skip
HEADINGS = set(
    re.findall("^## (.+)$", (Path(__file__).resolve().parents[2] / "docs/operate.md").read_text("utf-8"), re.MULTILINE)
)


@pytest.mark.parametrize("kind", Notice)
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("due", [0, 3])
def test_a_notice_leads_to_what_helps(kind: Notice, first: bool, due: int) -> None:
    """The runbook's section, which exists, the run's log, the workbook; incidents unless nothing was checked."""
    card = notice_card(kind, (), replace(LINKED, first=first, due=due))
    runbook, *others = links(card)
    page, anchor = runbook.split("#")
    assert page == PAGE
    assert anchor in {heading.lower().replace(" ", "-") for heading in HEADINGS}
    listed = [] if kind is Notice.FAILED else ["https://a.example/list"]
    assert others == ["https://a.example/log", "https://a.example/workbook", *listed]
    titles = [text for text in lines_of(card) if text.startswith("[ ")]
    assert titles[:3] == ["[ What to do ]", "[ Log of this run ]", "[ Open workbook ]"]


@pytest.mark.parametrize("kind", Notice)
def test_without_a_published_runbook_the_section_is_named(kind: Notice) -> None:
    """A card with something to do names the page and the section when it cannot link to them; else it links only."""
    heading = notice_card(kind, (), SITUATION)
    hints = [text for text in lines_of(heading) if text.startswith("Runbook:")]
    has_todo = kind is not Notice.HEARTBEAT
    assert len(hints) == has_todo
    for hint in hints:
        assert hint.removeprefix("Runbook: docs/operate.md, “").removesuffix("”") in HEADINGS
    assert "Runbook:" not in notice_card(kind, (), LINKED).body


@pytest.mark.parametrize(("verdict", "anchor"), [(Verdict.UNTRUSTED, "no-all-clear"), (Verdict.FAILED, "sweep-failed")])
def test_a_digest_that_stands_for_a_notice_has_its_buttons(verdict: Verdict, anchor: str) -> None:
    """Findings of an untrusted or failed sweep come with the buttons that its notice would have."""
    found = [entry("kim", 12)]
    assert links(digest_card(found, LINKED)) == ["https://a.example/list"]
    assert links(digest_card(found, replace(LINKED, verdict=verdict))) == [
        f"{PAGE}#{anchor}", "https://a.example/log", "https://a.example/workbook", "https://a.example/list",
    ]  # fmt: skip


def test_two_buttons_stand_side_by_side() -> None:
    """A phone cuts the third one in a row off."""
    body = opened(notice_card(Notice.DUE, (), LINKED))["body"]
    assert [len(part["actions"]) for part in body if part["type"] == "ActionSet"] == [2, 2]


def test_no_card_has_a_button_that_leads_nowhere() -> None:
    """A link that is not known is no button; one that is not https, or far too long, is none either."""
    for url in ("", "http://a.example", "javascript:alert(1)", f"https://a.example/{'a' * 590}"):
        situation = replace(LINKED, run_url=url, workbook_url=url, incidents_url=url, runbook_url=url)
        assert links(notice_card(Notice.DUE, (), situation)) == []


@pytest.mark.parametrize(
    ("grown", "standing", "heading"),
    [
        (0, 0, "All quiet"),
        (0, 2, "Nothing new"),
        (1, 2, "Nothing to report: 1 open incident has a few new messages"),
        (3, 0, "Nothing to report: 3 open incidents have a few new messages"),
    ],
)
def test_what_grew_is_not_called_nothing_new(grown: int, standing: int, heading: str) -> None:
    """A heartbeat says when open incidents grew by less than is told, and how many did not."""
    lines = lines_of(notice_card(Notice.HEARTBEAT, (), replace(SITUATION, grown=grown, standing=standing)))
    assert lines[0] == heading
    assert any(f"{grown} open with new messages" in text for text in lines) is bool(grown)


@pytest.mark.parametrize("name", sorted(CARDS))
def test_times_are_absolute(name: str) -> None:
    """No card says how long ago something was: it is read hours after it was sent."""
    text = card_as_text(CARDS[name])
    assert not re.search(r"\b\d+ (min|h|hours|days) (old|ago)\b|for \d+ (days|h)\b", text.split("The newest row is")[0])
    assert " UTC" in text
