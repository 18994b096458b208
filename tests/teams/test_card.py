"""Cards: small enough to arrive, valid, inert, and true to what is told, whatever and however much that is."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import adaptive_cards
import pytest
from hypothesis import example, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from jsonschema import Draft6Validator

from shared.model import Cause, Counts, Coverage, Reason, Severity, Verdict, Window
from shared.teams import (
    Card,
    Entry,
    Notice,
    OtherReason,
    Situation,
    digest_card,
    incident_link,
    incidents_link,
    notice_card,
    probe_card,
)
from tests.hostile import FRAGMENTS, NOW, addresses, counts, texts
from tests.render_card import CARDS, DOUBTED, FEW, HOSTILE, as_text

MARK = "zq7"  # stands in every untrusted text, so that each place where one shows can be found
WORST = MARK + "\U0001f4b8" * 400  # four bytes a character
ELEMENTS = {
    "AdaptiveCard", "TextBlock", "RichTextBlock", "TextRun", "Container", "ColumnSet", "Column", "ActionSet",
    "Action.OpenUrl",
}  # fmt: skip
DIGEST = 8_836_473_541_418_900_507
PORTAL = "https://portal.azure.com"
WORKSPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.OperationalInsights/workspaces/soc"


@cache
def schema() -> Draft6Validator:
    """The official schema of Adaptive Cards 1.4."""
    file = Path(str(adaptive_cards.__file__)).parent / "schemas/schema-1.4.json"
    return Draft6Validator(json.loads(file.read_text(encoding="utf-8")))


def parts(node: Any) -> Iterator[dict[str, Any]]:
    """Every object in a card."""
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from parts(item)


def strings(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every string in a card with its path, list positions left out."""
    if isinstance(node, dict):
        kind = node.get("type", "")
        for key, value in node.items():
            yield from strings(value, f"{path}/{kind}.{key}")
    elif isinstance(node, list):
        for item in node:
            yield from strings(item, path)
    elif isinstance(node, str):
        yield path, node


def opened(card: Card) -> dict[str, Any]:
    """The Adaptive Card in a webhook body, after every check that holds for all cards."""
    raw = card.body.encode()
    assert len(raw) <= 20_480
    assert card.body.startswith('{"type":"message",')
    message = json.loads(card.body)
    assert message["type"] == "message"
    [attachment] = message["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    content: dict[str, Any] = attachment["content"]
    assert content["version"] == "1.4"
    assert message["summary"] == content["fallbackText"] == content["speak"]
    assert message["summary"].strip()
    assert card.id in card.body
    teams = content["msteams"]
    bare = {key: value for key, value in content.items() if key != "msteams"}
    assert not [error.message[:300] for error in schema().iter_errors(bare)]
    assert {part["type"] for part in parts(bare) if "type" in part} <= ELEMENTS
    for part in parts(bare):
        if "url" in part:
            assert part["type"] == "Action.OpenUrl"
            assert urlsplit(part["url"]).scheme == "https"
            assert urlsplit(part["url"]).hostname
    for path, text in strings(message):
        assert not {unicodedata.category(char) for char in text} & {"Cc", "Cf", "Cs", "Co", "Cn"}, path
        assert "{{" not in text
        if MARK in text:
            assert path.endswith(("TextRun.text", ".fallbackText", ".speak", ".summary")), path
        if path.endswith("TextBlock.text"):
            assert "](" not in text
    blocks = "\n".join(text for path, text in strings(bare) if path.endswith("TextBlock.text"))
    entities = teams.get("entities", [])
    assert set(re.findall("<at>.*?</at>", blocks)) == {entity["text"] for entity in entities}
    for entity in entities:
        assert entity["text"] == f"<at>{entity['mentioned']['name']}</at>"
    return content


marked = texts.map(lambda text: (MARK + text)[:600])
moments = st.integers(-90, 90).map(lambda days: NOW - timedelta(days=days, minutes=7 * days))
urls = st.one_of(
    st.just(""),
    st.just(incident_link(PORTAL, WORKSPACE, "7")),
    texts.map(lambda text: f"https://{text}"),
    st.sampled_from(["http://portal.azure.com/", f"https://portal.azure.com/#{'a' * 270}", "javascript:alert(1)"]),
)
entries = st.builds(
    Entry,
    recipient=st.one_of(marked, addresses.map(lambda text: MARK + text)),
    incident_id=st.uuids().map(str),
    episode=st.integers(0, 9),
    reason=st.sampled_from([*Reason, *OtherReason]),
    severity=st.sampled_from(Severity),
    counts=counts,
    messages=st.lists(st.integers(0, 2**64 - 1), max_size=4).map(tuple),
    new=st.integers(0, 9_999),
    url=urls,
    number=st.none() | st.integers(1, 10**6),
    subjects=st.lists(marked, max_size=3).map(tuple),
    remediators=st.just("") | marked,
    cause=st.just("") | marked,
    since=st.none() | moments,
)
causes = st.lists(st.builds(Cause, st.sampled_from(["a", "b", "sentinel_forbidden"]), marked), max_size=8).map(tuple)
coverages = st.none() | st.builds(
    Coverage, st.integers(0, 10**9), st.integers(0, 10**9), st.none() | moments, st.floats(0, 1)
)
upns = st.lists(st.from_regex(r"[^@\s]{1,80}@[^@\s]{1,40}\.[^@\s]{1,40}", fullmatch=True), max_size=30).map(tuple)
few = st.integers(0, 10**6)
situations = st.builds(
    Situation,
    workspace=marked,
    now=moments,
    verdict=st.sampled_from(Verdict),
    threshold=few,
    high=few,
    window=st.none() | st.just(Window(NOW - timedelta(days=30), NOW)),
    coverage=coverages,
    reasons=st.lists(marked, max_size=8).map(tuple),
    causes=causes,
    standing=few, settled=few, excluded=few, held=few, due=few,
    mentions=upns,
    incidents_url=urls, run_url=urls,
    run_id=marked,
    sweeps=st.integers(0, 99),
    since=st.none() | moments,
    held_unremembered=few,
    first=st.booleans(),
)  # fmt: skip
WORST_ENTRY = Entry(
    WORST, "1" * 36, 0, Reason.FIRST, Severity.HIGH, Counts(9_999_999), (7,), 9_999_999, f"https://{'a' * 990}", 10**9,
    (WORST, WORST), WORST, WORST, NOW,
)  # fmt: skip
WORST_SITUATION = Situation(
    WORST, NOW, Verdict.UNTRUSTED, 10, 50, Window(NOW - timedelta(days=30), NOW), Coverage(10**9, 10**9, NOW, 1.0),
    (WORST,) * 9, tuple(Cause(str(n), WORST) for n in range(9)), 10**6, 10**6, 10**6, 10**6, 10**6,
    tuple(f"{'u' * 60}{n}@{'d' * 45}.com" for n in range(40)), f"https://{'a' * 990}", f"https://{'b' * 990}", WORST,
    99, NOW, 10**6,
)  # fmt: skip


def many(some: list[Entry], count: int) -> list[Entry]:
    """`count` entries like these, each about another recipient and incident."""
    return [
        replace(some[n % len(some)], recipient=f"{some[n % len(some)].recipient}{n}", incident_id=f"{n:036}")
        for n in range(count)
    ]


SITUATION = Situation("soc", NOW, Verdict.FLAGGED, 10, 50, Window(NOW - timedelta(days=30), NOW))


def entry(name: str, total: int, reason: Reason | OtherReason = Reason.FIRST, **more: Any) -> Entry:
    """A finding of so many hard deletes, High above 50."""
    severity = Severity.HIGH if total > 50 else Severity.MEDIUM
    made = Entry(f"{name}@contoso.com", f"incident-{name}", 0, reason, severity, Counts(total), new=total)
    return replace(made, **more)


def shown(card: Card) -> list[str]:
    """The card's lines, top to bottom."""
    return as_text(card).splitlines()


def named(card: Card, entry: Entry) -> bool:
    """Whether the card shows this entry's recipient: no name begins with another one."""
    return any(entry.recipient.split("@")[0] + "@" in text for text in shown(card))


@examples(max_examples=25, deadline=None)
@given(st.lists(entries, min_size=1, max_size=12), situations, st.sampled_from([0, 0, 40, 400]), st.booleans())
@example([WORST_ENTRY], WORST_SITUATION, 10_000, False)
@example([replace(WORST_ENTRY, reason=OtherReason.NOT_RAISED)], WORST_SITUATION, 100, False)
@example([WORST_ENTRY, replace(WORST_ENTRY, reason=OtherReason.UNANSWERED)], WORST_SITUATION, 1_000, False)
@example([WORST_ENTRY], WORST_SITUATION, 100, True)
@example(
    [replace(WORST_ENTRY, recipient=MARK + "".join(FRAGMENTS), subjects=("".join(FRAGMENTS),))], WORST_SITUATION, 9,
    False,
)  # fmt: skip
def test_every_digest_arrives_is_valid_and_inert(
    some: list[Entry], situation: Situation, count: int, minimal: bool
) -> None:
    """One to ten thousand findings, any text: 20 KB at most, valid 1.4, untrusted text in TextRuns and words only.

    All are told but for those that must be named and are not, and of those at least one is.
    """
    given_ = many(some, count) if count else some
    card = digest_card(given_, situation, minimal=minimal)
    opened(card)
    left = list(given_)
    for each in card.told:
        left.remove(each)
    assert all(each.by_name for each in left)
    assert not left or any(each.by_name for each in card.told)


PLAIN = replace(WORST_SITUATION, workspace="soc", mentions=(), reasons=("r",), causes=(Cause("c", "why"),), run_id="")


@examples(max_examples=20, deadline=None)
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
        assert (each in told) is (named(card, each) or not each.by_name)


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
        assert {each for each in card.told if each.by_name} == {each for each in waiting if named(card, each)}
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
    assert f"and {60 - len(first.told)} more NOT raised: the next card names them" in shown(first)
    assert "incident list" not in first.body
    second = digest_card([each for each in refused if each not in first.told], SITUATION)
    assert {*first.told, *second.told} == set(refused)
    assert second.id != first.id


@examples(max_examples=25, deadline=None)
@given(st.sampled_from(Notice), causes, situations)
@example(Notice.UNTRUSTED, WORST_SITUATION.causes, WORST_SITUATION)
@example(Notice.HEARTBEAT, (), WORST_SITUATION)
@example(Notice.HEARTBEAT, (), replace(WORST_SITUATION, first=True))
def test_every_notice_arrives_is_valid_and_inert(kind: Notice, why: tuple[Cause, ...], situation: Situation) -> None:
    """A notice keeps to the same rules as a digest."""
    opened(notice_card(kind, why, situation))


@examples(max_examples=25, deadline=None)
@given(st.lists(entries, min_size=1, max_size=3), situations)
@example([WORST_ENTRY], WORST_SITUATION)
def test_a_minimal_card_and_a_probe_hold_nobody_elses_words(some: list[Entry], situation: Situation) -> None:
    """A minimal card shows of others' words the address alone, in plain letters; a probe shows nothing of them."""
    situation = replace(situation, run_id="", workspace=f"{situation.workspace} !")
    probe = probe_card(situation)
    card = digest_card(
        [replace(each, recipient=each.recipient.replace(MARK, "")) for each in some], situation, minimal=True
    )
    for each in (probe, card):
        opened(each)
        assert MARK not in each.body
        assert all(text.isascii() for text in (*shown(each), json.loads(each.body)["summary"]))
    assert len(card.body.encode()) < 11_000
    assert len(card.told) == len(some)
    assert probe.told == ()


def test_a_minimal_card_says_who_how_many_and_where() -> None:
    """The address as far as it is plain, why, the counts by action, the way to the incident; it wakes nobody."""
    url = incident_link(PORTAL, WORKSPACE, "8")
    hostile = replace(HOSTILE[0], url=url, number=7, cause="why", remediators="somebody")
    card = digest_card([hostile], replace(DOUBTED, run_id=""), minimal=True)
    assert shown(card)[:10] == [
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
    assert "kim.larsen@contoso.com" in shown(digest_card(FEW, SITUATION, minimal=True))


def test_a_probe_says_what_follows() -> None:
    """On-call reads that a card could not be delivered and that its content follows; it tells no entry."""
    card = probe_card(DOUBTED)
    assert shown(card)[0] == "A card could not be delivered"
    assert "Teams did not accept a card of this sweep. What was on it follows in smaller parts." in shown(card)
    assert probe_card(replace(DOUBTED, now=DOUBTED.now + timedelta(hours=5))).id == card.id
    assert probe_card(replace(DOUBTED, now=DOUBTED.now + timedelta(days=1))).id != card.id


def test_the_worst_comes_first() -> None:
    """What was not raised, then findings by severity and count, then what Teams did not answer for, reminders,
    deletions, whatever order they were given in."""
    given_ = [
        entry("deleted", 900, OtherReason.DELETED), entry("waiting", 800, OtherReason.REMINDER), entry("low", 11),
        entry("mid", 49), entry("top", 70), entry("high", 60, OtherReason.NOT_RAISED, cause="Sentinel is down."),
        entry("many", 500, severity=Severity.MEDIUM), entry("unsure", 700, OtherReason.UNANSWERED),
    ]  # fmt: skip
    lines = shown(digest_card(given_, SITUATION))
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
    text = as_text(card)
    high = sum(1 for each in given_ if each.severity is Severity.HIGH)
    assert text.startswith(f"1,000 new ({high:,} High)\n")
    names = len(re.findall("user[0-9]+@contoso", text))
    assert names == 39
    assert f"and {1_000 - names:,} more, {high - names:,} of them High: see the incident list" in text
    assert "[ Open incident list ]" in text
    assert len(card.told) == 1_000
    words = json.loads(card.body)["summary"]
    assert re.search(r"And \d+ more: see the incident list\.$", words)


def test_a_line_leads_to_its_incident() -> None:
    """Findings beyond the detailed ones are links, as many as the card has room for, the first ones."""
    few_lines = [entry(f"user{n}", 12, url=incident_link(PORTAL, WORKSPACE, str(n))) for n in range(16)]
    assert len(links(digest_card(few_lines, SITUATION))) == 16
    card = digest_card(
        [entry(f"user{n:03}", 12, url=f"https://a.example/{n:03}{'a' * 280}") for n in range(500)], SITUATION
    )
    assert [url[18:21] for url in links(card)] == [f"{n:03}" for n in range(len(links(card)))]
    assert 10 < len(links(card)) < 39
    assert len(card.body.encode()) > 20_000


def links(card: Card) -> list[str]:
    """Every URL that can be opened from a card's entries, in order."""
    return [part["url"] for part in parts(opened(card)) if "url" in part]


def test_lines_say_what_they_are() -> None:
    """Lines stand under what they are about: a refused recipient is not taken for one that has an incident."""
    given_ = [
        *(entry(f"r{n}", 20, OtherReason.NOT_RAISED) for n in range(7)), *(entry(f"f{n}", 12) for n in range(60)),
        *(entry(f"u{n}", 12, OtherReason.UNANSWERED) for n in range(20)),
    ]  # fmt: skip
    lines = shown(digest_card(given_, SITUATION))
    places = [lines.index(text) for text in (
        "NOT raised", "20 Medium  r6@contoso.com", "Also over the threshold", "12 Medium  f0@contoso.com",
        "Posted without an answer: cards about these may have arrived", "12 Medium  u15@contoso.com",
        "and 12 more posted without an answer: the next card names them", "and 36 more: see the incident list",
    )]  # fmt: skip
    assert places == sorted(places)


def test_a_flood_is_rendered_at_once() -> None:
    """Ten thousand findings make the same small card as a thousand."""
    card = digest_card([entry(f"user{n}", 12) for n in range(10_000)], SITUATION)
    assert "and 9,961 more: see the incident list" in as_text(card)


def test_a_finding_says_who_how_many_why_and_where() -> None:
    """Address, Sum_case and threshold, the four counts, what is new, who remediated, the way to the incident."""
    url = incident_link(PORTAL, WORKSPACE, "8")
    told = entry("kim", 0, Reason.ESCALATED, severity=Severity.HIGH, counts=Counts(41, 19, 2, 1), new=24, url=url)
    told = replace(told, number=3177, remediators="51 by automation, 12 by admins", subjects=("Invoice 1", "Invoice 2"))
    card = digest_card([told], SITUATION)
    assert shown(card)[:11] == [
        "1 now High",
        "Unusual volume of remediated email in soc: more than 10 in 30 days",
        "63",
        "High",
        "kim@contoso.com",
        "Escalated to High: 24 new messages",
        "63 remediated: hard delete 41, soft delete 19, to junk 2, to deleted items 1",
        "51 by automation, 12 by admins",
        "“Invoice 1”",
        "“Invoice 2”",
        "[ Open incident 3177 ]",
    ]
    content = opened(card)
    assert [part["url"] for part in parts(content) if "url" in part] == [url]
    assert content["fallbackText"] == (
        "1 now High. Unusual volume of remediated email in soc: more than 10 in 30 days. "
        "kim@contoso.com: 63 (High). Escalated to High: 24 new messages."
    )


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (Reason.FIRST, "New: first time over the threshold"),
        (Reason.REOPENED, "Back: 12 new messages since the last incident was closed"),
        (Reason.REOPENED_BENIGN, "Back: 12 new messages since it was closed as benign or false positive"),
        (Reason.RECREATED, "Back: 12 new messages since its incident was deleted"),
        (Reason.ESCALATED, "Escalated to Medium: 12 new messages"),
        (Reason.GREW, "Growing: 12 new messages since the last card"),
        (Reason.COMMENTS_FULL, "Growing: 12 new messages; the incident takes no more comments"),
        (OtherReason.NOT_RAISED, "NOT written to Sentinel yet; the next sweep tries again"),
        (OtherReason.UNANSWERED, "Cards about this may have arrived, Teams did not answer: 12 new messages"),
        (OtherReason.DELETED, "Its incident was deleted; more than 10 new messages will raise it again"),
        (OtherReason.REMINDER, "Waiting for 4 days: still New, without an owner"),
    ],
)
def test_every_reason_has_its_words(reason: Reason | OtherReason, words: str) -> None:
    """Each reason to be on a card is said, on it and in its plain words."""
    card = digest_card([entry("kim", 12, reason, since=NOW - timedelta(days=4))], SITUATION)
    assert words in as_text(card)
    assert words in json.loads(card.body)["summary"]


def test_a_cause_that_many_share_is_quoted_once() -> None:
    """One cause for several recipients is read once; another one is quoted again."""
    given_ = [entry(f"k{n}", 30 - n, OtherReason.NOT_RAISED, cause="One." if n < 3 else "Two.") for n in range(4)]
    lines = shown(digest_card(given_, SITUATION))
    assert [line for line in lines if line in ("One.", "Two.", "The same cause")] == [
        "One.", "The same cause", "The same cause", "Two.",
    ]  # fmt: skip


def test_what_could_not_be_raised_says_why() -> None:
    """On-call sees the cause of a finding that Sentinel did not take, and no link."""
    card = digest_card(
        [entry("kim", 12, OtherReason.NOT_RAISED, cause="Sentinel refused (403): grant the role.")], SITUATION
    )
    assert "Sentinel refused (403): grant the role." in as_text(card)
    assert "1 NOT raised" in as_text(card)
    assert "url" not in [key for part in parts(opened(card)) for key in part]


def test_doubt_is_said_before_any_number() -> None:
    """An untrusted sweep's card says so, and what to check, above the first finding."""
    reasons = ("The newest row is 31 h old: check the data connector.",)
    lines = shown(digest_card([entry("kim", 12)], replace(SITUATION, verdict=Verdict.UNTRUSTED, reasons=reasons)))
    assert lines.index(reasons[0]) < lines.index("kim@contoso.com")
    assert "Data not trusted: the numbers may be too low, and others may be missing" in lines


def test_how_things_stand_is_on_every_digest() -> None:
    """Held and due findings, the rest by count, the data behind it, the time with its zone, the card's id."""
    coverage = Coverage(1_000, 50, NOW - timedelta(hours=2), 0.934)
    causes_of_due = (Cause("x", "Teams is down."),)
    situation = replace(SITUATION, standing=4, settled=3, excluded=2, held=17, due=1, coverage=coverage)
    situation = replace(situation, causes=causes_of_due, run_id="7c1f2a90-5e0b-4c7d-9a53-1c0a3f1f7d26")
    card = digest_card([entry("kim", 12)], situation)
    for line in (
        "17 more over the threshold are held back; the next sweeps raise them, highest first.",
        "1 still due: the next sweep tries again.",
        "Teams is down.",
        "Known: 4 open with nothing new, 3 settled, 2 excluded.",
        "Data: 1,000 rows in 30 days, 50 in the last 24 h, newest 2 h old, action filled in 93%.",
        "Sent 2026-11-24 06:01 UTC",
        f"Reference 7c1f2a90-{card.id[:8]}",
    ):
        assert line in shown(card)


@pytest.mark.parametrize("reason", [*Reason, *OtherReason])
def test_only_new_and_escalated_findings_mention_anybody(reason: Reason | OtherReason) -> None:
    """A mention wakes people: for what is new, escalated, not raised, or maybe not delivered; for nothing else."""
    card = digest_card([entry("kim", 12, reason)], replace(SITUATION, mentions=("on_call@contoso.com",)))
    entities = opened(card)["msteams"].get("entities", [])
    waking = {
        Reason.FIRST, Reason.REOPENED, Reason.REOPENED_BENIGN, Reason.RECREATED, Reason.ESCALATED,
        OtherReason.NOT_RAISED, OtherReason.UNANSWERED,
    }  # fmt: skip
    assert [item["mentioned"]["id"] for item in entities] == (["on_call@contoso.com"] if reason in waking else [])


def test_mentions_of_like_names_stay_apart() -> None:
    """Two users of one name are mentioned by two texts."""
    upns_given = ("on.call@contoso.com", "on.call@fabrikam.com", "on.call@tailspin.com")
    content = opened(digest_card([entry("kim", 12)], replace(SITUATION, mentions=upns_given)))
    entities = content["msteams"]["entities"]
    assert [item["text"] for item in entities] == ["<at>on.call</at>", "<at>on.call 2</at>", "<at>on.call 3</at>"]
    assert tuple(item["mentioned"]["id"] for item in entities) == upns_given


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
    assert entry("a", 12, messages=(*messages, max(messages, default=0) ^ 1)).digest() != made or messages


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
        assert line in as_text(card)
    if kind is Notice.HEARTBEAT:
        standing = notice_card(kind, (), replace(situation, standing=2))
        assert shown(standing)[0] == "Nothing new"


def test_what_could_not_be_read_is_not_called_undelivered() -> None:
    """When our incidents could not be listed, nothing is due, and still it is no all-clear."""
    card = notice_card(Notice.DUE, (Cause("incidents_unread", "Our incidents could not be listed: 503."),), SITUATION)
    assert shown(card)[0] == "Not everything could be looked up"
    assert "Our incidents could not be listed: 503." in shown(card)
    assert "no all-clear" in as_text(card)
    assert "delivered" not in card.body


def test_the_first_card_says_that_the_sweep_is_set_up() -> None:
    """The heartbeat of a new ledger: set up, what follows, what silence means."""
    card = notice_card(Notice.HEARTBEAT, (), replace(SITUATION, first=True, sweeps=1, since=NOW, standing=3))
    lines = shown(card)
    assert lines[0] == "The sweep is set up"
    for words in ("This is its first card", "More cards follow when", "If no card comes for long, something is wrong."):
        assert words in lines[2]
    assert "sweeps since" not in card.body


@pytest.mark.parametrize("kind", Notice)
def test_every_notice_but_a_heartbeat_mentions_somebody(kind: Notice) -> None:
    """What failed, cannot be trusted or is due wakes people; a heartbeat does not."""
    content = opened(notice_card(kind, (), replace(SITUATION, mentions=("on_call@contoso.com",))))
    assert ("entities" in content["msteams"]) is (kind is not Notice.HEARTBEAT)


@pytest.mark.parametrize("verdict", Verdict)
def test_a_digest_of_an_untrusted_sweep_mentions_somebody(verdict: Verdict) -> None:
    """A digest that also says that the data is not trusted stands for that notice."""
    waiting = [entry("a", 12, OtherReason.REMINDER)]
    content = opened(digest_card(waiting, replace(SITUATION, verdict=verdict, mentions=("on_call@contoso.com",))))
    assert ("entities" in content["msteams"]) is (verdict in (Verdict.UNTRUSTED, Verdict.FAILED))


@pytest.mark.parametrize(
    ("held", "unremembered", "text"),
    [
        (17, 0, "17 more over the threshold are held back; the next sweeps raise them, highest first."),
        (1, 0, "1 more over the threshold is held back; the next sweeps raise them, highest first."),
        (
            6_200,
            1_200,
            (
                "6,200 more over the threshold are held back; the next sweeps raise them, highest first. 1,200 of them"
                " are not remembered: they are raised only if a later sweep finds them again. Raise MAX_NEW_INCIDENTS,"
                " or SUM_CASE_THRESHOLD if it is too low."
            ),
        ),
    ],
)
def test_what_is_held_is_on_every_card(held: int, unremembered: int, text: str) -> None:
    """Digest, minimal card, notice and probe say what is held, and how many of them beyond what is remembered."""
    situation = replace(SITUATION, held=held, held_unremembered=unremembered)
    cards = [digest_card([entry("a", 12)], situation, minimal=minimal) for minimal in (False, True)]
    cards += [notice_card(kind, (), situation) for kind in Notice]
    for card in (*cards, probe_card(situation)):
        assert text in shown(card)
        assert ("not remembered" in card.body) is bool(unremembered)


@pytest.mark.parametrize(
    ("total", "reason", "mood"),
    [
        (60, Reason.FIRST, "attention"),
        (12, Reason.FIRST, "warning"),
        (60, OtherReason.REMINDER, "attention"),
        (12, OtherReason.REMINDER, "warning"),
        (60, OtherReason.UNANSWERED, "attention"),
        (12, OtherReason.UNANSWERED, "warning"),
        (12, OtherReason.NOT_RAISED, "attention"),
        (60, OtherReason.DELETED, "accent"),
    ],
)
def test_a_cards_colour_is_that_of_the_worst_on_it(total: int, reason: Reason | OtherReason, mood: str) -> None:
    """A reminder has its severity's colour; what was not raised is always red; a deletion is none."""
    for minimal in (False, True):
        card = digest_card(
            [entry("a", total, reason), entry("b", 900, OtherReason.DELETED)], SITUATION, minimal=minimal
        )
        assert opened(card)["body"][0]["style"] == mood


def test_no_card_uses_the_words_of_the_house() -> None:
    """Plain English: words that only the code's readers would know are on no card."""
    for card in CARDS.values():
        assert not re.search(
            r"(?i)\b(mend|rehearse|deed|word for word|intent|raised to|standing|episode)\b", as_text(card)
        )


def test_the_picture_in_the_readme_is_of_this_code() -> None:
    """`docs/card.txt` is the sample card's text; `python -m tests.render_card --docs` writes it and its picture."""
    docs = Path(__file__).parent.parent / "docs/card.txt"
    assert docs.read_text(encoding="utf-8") == as_text(CARDS["few"])


def test_portal_links_are_absolute_and_escaped() -> None:
    """What Sentinel gave is used when it is a good link; a made-up one holds the ids, escaped."""
    given = "https://portal.azure.com/#asset/Microsoft_Azure_Security_Insights/Incident/x"
    assert incident_link(PORTAL, WORKSPACE, "7", given) == given
    made = incident_link(PORTAL, WORKSPACE, "7", "javascript:alert(1)")
    assert made.endswith("/workspaces/soc/providers/Microsoft.SecurityInsights/Incidents/7")
    listed = incidents_link(PORTAL, WORKSPACE.replace("soc", "a <b>"))
    assert listed.endswith("%2Fproviders%2Fmicrosoft.securityinsightsarg%2Fsentinel%2Fa%20%3Cb%3E")
