"""Cards: small enough to arrive, valid, inert, and true to what is told, whatever and however much that is."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from shared.model import Cause, Counts, Coverage, Reason, Severity, Slot, Verdict
from shared.teams import (
    Entry,
    Notice,
    OtherReason,
    Situation,
    digest_card,
    incident_link,
    notice_card,
    probe_card,
)
from tests.support.cards import (
    MARK,
    PORTAL,
    QUOTES,
    SITUATION,
    WORKSPACE,
    WORST_ENTRY,
    WORST_SITUATION,
    causes,
    entries,
    entries_like,
    entry,
    lines_of,
    opened,
    parts,
    situations,
    worst_entry,
    worst_situation,
)
from tests.support.examples import examples_of
from tests.support.hostile import FRAGMENTS, NOW
from tests.teams.render_card import CARDS, card_as_text


@pytest.mark.examples
@examples(max_examples=examples_of(25), deadline=None)
@given(st.lists(entries, min_size=1, max_size=12), situations, st.sampled_from([0, 0, 40, 400]), st.booleans())
@example([WORST_ENTRY], WORST_SITUATION, 10_000, False)
@example([replace(WORST_ENTRY, reason=OtherReason.NOT_RAISED)], WORST_SITUATION, 100, False)
@example([WORST_ENTRY, replace(WORST_ENTRY, reason=OtherReason.UNANSWERED)], WORST_SITUATION, 1_000, False)
@example([WORST_ENTRY], WORST_SITUATION, 100, True)
@example([worst_entry(QUOTES)], worst_situation(QUOTES), 12, False)
@example([replace(worst_entry(QUOTES), reason=OtherReason.UNANSWERED)], worst_situation(QUOTES), 1, False)
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
    given_ = entries_like(some, count) if count else some
    card = digest_card(given_, situation, minimal=minimal)
    opened(card)
    left = list(given_)
    for each in card.told:
        left.remove(each)
    assert all(each.by_name for each in left)
    assert not left or any(each.by_name for each in card.told)


@pytest.mark.examples
@examples(max_examples=examples_of(25), deadline=None)
@given(st.sampled_from(Notice), causes, situations)
@example(Notice.UNTRUSTED, WORST_SITUATION.causes, WORST_SITUATION)
@example(Notice.HEARTBEAT, (), WORST_SITUATION)
@example(Notice.HEARTBEAT, (), replace(WORST_SITUATION, first=True))
def test_every_notice_arrives_is_valid_and_inert(kind: Notice, why: tuple[Cause, ...], situation: Situation) -> None:
    """A notice keeps to the same rules as a digest."""
    opened(notice_card(kind, why, situation))


@pytest.mark.examples
@examples(max_examples=examples_of(25), deadline=None)
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
        assert all(text.isascii() for text in (*lines_of(each), json.loads(each.body)["summary"]))
    assert len(card.body.encode()) < 11_000
    assert len(card.told) == len(some)
    assert probe.told == ()


def test_a_finding_says_who_how_many_why_and_where() -> None:
    """Address, Sum_case and threshold, the four counts, what is new, who remediated, the way to the incident."""
    url = incident_link(PORTAL, WORKSPACE, "8")
    told = entry("kim", 0, Reason.ESCALATED, severity=Severity.HIGH, counts=Counts(41, 19, 2, 1), new=24, url=url)
    told = replace(told, number=3177, remediators="51 by automation, 12 by admins", subjects=("Invoice 1", "Invoice 2"))
    card = digest_card([told], SITUATION)
    assert lines_of(card)[:11] == [
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
        (Reason.AFTER_BASELINE, "New: 12 new messages since the earlier ones were taken as reported"),
        (Reason.REOPENED, "Back: 12 new messages since the last incident was closed"),
        (Reason.REOPENED_BENIGN, "Back: 12 new messages since it was closed as benign or false positive"),
        (Reason.RECREATED, "Back: 12 new messages since its incident was deleted"),
        (Reason.ESCALATED, "Escalated to Medium: 12 new messages"),
        (Reason.GREW, "Growing: 12 new messages since the last card"),
        (Reason.COMMENTS_FULL, "Growing: 12 new messages; the incident takes no more comments"),
        (OtherReason.NOT_RAISED, "NOT written to Sentinel yet; the next sweep tries again"),
        (OtherReason.UNANSWERED, "Cards about this may have arrived, Teams did not answer: 12 new messages"),
        (OtherReason.DELETED, "Its incident was deleted; more than 10 new messages will raise it again"),
        (OtherReason.REMINDER, "Waiting since 2026-11-20 06:01 UTC: still New, without an owner"),
    ],
)
def test_every_reason_has_its_words(reason: Reason | OtherReason, words: str) -> None:
    """Each reason to be on a card is said, on it and in its plain words."""
    card = digest_card([entry("kim", 12, reason, since=NOW - timedelta(days=4))], SITUATION)
    assert words in card_as_text(card)
    assert words in json.loads(card.body)["summary"]


def test_a_cause_that_many_share_is_quoted_once() -> None:
    """One cause for several recipients is read once; another one is quoted again."""
    given_ = [entry(f"k{n}", 30 - n, OtherReason.NOT_RAISED, cause="One." if n < 3 else "Two.") for n in range(4)]
    lines = lines_of(digest_card(given_, SITUATION))
    assert [line for line in lines if line in ("One.", "Two.", "The same cause")] == [
        "One.", "The same cause", "The same cause", "Two.",
    ]  # fmt: skip


def test_what_could_not_be_raised_says_why() -> None:
    """On-call sees the cause of a finding that Sentinel did not take, and no link."""
    card = digest_card(
        [entry("kim", 12, OtherReason.NOT_RAISED, cause="Sentinel refused (403): grant the role.")], SITUATION
    )
    assert "Sentinel refused (403): grant the role." in card_as_text(card)
    assert "1 NOT raised" in card_as_text(card)
    assert "url" not in [key for part in parts(opened(card)) for key in part]


def test_doubt_is_said_before_any_number() -> None:
    """An untrusted sweep's card says so, and what to check, above the first finding."""
    reasons = ("The newest row is 31 h old: check the data connector.",)
    lines = lines_of(digest_card([entry("kim", 12)], replace(SITUATION, verdict=Verdict.UNTRUSTED, reasons=reasons)))
    assert lines.index(reasons[0]) < lines.index("kim@contoso.com")
    assert "Data not trusted: the numbers may be too low, and others may be missing" in lines


def test_how_things_stand_is_on_every_digest() -> None:
    """Held and due findings, the rest by count, the data behind it, the time with its zone, the card's id."""
    last = Slot(NOW, 50, 50, 0, 0, 0)
    slots = (Slot(NOW, 950, 884, 0, 0, 0), last)
    coverage = Coverage(1_000, NOW - timedelta(hours=2), slots)
    causes_of_due = (Cause("x", "Teams is down."),)
    situation = replace(SITUATION, grown=1, standing=4, settled=3, excluded=2, held=17, due=1, coverage=coverage)
    situation = replace(situation, causes=causes_of_due, run_id="7c1f2a90-5e0b-4c7d-9a53-1c0a3f1f7d26")
    card = digest_card([entry("kim", 12)], situation)
    for line in (
        "17 more over the threshold are held back; the next sweeps raise them, highest first.",
        "1 still due: the next sweep tries again.",
        "Teams is down.",
        "Known: 1 open with new messages, 4 open with nothing new, 3 closed with few new messages, 2 excluded.",
        "Data: 1,000 rows in 30 days, 50 messages in the last 24 h, newest 2026-11-24 04:01 UTC, action filled in 93%.",
        "Sent 2026-11-24 06:01 UTC",
        f"Reference 7c1f2a90-{card.id[:8]}",
    ):
        assert line in lines_of(card)


@pytest.mark.parametrize("reason", [*Reason, *OtherReason])
def test_only_new_and_escalated_findings_mention_anybody(reason: Reason | OtherReason) -> None:
    """A mention wakes people: for what is new, escalated, not raised, or maybe not delivered; for nothing else."""
    card = digest_card([entry("kim", 12, reason)], replace(SITUATION, mentions=("on_call@contoso.com",)))
    entities = opened(card)["msteams"].get("entities", [])
    waking = {
        Reason.FIRST, Reason.AFTER_BASELINE, Reason.REOPENED, Reason.REOPENED_BENIGN, Reason.RECREATED,
        Reason.ESCALATED, OtherReason.NOT_RAISED, OtherReason.UNANSWERED,
    }  # fmt: skip
    assert [item["mentioned"]["id"] for item in entities] == (["on_call@contoso.com"] if reason in waking else [])


def test_mentions_of_like_names_stay_apart() -> None:
    """Two users of one name are mentioned by two texts."""
    upns_given = ("on.call@contoso.com", "on.call@fabrikam.com", "on.call@tailspin.com")
    content = opened(digest_card([entry("kim", 12)], replace(SITUATION, mentions=upns_given)))
    entities = content["msteams"]["entities"]
    assert [item["text"] for item in entities] == ["<at>on.call</at>", "<at>on.call 2</at>", "<at>on.call 3</at>"]
    assert tuple(item["mentioned"]["id"] for item in entities) == upns_given


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
            0,
            1,
            (
                "1 more over the threshold is held back; the next sweeps raise them, highest first. 1 of them is not"
                " remembered: they are raised only if a later sweep finds them again. Raise MAX_NEW_INCIDENTS, or"
                " SUM_CASE_THRESHOLD if it is too low."
            ),
        ),
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
        assert text in lines_of(card)
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
            r"(?i)\b(mend|rehearse|deed|word for word|intent|raised to|standing|episode|ledger|fuse|settled|verdict)\b",
            card_as_text(card),
        )


def test_the_picture_in_the_readme_is_of_this_code() -> None:
    """`docs/card.txt` is the sample card's text; `python -m tests.teams.render_card --docs` writes it anew."""
    docs = Path(__file__).resolve().parents[2] / "docs/card.txt"
    assert docs.read_text(encoding="utf-8") == card_as_text(CARDS["few"])
