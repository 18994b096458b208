"""What incidents and comments say about messages known by hash only, and in the form for what Sentinel refused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples

from shared.incidents.terms import Background, Terms
from shared.incidents.text import comment_body, incident_body, title
from shared.model import (
    Act,
    Action,
    Counts,
    Evidence,
    Messages,
    Reason,
    Remedy,
    Severity,
    Window,
    minute_number,
)
from tests.incidents.test_text import INCIDENT, WORST, messages, properties, rendered
from tests.support.examples import examples_of
from tests.support.hostile import NOW, addresses, texts

WINDOW = Window(NOW - timedelta(days=30), NOW)
TERMS = Terms(10, 50, 2, True, "sentinel", WINDOW)
NOTE = "The messages are not listed here: the full text was refused by Sentinel."


def _action(known: Messages, reason: Reason = Reason.FIRST, counts: Counts | None = None, **more: Any) -> Action:
    """A creation about these messages, or what `more` makes of it."""
    counts = counts or Counts(len(known))
    made = Action(Act.CREATE, reason, "kim@contoso.com", 0, INCIDENT, Severity.MEDIUM, counts, known)
    return replace(made, **more)


def text_of(body: str) -> str:
    """The description, or the comment's message."""
    found = properties(body)
    return str(found.get("description", found.get("message")))


def owed(count: int) -> Messages:
    """So many messages of an earlier sweep: all by hash, the newest 20 in full."""
    return Messages.of(messages(count)).cut()


# --- by hash only


def test_what_is_owed_is_counted_whole_and_listed_as_far_as_known() -> None:
    """A description lists five of all that it reports, a comment the 20 that are known in full."""
    text = text_of(incident_body(_action(owed(70), Reason.RECREATED), TERMS))
    assert "Newest messages, of 70 (remediated," in text
    assert text.count("Invoice") == 5
    text = text_of(comment_body(_action(owed(70), Reason.GREW, act=Act.COMMENT), TERMS))
    assert text.startswith("70 new messages remediated for `kim@contoso.com` since the last report.")
    assert text.count("Invoice") == 20
    assert text.endswith("- and 50 more")


def test_messages_of_which_none_is_known_in_full_are_counted() -> None:
    """Where only hashes are left, their number is said, and nothing is listed."""
    known = replace(owed(30), newest=())
    text = text_of(comment_body(_action(known, Reason.GREW), TERMS))
    assert text.endswith("\n\nNew messages: 30, not listed here.")
    assert "Newest messages" not in text_of(incident_body(_action(known), TERMS))


@pytest.mark.parametrize(
    ("reason", "deduplicate", "of"),
    [
        (Reason.FIRST, True, "of 9,000"),  # the hunt lists 5,000 of an action and counts all
        (Reason.FIRST, False, "of 60"),  # rows are counted, messages are listed
        (Reason.REOPENED, True, "of 60"),  # the new ones alone
    ],
)
def test_the_newest_are_listed_of_what_is_reported(reason: Reason, deduplicate: bool, of: str) -> None:
    """Of a first incident all that was counted, else the messages that are new."""
    plan = _action(owed(60), reason, Counts(9_000))
    text = text_of(incident_body(plan, replace(TERMS, deduplicate=deduplicate)))
    assert f"Newest messages, {of} (remediated," in text


def test_activity_spans_all_messages() -> None:
    """It begins with the first message, by its hash's state time where that is all that is known, and ends with the
    last state."""
    known = owed(200)
    made = properties(incident_body(_action(known), TERMS))
    assert made["firstActivityTimeUtc"] == "2026-11-15T23:01:00.000Z"  # the 200th, 199 hours before now
    assert made["lastActivityTimeUtc"] == "2026-11-24T06:01:00.000Z"
    assert minute_number(NOW - timedelta(hours=199)) == min(known.times.values())


def test_activity_is_exact_where_messages_are_known_in_full() -> None:
    """Seconds are kept: a message delivered and remediated within a minute does not begin before its delivery."""
    delivered, changed = NOW + timedelta(seconds=30), NOW + timedelta(seconds=45)
    item = Evidence("m", delivered, "s", Remedy.HARD_DELETE, changed, changed)
    made = properties(incident_body(_action(Messages.of([item])), TERMS))
    assert made["firstActivityTimeUtc"] == "2026-11-24T06:01:30.000Z"
    assert made["lastActivityTimeUtc"] == "2026-11-24T06:01:45.000Z"


def test_one_message_is_one() -> None:
    """A threshold of 0 flags a single message; the grammar holds."""
    text = text_of(incident_body(_action(owed(1)), replace(TERMS, threshold=0)))
    assert text.startswith("1 message to `kim@contoso.com` was remediated in 30 days. More than 0 is unusual.")


# --- minimal


def test_the_minimal_incident_has_the_same_facts() -> None:
    """Counts, window, reason, the incident before, what to do and the rule's name; no message, query or subject."""
    plan = _action(Messages.of(messages(23)), Reason.REOPENED, previous=INCIDENT, episode=3)
    full = properties(incident_body(plan, TERMS, Background("23 messages: 23 by ZAP")))
    made = properties(
        incident_body(plan, replace(TERMS, doubts=("unknown actions: Zapped",)), Background("23"), minimal=True)
    )
    assert {name: made[name] for name in made if name not in ("title", "description")} == {
        name: full[name] for name in full if name not in ("title", "description")
    }
    text = made["description"]
    assert text.startswith("23 messages to kim\\@contoso[.]com were remediated in 30 days.")
    for said in (
        "- NOT TRUSTED, the real number may be higher.\n",
        "- Sum_case: 23 (threshold 10, High above 50)", "- Hard delete: 23",
        "- Window: 2026-10-25 06:01 UTC to 2026-11-24 06:01 UTC",
        "- Why now: Raised again: more than a threshold of new messages since the last incident was closed.",
        f"- Incident before this one: {INCIDENT}",
        NOTE, "What to do next:", "A false positive, when:", "it is raised again after more than 20 new messages",
        "Rule: Listing Email Remediation Actions via Explorer (99713387-9d61-49eb-8edc-f51153d8bb01)",
    ):  # fmt: skip
        assert said in text
    for left_out in ("Invoice", "-1111-4222-", "```", "EmailEvents\n", "Zapped", "Who remediated:", "Hypothesis"):
        assert left_out not in text


def test_the_minimal_comment_has_the_same_facts() -> None:
    """How many are new, the counts, the window; neither messages nor who remediated."""
    plan = _action(Messages.of(messages(23)), Reason.GREW)
    text = text_of(comment_body(plan, TERMS, Background("23 messages: 23 by ZAP"), minimal=True, last=True))
    assert text.startswith("23 new messages remediated for kim\\@contoso[.]com since the last report.")
    assert "- Sum_case: 23 (threshold 10, High above 50)" in text
    assert "further messages are counted on the card only" in text
    assert text.endswith(NOTE)
    assert "Invoice" not in text
    assert "ZAP" not in text
    escalated = replace(plan, reason=Reason.ESCALATED, severity=Severity.HIGH)
    assert text_of(comment_body(escalated, TERMS, minimal=True)).startswith("Severity escalated to High: Sum_case is")


@pytest.mark.examples
@examples(max_examples=examples_of(40), deadline=None)
@given(addresses, texts, texts)
def test_nothing_of_the_mail_is_in_the_minimal_form(recipient: str, subject: str, doubt: str) -> None:
    """Whatever the mail holds, the minimal form of another mail to the same recipient is the same."""
    terms = replace(TERMS, doubts=(doubt,))
    one = replace(_action(Messages.of(messages(12, subject))), recipient=recipient)
    other = replace(_action(Messages.of(messages(12, WORST))), recipient=recipient)
    for body in (incident_body, comment_body):
        made = body(one, terms, Background(subject), minimal=True)
        assert made == body(other, replace(TERMS, doubts=("x",)), minimal=True)
        kinds, _, fences = rendered(text_of(made))
        assert kinds <= {"text", "text_special", "softbreak"}
        assert not fences
        json.dumps(json.loads(made)).encode()
    assert len(text_of(incident_body(one, terms, minimal=True))) <= 5_000


def test_the_minimal_title_is_inert() -> None:
    """An everyday address is made inert there, too; no title is longer than 150 units."""
    assert title("a_b@contoso.com", minimal=True) == r"Unusual volume of remediated email: a\_b\@contoso[.]com"
    assert len(title("a" * 60 + "@" + "b.c" * 80, minimal=True)) <= 150
