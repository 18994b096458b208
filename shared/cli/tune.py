"""`python -m shared tune`: which threshold suits this tenant, and what it would cost the team. Writes nothing."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from shared.cli.chosen import Chosen, WorkspaceOption, chosen
from shared.cli.session import doubtful_names, interruptible, say, settings_checked
from shared.cli.terminal import console, log_to, spinner, streams

if TYPE_CHECKING:
    from shared.cli.tuning import Tuned


class By(StrEnum):
    """What the counts can be split by."""

    DOMAIN = "domain"


ByOption = Annotated[By | None, typer.Option("--by", help="Show each recipient domain's counts as well.")]
ReplayOption = Annotated[
    int,
    typer.Option(
        "--replay",
        metavar="DAYS",
        min=0,
        max=730,
        help="Also say for each of so many past days what a sweep would have raised and told. One query a day.",
    ),
]
PlotOption = Annotated[
    Path | None, typer.Option("--plot", metavar="FILE.png", help="Also draw the curve as a picture.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print all of it as JSON, and only it.")]


def tune(
    by: ByOption = None,
    replay: ReplayOption = 0,
    plot: PlotOption = None,
    as_json_object: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Choose SUM_CASE_THRESHOLD by data: how many recipients each threshold flags, and who removed their mail.

    It counts the last LOOKBACK_DAYS as a sweep does, marks where the curve bends, and suggests a threshold.

    Below the bend each step flags many more: that is everyday noise. To try another threshold, change nothing else:

        SUM_CASE_THRESHOLD=20 python -m shared tune --replay 60

    Nothing is written anywhere, but the picture.

    Exit codes: 0 done, 1 a service failed, 2 bad settings or options, 3 the data cannot be trusted.
    """
    errors = streams()
    say(errors, [f"warning: {doubt}" for doubt in doubtful_names()])
    with settings_checked(errors):
        picked = chosen(errors, workspace, webhook_needed=False)
    _can_be_drawn(plot, errors)
    log_to(errors, quietly=True, receipt=False)
    with interruptible(errors, "nothing was written"):
        found = _found(picked, errors, replay)
        if plot is not None:
            _draw(found, plot, errors)
        if as_json_object:
            from shared.cli.tune_json import tune_as_json

            typer.echo(json.dumps(tune_as_json(found, domains=by is By.DOMAIN), indent=2))
        else:
            _show(found, domains=by is By.DOMAIN)
    raise typer.Exit(3 if found.doubts else 0)


def _found(picked: Chosen, errors: Console, days: int) -> Tuned:
    from shared.cli.tables import by_hand
    from shared.cli.tuning import tuned
    from shared.clock import SystemClock
    from shared.errors import SweepError

    try:
        if not errors.is_terminal:
            return tuned(picked.settings, SystemClock(), days, entry=picked.entry)
        with errors.status("starting", spinner=spinner(errors)) as status:
            return tuned(picked.settings, SystemClock(), days, lambda words: status.update(Text(words)), picked.entry)
    except SweepError as error:
        say(errors, [by_hand(str(error))])
        raise typer.Exit(1) from None


def _show(found: Tuned, *, domains: bool) -> None:
    from shared.cli.tune_table import tune_shown

    out = console(sys.stdout)
    blocks = out.encoding.lower().startswith("utf")
    out.print(tune_shown(found, out.width, domains=domains, blocks=blocks), soft_wrap=not sys.stdout.isatty())


def _can_be_drawn(plot: Path | None, errors: Console) -> None:
    """Before anything is asked: whether a picture can be drawn and written there."""
    if plot is None:
        return
    from shared.cli.tune_plot import missing_library

    folder = plot.absolute().parent
    mistake = missing_library()
    if plot.suffix.lower() != ".png":
        mistake = f"--plot {plot}: the picture is a PNG file, so its name ends in .png"
    elif not folder.is_dir():
        mistake = f"--plot {plot}: there is no folder {folder}: make it first, or name another"
    elif plot.is_dir():
        mistake = f"--plot {plot} is a folder: name a file in it, such as {plot / 'curve.png'}"
    if mistake:
        say(errors, [mistake])
        raise typer.Exit(2)


def _draw(found: Tuned, plot: Path, errors: Console) -> None:
    from shared.cli.tune_plot import draw

    try:
        draw(found, plot)
    except OSError as error:
        say(errors, [f"--plot {plot}: the picture cannot be written: {error.strerror or type(error).__name__}"])
        raise typer.Exit(1) from None
    say(errors, [f"The picture is {plot}."])
