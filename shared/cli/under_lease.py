"""What the commands that write share: they ask first, work under the lease, and end in words when they cannot."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from shared.app import opened_parts
from shared.cli.chosen import Chosen, chosen
from shared.cli.session import doubtful_names, say, settings_checked
from shared.cli.terminal import console, log_to, spinner, streams
from shared.clock import Clock
from shared.errors import SweepError
from shared.http.credential import sign_in
from shared.ledger import Ledger, LedgerError, open_ledger
from shared.ledger.lease import LeaseLost, LeaseNotFree
from shared.settings import Settings
from shared.sweep.context import Context, Parts
from shared.sweep.report import Progress
from shared.sweep.run import claimed, opened

READING = 120.0  # seconds for a command that only reads the ledger


class Unable(Exception):
    """Why a command cannot go on, in words."""


class AnotherAtWork(Unable):
    """A sweep, or another command that writes, holds the lease."""

    def __init__(self) -> None:
        super().__init__("a sweep is at work, or another command that writes: try again when it has ended")


def prepared(workspace: str | None) -> tuple[Console, Chosen]:
    """The console for all but the result, and the workspace. None of these commands posts to Teams."""
    errors = streams()
    say(errors, [f"warning: {doubt}" for doubt in doubtful_names()])
    with settings_checked(errors):
        found = chosen(errors, workspace, webhook_needed=False)
    log_to(errors, quietly=True, receipt=False)
    return errors, found


def result_to(errors: Console, *, json_wanted: bool) -> Console:
    """Where words for a person go: standard output, or standard error when that is for JSON."""
    return errors if json_wanted else console(sys.stdout)


def can_ask(*, yes: bool) -> None:
    """Without a terminal nobody can be asked: then the command needs --yes, and ends with exit code 2 without it."""
    if not yes and not sys.stdin.isatty():
        say(streams(), ["This command asks before it writes, and there is no terminal to ask at: add --yes"])
        raise typer.Exit(2)


def agreed(errors: Console, question: str, *, yes: bool) -> bool:
    """Whether the operator wants it; without an answer, nothing was agreed."""
    if yes:
        return True
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:
        errors.print()
        return False


@contextmanager
def ends_in_words(errors: Console, *, json_wanted: bool) -> Iterator[None]:
    """A service or a ledger that fails, and a lease that is not free, end the command with 1 and one sentence; with
    JSON, too, as `error`.
    """
    try:
        yield
    except (SweepError, LedgerError, LeaseLost, LeaseNotFree, Unable) as error:
        say(errors, [str(error)])
        if json_wanted:
            printed_json({"error": str(error)})
        raise typer.Exit(1) from None


@contextmanager
def parts_for(picked: Chosen, clock: Clock, errors: Console | None = None, *, dry: bool = False) -> Iterator[Parts]:
    """The clients and the ledger of one step of a command, whose progress shows when `errors` is a terminal. `dry`:
    nothing can be written, and no lease is taken.
    """
    settings = picked.settings
    wanted = settings.model_copy(update={"dry_run": True}) if dry else settings
    with ExitStack() as stack:
        progress: Callable[[str], None] = lambda _: None  # noqa: E731
        if errors is not None and errors.is_terminal:
            status = stack.enter_context(errors.status("starting", spinner=spinner(errors)))
            progress = lambda words: status.update(Text(words))  # noqa: E731
        yield stack.enter_context(opened_parts(wanted, str(uuid.uuid4()), clock, progress, entry=picked.entry))


def planning(parts: Parts) -> Context:
    """The ledger as a dry run reads it. Raises LedgerError."""
    return opened(parts, None, Progress())


@contextmanager
def leased(parts: Parts) -> Iterator[Context]:
    """At work on the ledger, alone.

    Raises:
        AnotherAtWork: somebody else is.
        LeaseNotFree, LedgerError: it could not be found out, or read.
    """
    with claimed(parts) as lease:
        if lease is None:
            raise AnotherAtWork
        yield opened(parts, lease, Progress())


@contextmanager
def ledger_to_read(settings: Settings, clock: Clock) -> Iterator[Ledger]:
    """The ledger, to be read only: nothing is written or made, and no lease is taken."""
    ends = clock.monotonic() + READING
    with closing(sign_in(settings.azure_client_id, clock, deadline=lambda: ends)) as credential:
        workspace = settings.sentinel_workspace_resource_id
        ledger = open_ledger(
            settings.ledger_url, workspace, credential, read_only=True, clock=clock, deadline=lambda: ends
        )
        with closing(ledger):
            yield ledger


def printed_json(value: Mapping[str, Any] | list[Any]) -> None:
    """The one JSON value on standard output."""
    typer.echo(json.dumps(value, indent=2))
