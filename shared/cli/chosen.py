"""Which workspace a command works on: the one of the app settings, or an entry of `workspaces.json`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from shared.cli.session import say
from shared.model import ALONE, RoundEntry
from shared.nearest import nearest
from shared.settings import Settings, load
from shared.text import clean
from shared.workspaces.entries import Workspaces
from shared.workspaces.file import OWN, WORKSPACES_FILE
from shared.workspaces.reading import read_workspaces

WorkspaceOption = Annotated[
    str | None, typer.Option("--workspace", metavar="NAME", help="Which one, where workspaces.json has entries.")
]
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Chosen:
    """The workspace that a command works on: its settings, and as which entry, in no round. Nothing else tells what
    happens then, so its notices go to its channel even when others share it. `unset` is the mistake that is no mistake
    here: its webhook's app setting is not there.
    """

    settings: Settings
    entry: RoundEntry = ALONE
    unset: str = ""


def chosen(
    errors: Console,
    name: str | None,
    *,
    dry_run: bool = False,
    webhook_needed: bool | None = None,
    else_own: bool = False,
) -> Chosen:
    """The workspace of this name, or the one of the app settings where the file has no entries. `else_own`: without a
    name it is the workspace of the app settings, too, where entries do not name it. The others are as for `load`.

    Raises:
        SettingsInvalid: with every mistake found.
        typer.Exit: there is no such workspace, or it must be named; that was said.
    """
    workspaces = read_workspaces()
    if not workspaces:
        if name is not None:
            _end(errors, f"{WORKSPACES_FILE} has no entries: leave --workspace out.")
        return Chosen(load(dry_run=dry_run, webhook_needed=webhook_needed))
    entry = workspaces.get(OWN if name is None and else_own else name or "")
    if entry is None:
        _end(errors, *_which(workspaces, name))
    settings = entry.settings(dry_run=dry_run, webhook_needed=webhook_needed)
    return Chosen(settings, RoundEntry(entry.name), entry.unset)


def every_workspace(errors: Console) -> Workspaces:
    """All workspaces, of which there are some.

    Raises:
        SettingsInvalid: the file as a whole cannot be used.
        typer.Exit: it has no entries; that was said.
    """
    workspaces = read_workspaces()
    if not workspaces:
        _end(errors, f"{WORKSPACES_FILE} has no entries: leave --all out.")
    return workspaces


def one_of(errors: Console, name: str | None, *, every: bool) -> None:
    """Ends the command when both --workspace and --all are given."""
    if every and name is not None:
        _end(errors, "--workspace names one workspace, --all means every one: give one of the two.")


def listed(names: Sequence[str]) -> str:
    """Names for a sentence; of very many only the first."""
    more = f" and {len(names) - _SHOWN:,} more (python -m shared workspaces)" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _which(workspaces: Workspaces, name: str | None) -> list[str]:
    """What to add, or what was meant."""
    names = [each.name for each in workspaces.entries]
    if name is None:
        return [f"{WORKSPACES_FILE} has {len(names):,} workspaces: add --workspace NAME, with one of {listed(names)}."]
    meant = nearest(name, names)
    which = f"did you mean {meant}?" if meant else f"there are {listed(names)}."
    return [f"{WORKSPACES_FILE} has no entry {clean(name, 60)}: {which}"]


def _end(errors: Console, *lines: str) -> NoReturn:
    say(errors, lines)
    raise typer.Exit(2)
