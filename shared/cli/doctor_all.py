"""`python -m shared doctor --all`: what the doctor finds in each workspace, in one table, the worst first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from shared.cli.checks import Check, Found
from shared.cli.doctor import examine
from shared.cli.tables import FOUND, NARROW, by_hand
from shared.cli.terminal import spinner
from shared.clock import Clock
from shared.model import RoundEntry
from shared.settings import SettingsInvalid
from shared.text import clean
from shared.workspaces.entries import WorkspaceEntry, Workspaces

WORST = (Found.WRONG, Found.DOUBT, Found.UNTRIED, Found.FINE)
"""What the doctor may find, the worst first."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found in one workspace: the checks that are not well, the worst first; how many there were in all."""

    name: str
    checks: tuple[Check, ...]
    many: int
    settings_wrong: bool = False

    @property
    def found(self) -> Found:
        """The worst."""
        return self.checks[0].found if self.checks else Found.FINE


def examine_all(workspaces: Workspaces, clock: Clock, errors: Console) -> list[Examined]:
    """Examine one workspace after the other; the worst comes first."""
    found = []
    for entry in workspaces.entries:
        if errors.is_terminal:
            with errors.status(f"checking {entry.name}", spinner=spinner(errors)):
                found.append(_examined(entry, clock))
        else:
            found.append(_examined(entry, clock))
    return sorted(found, key=lambda each: WORST.index(each.found))


def _examined(entry: WorkspaceEntry, clock: Clock) -> Examined:
    try:
        settings = entry.settings(webhook_needed=False)
    except SettingsInvalid as invalid:
        wrong = [Check("settings", Found.WRONG, each) for each in invalid.mistakes]
        return Examined(entry.name, tuple(wrong), len(wrong), settings_wrong=True)
    checks = list(without_secret(examine(settings, clock, entry=RoundEntry(entry.name)), entry.unset))
    ill = sorted((each for each in checks if each.found is not Found.FINE), key=lambda each: WORST.index(each.found))
    return Examined(entry.name, tuple(ill), len(checks))


def without_secret(checks: Iterable[Check], unset: str) -> Iterator[Check]:
    """The checks; where the webhook's app setting is not there, as on a laptop, its check cannot tell."""
    for check in checks:
        missing = unset and check.about == "webhook" and check.found is not Found.FINE
        yield replace(check, found=Found.UNTRIED, words=f"cannot tell here: {unset}") if missing else check


def examined_code(found: Iterable[Examined]) -> int:
    """The exit code: 2 bad settings, 1 something is wrong, 3 a doubt, 0 all is well."""
    each = list(found)
    if any(one.settings_wrong for one in each):
        return 2
    worst = {one.found for one in each}
    return 1 if Found.WRONG in worst else 3 if Found.DOUBT in worst else 0


def examined_table(found: Iterable[Examined], width: int) -> RenderableType:
    """A row for each workspace, with the worst that was found there."""
    if width < NARROW:
        lines: list[RenderableType] = []
        for each in found:
            lines.append(Text.assemble((f"{each.found.value:<6}", FOUND[each.found]), each.name))
            lines.append(Padding(Text(_words(each)), (0, 0, 0, 2)))
        return Group(*lines)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Workspace", no_wrap=True)
    table.add_column("Found", no_wrap=True)
    table.add_column("What", ratio=1, min_width=24)
    for each in found:
        table.add_row(Text(each.name), Text(each.found.value, style=FOUND[each.found]), Text(_words(each)))
    return table


def _words(each: Examined) -> str:
    """The worst check in words, and how many more there are to see."""
    if not each.checks:
        return f"{each.many} checks, all well"
    first, more = each.checks[0], len(each.checks) - 1
    words = clean(by_hand(f"{first.about}: {first.words}"), 600)
    return f"{words} (and {more} more: doctor --workspace {each.name})" if more else words
