"""An incident's description: how many, from whom, which campaign, who remediated, which messages, what to do, the rule.

What to do and the rule are always there, and so is the query. The rest takes the room that is left, in the order of
DESCRIBED: long lists give way first.
"""

from __future__ import annotations

from shared.incidents.facts import REFUSED, facts, minimal_facts, opening, remediated, why_now
from shared.incidents.fitting import Measure, Section, fitted, inert_within, under
from shared.incidents.guidance import advice, query_lines, query_shown, rule, see_again
from shared.incidents.message_lines import columns_shown, message_lines, with_links
from shared.incidents.origin_lines import campaign_section, inert_recipient, origin_section
from shared.incidents.portal_links import query_link
from shared.incidents.terms import Background, Terms
from shared.model import Action, Reason
from shared.text import units

DESCRIPTION_LIMIT = 5_000
MOST_LISTED = 5  # the query shows all; the room goes to links
DESCRIBED = (
    ("origin", 2),
    ("campaign", 2),
    ("messages", 3),
    ("link", 1),
    ("origin", 5),
    ("messages", MOST_LISTED),
    ("campaign", 9),
)
"""What there is room for comes in this order: so many lines of each in all. Then links to the messages."""
_SLACK = 100


def description(action: Action, terms: Terms, about: Background, measure: Measure = units) -> str:
    """The description in full, at most 5,000 UTF-16 units, or what `measure` counts; but what is always there may take
    more of what are not units.
    """
    kql = query_lines(action.recipient, terms)
    head = [opening(action, terms, inert_recipient(action.recipient)), "", *facts(action, terms), *why_now(action)]
    middle = ["", line] if (line := remediated(about)) else []
    tail = ["", *advice(terms), "", *rule()]
    fixed = [*head, *middle, "", *query_shown(kql, see_again(terms)), *tail]
    sections = _sections(action, terms, about, see_again(terms, query_link("\n".join(kql), terms)))
    fits = fitted(sections, DESCRIBED, DESCRIPTION_LIMIT - _SLACK - measure("\n".join(fixed)), measure)
    newest = action.messages.newest
    shown = dict(fits.lines)
    shown["messages"] = with_links(shown["messages"], newest, action.recipient, about, terms, fits.room, measure)
    origin, campaign, messages = (
        under(sections[name].heading, shown[name]) for name in ("origin", "campaign", "messages")
    )
    link = shown["link"][0] if shown["link"] else see_again(terms)
    return "\n".join([*head, *origin, *campaign, *middle, *messages, "", *query_shown(kql, link), *tail])


def _sections(action: Action, terms: Terms, about: Background, link: str) -> dict[str, Section]:
    """What there may not be room for."""
    return {
        "origin": origin_section(about, terms),
        "campaign": campaign_section(action, about),
        "messages": Section(
            f"Newest messages, of {_whole(action, terms):,} ({columns_shown(terms)}):",
            message_lines(action.messages.newest[:MOST_LISTED], about, terms),
        ),
        # It takes the place of the line without a link.
        "link": Section("", [link]),
    }


def minimal_description(action: Action, terms: Terms) -> str:
    """The same facts, and nothing of the mail but the recipient."""
    first = opening(action, terms, inert_within(action.recipient, 320))
    lines = [*minimal_facts(action, terms), *why_now(action)]
    return "\n".join([first, "", *lines, "", REFUSED, "", *advice(terms), "", rule()[0]])


def _whole(action: Action, terms: Terms) -> int:
    """Of how many messages the newest are listed.

    For a first incident of all that were counted, of which the hunt lists 5,000 per action; else of the new ones.
    """
    known = len(action.messages)
    return max(known, action.total) if terms.deduplicate and action.reason is Reason.FIRST else known
