"""What an incident says: its title, its description, and the comments that follow, as the JSON bodies that are sent.

Written to be read in Sentinel's incident pane, whether it renders Markdown or shows plain text: short lines, the most
important first, no markup that a reader would miss. Whatever a subject or an address holds, it is inert there, and the
limits hold: a description has at most 5,000 UTF-16 units, a comment at most 30,000.

The minimal form is for what Sentinel has refused in full: the same facts, and nothing of the mail but the recipient.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import uuid5

from shared.incidents.guidance import advice, query, rule, stamp
from shared.incidents.terms import Terms
from shared.model import (
    LABEL,
    RULE_ID,
    RULE_TACTIC,
    RULE_TECHNIQUE,
    Action,
    Counts,
    Evidence,
    Messages,
    Reason,
    Remedy,
    message_hash,
    time_of_minute,
)
from shared.text import inert, inert_address, ordinary, units, when

DESCRIPTION_LIMIT = 5_000
COMMENT_LIMIT = 30_000
TITLE_LIMIT = 150
COMMENT_MESSAGES = 100  # more than this in one comment is scrolled past, not read

_DESCRIBED = 10
_SUBJECT = 80
_REASONS = {
    Reason.FIRST: "First time over the threshold.",
    Reason.AFTER_BASELINE: "More than a threshold of new messages; those before were taken as reported by an operator.",
    Reason.REOPENED: "Raised again: more than a threshold of new messages since the last incident was closed.",
    Reason.REOPENED_BENIGN: "Raised again: the last incident was closed as benign or false; far more has come since.",
    Reason.RECREATED: "Raised again: the last incident was deleted; more than a threshold of new messages came.",
}
_REFUSED = "The messages are not listed here: the full text was refused by Sentinel."


def title(recipient: str, *, minimal: bool = False) -> str:
    """The incident's title. An everyday address stands in it as it is, any other made inert; at most 150 units.

    In the minimal form every address is made inert. No limit is published; 150 is a cautious one, since an incident
    refused for its title would never be raised.
    """
    begins = "Unusual volume of remediated email: "
    room = TITLE_LIMIT - len(begins)
    plain = ordinary(recipient) and len(recipient) <= room and not minimal
    return begins + (recipient if plain else _within(recipient, room))


def comment_id(incident_id: str, message_hashes: Iterable[int]) -> str:
    """The comment's id, derived from the incident and the set of messages it reports: a retry meets the first."""
    messages = ",".join(str(number) for number in sorted(set(message_hashes)))
    return str(uuid5(RULE_ID, f"{incident_id.lower()}|{messages}"))


def incident_body(action: Action, terms: Terms, remediators: str = "", *, minimal: bool = False) -> str:
    """The body of the PUT that creates an incident. `remediators` is the line that says who remediated."""
    first, last = _activity(action.messages, terms)
    labels = [LABEL, RULE_TACTIC, RULE_TECHNIQUE, f"episode:{action.episode}"]
    description = _minimal_description(action, terms) if minimal else _description(action, terms, remediators)
    return _json(
        {
            "title": title(action.recipient, minimal=minimal),
            "description": description,
            "severity": action.severity.value,
            "status": "New",
            "firstActivityTimeUtc": stamp(first),
            "lastActivityTimeUtc": stamp(last),
            "labels": [{"labelName": label} for label in labels],
        }
    )


def comment_body(
    action: Action, terms: Terms, remediators: str = "", *, last: bool = False, minimal: bool = False
) -> str:
    """The body of the PUT that adds a comment with the action's messages, the newest first.

    `last`: it is the 91st comment of its incident, after which messages are counted on the card only.
    """
    count = len(action.messages)
    new = f"{count:,} new {_messages(count)}"
    who = _within(action.recipient, 320) if minimal else _who(action.recipient)
    if action.reason is Reason.ESCALATED:
        opening = (
            f"Severity escalated to {action.severity.value}: Sum_case is now {action.total:,}, above "
            f"{terms.high_threshold:,}. {new}."
        )
    else:
        opening = f"{new} remediated for {who} since the last report."
    lines = [opening, "", *(_minimal_facts(action, terms) if minimal else _facts(action, terms, remediators))]
    if last:
        lines += ["", "This incident's comments are nearly used up: further messages are counted on the card only."]
    if minimal:
        lines += ["", _REFUSED]
    elif count:
        lines += _comment_messages(action.messages, COMMENT_LIMIT - 200 - units("\n".join(lines)))
    return _json({"message": "\n".join(lines)})


def _comment_messages(messages: Messages, room: int) -> list[str]:
    shown = _listed(messages.newest, COMMENT_MESSAGES, room)
    more = len(messages) - len(shown)
    if not shown:
        return ["", f"New messages: {more:,}, not listed here."]
    lines = ["", "New messages, newest first (time, action, id: subject):", *shown]
    return [*lines, f"- and {more:,} more"] if more else lines


def _description(action: Action, terms: Terms, remediators: str) -> str:
    head = [
        _opening(action, terms, _who(action.recipient)),
        "",
        *_facts(action, terms, remediators),
        *_why(action),
    ]
    tail = ["", *advice(terms), "", *query(action.recipient, terms), "", *rule()]
    room = DESCRIPTION_LIMIT - 100 - units("\n".join(head + tail))
    shown = _listed(action.messages.newest, _DESCRIBED, room)
    if shown:
        of = f"{len(shown)} of {_whole(action, terms):,}"
        head += ["", f"Newest messages ({of}; time, action, id: subject):", *shown]
    return "\n".join(head + tail)


def _minimal_description(action: Action, terms: Terms) -> str:
    opening = _opening(action, terms, _within(action.recipient, 320))
    facts = _minimal_facts(action, terms)
    return "\n".join([opening, "", *facts, *_why(action), "", _REFUSED, "", *advice(terms), "", rule()[0]])


def _opening(action: Action, terms: Terms, who: str) -> str:
    were = "was" if action.total == 1 else "were"
    return (
        f"{action.total:,} {_messages(action.total)} to {who} {were} remediated in {terms.window.days} days. "
        f"More than {terms.threshold:,} is unusual."
    )


def _why(action: Action) -> list[str]:
    lines = [f"- Why now: {_REASONS.get(action.reason, 'Over the threshold.')}"]
    if action.previous:
        lines.append(f"- Incident before this one: {_within(action.previous, 60)}")
    return lines


def _whole(action: Action, terms: Terms) -> int:
    """Of how many messages the newest are listed.

    For a first incident of all that were counted, of which the hunt lists 5,000 per action; else of the new ones.
    """
    known = len(action.messages)
    return max(known, action.total) if terms.deduplicate and action.reason is Reason.FIRST else known


def _facts(action: Action, terms: Terms, remediators: str) -> list[str]:
    lines = [f"- NOT TRUSTED, the real number may be higher: {_within(doubt, 240)}" for doubt in terms.doubts[:3]]
    lines += _numbers(action, terms)
    if remediators:
        lines.append(f"- Who remediated: {_within(remediators, 240)}")
    return [*lines, _window(terms)]


def _minimal_facts(action: Action, terms: Terms) -> list[str]:
    """Without the words of a doubt, which may quote the table."""
    doubted = ["- NOT TRUSTED, the real number may be higher."] if terms.doubts else []
    return [*doubted, *_numbers(action, terms), _window(terms)]


def _numbers(action: Action, terms: Terms) -> list[str]:
    total = f"- Sum_case: {action.total:,} (threshold {terms.threshold:,}, High above {terms.high_threshold:,})"
    return [total, *(f"- {name}: {number:,}" for name, number in named(action.counts))]


def _window(terms: Terms) -> str:
    return f"- Window: {when(terms.window.start)} to {when(terms.window.end)}"


def named(counts: Counts) -> list[tuple[str, int]]:
    """The four counts with their actions' names, in the rule's order."""
    numbers = (counts.hard_delete, counts.soft_delete, counts.move_to_junk, counts.move_to_delete)
    return [(remedy.value, number) for remedy, number in zip(Remedy, numbers, strict=True)]


def _activity(messages: Messages, terms: Terms) -> tuple[datetime, datetime]:
    """When the first of these messages came and the last got its state; the window's bounds when there are none.

    Of messages that are known by hash only the state time is known, to the minute.
    """
    rest = messages.without({message_hash(item.message_id) for item in messages.newest}).times.values()
    states = [time_of_minute(minute) for minute in (min(rest), max(rest))] if rest else []
    states += [item.state_time for item in messages.newest]
    first = min([*states, *(item.time for item in messages.newest)], default=terms.window.start)
    return first, max(states, default=terms.window.end)


def _listed(evidence: Sequence[Evidence], most: int, room: int) -> list[str]:
    lines: list[str] = []
    for item in evidence[:most]:
        subject = inert(item.subject, _SUBJECT) or "(no subject)"
        line = f"- {when(item.time)}, {item.remedy.value}, {inert(item.message_id, 64)}: {subject}"
        room -= units(line) + 1
        if room < 0:
            break
        lines.append(line)
    return lines


def _who(recipient: str) -> str:
    return inert_address(recipient) if ordinary(recipient) else _within(recipient, 320)


def _within(text: str, room: int) -> str:
    """`inert` text that has at most `room` UTF-16 units, its escapes included."""
    limit = room
    while units(made := inert(text, limit)) > room:
        limit = limit * 3 // 4
    return made


def _messages(count: int) -> str:
    return "message" if count == 1 else "messages"


def _json(properties: dict[str, object]) -> str:
    return json.dumps({"properties": properties}, ensure_ascii=False, separators=(",", ":"))
