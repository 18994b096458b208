"""The shell: `python -m shared sweep [--dry-run] [--json]`, `python -m shared doctor`, and what an operator needs.

Standard output is for the result, standard error for everything else. Exit codes: 0 clean or flagged, 1 failed or
something still due, 2 bad settings, 3 untrusted data, 130 interrupted.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from shared.cli.accept_coverage import accept_coverage
from shared.cli.baseline import baseline
from shared.cli.chosen import Chosen, WorkspaceOption, chosen, every_workspace, one_of
from shared.cli.forget import forget
from shared.cli.preview.command import preview
from shared.cli.runs import runs
from shared.cli.session import doubtful_names, interruptible, say, settings_checked
from shared.cli.show import show
from shared.cli.terminal import (
    console,
    end_on_ctrl_c,
    log_to,
    spinner,
    streams,
    unwritten,
)
from shared.cli.tune import tune
from shared.cli.workspaces import workspaces
from shared.settings import SettingsInvalid, given_schedule
from shared.sweep.receipt import as_json

if TYPE_CHECKING:
    from shared.cli.checks import Check

# No pretty tracebacks: they print local variables, and one of them may be a secret.
app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def shell() -> None:
    """Whose mail had to be remediated unusually often: one Sentinel incident each, and a card in Teams."""


@app.command()
def sweep(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Plan and print, write nothing anywhere.")] = False,
    as_json_object: Annotated[bool, typer.Option("--json", help="Print the receipt as JSON, and only it.")] = False,
    workspace: WorkspaceOption = None,
    every: Annotated[bool, typer.Option("--all", help="Every workspace of workspaces.json, one by one.")] = False,
) -> None:
    """Run one sweep, with the settings of the environment or of local.settings.json beside host.json.

    Exit codes: 0 clean or flagged, 1 failed or something still due, 2 bad settings, 3 the data cannot be trusted. With
    --all it is the worst of all: 2, 1, 3, 0.
    """
    errors = streams()
    doubts = doubtful_names()
    say(errors, [f"warning: {doubt}" for doubt in doubts])
    one_of(errors, workspace, every=every)
    quietly = errors.is_terminal and not as_json_object
    if every:
        with settings_checked(errors):
            workspaces = every_workspace(errors)
        log_to(errors, quietly=quietly, receipt=not errors.is_terminal)
        with interruptible(errors, _begun(dry_run=dry_run)):
            from shared.cli.sweep_all import sweep_all

            raise typer.Exit(sweep_all(workspaces, errors, dry_run=dry_run, as_json_object=as_json_object))
    with settings_checked(errors):
        # A dry run asked for by hand posts nothing, so it needs no secret.
        picked = chosen(errors, workspace, dry_run=dry_run, webhook_needed=False if dry_run else None, else_own=True)
    log_to(errors, quietly=quietly, receipt=not errors.is_terminal)
    with interruptible(errors, _begun(dry_run=picked.settings.dry_run)):
        _sweep(picked, errors, as_json_object)


def _begun(*, dry_run: bool) -> str:
    """What a sweep that is interrupted leaves behind."""
    return "nothing was written" if dry_run else "what was begun is noted, and the next sweep completes it"


def _sweep(picked: Chosen, errors: Console, as_json_object: bool) -> None:
    from shared.app import exit_code, run_sweep
    from shared.cli.tables import by_hand, planned, shown

    settings, entry = picked.settings, picked.entry
    if errors.is_terminal:
        with errors.status("starting", spinner=spinner(errors)) as status:
            report = run_sweep(settings, progress=lambda words: status.update(Text(words)), entry=entry)
    else:
        report = run_sweep(settings, entry=entry)
    if settings.dry_run:
        reasons = tuple(by_hand(reason) for reason in report.receipt.reasons)
        report = replace(report, receipt=replace(report.receipt, reasons=reasons))
    if as_json_object:
        actions = {"actions": planned(report)} if report.receipt.dry_run else {}
        typer.echo(json.dumps({**as_json(report.receipt), **actions}, indent=2))
    else:
        out = console(sys.stdout)
        out.print(shown(report, out.width))
    raise typer.Exit(exit_code(report.receipt))


@app.command()
def doctor(
    send_test_card: Annotated[
        bool, typer.Option("--send-test-card", help="Post a card to the channel that says that it is a test.")
    ] = False,
    workspace: WorkspaceOption = None,
    every: Annotated[bool, typer.Option("--all", help="Every workspace of workspaces.json, in one table.")] = False,
) -> None:
    """Check all that a sweep needs: settings, sign-in, roles, data, ledger. Writes nothing.

    Each line is ok, wrong (with how to fix it), a doubt, or -- where it cannot tell.

    Exit codes: 0 all is well, 1 something is wrong, 2 bad settings, 3 the data cannot be trusted.
    """
    errors = streams()
    doubts = doubtful_names()
    one_of(errors, workspace, every=every)
    if every:
        _doctor_of_all(errors, doubts, send_test_card=send_test_card)
    try:
        picked = chosen(errors, workspace, webhook_needed=False)
    except SettingsInvalid:
        say(errors, [f"warning: {doubt}" for doubt in doubts])
        _show_schedule()
        with settings_checked(errors):
            picked = chosen(errors, workspace)  # this one also reports a missing webhook
    log_to(errors, quietly=True, receipt=False)
    with interruptible(errors, "nothing was written"):
        _doctor(picked, errors, doubts, send_test_card)


def _doctor(picked: Chosen, errors: Console, doubts: Sequence[str], send_test_card: bool) -> None:
    from shared.cli.checks import Found
    from shared.cli.doctor import examine
    from shared.cli.doctor_all import without_secret
    from shared.clock import SystemClock

    found = set()
    checks = examine(picked.settings, SystemClock(), doubts, send_test_card=send_test_card, entry=picked.entry)
    for check in _watched(without_secret(checks, picked.unset), errors):
        found.add(check.found)
        _show(check)
    raise typer.Exit(1 if Found.WRONG in found else 3 if Found.DOUBT in found else 0)


def _doctor_of_all(errors: Console, doubts: Sequence[str], *, send_test_card: bool) -> NoReturn:
    from shared.cli.doctor_all import examine_all, examined_code, examined_table
    from shared.clock import SystemClock

    say(errors, [f"warning: {doubt}" for doubt in doubts])
    if send_test_card:
        say(errors, ["--send-test-card posts to one channel: name its workspace with --workspace, without --all."])
        raise typer.Exit(2)
    with settings_checked(errors):
        workspaces = every_workspace(errors)
    log_to(errors, quietly=True, receipt=False)
    with interruptible(errors, "nothing was written"):
        found = examine_all(workspaces, SystemClock(), errors)
    out = console(sys.stdout)
    out.print(examined_table(found, out.width))
    raise typer.Exit(examined_code(found))


def _show(check: Check) -> None:
    from shared.cli.tables import checked

    out = console(sys.stdout)
    out.print(checked(check, out.width), soft_wrap=not sys.stdout.isatty())


def _show_schedule() -> None:
    """Show when the next sweeps are due, even when other settings are wrong."""
    from shared.cli.check_settings import schedule_check
    from shared.clock import SystemClock

    if expression := given_schedule():
        _show(schedule_check(expression, SystemClock()))


def _watched(checks: Iterator[Check], errors: Console) -> Iterator[Check]:
    """The checks; on a terminal a progress sign shows while the next one runs."""
    if not errors.is_terminal:
        yield from checks
        return
    while True:
        with errors.status("checking", spinner=spinner(errors)):
            check = next(checks, None)
        if check is None:
            return
        yield check


app.command("preview")(preview)
app.command("baseline")(baseline)
app.command("accept-coverage")(accept_coverage)
app.command("runs")(runs)
app.command("show")(show)
app.command("forget")(forget)
app.command("tune")(tune)
app.command("workspaces")(workspaces)


def main() -> None:
    """The entry point of `python -m shared`."""
    end_on_ctrl_c()
    try:
        app(prog_name="python -m shared")
    except OSError as error:
        if error.filename is not None:  # about a file, not about the output
            raise
        unwritten(error)
        sys.exit(1)
