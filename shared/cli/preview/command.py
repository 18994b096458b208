"""`python -m shared preview`: what a sweep would send now, or a named sample of it."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from shared.cli.chosen import WorkspaceOption, chosen
from shared.cli.session import doubtful_names, interruptible, say, settings_checked
from shared.cli.terminal import console, log_to, spinner, streams

if TYPE_CHECKING:
    from shared.cli.preview.captured import Preview

ALL = "all"


def preview(
    sample: Annotated[
        list[str] | None,
        typer.Option("--sample", metavar="NAME", help="A sample instead of the current findings; all: every sample."),
    ] = None,
    as_json_object: Annotated[bool, typer.Option("--json", help="Print it as JSON, and only it.")] = False,
    web: Annotated[bool, typer.Option("--web", help="Show it on a page on this machine, until Ctrl-C.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Show the cards and incidents that a sweep would send now, or those of samples. Writes and posts nothing.

    Exit codes: 0, or those of the sweep it shows: 1 failed or something due, 2 bad settings, 3 untrusted data.
    """
    errors = streams()
    if web and as_json_object:
        say(errors, ["--web and --json are two ways to show the same: name one of them."])
        raise typer.Exit(2)
    with interruptible(errors, "nothing was written"):
        previews, code = _samples(sample, errors) if sample else _now(errors, workspace)
        if web:
            _serve(previews, errors)
        elif as_json_object:
            _print_json(previews)
        else:
            _print(previews)
    raise typer.Exit(code)


def _samples(given: Sequence[str], errors: Console) -> tuple[list[Preview], int]:
    from shared.cli.preview.samples import NAMES, sample_named
    from shared.nearest import nearest

    names = list(dict.fromkeys(name for each in given for name in (NAMES if each == ALL else (each,))))
    unknown = [name for name in names if name not in NAMES]
    for name in unknown:
        meant = nearest(name, NAMES)
        say(errors, [f"There is no sample {name!r}" + (f"; did you mean {meant}?" if meant else ".")])
    if unknown:
        say(errors, [f"Samples: {', '.join(NAMES)}; {ALL} for every one."])
        raise typer.Exit(2)
    return [sample_named(name) for name in names], 0


def _now(errors: Console, workspace: str | None) -> tuple[list[Preview], int]:
    from shared.app import exit_code
    from shared.cli.preview.current import current
    from shared.clock import SystemClock

    say(errors, [f"warning: {doubt}" for doubt in doubtful_names()])
    try:
        with settings_checked(errors):
            picked = chosen(errors, workspace, webhook_needed=False)
    except typer.Exit:
        say(errors, [f"Samples need no settings: --sample {ALL}."])
        raise
    log_to(errors, quietly=True, receipt=False)
    clock, run_id = SystemClock(), str(uuid.uuid4())
    if errors.is_terminal:
        with errors.status("starting", spinner=spinner(errors)) as status:
            found, receipt = current(picked, clock, lambda words: status.update(Text(words)), run_id)
    else:
        found, receipt = current(picked, clock, lambda _: None, run_id)
    say(errors, receipt.reasons)
    return [found], exit_code(receipt)


def _print_json(previews: Sequence[Preview]) -> None:
    from shared.cli.preview.show import as_json_value

    typer.echo(json.dumps(as_json_value(previews), indent=2))


def _print(previews: Sequence[Preview]) -> None:
    from shared.cli.preview.show import shown_previews

    out = console(sys.stdout)
    out.print(shown_previews(previews, out.width))


def _serve(previews: Sequence[Preview], errors: Console) -> None:
    from shared.cli.preview.server import RendererMissing, preview_server

    try:
        server = preview_server(previews)
    except RendererMissing as missing:
        say(errors, [str(missing)])
        raise typer.Exit(2) from None
    with server:
        say(errors, [f"Look at {server.address} (Ctrl-C stops it)"])
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say(errors, ["stopped"])
            raise typer.Exit(0) from None
