"""What gives way when a text is full: the order decides, and nothing stands without its heading."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.incidents.fitting import Section, fitted, under
from shared.incidents.text import comment_body, incident_body
from shared.model import Act, Action, Counts, Messages, Reason, Severity
from shared.text import units
from tests.incidents.test_text import INCIDENT, LINKED, WORST, WORST_BACKGROUND, messages, properties

SECTIONS = {"a": Section("A:", ["a1", "a2", "a3"]), "b": Section("B:", ["b1", "b2"]), "none": Section("", [])}
ORDER = (("a", 1), ("none", 5), ("b", 1), ("a", 3), ("b", 2))


@pytest.mark.parametrize(
    ("room", "a", "b"),
    [
        (6, 0, 0),  # a line costs itself, its heading, and two line breaks
        (7, 1, 0),
        (13, 3, 0),  # what does not fit gives way to what comes later
        (14, 1, 1),
        (16, 1, 1),
        (17, 2, 1),
        (20, 3, 1),
        (23, 3, 2),
        (99, 3, 2),
    ],
)
def test_lines_are_taken_in_the_order_of_importance(room: int, a: int, b: int) -> None:
    """So many lines of a section, then of the next; what is printed has no more units than there is room."""
    fits = fitted(SECTIONS, ORDER, room)
    assert fits.lines == {"a": ["a1", "a2", "a3"][:a], "b": ["b1", "b2"][:b], "none": []}
    printed = [line for name, section in SECTIONS.items() for line in under(section.heading, fits.lines[name])]
    assert units("".join(f"{line}\n" for line in printed)) == room - fits.room


def test_a_line_that_does_not_fit_ends_its_section() -> None:
    """A later, shorter line would stand in its place otherwise; other sections go on."""
    sections = {"a": Section("", ["a" * 50, "a"]), "b": Section("", ["b"])}
    assert fitted(sections, (("a", 2), ("b", 1), ("a", 2)), 20).lines == {"a": [], "b": ["b"]}


def _action(recipient: str = "kim@contoso.com", subject: str = "Invoice") -> Action:
    known = Messages.of(messages(150, subject))
    return Action(
        Act.CREATE, Reason.FIRST, recipient, 0, INCIDENT, Severity.MEDIUM, Counts(150), known, previous=INCIDENT
    )


def test_what_is_long_gives_way_in_a_description() -> None:
    """However long senders, subjects and doubts are: from whom, what to do, the query and the rule are there."""
    terms = replace(LINKED, doubts=(WORST,) * 9)
    text = str(properties(incident_body(_action(subject=WORST), terms, WORST_BACKGROUND))["description"])
    for said in ("From whom (9 messages in the window):\n- Domains: 9 × ", "What to do next:", "```kql", "Rule: "):
        assert said in text
    assert units(text) <= 5_000


def test_what_is_long_gives_way_in_a_comment() -> None:
    """The summary and the newest messages come before the rest of the list; the rest is counted."""
    text = str(properties(comment_body(_action(subject=WORST), LINKED, WORST_BACKGROUND))["message"])
    assert "New messages by sender:\n- 5 × " in text
    listed = text.count("Hard delete, ")
    assert listed > 0
    assert text.splitlines()[-1].startswith("- and ")
    assert units(text) <= 30_000
