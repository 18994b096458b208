"""Messages as lines: a summary by sender, then each with its times, action, sender and subject. All of it is inert."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from shared.incidents.fitting import Measure, inert_within
from shared.incidents.origin_lines import sender_named
from shared.incidents.portal_links import email_link
from shared.incidents.terms import Background, Terms
from shared.model import Evidence, Messages
from shared.text import inert, units

_SUBJECT = 80
_SENDERS = 20


def columns_shown(terms: Terms) -> str:
    """What each line of a message holds, in order."""
    # Advanced hunting knows no time of a removal.
    times = "remediated, received" if terms.hunt_source == "sentinel" else "received"
    return f"{times}, action, sender, subject; times in UTC"


def message_lines(evidence: Sequence[Evidence], about: Background, terms: Terms) -> list[str]:
    """A line for each message, which ends with its id."""
    return [f"{_line(item, about, terms)} (id {inert_within(item.message_id, 64)})" for item in evidence]


def _line(item: Evidence, about: Background, terms: Terms) -> str:
    received = f"received {_minute(item.time)}"
    times = f"{_minute(item.state_time)}, {received}" if terms.hunt_source == "sentinel" else received
    sender = senders_known(about).get(item.message_id.lower(), "")
    known = f", {sender_named(sender)}" if sender else ""
    return f"- {times}, {item.remedy.value}{known}: {inert(item.subject, _SUBJECT) or '(no subject)'}"


def _minute(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


def with_links(
    lines: Sequence[str],
    evidence: Sequence[Evidence],
    recipient: str,
    about: Background,
    terms: Terms,
    room: int,
    measure: Measure = units,
) -> list[str]:
    """These lines with a link to the message in place of its id, the first ones first, as far as there is room."""
    made = list(lines)
    for place, (line, item) in enumerate(zip(lines, evidence, strict=False)):
        url = email_link(item.message_id, recipient, terms)
        longer = f"{_line(item, about, terms)} [open]({url})" if url else line
        cost = measure(longer) - measure(line)
        if cost > room:
            break
        room -= cost
        made[place] = longer
    return made


def summary_lines(messages: Messages, about: Background) -> list[str]:
    """How many messages came from each sender, with how many subjects: those that are known in full."""
    senders = senders_known(about)
    if not senders:
        return []
    subjects: dict[str, list[str]] = {}
    for item in messages.newest:
        subjects.setdefault(senders.get(item.message_id.lower(), ""), []).append(item.subject)
    ordered = sorted(subjects.items(), key=lambda each: (-len(each[1]), each[0]))
    lines = [_sum(sender, some) for sender, some in ordered[:_SENDERS]]
    if rest := ordered[_SENDERS:]:
        lines.append(f"- {sum(len(some) for _, some in rest):,} × {len(rest):,} more senders")
    if unlisted := len(messages) - len(messages.newest):
        lines.append(f"- {unlisted:,} of earlier sweeps, whose senders are not kept")
    return lines


def _sum(sender: str, subjects: Sequence[str]) -> str:
    distinct = {subject.strip().lower() for subject in subjects}
    what = (
        f", {len(distinct):,} subjects" if len(distinct) > 1 else f": {inert(subjects[0], _SUBJECT) or '(no subject)'}"
    )
    return f"- {len(subjects):,} × {sender_named(sender)}{what}"


def senders_known(about: Background) -> Mapping[str, str]:
    """The senders of the messages, as far as they are known, by message id in lower case."""
    return about.origin.by_message if about.origin else {}
