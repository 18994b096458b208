"""`python -m shared workspaces --check`: whether `workspaces.json` is in order, for pull requests. It asks nobody."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shared.cli.session import say
from shared.cli.terminal import console
from shared.cli.under_lease import printed_json
from shared.settings import ROOT, SettingsInvalid
from shared.workspaces.entries import Workspaces
from shared.workspaces.file import WORKSPACES_FILE
from shared.workspaces.reading import read_workspaces
from shared.workspaces.round_settings import round_settings

TRIES = 3
PAUSE_MINUTES = 10
"""Between two tries of an entry."""


@dataclass(slots=True)
class FileCheck:
    """What is wrong with the file, by entry ("" for the round's settings), and what else is worth a look. `longest` is
    the longest budget of a sweep, in seconds.
    """

    names: tuple[str, ...] = ()
    mistakes: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    longest: int = 0


def checked_file(*, json_wanted: bool) -> int:
    """Print what is found, and return the exit code: 2 with mistakes.

    Raises:
        SettingsInvalid: the file as a whole cannot be used.
    """
    workspaces = read_workspaces()
    found = check_workspaces(workspaces)
    if workspaces:
        check_round(found)
    if json_wanted:
        mistakes = [{"workspace": name, "mistake": mistake} for name, mistake in found.mistakes]
        printed_json({"workspaces": [*found.names], "mistakes": mistakes} | _also(found))
    else:
        say(console(sys.stdout), _lines(found))
    return 2 if found.mistakes else 0


def check_workspaces(workspaces: Workspaces) -> FileCheck:
    """All mistakes of all entries. A secret that is not here is a note."""
    found = FileCheck(tuple(each.name for each in workspaces.entries))
    for entry in workspaces.entries:
        if entry.unset:
            found.notes.append(f"{entry.name}: the app setting {entry.webhook_setting} is not set here")
        try:
            settings = entry.settings(webhook_needed=False if entry.unset else None)
            found.longest = max(found.longest, settings.sweep_budget_seconds)
        except SettingsInvalid as invalid:
            found.mistakes += [(entry.name, mistake) for mistake in invalid.mistakes]
    return found


def check_round(found: FileCheck, environment: Mapping[str, str] | None = None, folder: Path = ROOT) -> None:
    """Add what is wrong with the round's settings, and whether a round has time for all tries of the slowest."""
    try:
        minutes = round_settings(environment, folder, queue_needed=False).deadline_minutes
    except SettingsInvalid as invalid:
        found.mistakes += [("", mistake) for mistake in invalid.mistakes]
        return
    needed = -(-found.longest * TRIES // 60) + PAUSE_MINUTES * (TRIES - 1)
    if needed > minutes:
        found.warnings.append(
            f"{TRIES} tries of {found.longest:,} s (the longest SWEEP_BUDGET_SECONDS), {PAUSE_MINUTES} minutes apart,"
            f" take {needed:,} minutes at most, and a round ends after {minutes:,} (ROUND_DEADLINE_MINUTES): what needs"
            " its third try may be reported as missing"
        )


def _also(found: FileCheck) -> dict[str, list[str]]:
    return {"warnings": found.warnings, "notes": found.notes}


def _lines(found: FileCheck) -> list[str]:
    if not found.names:
        return [f"{WORKSPACES_FILE} has no entries: one workspace is swept, that of the app settings."]
    lines = [f"{name or 'round'}: {mistake}" for name, mistake in found.mistakes]
    lines += [f"warning: {each}" for each in found.warnings]
    lines += [f"note: {each}" for each in found.notes]
    many = f"{len(found.names):,} workspace{'' if len(found.names) == 1 else 's'}"
    wrong = f"{len(found.mistakes):,} mistake{'' if len(found.mistakes) == 1 else 's'}"
    return [*lines, f"{WORKSPACES_FILE}: {many}, {wrong if found.mistakes else 'no mistake'}."]
