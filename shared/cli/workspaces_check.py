"""`python -m shared workspaces --check`: whether `workspaces.json` is in order, for pull requests. It asks nobody."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

from shared.cli.session import say
from shared.cli.terminal import console
from shared.cli.under_lease import printed_json
from shared.settings import SettingsInvalid
from shared.workspaces.entries import Workspaces
from shared.workspaces.file import WORKSPACES_FILE
from shared.workspaces.reading import read_workspaces
from shared.workspaces.round_settings import round_settings

TRIES = 3
PAUSE_MINUTES = 10
"""Between two tries of an entry."""


@dataclass(slots=True)
class FileCheck:
    """What is wrong with the file, by entry ("" for the round's settings), and what else is worth a look."""

    names: tuple[str, ...] = ()
    mistakes: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def checked_file(*, json_wanted: bool) -> int:
    """Print what is found, and return the exit code: 2 with mistakes.

    Raises:
        SettingsInvalid: the file as a whole cannot be used.
    """
    found = check_workspaces(read_workspaces())
    if json_wanted:
        mistakes = [{"workspace": name, "mistake": mistake} for name, mistake in found.mistakes]
        printed_json({"workspaces": [*found.names], "mistakes": mistakes} | _also(found))
    else:
        say(console(sys.stdout), _lines(found))
    return 2 if found.mistakes else 0


def check_workspaces(workspaces: Workspaces) -> FileCheck:
    """All mistakes of all entries, and of what is set for a round. A secret that is not here is a note."""
    found = FileCheck(tuple(each.name for each in workspaces.entries))
    longest = 0
    for entry in workspaces.entries:
        if entry.unset:
            found.notes.append(f"{entry.name}: the app setting {entry.webhook_setting} is not set here")
        try:
            settings = entry.settings(webhook_needed=False if entry.unset else None)
            longest = max(longest, settings.sweep_budget_seconds)
        except SettingsInvalid as invalid:
            found.mistakes += [(entry.name, mistake) for mistake in invalid.mistakes]
    if workspaces:
        _check_round(found, longest)
    return found


def _check_round(found: FileCheck, longest: int) -> None:
    """Whether a round has time for all tries of the slowest workspace."""
    try:
        minutes = round_settings(queue_needed=False).deadline_minutes
    except SettingsInvalid as invalid:
        found.mistakes += [("", mistake) for mistake in invalid.mistakes]
        return
    needed = -(-longest * TRIES // 60) + PAUSE_MINUTES * (TRIES - 1)
    if needed > minutes:
        found.warnings.append(
            f"{TRIES} tries of {longest:,} s (the longest SWEEP_BUDGET_SECONDS), {PAUSE_MINUTES} minutes apart, take"
            f" {needed:,} minutes at most, and a round ends after {minutes:,} (ROUND_DEADLINE_MINUTES): what"
            " needs its third try may be reported as missing"
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
