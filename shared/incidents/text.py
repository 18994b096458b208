"""What an incident says: its title, its description, and the comments that follow, as the JSON bodies that are sent.

Written to be read in Sentinel's incident pane, whether it renders Markdown or shows plain text: short lines, the most
important first, no markup that a reader would miss. Whatever a subject or an address holds, it is inert there, and the
limits hold: a description has at most 5,000 UTF-16 units, a comment at most 30,000.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from uuid import uuid5

from shared.incidents.guidance import advice, query, rule, stamp
from shared.model import (
    LABEL,
    RULE_ID,
    RULE_TACTIC,
    RULE_TECHNIQUE,
    Action,
    Counts,
    Evidence,
    Finding,
    Reason,
    Remedy,
    Window,
)
from shared.settings import Settings
from shared.text import inert, inert_address, ordinary, units, when

DESCRIPTION_LIMIT = 5_000
COMMENT_LIMIT = 30_000
TITLE_LIMIT = 150
COMMENT_MESSAGES = 100  # more than this in one comment is scrolled past, not read

_DESCRIBED = 10
_SUBJECT = 80
_REASONS = {
    Reason.FIRST: "First time over the threshold.",
    Reason.REOPENED: "Raised again: more than a threshold of new messages since the last incident was closed.",
    Reason.REOPENED_BENIGN: "Raised again: the last incident was closed as benign or false; far more has come since.",
    Reason.RECREATED: "Raised again: the last incident was deleted; more than a threshold of new messages came.",
}


def title(recipient: str) -> str:
    """The incident's title. An everyday address stands in it as it is, any other made inert; at most 150 units.

    No limit is published; 150 is a cautious one, since an incident refused for its title would never be raised.
    """
    begins = "Unusual volume of remediated email: "
    room = TITLE_LIMIT - len(begins)
    return begins + (recipient if ordinary(recipient) and len(recipient) <= room else _within(recipient, room))


def comment_id(incident_id: str, message_hashes: Iterable[int]) -> str:
    """The comment's id, derived from the incident and the set of messages it reports: a retry meets the first."""
    messages = ",".join(str(number) for number in sorted(set(message_hashes)))
    return str(uuid5(RULE_ID, f"{incident_id.lower()}|{messages}"))


def incident_body(
    action: Action,
    finding: Finding,
    window: Window,
    settings: Settings,
    *,
    doubts: Sequence[str] = (),
    remediators: str = "",
) -> str:
    """The body of the PUT that creates an incident.

    `doubts` are the reasons why the sweep's data is not trusted, `remediators` the line that says who remediated.
    Raises what the finding's `evidence` raises.
    """
    evidence = finding.evidence
    first = min((item.time for item in evidence), default=window.start)
    last = max((max(item.time, item.state_time) for item in evidence), default=window.end)
    labels = [LABEL, RULE_TACTIC, RULE_TECHNIQUE, f"episode:{action.episode}"]
    return _json(
        {
            "title": title(finding.recipient),
            "description": _description(action, finding, evidence, window, settings, doubts, remediators),
            "severity": action.severity.value,
            "status": "New",
            "firstActivityTimeUtc": stamp(first),
            "lastActivityTimeUtc": stamp(last),
            "labels": [{"labelName": label} for label in labels],
        }
    )


def comment_body(
    action: Action,
    finding: Finding,
    window: Window,
    settings: Settings,
    *,
    doubts: Sequence[str] = (),
    remediators: str = "",
    last: bool = False,
) -> str:
    """The body of the PUT that adds a comment with just the new messages, newest first.

    `last`: it is the 91st comment of its incident, after which messages are counted on the card only.
    """
    new = sorted(action.new, key=lambda item: item.state_time, reverse=True)
    count = f"{len(new):,} new {_messages(len(new))}"
    if action.reason is Reason.ESCALATED:
        opening = (
            f"Severity raised to {action.severity.value}: Sum_case is now {finding.total:,}, above "
            f"{settings.high_severity_threshold:,}. {count}."
        )
    else:
        opening = f"{count} remediated for {_who(finding.recipient)} since the last report."
    lines = [opening, "", *_facts(finding, window, settings, doubts, remediators)]
    if last:
        lines += ["", "This incident's comments are nearly used up: further messages are counted on the card only."]
    if not new:
        return _json({"message": "\n".join(lines)})
    room = COMMENT_LIMIT - 200 - units("\n".join(lines))
    shown = _listed(new, COMMENT_MESSAGES, room)
    lines += ["", "New messages, newest first (time, action, id: subject):", *shown]
    if len(shown) < len(new):
        lines.append(f"- and {len(new) - len(shown):,} more")
    return _json({"message": "\n".join(lines)})


def _description(
    action: Action,
    finding: Finding,
    evidence: Sequence[Evidence],
    window: Window,
    settings: Settings,
    doubts: Sequence[str],
    remediators: str,
) -> str:
    opening = (
        f"{finding.total:,} {_messages(finding.total)} to {_who(finding.recipient)} were remediated in "
        f"{window.days} days. More than {settings.sum_case_threshold:,} is unusual."
    )
    head = [
        opening,
        "",
        *_facts(finding, window, settings, doubts, remediators),
        f"- Why now: {_REASONS.get(action.reason, 'Over the threshold.')}",
    ]
    if action.previous:
        head.append(f"- Incident before this one: {_within(action.previous, 60)}")
    tail = ["", *advice(settings), "", *query(finding.recipient, window, settings), "", *rule()]
    newest = sorted(evidence, key=lambda item: item.state_time, reverse=True)
    room = DESCRIPTION_LIMIT - 100 - units("\n".join(head + tail))
    shown = _listed(newest, _DESCRIBED, room)
    if shown:
        head += ["", f"Newest messages ({len(shown)} of {finding.total:,}; time, action, id: subject):", *shown]
    return "\n".join(head + tail)


def _facts(finding: Finding, window: Window, settings: Settings, doubts: Sequence[str], remediators: str) -> list[str]:
    lines = [f"- NOT TRUSTED, the real number may be higher: {_within(doubt, 240)}" for doubt in doubts[:3]]
    lines.append(
        f"- Sum_case: {finding.total:,} (threshold {settings.sum_case_threshold:,}, "
        f"High above {settings.high_severity_threshold:,})"
    )
    lines += [f"- {name}: {number:,}" for name, number in named(finding.counts)]
    if remediators:
        lines.append(f"- Who remediated: {_within(remediators, 240)}")
    lines.append(f"- Window: {when(window.start)} to {when(window.end)}")
    return lines


def named(counts: Counts) -> list[tuple[str, int]]:
    """The four counts with their actions' names, in the rule's order."""
    numbers = (counts.hard_delete, counts.soft_delete, counts.move_to_junk, counts.move_to_delete)
    return [(remedy.value, number) for remedy, number in zip(Remedy, numbers, strict=True)]


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
