"""What incidents and comments say: complete, within Sentinel's limits, inert, and enough to work from."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from shared.incidents.terms import Background, Terms
from shared.incidents.text import comment_body, comment_id, incident_body, title
from shared.model import (
    NO_MESSAGES,
    Act,
    Action,
    Campaign,
    Counts,
    Evidence,
    Finding,
    MailGroup,
    Messages,
    Origin,
    Reason,
    Remedy,
    Severity,
    Window,
    message_hash,
)
from shared.text import ordinary, units
from tests.support.examples import examples_of
from tests.support.hostile import FRAGMENTS, NOW, addresses, any_evidence, texts
from tests.support.origins import backgrounds

WINDOW = Window(NOW - timedelta(days=30), NOW)
INCIDENT = "6f8f3c3e-3a0b-5d0e-9a55-0a7c0c1e2f10"
WORST = "💸&[" * 200  # each escaped, or two units long


TERMS = Terms(10, 50, 2, True, "sentinel", WINDOW)
PORTALS = ("https://portal.azure.com", "https://security.microsoft.com")
LINKED = replace(TERMS, portal=PORTALS[0], workspace="/subscriptions/s/resourceGroups/g", defender=PORTALS[1])


def messages(count: int, subject: str = "Invoice") -> tuple[Evidence, ...]:
    """`count` messages, newest first, one an hour."""
    remedies = list(Remedy)
    return tuple(
        Evidence(
            f"{place:08x}-1111-4222-8333-{place:012x}",
            NOW - timedelta(hours=place, minutes=5),
            f"{subject} {place}",
            remedies[place % 4],
            NOW - timedelta(hours=place),
            NOW,
        )
        for place in range(count)
    )


def _action(finding: Finding, reason: Reason = Reason.FIRST, act: Act = Act.CREATE, **more: Any) -> Action:
    """The plan's word about a finding, all of its messages new."""
    messages = Messages.of(finding.evidence())
    made = Action(act, reason, finding.recipient, 0, INCIDENT, Severity.MEDIUM, finding.counts, messages)
    return replace(made, **more)


def properties(body: str) -> dict[str, Any]:
    """The properties of a body, after JSON."""
    decoded = json.loads(body)
    assert list(decoded) == ["properties"]
    found: dict[str, Any] = decoded["properties"]
    return found


def rendered(text: str) -> tuple[set[str], str, list[str]]:
    """The kinds of inline elements that Markdown makes of a text, its words, and its code blocks.

    Links lead to the portals, and are left out.
    """
    blocks = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)
    inline = [token for block in blocks if block.type == "inline" for token in block.children or []]
    assert not {block.type for block in blocks} & {"html_block", "heading_open", "table_open", "hr", "code_block"}
    fences = [block.content for block in blocks if block.type == "fence"]
    assert all(str(token.attrs["href"]).startswith(PORTALS) for token in inline if token.type == "link_open")
    return (
        {token.type for token in inline} - {"link_open", "link_close"},
        " ".join(token.content for token in inline),
        fences,
    )


def whole(items: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    """The messages as a hunt gives them: their ids without lone surrogates."""
    return tuple(replace(item, message_id=item.message_id.encode("utf-8", "replace").decode()) for item in items)


WORST_BACKGROUND = Background(
    WORST,
    Origin(
        groups=tuple(MailGroup(WORST, WORST, WORST, 9, str(number), 99) for number in range(20)),
        senders=((WORST, 9),) * 20,
        domains=((WORST, 9),) * 20,
        threats=((WORST, 9),) * 20,
        detections=((WORST, 9),) * 20,
        by_message={item.message_id: f"{place % 30}{WORST}" for place, item in enumerate(messages(150))},
        messages=9,
    ),
    (Campaign(WORST, WORST, WORST, 99, (WORST, "".join(FRAGMENTS), *"abcdefgh"), 9, "0"),) * 9,
)
findings = st.builds(Finding.of, addresses, any_evidence().map(whole))


@pytest.mark.examples
@examples(max_examples=examples_of(80), deadline=None)
@given(findings, st.lists(texts, max_size=5), backgrounds, st.sampled_from(list(Reason)), st.booleans())
@example(Finding.of(WORST, messages(150, WORST[:200])), [WORST] * 9, WORST_BACKGROUND, Reason.FIRST, False)
@example(Finding.of("".join(FRAGMENTS), messages(3, "".join(FRAGMENTS))), [], WORST_BACKGROUND, Reason.FIRST, True)
@example(Finding.of("kim@contoso.com", messages(150, WORST[:200])), [], WORST_BACKGROUND, Reason.FIRST, True)
def test_a_description_fits_and_is_inert(
    finding: Finding, doubts: list[str], about: Background, reason: Reason, defender: bool
) -> None:
    """Whatever the finding holds, the description has at most 5,000 UTF-16 units and renders no link, image or tag."""
    terms = replace(LINKED, hunt_source="defender" if defender else "sentinel", doubts=tuple(doubts))
    plan = _action(finding, reason, previous=WORST)
    made = properties(incident_body(plan, terms, about))
    description = made["description"]
    assert units(description) <= 5_000
    kinds, _, fences = rendered(description)
    assert kinds <= {"text", "text_special", "softbreak", "code_inline"}
    assert len(fences) == 1
    assert "Hypothesis: Adversaries may use Explorer" in description
    assert units(made["title"]) <= 37 + 320
    json.dumps(made).encode()


@pytest.mark.examples
@examples(max_examples=examples_of(80), deadline=None)
@given(findings, st.lists(texts, max_size=5), backgrounds, st.sampled_from(list(Reason)), st.booleans())
@example(Finding.of(WORST, messages(150, WORST[:200])), [WORST] * 9, WORST_BACKGROUND, Reason.ESCALATED, True)
@example(Finding.of("kim@contoso.com", messages(150, WORST[:200])), [], WORST_BACKGROUND, Reason.GREW, False)
def test_a_comment_fits_and_is_inert(
    finding: Finding, doubts: list[str], about: Background, reason: Reason, last: bool
) -> None:
    """Whatever is new, a comment has at most 30,000 UTF-16 units and renders no link, image or tag."""
    plan = _action(finding, reason, Act.COMMENT)
    body = comment_body(plan, replace(LINKED, doubts=tuple(doubts)), about, last=last)
    message = properties(body)["message"]
    assert units(message) <= 30_000
    kinds, _, _ = rendered(message)
    assert kinds <= {"text", "text_special", "softbreak", "code_inline"}


def test_an_incident_carries_what_an_analyst_and_the_sweep_look_for() -> None:
    """Title, severity, status, activity times and labels are the design's."""
    finding = Finding.of("kim@contoso.com", messages(12))
    plan = _action(finding, severity=Severity.HIGH, episode=2)
    made = properties(incident_body(plan, TERMS))
    assert made["title"] == "Unusual volume of remediated email: kim@contoso.com"
    assert (made["severity"], made["status"]) == ("High", "New")
    assert made["firstActivityTimeUtc"] == "2026-11-23T18:56:00.000Z"
    assert made["lastActivityTimeUtc"] == "2026-11-24T06:01:00.000Z"
    assert [label["labelName"] for label in made["labels"]] == [
        "email-remediation-sweep", "InitialAccess", "T1566", "episode:2",
    ]  # fmt: skip
    assert "owner" not in made
    assert "classification" not in made


def test_a_description_says_all_that_is_needed_to_begin() -> None:
    """Counts, threshold, window, newest messages, what to do, when it is a false positive, the query, the rule."""
    finding = Finding.of("kim@contoso.com", messages(23))
    plan = _action(finding, Reason.REOPENED, previous=INCIDENT)
    body = incident_body(plan, TERMS, Background("23 messages: 14 by ZAP, 9 by admins"))
    text = properties(body)["description"]
    assert text.startswith("23 messages to `kim@contoso.com` were remediated in 30 days. More than 10 is unusual.")
    for said in (
        "- Sum_case: 23 (threshold 10, High above 50)",
        "- Hard delete: 6", "- Soft delete: 6", "- Moved to junk folder: 6", "- Moved to deleted items: 5",
        "\n\nWho remediated: 23 messages: 14 by ZAP, 9 by admins\n\n",
        "- Window: 2026-10-25 06:01 UTC to 2026-11-24 06:01 UTC",
        f"- Incident before this one: {INCIDENT}",
        "From whom:\n- Not looked up in this sweep. The query shows it.",
        "Newest messages, of 23 (remediated, received, action, sender, subject; times in UTC):",
        f"- 2026-11-24 06:01, received 2026-11-24 05:56, Hard delete: Invoice 0 (id {messages(1)[0].message_id})",
        "See it again (Logs):\n```kql\nEmailEvents\n",
        "What to do next:", "A false positive, when:",
        "\n\nClosed as benign or false positive, it is raised again after more than 20 new messages",
        "; after any other closing, more than 10.",
        "Rule: Listing Email Remediation Actions via Explorer (99713387-9d61-49eb-8edc-f51153d8bb01)",
        "tactic InitialAccess, technique T1566",
    ):  # fmt: skip
        assert said in text
    assert "NOT TRUSTED" not in text
    assert max(len(line) for line in text.splitlines() if not line.startswith(("Hypothesis", "|", "Rule"))) <= 140


def test_an_untrusted_sweep_marks_its_incidents() -> None:
    """What was found in data that is not trusted says so before its numbers."""
    finding = Finding.of("kim@contoso.com", messages(12))
    text = properties(incident_body(_action(finding), replace(TERMS, doubts=("newest row is 31 h old",))))
    lines = text["description"].splitlines()
    assert lines[2] == "- NOT TRUSTED, the real number may be higher: newest row is 31 h old"


@pytest.mark.parametrize("deduplicate", [True, False])
def test_the_query_in_a_description_asks_for_this_recipient_and_window(deduplicate: bool) -> None:
    """The KQL holds the address as a literal, the window as datetimes, and one row per message when deduplicating."""
    finding = Finding.of("o'neil_k+x@contoso.com", messages(12))
    terms = replace(TERMS, deduplicate=deduplicate)
    text = properties(incident_body(_action(finding), terms))["description"]
    [query] = rendered(text)[2]
    assert '| where RecipientEmailAddress =~ "o\'neil_k+x@contoso.com"' in query
    assert "between (datetime(2026-10-25T06:01:00.000Z) .. datetime(2026-11-24T06:01:00.000Z))" in query
    assert ("arg_max" in query) is deduplicate


@examples(max_examples=40, deadline=None)
@given(texts)
@example('x" | union SecurityIncident //@contoso.com')
def test_no_hostile_address_gets_into_the_query(recipient: str) -> None:
    """An address that is not everyday is asked for by its hash."""
    finding = Finding.of(recipient, messages(1))
    [query] = rendered(properties(incident_body(_action(finding), TERMS))["description"])[2]
    if not ordinary(recipient):
        assert re.search(r'\| where hash_sha256\(tolower\(RecipientEmailAddress\)\) == "[0-9a-f]{64}"\n', query)
    assert re.fullmatch(r"[A-Za-z0-9 |\n().,:=~_\"*@%+'-]*", query)


def test_a_comment_tells_just_the_new_messages_newest_first() -> None:
    """Only what is new is listed, the newest first; beyond a hundred by count; the totals are those of now."""
    finding = Finding.of("kim@contoso.com", messages(200))
    plan = _action(finding, Reason.GREW, Act.COMMENT, messages=Messages.of(reversed(finding.evidence()[:130])))
    text = properties(comment_body(plan, TERMS))["message"]
    assert text.startswith("130 new messages remediated for `kim@contoso.com` since the last report.")
    assert "- Sum_case: 200 (threshold 10, High above 50)" in text
    listed = re.findall(r"[0-9a-f]{8}-1111-4222-8333-[0-9a-f]{12}", text)
    assert listed == [item.message_id for item in finding.evidence()[:100]]
    assert text.splitlines()[-1] == "- and 30 more"
    assert "card only" not in text


def test_an_escalation_says_why() -> None:
    """The comment of an escalated severity names the severity, the count and the limit."""
    finding = Finding.of("kim@contoso.com", messages(60))
    plan = _action(
        finding, Reason.ESCALATED, Act.ESCALATE, severity=Severity.HIGH, messages=Messages.of(finding.evidence()[:1])
    )
    text = properties(comment_body(plan, TERMS))["message"]
    assert text.startswith("Severity escalated to High: Sum_case is now 60, above 50. 1 new message.")
    nothing_new = replace(plan, messages=NO_MESSAGES)
    assert "newest first" not in properties(comment_body(nothing_new, TERMS))["message"]


def test_the_last_comment_says_so() -> None:
    """The 91st comment tells where further messages are counted."""
    finding = Finding.of("kim@contoso.com", messages(60))
    text = properties(comment_body(_action(finding, Reason.GREW), TERMS, last=True))["message"]
    assert "further messages are counted on the card only" in text


def test_a_comment_has_one_id_for_one_set_of_messages() -> None:
    """Order, repetition and letter case of the incident's id do not matter; another message or incident does."""
    hashes = [message_hash(str(number)) for number in range(9)]
    made = comment_id(INCIDENT, hashes)
    assert comment_id(INCIDENT.upper(), [*reversed(hashes), hashes[0]]) == made
    assert comment_id(INCIDENT, hashes[:-1]) != made
    assert comment_id("another", hashes) != made


def test_a_finding_without_lists_is_dated_by_the_window() -> None:
    """Where the hunt brought counts but no message, the incident's times are the window's."""
    finding = Finding("kim@contoso.com", Counts(11), (), tuple)
    made = properties(incident_body(_action(finding), TERMS))
    assert made["firstActivityTimeUtc"] == "2026-10-25T06:01:00.000Z"
    assert "Newest messages" not in made["description"]


def test_a_title_is_the_address_or_inert() -> None:
    """An everyday address can be searched for; a hostile one does nothing."""
    assert title("a_b@contoso.com") == "Unusual volume of remediated email: a_b@contoso.com"
    hostile = title("<img src=x>[a](https://evil.example)@contoso.com\u202e")
    assert hostile.endswith(r"&lt;img src=x&gt;\[a\]\(hxxps://evil[.]example\)\@contoso[.]com")
