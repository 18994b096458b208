"""What every command does around its work: it names settings that cannot be used, and ends in words on Ctrl-C."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import typer
from rich.console import Console

from shared.cli.terminal import INTERRUPTED, interrupted
from shared.settings import LOCAL_FILE, ROOT, SettingsInvalid, file_keys
from shared.settings.misspelt import misspelt, unknown_keys
from shared.workspaces.file import WORKSPACES_FILE, referenced


def doubtful_names() -> list[str]:
    """A sentence for each name in the environment or in local.settings.json that nearly matches a setting."""
    webhooks = referenced()
    return [*misspelt(os.environ, webhooks), *unknown_keys(file_keys(), webhooks)]


@contextmanager
def settings_checked(errors: Console) -> Iterator[None]:
    """Settings that cannot be used end the command with exit code 2, all mistakes named."""
    try:
        yield
    except SettingsInvalid as invalid:
        mistakes = [f"  {mistake}" for mistake in invalid.mistakes]
        say(errors, ["These settings cannot be used:", *mistakes, _where(invalid.mistakes)])
        raise typer.Exit(2) from None


def _where(mistakes: Sequence[str]) -> str:
    """Where what is wrong is read from."""
    if all(mistake.startswith(WORKSPACES_FILE) for mistake in mistakes):
        return f"The file is {ROOT / WORKSPACES_FILE}."
    file = ROOT / LOCAL_FILE
    if file.exists():
        return f"Settings are read from the environment and from {file}."
    copy = f"copy local.settings.example.json to {file} and fill it in"
    return f"Set them in the environment, or in {LOCAL_FILE} beside host.json: {copy}."


def say(errors: Console, lines: Sequence[str]) -> None:
    """Print these lines as they are."""
    for line in lines:
        errors.print(line, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def interruptible(errors: Console, left: str) -> Iterator[None]:
    """Ctrl-C ends the command with one line about what is `left` behind."""
    try:
        yield
    except KeyboardInterrupt:
        interrupted(errors, left)
        raise typer.Exit(INTERRUPTED) from None
