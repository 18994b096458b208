"""The shell: `python -m shared sweep [--dry-run] [--json]` and `python -m shared doctor`.

Standard output is for the result, standard error for everything else. Exit codes: 0 clean or flagged, 1 failed or
something still due, 2 bad settings, 3 untrusted data.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from io import TextIOWrapper
from typing import Annotated, TextIO

import typer
from rich.console import Console
from rich.text import Text

from shared.logs import quiet
from shared.receipt import as_json
from shared.settings import Settings, SettingsInvalid, load

# No pretty tracebacks: they print local variables, and one of them may be a secret.
app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def shell() -> None:
    """Whose mail had to be remediated unusually often: one Sentinel incident each, told in Teams."""


@app.command()
def sweep(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Plan and print, write nothing anywhere.")] = False,
    as_json_object: Annotated[bool, typer.Option("--json", help="Print the receipt as JSON, and only it.")] = False,
) -> None:
    """Run one sweep, with the settings of the environment or of local.settings.json beside host.json.

    Exit codes: 0 clean or flagged, 1 failed or something still due, 2 bad settings, 3 the data is not to be trusted.
    """
    errors = _errors()
    settings = _settings(errors)
    if dry_run:
        settings = settings.model_copy(update={"dry_run": True})
    _log_to(errors, quietly=errors.is_terminal and not as_json_object)

    from shared.show import planned, shown
    from shared.wiring import exit_code, run

    if errors.is_terminal:
        with errors.status("starting") as status:
            report = run(settings, progress=lambda words: status.update(Text(words)))
    else:
        report = run(settings)
    if as_json_object:
        actions = {"actions": planned(report)} if report.receipt.dry_run else {}
        typer.echo(json.dumps({**as_json(report.receipt), **actions}, indent=2))
    else:
        _console(sys.stdout).print(shown(report))
    raise typer.Exit(exit_code(report.receipt))


@app.command()
def doctor() -> None:
    """Check that everything is there that a sweep needs: settings, sign-in, roles, data, ledger. Writes nothing.

    Exit codes: 0 all is well, 1 something is wrong, 2 bad settings, 3 the data is not to be trusted.
    """
    errors = _errors()
    settings = _settings(errors)
    _log_to(errors, quietly=True)

    from shared.clock import SystemClock
    from shared.doctor import Found, examine
    from shared.text import clean

    console = _console(sys.stdout)
    styles = {Found.FINE: "green", Found.DOUBT: "magenta", Found.WRONG: "bold red"}
    found = set()
    for check in examine(settings, SystemClock()):
        found.add(check.found)
        words = Text(clean(check.words, 2000))
        console.print(Text.assemble((f"{check.found.value:<6}", styles[check.found]), f"{check.about:<11}", words))
    raise typer.Exit(1 if Found.WRONG in found else 3 if Found.DOUBT in found else 0)


def _errors() -> Console:
    """Standard error; what a stream's encoding cannot show is replaced."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    return Console(stderr=True)


def _settings(errors: Console) -> Settings:
    try:
        return load()
    except SettingsInvalid as invalid:
        errors.print(str(invalid), markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None


def _console(stream: TextIO) -> Console:
    """A console as wide as the terminal, or wide enough for a table where there is none."""
    return Console(file=stream, width=None if stream.isatty() else 180)


class _Lines(logging.Handler):
    """Log lines through the console, so that they do not tear its progress line."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self.console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Print one line."""
        try:
            self.console.print(self.format(record), markup=False, highlight=False, soft_wrap=True)
        except Exception:  # noqa: BLE001 (as every handler: a log line never ends the sweep)
            self.handleError(record)


def _log_to(console: Console, *, quietly: bool) -> None:
    """Send logs to the console; `quietly` leaves out what the table says anyway."""
    quiet()
    formatter = logging.Formatter("%(asctime)sZ %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    lines = _Lines(console)
    lines.setFormatter(formatter)
    lines.setLevel(logging.WARNING if quietly else logging.INFO)
    logging.getLogger().addHandler(lines)


def main() -> None:
    """The entry point of `python -m shared`."""
    app(prog_name="python -m shared")
