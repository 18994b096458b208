"""A comment: how many messages are new, from whom they came, then the messages, the newest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.incidents.facts import REFUSED, comment_opening, facts, minimal_facts, remediated
from shared.incidents.fitting import Section, fitted, inert_within, under
from shared.incidents.message_lines import columns_shown, message_lines, summary_lines, with_links
from shared.incidents.origin_lines import campaign_section, inert_recipient, origin_section
from shared.incidents.terms import Background, Terms
from shared.model import Action
from shared.text import units

COMMENT_LIMIT = 30_000
COMMENT_MESSAGES = 100  # more than this in one comment is scrolled past, not read
COMMENTED = (
    ("origin", 1),
    ("summary", 5),
    ("campaign", 2),
    ("messages", 20),
    ("summary", 22),
    ("campaign", 9),
    ("messages", COMMENT_MESSAGES),
)
"""What there is room for comes in this order: so many lines of each in all."""
_LAST = "This incident's comments are nearly used up: further messages are counted on the card only."
_SLACK = 200


def comment_text(action: Action, terms: Terms, about: Background, *, last: bool) -> str:
    """The comment in full, at most 30,000 UTF-16 units."""
    lines = [
        comment_opening(action, terms, inert_recipient(action.recipient)),
        "",
        *facts(action, terms),
        *([f"- {line}"] if (line := remediated(about)) else []),
    ]
    if last:
        lines += ["", _LAST]
    if len(action.messages):
        lines += _about_the_new(action, terms, about, COMMENT_LIMIT - _SLACK - units("\n".join(lines)))
    return "\n".join(lines)


def growth_opening(action: Action, terms: Terms) -> str:
    """A comment's first line alone."""
    return comment_opening(action, terms, inert_recipient(action.recipient))


def minimal_comment_text(action: Action, terms: Terms, *, last: bool) -> str:
    """The same facts, and nothing of the mail but the recipient."""
    lines = [comment_opening(action, terms, inert_within(action.recipient, 320)), "", *minimal_facts(action, terms)]
    return "\n".join([*lines, *(["", _LAST] if last else []), "", REFUSED])


def _about_the_new(action: Action, terms: Terms, about: Background, room: int) -> list[str]:
    """From whom the new messages came, their campaign, and the messages, as far as there is room."""
    summary = summary_lines(action.messages, about)
    newest = action.messages.newest[:COMMENT_MESSAGES]
    sections = {
        "origin": Section("", []) if summary else origin_section(about, terms),
        "summary": Section("New messages by sender:", summary),
        "campaign": campaign_section(action, about),
        "messages": Section(
            f"New messages, newest first ({columns_shown(terms)}):", message_lines(newest, about, terms)
        ),
    }
    fits = fitted(sections, COMMENTED, room)
    shown = dict(fits.lines)
    shown["messages"] = with_links(shown["messages"], newest, action.recipient, about, terms, fits.room)
    return _joined(sections, shown, len(action.messages) - len(shown["messages"]))


def _joined(sections: Mapping[str, Section], shown: Mapping[str, Sequence[str]], more: int) -> list[str]:
    lines = [line for name, section in sections.items() for line in under(section.heading, shown[name])]
    if not shown["messages"]:
        return [*lines, "", f"New messages: {more:,}, not listed here."]
    return [*lines, f"- and {more:,} more"] if more else lines
