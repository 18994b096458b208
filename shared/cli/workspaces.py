"""`python -m shared workspaces`: the workspaces of `workspaces.json`, whether it is in order, and those that left.

What it does with --check and --forget is in the modules beside this one.
"""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from shared.cli.session import doubtful_names, interruptible, say, settings_checked
from shared.cli.terminal import log_to, streams
from shared.cli.under_lease import can_ask, ends_in_words


def workspaces(
    check: Annotated[bool, typer.Option("--check", help="Check the file only: no network, no secrets.")] = False,
    forget: Annotated[
        str | None,
        typer.Option("--forget", metavar="NAME", help="Remove the ledger's rows of one: its name or its resource id."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json_object: Annotated[bool, typer.Option("--json", help="Print it as JSON, and only it.")] = False,
) -> None:
    """List the workspaces of workspaces.json, each with its last sweep as the ledger knows it, and with its mistakes.

    --check is for pull requests. It names every mistake of the file. An app
    setting that an entry refers to, and that is not set here, is a note.

    --forget removes all that the ledger holds of a workspace that is no longer
    swept. Where its entry is gone already, name the workspace's resource id:
    the history of workspaces.json has it. It says what there is, and asks.

    Exit codes: 0 done, 1 the ledger could not be read or written, not known,
    not agreed or a sweep is at work, 2 mistakes in the file or the settings,
    or nobody to ask.
    """
    errors = streams()
    if check and forget is not None:
        say(errors, ["--check and --forget are two commands: give one of the two."])
        raise typer.Exit(2)
    if forget is not None:
        can_ask(yes=yes)
    say(errors, [f"warning: {doubt}" for doubt in doubtful_names()])
    log_to(errors, quietly=True, receipt=False)
    with settings_checked(errors), interruptible(errors, "nothing was written"):
        if check:
            from shared.cli.workspaces_check import checked_file

            raise typer.Exit(checked_file(json_wanted=as_json_object))
        raise typer.Exit(_of_the_ledger(errors, forget, yes=yes, json_wanted=as_json_object))


def _of_the_ledger(errors: Console, forget: str | None, *, yes: bool, json_wanted: bool) -> int:
    from shared.cli.workspaces_forget import forget_one
    from shared.cli.workspaces_list import list_all

    with ends_in_words(errors, json_wanted=json_wanted):
        if forget is None:
            return list_all(json_wanted=json_wanted)
        return forget_one(forget, errors, yes=yes, json_wanted=json_wanted)
