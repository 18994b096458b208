"""`python -m shared show RECIPIENT`: all that the ledger knows of one recipient."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from shared.cli.chosen import WorkspaceOption
from shared.cli.known import in_ledger, named_on, near_miss, record_of
from shared.cli.session import interruptible, say
from shared.cli.terminal import console
from shared.cli.under_lease import ends_in_words, ledger_to_read, prepared, printed_json
from shared.ledger import Loaded
from shared.model import (
    Attempts,
    Counts,
    Messages,
    OurIncident,
    Owed,
    OwedComment,
    OwedCreation,
    Record,
    incident_id,
    time_of_minute,
)
from shared.settings import Settings
from shared.text import address, clean


def show(
    recipient: Annotated[str, typer.Argument(help="The recipient's address.")],
    as_json_object: Annotated[bool, typer.Option("--json", help="Print one JSON object, and only it.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Show all that the ledger knows of one recipient: incidents, counts, what was told when, what is owed and why.

    An incident's state is that which the last sweep read. The command reads
    the ledger of LEDGER_URL only.

    Exit codes: 0 done, 1 not known or the ledger could not be read, 2 bad
    settings.
    """
    from shared.clock import SystemClock

    errors, picked = prepared(workspace)
    settings = picked.settings
    name = recipient.strip().lower()
    with (
        ends_in_words(errors, json_wanted=as_json_object),
        interruptible(errors, "nothing was written"),
        ledger_to_read(settings, SystemClock()) as ledger,
    ):
        loaded = ledger.load()
    if not in_ledger(loaded, name):
        near = near_miss(loaded, name)
        unknown = f"The ledger {settings.ledger_url} does not know {address(name)}.{near}"
        say(errors, [unknown])
        if as_json_object:
            printed_json({"error": unknown})
        raise typer.Exit(1)
    found = known_of(loaded, name, settings)
    if as_json_object:
        printed_json(found)
    else:
        say(console(sys.stdout), _lines(found))


def known_of(loaded: Loaded, name: str, settings: Settings) -> dict[str, Any]:
    """All that is known of this person, JSON types only; null where nothing is. Times are UTC, ISO 8601."""
    record = record_of(loaded, name) or Record(name)
    minutes = [seen.minute for seen in record.reported.values()]
    return {
        "recipient": name,
        "forgotten": record.forgotten,
        "settled_at": _time(record.settled_at),
        "incident": _incident(record.incident) if record.incident else None,
        "episodes": _episodes(record, name, settings.sentinel_workspace_resource_id),
        "counts": _counts(record.counts),
        "remediators": record.remediators,
        "reported": {
            "messages": len(minutes),
            "oldest": _time(time_of_minute(min(minutes)) if minutes else None),
            "newest": _time(time_of_minute(max(minutes)) if minutes else None),
            "all_before": _time(record.reported_before),
        },
        "told_at": _time(record.told_at),
        "reminded_at": _time(record.reminded_at),
        "to_tell": {"reason": record.tell.value, "messages": len(record.untold)} if record.tell else None,
        "untold": len(record.untold),
        "owed": [_owed(each) for each in record.owed],
        "cards": _cards(loaded, name),
    }


def _episodes(record: Record, name: str, workspace: str) -> list[dict[str, Any]]:
    """Every episode so far, by its derived id."""
    last = record.incident.episode if record.incident else -1
    return [{"episode": number, "incident_id": incident_id(workspace, name, number)} for number in range(last + 1)]


def _incident(ours: OurIncident) -> dict[str, Any]:
    seen = ours.seen
    state = "deleted" if ours.deleted else seen.status if seen else "not read yet"
    return {
        "id": ours.id,
        "episode": ours.episode,
        "state": state,
        "classification": seen.classification if seen else "",
        "severity": seen.severity.value if seen else ours.severity.value,
        "severity_set": ours.severity.value,
        "owned": seen.owned if seen else None,
        "comments": seen.comments if seen else None,
        "made_at": _time(ours.made_at),
        "modified": _time(seen.modified) if seen else None,
        "number": seen.number if seen else None,
        "url": seen.url if seen else "",
    }


def _owed(owed: Owed) -> dict[str, Any]:
    what = "incident" if isinstance(owed, OwedCreation) else "comment" if isinstance(owed, OwedComment) else "severity"
    messages = owed.messages if isinstance(owed, OwedCreation | OwedComment) else Messages()
    attempts: Attempts = owed.attempts
    return {
        "what": what,
        "incident_id": owed.incident_id,
        "sum_case": owed.counts.total,
        "messages": len(messages),
        "since": _time(attempts.owed_since),
        "tried": attempts.tried,
        "in_doubt": attempts.in_doubt,
        "refused": attempts.refused,
        "why": f"{attempts.cause.id}: {attempts.cause.text}" if attempts.cause else "",
        "told": attempts.told.isoformat() if attempts.told else None,
    }


def _cards(loaded: Loaded, name: str) -> list[dict[str, Any]]:
    """The cards without an answer that name this person."""
    found = []
    for card in loaded.cards.values():
        if name in named_on(card):
            found.append({"id": card.id, "day": card.day.isoformat(), "unanswered_posts": card.doubtful})
    return found


def _counts(counts: Counts) -> dict[str, int]:
    return {
        "sum_case": counts.total,
        "hard_delete": counts.hard_delete,
        "soft_delete": counts.soft_delete,
        "move_to_junk": counts.move_to_junk,
        "move_to_delete": counts.move_to_delete,
    }


def _time(when: datetime | None) -> str | None:
    return None if when is None else when.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


# -- for a person -----------------------------------------------------------------------------------------------------


def _lines(found: Mapping[str, Any]) -> list[str]:
    lines = [address(found["recipient"])]
    if found["forgotten"]:
        lines.append("forgotten     its data was removed; what stays is listed here")
    lines += _incident_lines(found)
    lines.append(f"counts        {_words(found['counts'])}")
    seen = found["reported"]
    span = f", remediated from {seen['oldest']} to {seen['newest']}" if seen["messages"] else ""
    before = f"; and all before {seen['all_before']}" if seen["all_before"] else ""
    lines.append(f"reported      {seen['messages']:,} messages{span}{before}")
    if found["remediators"]:
        lines.append(f"remediated    {clean(found['remediators'], 300)}")
    lines.append(f"told          {found['told_at'] or 'never'}; reminded {found['reminded_at'] or 'never'}")
    lines += _owed_lines(found)
    for card in found["cards"]:
        lines.append(f"card          {card['id']} of {card['day']}: {card['unanswered_posts']} posts without an answer")
    return lines


def _incident_lines(found: Mapping[str, Any]) -> list[str]:
    ours = found["incident"]
    if ours is None:
        taken = f"; taken as reported by an operator on {found['settled_at']}" if found["settled_at"] else ""
        return [f"incident      none{taken}"]
    owner = "" if ours["owned"] is None else ", owned" if ours["owned"] else ", without an owner"
    closed = f" as {clean(ours['classification'], 60)}" if ours["classification"] else ""
    state = f"{clean(ours['state'], 30)}{closed}, {ours['severity']}{owner}, {ours['comments'] or 0} comments"
    lines = [f"incident      episode {ours['episode']}: {state}; made {ours['made_at']}"]
    if ours["url"]:
        lines.append(f"              {clean(ours['url'], 1000)}")
    return lines + [f"episode {each['episode']:<5} {each['incident_id']}" for each in found["episodes"]]


def _owed_lines(found: Mapping[str, Any]) -> list[str]:
    lines = []
    if found["to_tell"]:
        tell = found["to_tell"]
        lines.append(f"owed          a card ({tell['reason']}, {tell['messages']:,} messages)")
    for each in found["owed"]:
        state = "in doubt" if each["in_doubt"] else "refused" if each["refused"] else f"tried {each['tried']} times"
        why = f": {clean(each['why'], 600)}" if each["why"] else ""
        lines.append(f"owed          {each['what']} since {each['since']}, {each['messages']:,} messages, {state}{why}")
    return lines or ["owed          nothing"]


def _words(counts: Mapping[str, int]) -> str:
    parts = [f"{number:,} {name.replace('_', ' ')}" for name, number in counts.items() if name != "sum_case" and number]
    return f"Sum_case {counts['sum_case']:,}" + (f" ({', '.join(parts)})" if parts else "")
