"""`python -m shared baseline`: takes all that is found today as reported, so that only what is new is raised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Annotated, Any

import typer
from rich.console import Console

from shared.cli.chosen import Chosen, WorkspaceOption
from shared.cli.session import interruptible, say
from shared.cli.under_lease import (
    agreed,
    can_ask,
    ends_in_words,
    leased,
    parts_for,
    planning,
    prepared,
    printed_json,
    result_to,
)
from shared.model import Cause, Record
from shared.plan.settled import baselined, why_left
from shared.settings import Settings
from shared.sweep.context import Context, Parts
from shared.sweep.doubts import settle_doubts
from shared.sweep.gather import Hunted, check_access, gather
from shared.sweep.post import take_in_accepted
from shared.sweep.reconcile import reconcile
from shared.text import address

AT_ONCE = 50  # records in one write: each is whole, and the lease is proved before each write
_NAMED = 10
_RUN_AGAIN = "each recipient is taken whole or not at all: run baseline again for the rest"


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a baseline takes, or has taken. `known` counts the recipients without anything new, `open` and `owed` those
    that it leaves as they are.

    `failed` says why nothing can be taken, `doubts` why the data cannot be trusted. `highest` names the recipients with
    the most remediated messages.
    """

    recipients: int = 0
    messages: int = 0
    known: int = 0
    open: int = 0
    owed: int = 0
    doubts: tuple[Cause, ...] = ()
    failed: Cause | None = None
    highest: tuple[tuple[str, int], ...] = ()
    written: bool = False

    def as_json(self) -> dict[str, Any]:
        """For a program."""
        why = [self.failed] if self.failed else [*self.doubts]
        return {
            "written": self.written,
            "recipients": self.recipients,
            "messages": self.messages,
            "nothing_new": self.known,
            "left_open": self.open,
            "left_owed": self.owed,
            "reasons": [f"{each.id}: {each.text}" for each in why],
        }


def baseline(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    anyway: Annotated[bool, typer.Option("--anyway", help="Also when the data cannot be trusted.")] = False,
    as_json_object: Annotated[bool, typer.Option("--json", help="Print one JSON object, and only it.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Go live quietly: take all that is over the threshold today as reported, without raising it.

    It hunts as a sweep does, says how many recipients and messages that is,
    and asks. Then it writes the messages into the ledger as reported. The next
    sweeps raise a recipient when more than SUM_CASE_THRESHOLD messages are
    new. Who has an open incident, or is owed something, is left as it is.
    Choose the threshold first: whoever is below it today is not part of the
    baseline.

    It writes to the ledger of LEDGER_URL only, nothing to Sentinel or Teams.
    With DRY_RUN it says what it would take.

    Exit codes: 0 done, 1 failed, not agreed or a sweep is at work, 2 bad
    settings or nobody to ask, 3 the data cannot be trusted.
    """
    can_ask(yes=yes)
    errors, picked = prepared(workspace)
    out = result_to(errors, json_wanted=as_json_object)
    with ends_in_words(errors, json_wanted=as_json_object):
        found, code = _carried_out(picked, errors, out, yes=yes, anyway=anyway)
    if as_json_object:
        printed_json(found.as_json())
    raise typer.Exit(code)


def _carried_out(picked: Chosen, errors: Console, out: Console, *, yes: bool, anyway: bool) -> tuple[Baseline, int]:
    """What was taken, or would be, and the exit code."""
    from shared.clock import SystemClock

    clock, settings = SystemClock(), picked.settings
    with interruptible(errors, "nothing was written"):
        with parts_for(picked, clock, errors, dry=True) as parts:
            hunted, found = looked(parts)
        say(out, _lines(found, settings))
        code = _refusal(found, anyway=anyway)
        if code or not found.recipients or settings.dry_run:
            return found, code
        if not agreed(errors, "Take them as reported?", yes=yes):
            say(out, ["Nothing was written."])
            return found, 1
    with interruptible(errors, _RUN_AGAIN), parts_for(picked, clock, errors) as parts:
        found = take(parts, hunted)
    say(out, [_ended(found)])
    return found, 1 if found.failed else 0


def looked(parts: Parts) -> tuple[Hunted, Baseline]:
    """What is found today, and what a baseline would take of it. With the parts of a dry run nothing is written."""
    context = planning(parts)
    take_in_accepted(context)
    failed, _ = check_access(context)
    hunted = gather(context, failed)
    return hunted, _weighed(context, hunted)[0]


def take(parts: Parts, hunted: Hunted) -> Baseline:
    """Take what was found as reported, under the lease. Done twice it is done once.

    Raises:
        AnotherAtWork, LeaseLost, LeaseNotFree: a sweep is at work.
        LedgerError: the ledger could not be read or written.
    """
    with leased(parts) as context:
        take_in_accepted(context)
        found, records = _weighed(context, hunted)
        if found.failed:
            return found
        rest = iter(records)
        while some := list(islice(rest, AT_ONCE)):
            context.prove_lease()
            context.ledger.save(some)
    return replace(found, written=True)


def _weighed(context: Context, hunted: Hunted) -> tuple[Baseline, list[Record]]:
    """What a baseline takes of the findings, as our incidents are now, and the records that say so."""
    settle_doubts(context)
    found = reconcile(context, hunted)
    failed = hunted.failed or found.unread or next(iter(found.blocked.values()), None)
    if failed:
        return Baseline(doubts=hunted.doubts, failed=failed), []
    records, now = context.ledger.records, context.now()
    left = {name: why_left(records.get(name)) for name in hunted.findings}
    made: list[Record] = []
    messages, taken = 0, []
    for name, finding in sorted(hunted.findings.items(), key=lambda each: (-each[1].total, each[0])):
        known = records.get(name)
        after = baselined(finding, known, now)
        new = len(after.reported) - (len(known.reported) if known else 0)
        if left[name] or (known is not None and not new):
            continue
        messages += new
        taken.append((name, finding.total))
        made.append(after)
    reasons = list(left.values())
    counts = Baseline(
        len(made),
        messages,
        sum(not each for each in left.values()) - len(made),
        reasons.count("open"),
        reasons.count("owed"),
        hunted.doubts,
        highest=tuple(taken[:_NAMED]),
    )
    return counts, made


def _refusal(found: Baseline, *, anyway: bool) -> int:
    """The exit code when nothing may be taken, else 0."""
    if found.failed:
        return 1
    return 3 if found.doubts and not anyway else 0


def _lines(found: Baseline, settings: Settings) -> Sequence[str]:
    """What a person has to know before agreeing."""
    if found.failed:
        return [f"Nothing can be taken as reported: {found.failed.text}"]
    lines = [f"The data cannot be trusted: {doubt.text}" for doubt in found.doubts]
    if found.doubts:
        lines.append("A baseline on such data may miss recipients. To take what is there all the same: --anyway")
    lines.append(
        f"To be taken as reported: {_number(found.recipients, 'recipient')} over the threshold of"
        f" {settings.sum_case_threshold:,}, with {_number(found.messages, 'message')} that no sweep has reported."
    )
    if found.known:
        lines.append(f"Nothing new: {_number(found.known, 'recipient')} over the threshold.")
    if found.open or found.owed:
        left = f"{found.open:,} with an open incident and {found.owed:,} to whom something is owed"
        lines.append(f"Left as they are: {left}.")
    lines += [f"  {address(name)}: {total:,}" for name, total in found.highest]
    if found.recipients > len(found.highest):
        lines.append(f"  and {found.recipients - len(found.highest):,} more (sweep --dry-run shows all)")
    if not found.recipients:
        return [*lines, "There is nothing to take."]
    if settings.dry_run:
        return [*lines, "DRY_RUN is true: nothing was written."]
    return [*lines, f"They will count as reported in the ledger {settings.ledger_url}, and no incident is made."]


def _ended(found: Baseline) -> str:
    if found.failed:
        return f"Nothing was written: {found.failed.text}"
    taken = f"{_number(found.recipients, 'recipient')}, {_number(found.messages, 'message')}"
    return f"Taken as reported: {taken}. The next sweeps raise what is new."


def _number(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
