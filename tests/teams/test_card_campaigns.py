"""What a card says of where the mail came from: senders by recipient, campaigns before them, and all of it inert."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from shared.model import Campaign, Counts, Reason, Severity
from shared.teams import Notice, OtherReason, digest_card, notice_card
from tests.support.cards import SITUATION, entry, lines_of, opened, parts
from tests.support.hostile import FRAGMENTS
from tests.teams.render_card import card_as_text

WHO = tuple(f"r{n:03}@contoso.com" for n in range(187))
BIG = Campaign("", "evil.example", "", 212, WHO, 2_000)
HELD = replace(SITUATION, held=112, campaigns=(BIG,), flagged=200, looked_up=200)
SAME = "got the same mail"
FIRST = "Look at the campaign first, then at the recipients."


def test_from_whom_is_said_by_domain_and_count() -> None:
    """The most frequent domains with their messages, and how many more there are; addresses only when given."""
    domains = (("evil.example", 1_060), ("b.example", 3), ("c.example", 2), ("d.example", 1))
    told = entry("kim", 12, domains=domains)
    line = "From evil[.]example (1,060), b[.]example (3), c[.]example (2) and 1 more"
    lines = lines_of(digest_card([told], SITUATION))
    assert lines.index(line) == lines.index("12 remediated: hard delete 12") + 1
    assert not any(text.startswith("By ") for text in lines)
    with_senders = replace(told, senders=(("billing@evil.example", 60), ("", 1)))
    assert "By billing@evil[.]example (60), unknown (1)" in lines_of(digest_card([with_senders], SITUATION))
    summary = json.loads(digest_card([told], SITUATION).body)["summary"]
    assert summary.endswith("From evil(.)example (1,060), b(.)example (3), c(.)example (2) and 1 more.")


def test_a_domain_is_never_an_address() -> None:
    """What stands before an @ in a domain's column is nobody's business: it may be a sender's name."""
    told = entry("kim", 12, domains=(("kim.secret@evil.example", 6),))
    campaign = replace(BIG, domain="kim.secret@evil.example")
    card = digest_card([told], replace(SITUATION, campaigns=(campaign,)))
    assert "kim.secret" not in card.body
    assert "From evil[.]example (6)" in lines_of(card)


def test_a_campaign_is_one_line_before_the_recipients() -> None:
    """How many got it, from where, who of them is flagged, above the first recipient; no subject unless given.

    Whoever is named there is on the card: a name without the way to its incident helps nobody.
    """
    told = [entry("kim", 99), *(entry(f"r{n:03}", 12 + n) for n in (1, 7, 3, 9))]
    lines = lines_of(digest_card(told, replace(SITUATION, campaigns=(BIG,))))
    line = (
        "212 recipients got evil[.]example mail"
        " (187 flagged: r009@contoso.com, r007@contoso.com, r003@contoso.com and 184 more)"
    )
    assert lines.index(line) < lines.index("kim@contoso.com")
    alone = lines_of(digest_card(told[:1], replace(SITUATION, campaigns=(BIG,))))
    assert "212 recipients got evil[.]example mail (187 flagged)" in alone
    assert "“" not in "".join(lines)
    named = replace(BIG, sender="billing@evil.example", subject="Invoice overdue")
    lines = lines_of(digest_card([entry("kim", 12)], replace(SITUATION, campaigns=(named,))))
    assert "“Invoice overdue” from billing@evil[.]example" in lines


def test_of_many_campaigns_the_largest_three_are_lines() -> None:
    """The rest is counted; a second one of the same domain is another mail."""
    several = tuple(replace(BIG, reached=200 - n, flagged=WHO[: 9 - n], domain="") for n in range(5))
    some = (BIG, replace(BIG, reached=99), *several)
    lines = lines_of(digest_card([entry("kim", 12)], replace(SITUATION, campaigns=some)))
    assert [text.split(" (")[0] for text in lines if "recipients got" in text] == [
        "212 recipients got evil[.]example mail",
        "99 recipients got another evil[.]example mail",
        "200 recipients got mail of an unknown domain",
    ]
    assert "and 4 more campaigns" in lines


@pytest.mark.parametrize(
    ("flagged", "looked_up", "hit", "line"),
    [
        (
            200,
            200,
            187,
            f"One big campaign: 187 of the 200 flagged recipients, the held ones included, {SAME}. {FIRST}",
        ),
        (
            200,
            200,
            80,
            f"Partly one campaign: 80 of the 200 flagged recipients, the held ones included, {SAME}.",
        ),
        (200, 200, 30, f"Not one campaign: 30 of the 200 flagged recipients, the held ones included, {SAME}."),
        (200, 200, 0, f"Not one campaign: no two of the 200 flagged recipients, the held ones included, {SAME}."),
        (
            300,
            200,
            187,
            f"One big campaign: 187 of 200 flagged recipients {SAME}; 100 more were not looked up. {FIRST}",
        ),
        (200, 0, 0, "Whether this is one big campaign could not be looked up."),
    ],
)
@pytest.mark.parametrize("minimal", [False, True])
def test_the_fuses_card_says_whether_it_is_one_campaign(
    flagged: int, looked_up: int, hit: int, line: str, minimal: bool
) -> None:
    """While something is held, each card about recipients gives the share of those who are flagged; else none does."""
    campaigns = (replace(BIG, reached=500, flagged=WHO[:2]), replace(BIG, flagged=WHO[:hit])) if hit else ()
    situation = replace(HELD, flagged=flagged, looked_up=looked_up, campaigns=campaigns)
    lines = lines_of(digest_card([entry("kim", 12)], situation, minimal=minimal))
    assert lines.index(line) < lines.index("kim@contoso.com")
    calm = digest_card([entry("kim", 12)], replace(situation, held=0), minimal=minimal)
    assert "campaign:" not in card_as_text(calm)
    assert "one big campaign" not in card_as_text(calm)


def test_whoever_draws_no_card_hears_of_the_campaign() -> None:
    """The words of a card begin with how many, then whether it is one campaign, then the largest."""
    summary = json.loads(digest_card([entry("kim", 12)], HELD).body)["summary"]
    assert (
        summary.index("1 new.")
        < summary.index("One big campaign: 187 of the 200")
        < summary.index("212 recipients got")
    )
    assert summary.index("212 recipients got") < summary.index("kim@contoso.com")
    assert "recipients got" not in json.loads(digest_card([entry("kim", 12)], HELD, minimal=True).body)["summary"]


@pytest.mark.parametrize("hostile", [*FRAGMENTS, "".join(FRAGMENTS)])
def test_hostile_senders_are_inert(hostile: str) -> None:
    """Whatever a sender chooses stands in text runs only, with no scheme, no bare domain and no hidden character."""
    campaign = Campaign(hostile, hostile, hostile, 3, (f"x {hostile}",), 9)
    told = entry("kim", 12, recipient=f"x {hostile}", domains=((hostile, 3),), senders=((hostile, 3),))
    card = digest_card([told], replace(HELD, campaigns=(campaign,)))
    content = opened(card)  # its checks hold for every card
    shown = [run["text"] for run in parts(content["body"]) if run.get("type") == "TextRun"]
    blocks = [block["text"] for block in parts(content["body"]) if block.get("type") == "TextBlock"]
    assert not any(mark in text for text in blocks for mark in ("evil", "](", "<img", "@everyone"))
    for text in shown:
        assert "http://" not in text.lower()
        assert "https://" not in text.lower()
        assert "evil.example" not in text.lower()


def test_what_came_from_where_changes_no_id() -> None:
    """A card that is posted again without context is the same card: what it tells is the same."""
    bare = entry("kim", 12, messages=(1, 2))
    known = replace(bare, domains=(("evil.example", 9),), senders=(("a@evil.example", 9),), subjects=("Invoice",))
    for minimal in (False, True):
        ids = {digest_card([bare], SITUATION, minimal=minimal).id, digest_card([known], HELD, minimal=minimal).id}
        assert len(ids) == 1
    assert notice_card(Notice.FAILED, (), SITUATION).id == notice_card(Notice.FAILED, (), HELD).id


def test_a_card_without_context_just_lacks_the_lines() -> None:
    """What an earlier sweep found is told as it is known: no empty line, no word of senders or campaigns."""
    told = replace(entry("kim", 12, Reason.GREW), counts=Counts(12), severity=Severity.MEDIUM)
    text = card_as_text(digest_card([told, entry("li", 12, OtherReason.REMINDER)], SITUATION))
    assert "campaign" not in text
    assert "From " not in text
    assert "\n\n" not in text
