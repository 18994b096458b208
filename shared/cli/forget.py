"""`python -m shared forget RECIPIENT`: removes a person's data from the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import typer
from rich.console import Console

from shared.cli.chosen import Chosen, WorkspaceOption
from shared.cli.known import in_ledger, near_miss, record_of
from shared.cli.session import interruptible, say
from shared.cli.under_lease import (
    agreed,
    can_ask,
    ends_in_words,
    leased,
    ledger_to_read,
    parts_for,
    prepared,
    printed_json,
    result_to,
)
from shared.ledger import Loaded
from shared.model import Record
from shared.plan.settled import cards_without, forgotten, may_be_made
from shared.settings import Settings
from shared.sweep.context import Parts
from shared.sweep.post import take_in_accepted
from shared.text import address

_IN_DOUBT = (
    "something about this recipient was tried without a certain answer: let the next sweep look it up, then forget it"
)
_RUN_AGAIN = "run forget again: it completes what was begun"
_ELSEWHERE = (
    "It does not touch what is elsewhere: incidents and comments in Sentinel, cards in Teams, backups of the ledger."
)


@dataclass(frozen=True, slots=True)
class Erasure:
    """What `forget` removes, or has removed: so many messages remembered, effects owed, cards and lines of others that
    name the person. `refused` says why it does not.
    """

    messages: int = 0
    owed: int = 0
    cards: int = 0
    lines: int = 0
    incident_id: str = ""
    before: bool = False
    refused: str = ""


def forget(
    recipient: Annotated[str, typer.Argument(help="The recipient's address.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json_object: Annotated[bool, typer.Option("--json", help="Print one JSON object, and only it.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Remove a person's data from the ledger, for a privacy request.

    It says what there is, and asks. Then the address, subjects, names and
    counts are removed, also from cards that may have arrived; what was still
    owed about the person lapses. What stays has no address: hashes of the
    address and of the messages, and the last incident's id and state, so that
    the same messages are not raised again. Whoever guesses the address can
    compare its hash.

    More than SUM_CASE_THRESHOLD new messages raise the person as before, and
    then the ledger holds the address again. EXCLUDED_RECIPIENTS prevents that.

    Exit codes: 0 done, 1 not known, failed, not agreed or a sweep is at work,
    2 bad settings or nobody to ask.
    """
    can_ask(yes=yes)
    errors, picked = prepared(workspace)
    out, name = result_to(errors, json_wanted=as_json_object), recipient.strip().lower()
    with ends_in_words(errors, json_wanted=as_json_object):
        found, done = _carried_out(picked, name, errors, out, yes=yes)
    if as_json_object:
        printed_json(_as_json(found, name, written=done))
    raise typer.Exit(0 if done or (found and not found.refused and picked.settings.dry_run) else 1)


def _carried_out(picked: Chosen, name: str, errors: Console, out: Console, *, yes: bool) -> tuple[Erasure | None, bool]:
    """What was removed, or would be, and whether it was."""
    from shared.clock import SystemClock

    clock, settings = SystemClock(), picked.settings
    with interruptible(errors, "nothing was written"):
        with ledger_to_read(settings, clock) as ledger:
            loaded = ledger.load()
        found = _weighed(loaded, name)
        say(out, _lines(found, loaded, name, settings))
        if found is None or found.refused or settings.dry_run:
            return found, False
        if not agreed(errors, "Remove it?", yes=yes):
            say(out, ["Nothing was written."])
            return found, False
    with interruptible(errors, _RUN_AGAIN), parts_for(picked, clock, errors) as parts:
        found = erase(parts, name)
    say(out, [found.refused or "Removed from the ledger."])
    return found, not found.refused


def erase(parts: Parts, name: str) -> Erasure:
    """Remove the person's data, under the lease. A second call completes what was interrupted.

    Raises:
        AnotherAtWork, LeaseLost, LeaseNotFree: a sweep is at work.
        LedgerError: the ledger could not be read or written, or what was removed may still be in its file.
    """
    with leased(parts) as context:
        take_in_accepted(context)
        cache = context.ledger
        loaded = Loaded(cache.records, cache.cards, cache.state)
        found = _weighed(loaded, name) or Erasure()
        if found.refused:
            return found
        context.prove_lease()
        cache.save([replace(each, remediators="") for each in cache.records.values() if _names(each, name)])
        cards, emptied = cards_without(cache.cards.values(), name)
        record = record_of(loaded, name) or Record(name)
        kept = record if record.forgotten else forgotten(record, context.now())
        parts.ledger.forget(kept, cards, emptied)
    return found


def _names(record: Record, name: str) -> bool:
    """Whether another's record names the person among those who remediated."""
    return record.recipient != name and name in record.remediators.lower()


def _weighed(loaded: Loaded, name: str) -> Erasure | None:
    """What there is to remove; None when the ledger knows nobody of this name."""
    if not in_ledger(loaded, name):
        return None
    record = record_of(loaded, name) or Record(name)
    changed, emptied = cards_without(loaded.cards.values(), name)
    return Erasure(
        len(record.reported),
        len(record.owed) + (record.tell is not None),
        len(changed) + len(emptied),
        sum(_names(each, name) for each in loaded.records.values()),
        record.incident.id if record.incident else "",
        record.forgotten,
        _IN_DOUBT if may_be_made(record) else "",
    )


def _lines(found: Erasure | None, loaded: Loaded, name: str, settings: Settings) -> Sequence[str]:
    shown = address(name)
    if found is None:
        return [f"The ledger {settings.ledger_url} does not know {shown}.{near_miss(loaded, name)}"]
    if found.refused:
        return [f"{shown} cannot be forgotten now: {found.refused}."]
    lines = [f"The ledger {settings.ledger_url} holds about {shown}:"]
    if found.before:
        lines = [f"{shown} is forgotten already. What may be left of it in the ledger is removed:"]
    lines.append(f"  {found.messages:,} messages by hash, which stay so that they are not raised again")
    if found.incident_id:
        lines.append(f"  the id of its last incident, {found.incident_id}, which stays")
    others = (
        (found.owed, "effects and cards that are owed; they lapse"),
        (found.cards, "cards without an answer that name it; the name is removed from these notes"),
        (found.lines, "other recipients' lines of who remediated; they are removed"),
    )
    lines += [f"  {number:,} {what}" for number, what in others if number]
    lines += [f"A row that cannot be read may name it, and stays: {key}" for key in loaded.damaged]
    lines.append(_ELSEWHERE)
    return [*lines, "DRY_RUN is true: nothing was written."] if settings.dry_run else lines


def _as_json(found: Erasure | None, name: str, *, written: bool) -> dict[str, Any]:
    found = found or Erasure(refused=f"the ledger does not know {name}")
    return {
        "written": written,
        "messages": found.messages,
        "owed": found.owed,
        "cards": found.cards,
        "lines": found.lines,
        "incident_id": found.incident_id,
        "forgotten_before": found.before,
        "why": found.refused,
    }
