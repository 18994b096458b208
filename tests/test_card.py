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

from shared.model import Counts, Coverage, Reason, Severity, Verdict, Window
from shared.teams.card import (
    Also,
    Card,
    Cause,
    Entry,
    Notice,
    Situation,
    digest_card,
    notice_card,
)
from shared.teams.links import incident_link, incidents_link
from tests.hostile import FRAGMENTS, NOW, addresses, counts, texts
from tests.render_card import CARDS, as_text
from tests.support.examples import examples_of

MARK = "zq7"  # stands in every untrusted text, so that each place where one shows can be found
WORST = MARK + "\U0001f4b8" * 400  # four bytes a character
ELEMENTS = {
    "AdaptiveCard", "TextBlock", "RichTextBlock", "TextRun", "Container", "ColumnSet", "Column", "ActionSet",
    "Action.OpenUrl",
}  # fmt: skip
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
    reason=st.sampled_from([*Reason, *Also]),
    severity=st.sampled_from(Severity),
    counts=counts,
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
)  # fmt: skip
WORST_ENTRY = Entry(
    WORST, "1" * 36, 0, Reason.FIRST, Severity.HIGH, Counts(9_999_999), 9_999_999, f"https://{'a' * 990}", 10**9,
    (WORST, WORST), WORST, WORST, NOW,
)  # fmt: skip
WORST_SITUATION = Situation(
    WORST, NOW, Verdict.UNTRUSTED, 10, 50, Window(NOW - timedelta(days=30), NOW), Coverage(10**9, 10**9, NOW, 1.0),
    (WORST,) * 9, tuple(Cause(str(n), WORST) for n in range(9)), 10**6, 10**6, 10**6, 10**6, 10**6,
    tuple(f"{'u' * 60}{n}@{'d' * 45}.com" for n in range(40)), f"https://{'a' * 990}", f"https://{'b' * 990}", WORST,
)  # fmt: skip


def many(some: list[Entry], count: int) -> list[Entry]:
    """`count` entries like these, each about another recipient and incident."""
    return [
        replace(some[n % len(some)], recipient=f"{some[n % len(some)].recipient}{n}", incident_id=f"{n:036}")
        for n in range(count)
    ]


@pytest.mark.examples
@examples(max_examples=examples_of(25), deadline=None)
@given(st.lists(entries, min_size=1, max_size=12), situations, st.sampled_from([0, 0, 40, 400]))
@example([WORST_ENTRY], WORST_SITUATION, 10_000)
@example(
    [replace(WORST_ENTRY, recipient=MARK + "".join(FRAGMENTS), subjects=("".join(FRAGMENTS),))], WORST_SITUATION, 9
)
def test_every_digest_arrives_is_valid_and_inert(some: list[Entry], situation: Situation, count: int) -> None:
    """One to ten thousand findings, any text: 20 KB at most, valid 1.4, untrusted text in TextRuns and words only."""
    told = many(some, count) if count else some
    card = digest_card(told, situation)
    opened(card)
    assert card.tells == tuple(sorted(entry.key(situation.now) for entry in told))


@pytest.mark.examples
@examples(max_examples=examples_of(25), deadline=None)
@given(st.sampled_from(Notice), causes, situations)
@example(Notice.UNTRUSTED, WORST_SITUATION.causes, WORST_SITUATION)
@example(Notice.HEARTBEAT, (), WORST_SITUATION)
def test_every_notice_arrives_is_valid_and_inert(kind: Notice, why: tuple[Cause, ...], situation: Situation) -> None:
    """A notice keeps to the same rules as a digest."""
    opened(notice_card(kind, why, situation))


SITUATION = Situation("soc", NOW, Verdict.FLAGGED, 10, 50, Window(NOW - timedelta(days=30), NOW))


def entry(name: str, total: int, reason: Reason | Also = Reason.FIRST, **more: Any) -> Entry:
    """A finding of so many hard deletes, High above 50."""
    severity = Severity.HIGH if total > 50 else Severity.MEDIUM
    made = Entry(f"{name}@contoso.com", f"incident-{name}", 0, reason, severity, Counts(total), total)
    return replace(made, **more)


def shown(card: Card) -> list[str]:
    """The card's lines, top to bottom."""
    return as_text(card).splitlines()


def test_the_worst_comes_first() -> None:
    """Findings by severity and count, then reminders, then deletions, whatever order they were given in."""
    told = [
        entry("deleted", 900, Also.DELETED), entry("waiting", 800, Also.REMINDER), entry("low", 11), entry("mid", 49),
        entry("top", 70), entry("high", 60, Also.NOT_RAISED, cause="Sentinel is down."),
        entry("many", 500, severity=Severity.MEDIUM),
    ]  # fmt: skip
    lines = shown(digest_card(told, SITUATION))
    assert lines[0] == "4 new (1 High), 1 NOT raised (1 High), 1 still waiting (1 High), 1 deleted"
    order = [line.split("@")[0] for line in lines if line.endswith("@contoso.com")]
    assert order == ["top", "high", "many", "mid", "low", "waiting", "deleted"]


def test_those_without_a_place_are_told_by_count() -> None:
    """A flood: five in detail, as many names as fit, the rest counted with how many are High; all of them are told."""
    told = [entry(f"user{n}", 12 + n % 60) for n in range(1_000)]
    card = digest_card(told, replace(SITUATION, incidents_url=incidents_link(PORTAL, WORKSPACE)))
    text = as_text(card)
    high = sum(1 for each in told if each.severity is Severity.HIGH)
    assert text.startswith(f"1,000 new ({high:,} High)\n")
    named = len(re.findall("user[0-9]+@contoso", text))
    assert named == 35
    assert f"and {1_000 - named:,} more, {high - named:,} of them High: see the incident list" in text
    assert "[ Open incident list ]" in text
    assert len(card.tells) == 1_000
    words = json.loads(card.body)["summary"]
    assert re.search(r"And \d+ more: see the incident list\.$", words)


def test_a_flood_is_rendered_at_once() -> None:
    """Ten thousand findings make the same small card as a thousand."""
    card = digest_card([entry(f"user{n}", 12) for n in range(10_000)], SITUATION)
    assert "and 9,965 more: see the incident list" in as_text(card)


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
        "Raised to High: 24 new messages",
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
        "kim@contoso.com: 63 (High). Raised to High: 24 new messages."
    )


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (Reason.FIRST, "New: first time over the threshold"),
        (Reason.REOPENED, "Back: 12 new messages since the last incident was closed"),
        (Reason.REOPENED_BENIGN, "Back: 12 new messages since it was closed as benign or false positive"),
        (Reason.RECREATED, "Back: 12 new messages since its incident was deleted"),
        (Reason.ESCALATED, "Raised to Medium: 12 new messages"),
        (Reason.GREW, "Growing: 12 new messages since the last card"),
        (Reason.COMMENTS_FULL, "Growing: 12 new messages; the incident takes no more comments"),
        (Also.NOT_RAISED, "NOT written to Sentinel yet; the next sweep tries again"),
        (Also.DELETED, "Its incident was deleted; more than 10 new messages will raise it again"),
        (Also.REMINDER, "Waiting for 4 days: still New, without an owner"),
    ],
)
def test_every_reason_has_its_words(reason: Reason | Also, words: str) -> None:
    """Each reason to be on a card is said, on it and in its plain words."""
    card = digest_card([entry("kim", 12, reason, since=NOW - timedelta(days=4))], SITUATION)
    assert words in as_text(card)
    assert words in json.loads(card.body)["summary"]


def test_what_could_not_be_raised_says_why() -> None:
    """On-call sees the cause of a finding that Sentinel did not take, and no link."""
    card = digest_card([entry("kim", 12, Also.NOT_RAISED, cause="Sentinel refused (403): grant the role.")], SITUATION)
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
    situation = replace(situation, causes=causes_of_due)
    card = digest_card([entry("kim", 12)], situation)
    for line in (
        "17 more over the threshold are held back; the next sweeps raise them, highest first.",
        "1 still to be delivered; the next sweep completes it.",
        "Teams is down.",
        "Known: 4 open with nothing new, 3 settled, 2 excluded.",
        "Data: 1,000 rows in 30 days, 50 in the last 24 h, newest 2 h old, action filled in 93%.",
        f"Sent 2026-11-24 06:01 UTC. Card {card.id}",
    ):
        assert line in shown(card)


@pytest.mark.parametrize("reason", [*Reason, *Also])
def test_only_new_and_escalated_findings_mention_anybody(reason: Reason | Also) -> None:
    """A mention wakes people: for what is new, raised to High, or could not be raised; for nothing else."""
    card = digest_card([entry("kim", 12, reason)], replace(SITUATION, mentions=("on_call@contoso.com",)))
    entities = opened(card)["msteams"].get("entities", [])
    waking = {
        Reason.FIRST, Reason.REOPENED, Reason.REOPENED_BENIGN, Reason.RECREATED, Reason.ESCALATED, Also.NOT_RAISED,
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
    """The same things told make the same id, in any order and at any hour; another reason or episode makes another."""
    one, two = entry("a", 12), entry("b", 13)
    made = digest_card([one, two], SITUATION).id
    assert digest_card([two, one], replace(SITUATION, now=NOW + timedelta(days=1), held=3)).id == made
    assert digest_card([one], SITUATION).id != made
    assert digest_card([one, replace(two, episode=1)], SITUATION).id != made
    assert digest_card([one, replace(two, reason=Reason.ESCALATED)], SITUATION).id != made


@pytest.mark.parametrize("reason", [Also.REMINDER, Also.NOT_RAISED, Reason.GREW])
def test_what_is_told_again_another_day_is_another_card(reason: Reason | Also) -> None:
    """Reminders, failures and growth tell once a day: the same day the same id, the next day the next."""
    told = [entry("a", 12, reason)]
    made = digest_card(told, SITUATION).id
    assert digest_card(told, replace(SITUATION, now=NOW + timedelta(hours=5))).id == made
    assert digest_card(told, replace(SITUATION, now=NOW + timedelta(days=1))).id != made


def test_a_notice_has_one_id_for_its_causes_and_day() -> None:
    """A failure is told once per cause and UTC day in each workspace."""
    why = [Cause("b", "one wording"), Cause("a", "another")]
    made = notice_card(Notice.FAILED, why, SITUATION)
    assert made.tells == ("2026-11-24/a", "2026-11-24/b")
    assert notice_card(Notice.FAILED, why[::-1], replace(SITUATION, now=NOW + timedelta(hours=9))).id == made.id
    assert notice_card(Notice.FAILED, why[:1], SITUATION).id != made.id
    assert notice_card(Notice.FAILED, why, replace(SITUATION, now=NOW + timedelta(days=1))).id != made.id
    assert notice_card(Notice.FAILED, why, replace(SITUATION, workspace="other")).id != made.id
    assert notice_card(Notice.HEARTBEAT, (), SITUATION).tells == ("2026-11-24/heartbeat",)


@pytest.mark.parametrize(
    ("kind", "lines"),
    [
        (Notice.FAILED, ("Sweep failed: nothing was checked", "silence is not an all-clear", "To do:")),
        (
            Notice.UNTRUSTED,
            ("No all-clear: data not trusted", "There may be more", "data connector", "The next sweep checks again"),
        ),
        (Notice.DUE, ("3 not delivered yet", "Nothing is lost", "To do:")),
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
