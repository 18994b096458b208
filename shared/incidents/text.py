"""What an incident says: its title, its description, and the comments that follow, as the JSON bodies that are sent.

Written to be read in Sentinel's incident pane, whether it renders Markdown or shows plain text: short lines, the most
important first, no markup that a reader would miss. Whatever a subject, a sender or an address holds, it is inert
there, and the limits hold: a description has at most 5,000 UTF-16 units, a comment at most 30,000. When there is not
room for everything, long lists give way first, in an order of importance (description.py, comment_text.py).

The minimal form is for what Sentinel has refused in full: the same facts, and nothing of the mail but the recipient.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from uuid import uuid5

from shared.incidents.comment_text import comment_text, minimal_comment_text
from shared.incidents.description import description, minimal_description
from shared.incidents.fitting import inert_within
from shared.incidents.guidance import stamp
from shared.incidents.terms import NO_BACKGROUND, Background, Terms
from shared.model import (
    LABEL,
    RULE_ID,
    RULE_TACTIC,
    RULE_TECHNIQUE,
    Action,
    Messages,
    message_hash,
    time_of_minute,
)
from shared.text import ordinary

TITLE_LIMIT = 150


def title(recipient: str, *, minimal: bool = False) -> str:
    """The incident's title. An everyday address stands in it as it is, any other made inert; at most 150 units.

    In the minimal form every address is made inert. No limit is published; 150 is a cautious one, since an incident
    refused for its title would never be raised.
    """
    begins = "Unusual volume of remediated email: "
    room = TITLE_LIMIT - len(begins)
    plain = ordinary(recipient) and len(recipient) <= room and not minimal
    return begins + (recipient if plain else inert_within(recipient, room))


def comment_id(incident_id: str, message_hashes: Iterable[int]) -> str:
    """The comment's id, derived from the incident and the set of messages it reports: a retry meets the first."""
    messages = ",".join(str(number) for number in sorted(set(message_hashes)))
    return str(uuid5(RULE_ID, f"{incident_id.lower()}|{messages}"))


def incident_body(action: Action, terms: Terms, about: Background = NO_BACKGROUND, *, minimal: bool = False) -> str:
    """The body of the PUT that creates an incident."""
    first, last = _activity(action.messages, terms)
    labels = [LABEL, RULE_TACTIC, RULE_TECHNIQUE, f"episode:{action.episode}"]
    says = minimal_description(action, terms) if minimal else description(action, terms, about)
    return _json(
        {
            "title": title(action.recipient, minimal=minimal),
            "description": says,
            "severity": action.severity.value,
            "status": "New",
            "firstActivityTimeUtc": stamp(first),
            "lastActivityTimeUtc": stamp(last),
            "labels": [{"labelName": label} for label in labels],
        }
    )


def comment_body(
    action: Action, terms: Terms, about: Background = NO_BACKGROUND, *, last: bool = False, minimal: bool = False
) -> str:
    """The body of the PUT that adds a comment with the action's messages, the newest first.

    `last`: it is the 91st comment of its incident, after which messages are counted on the card only.
    """
    if minimal:
        return _json({"message": minimal_comment_text(action, terms, last=last)})
    return _json({"message": comment_text(action, terms, about, last=last)})


def _activity(messages: Messages, terms: Terms) -> tuple[datetime, datetime]:
    """When the first of these messages came and the last got its state; the window's bounds when there are none.

    Of messages that are known by hash only the state time is known, to the minute.
    """
    rest = messages.without({message_hash(item.message_id) for item in messages.newest}).times.values()
    states = [time_of_minute(minute) for minute in (min(rest), max(rest))] if rest else []
    states += [item.state_time for item in messages.newest]
    first = min([*states, *(item.time for item in messages.newest)], default=terms.window.start)
    return first, max(states, default=terms.window.end)


def _json(properties: dict[str, object]) -> str:
    return json.dumps({"properties": properties}, ensure_ascii=False, separators=(",", ":"))
