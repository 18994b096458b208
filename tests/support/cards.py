"""Cards to test: entries and situations of every kind, the worst ones too, and the checks that hold for all cards."""

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
from hypothesis import strategies as st
from jsonschema import Draft6Validator

from shared.model import Campaign, Cause, Counts, Coverage, Reason, Severity, Slot, Verdict, Window
from shared.teams import (
    Card,
    Entry,
    OtherReason,
    Situation,
    incident_link,
)
from tests.support.hostile import NOW, addresses, counts, texts
from tests.teams.render_card import card_as_text

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
few = st.integers(0, 10**6)
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
    domains=st.lists(st.tuples(marked, few), max_size=5).map(tuple),
    senders=st.lists(st.tuples(marked, few), max_size=5).map(tuple),
)
campaigns = st.lists(
    st.builds(Campaign, marked, marked, marked, few, st.lists(marked, max_size=5).map(tuple), few), max_size=5
).map(tuple)
causes = st.lists(st.builds(Cause, st.sampled_from(["a", "b", "sentinel_forbidden"]), marked), max_size=8).map(tuple)
slots = st.builds(Slot, moments, *[st.integers(0, 10**9)] * 5)
coverages = st.none() | st.builds(
    Coverage, st.integers(0, 10**9), st.none() | moments, st.lists(slots, max_size=3).map(tuple)
)
upns = st.lists(st.from_regex(r"[^@\s]{1,80}@[^@\s]{1,40}\.[^@\s]{1,40}", fullmatch=True), max_size=30).map(tuple)
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
    remarks=st.lists(marked, max_size=8).map(tuple),
    campaigns=campaigns,
    flagged=few, looked_up=few, grown=few,
    workbook_url=urls, runbook_url=urls,
)  # fmt: skip


def worst_entry(text: str) -> Entry:
    """An entry that is as large as one can be, this text in each place where somebody else's can stand."""
    return Entry(
        text, "1" * 36, 0, Reason.FIRST, Severity.HIGH, Counts(9_999_999), (7,), 9_999_999, f"https://{'a' * 590}",
        10**9, (text, text), text, text, NOW, None, ((text, 10**9),) * 9, ((text, 10**9),) * 9,
    )  # fmt: skip


def worst_situation(text: str) -> Situation:
    """A situation about which there is as much to say as there can be."""
    campaign = Campaign(text, text, text, 10**9, tuple(f"{text}{n or ''}" for n in range(40)), 10**9)
    return Situation(
        text, NOW, Verdict.UNTRUSTED, 10, 50, Window(NOW - timedelta(days=30), NOW),
        Coverage(10**9, NOW, (Slot(NOW, *[10**9] * 5),)),
        (text,) * 9, tuple(Cause(str(n), text) for n in range(9)), 10**6, 10**6, 10**6, 10**6, 10**6,
        tuple(f"{'u' * 60}{n}@{'d' * 45}.com" for n in range(40)), f"https://{'a' * 590}", f"https://{'b' * 590}", text,
        99, NOW, 10**6, True, (text,) * 9, (campaign,) * 9, 10**6, 10**5, 10**6,
        f"https://{'c' * 590}", f"https://{'d' * 550}",
    )  # fmt: skip


WORST_ENTRY, WORST_SITUATION = worst_entry(WORST), worst_situation(WORST)
QUOTES = MARK + '"' * 400  # two bytes of JSON a character


def entries_like(some: list[Entry], count: int) -> list[Entry]:
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


def lines_of(card: Card) -> list[str]:
    """The card's lines, top to bottom."""
    return card_as_text(card).splitlines()


def is_named(card: Card, entry: Entry) -> bool:
    """Whether the card shows this entry's recipient: no name begins with another one."""
    return any(entry.recipient.split("@")[0] + "@" in text for text in lines_of(card))


def links(card: Card) -> list[str]:
    """Every URL that can be opened from a card's entries, in order."""
    return [part["url"] for part in parts(opened(card)) if "url" in part]
