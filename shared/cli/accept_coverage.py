"""`python -m shared accept-coverage`: a lasting change of the data is the new normal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Any

import typer

from shared.cli.chosen import WorkspaceOption
from shared.cli.session import interruptible, say
from shared.cli.under_lease import (
    Unable,
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
from shared.model import Coverage, in_last_day, in_window
from shared.plan.trust import Distrust, judge
from shared.sweep.context import Parts
from shared.sweep.gather import REMEMBERED, check_access, trust_options
from shared.sweep.measure import earlier_measure
from shared.text import when


@dataclass(frozen=True, slots=True)
class CoverageNow:
    """The data today: its figures, why it cannot be trusted, and why it still could not once it is accepted.

    `accepted` is the day since which it is accepted so far.
    """

    coverage: Coverage
    today: date
    reasons: tuple[Distrust, ...]
    left: tuple[Distrust, ...]
    accepted: date | None

    @property
    def helps(self) -> bool:
        """Whether accepting takes a reason away."""
        return {each.cause for each in self.reasons} > {each.cause for each in self.left}


def accept_coverage(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json_object: Annotated[bool, typer.Option("--json", help="Print one JSON object, and only it.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Accept a lasting change of the data (a department left, mail flow moved) as the new normal.

    It shows today's figures, and why they are not trusted. Then it asks. From
    then on, days before today are no measure; what is usual is learnt anew,
    within four weeks. What no history explains (an empty or stale table, words
    that the sweep does not know) stays a reason. Look for the cause first: the
    data that is missing may hold removals.

    It writes one date to the ledger of LEDGER_URL, and with DRY_RUN nothing.

    Exit codes: 0 done or nothing to accept, 1 failed, not agreed, of no help
    or a sweep is at work, 2 bad settings or nobody to ask.
    """
    from shared.clock import SystemClock

    can_ask(yes=yes)
    errors, picked = prepared(workspace)
    clock, out = SystemClock(), result_to(errors, json_wanted=as_json_object)
    written = False
    with ends_in_words(errors, json_wanted=as_json_object), interruptible(errors, "nothing was written"):
        with parts_for(picked, clock, errors, dry=True) as parts:
            now = coverage_now(parts)
        say(out, _described(now))
        if now.helps and picked.settings.dry_run:
            say(out, ["DRY_RUN is true: nothing was written."])
        elif now.helps and agreed(errors, f"Accept the data as it is, since {now.today}?", yes=yes):
            with parts_for(picked, clock, errors) as parts:
                accept(parts, now.today)
            written = True
            say(out, [f"Accepted: days before {now.today} are no measure any more."])
        elif now.helps:
            say(out, ["Nothing was written."])
    if as_json_object:
        printed_json(_as_json(now, written=written))
    raise typer.Exit(0 if written or not now.reasons or (now.helps and picked.settings.dry_run) else 1)


def coverage_now(parts: Parts) -> CoverageNow:
    """The data today, judged as a sweep does, and as it would be judged once accepted. With the parts of a dry run
    nothing is written.

    Raises:
        SweepError, Unable: it could not be measured.
    """
    context = planning(parts)
    if failed := check_access(context)[0]:
        raise Unable(failed.text)
    coverage, _ = parts.hunt.with_witness(parts.window, parts.hunt.coverage(parts.window))
    history = parts.ledger.receipts((parts.started - REMEMBERED).date())
    earlier = earlier_measure(history, parts.hunt.options.source)
    options, today = trust_options(parts.hunt, context.ledger.state), parts.started.date()
    before = judge(coverage, options, parts.started, earlier)
    after = judge(coverage, replace(options, accepted_since=today), parts.started, earlier)
    return CoverageNow(coverage, today, before.reasons, after.reasons, options.accepted_since)


def accept(parts: Parts, day: date) -> None:
    """Write down that the data is accepted since that day, under the lease.

    Raises:
        AnotherAtWork, LeaseLost, LeaseNotFree: a sweep is at work.
        LedgerError: the ledger could not be read or written.
    """
    with leased(parts) as context:
        context.prove_lease()
        context.ledger.save_state(accepted_coverage_since=day)


def _described(now: CoverageNow) -> Sequence[str]:
    covered, last = now.coverage, in_last_day(now.coverage)
    newest = when(covered.newest) if covered.newest else "none"
    window = f"{covered.rows:,} rows, the newest of {newest}; {in_window(covered).filled:.1%} of the messages"
    day = f"{last.messages:,} messages, {last.filled:.1%} of them with an action, {last.removals:,} removed"
    lines = [f"In the window: {window} have an action.", f"In the last 24 hours: {day}."]
    if now.accepted:
        lines.append(f"Accepted so far: the data since {now.accepted}.")
    if not now.reasons:
        return [*lines, "The data is trusted: there is nothing to accept."]
    gone = {each.cause for each in now.reasons} - {each.cause for each in now.left}
    lines += [f"Not trusted, and accepted from today on: {each}" for each in now.reasons if each.cause in gone]
    lines += [f"Not trusted, and accepting does not change it: {each}" for each in now.left]
    return lines if now.helps else [*lines, "Accepting would change nothing: nothing was written."]


def _as_json(now: CoverageNow, *, written: bool) -> dict[str, Any]:
    covered, last = now.coverage, in_last_day(now.coverage)
    since = now.today if written else now.accepted
    return {
        "written": written,
        "accepted_since": since and since.isoformat(),
        "rows": covered.rows,
        "last_day": {"rows": last.messages, "filled": round(last.filled, 4), "removals": last.removals},
        "reasons": [f"{each.cause}: {each}" for each in now.reasons],
        "reasons_after": [f"{each.cause}: {each}" for each in now.left],
    }
