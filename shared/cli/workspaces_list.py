"""`python -m shared workspaces`: each workspace with its last sweep, from the receipts in the ledger."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from shared.cli.session import say
from shared.cli.tables import NARROW, STYLES
from shared.cli.terminal import console
from shared.cli.under_lease import READING, printed_json
from shared.clock import Clock, SystemClock
from shared.http.credential import sign_in
from shared.ledger import open_ledger
from shared.model import Verdict
from shared.settings import SettingsInvalid
from shared.sweep.receipt import COUNTS
from shared.text import clean
from shared.workspaces.entries import WorkspaceEntry, Workspaces
from shared.workspaces.file import WORKSPACES_FILE
from shared.workspaces.reading import read_workspaces
from shared.workspaces.round_settings import RoundSettings, round_settings

LOOKED_BACK = timedelta(days=30)
"""How far back a last sweep is looked for."""


@dataclass(frozen=True, slots=True)
class LastSweep:
    """A workspace with the receipt of its last sweep, None when there is none, and the mistakes of its entry."""

    entry: WorkspaceEntry
    receipt: Mapping[str, Any] | None
    mistakes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """For a program."""
        fields = ("started", "event", "verdict", "reasons", "round")
        receipt = self.receipt
        last = None if receipt is None else {name: receipt.get(name) for name in fields}
        return {
            "name": self.entry.name,
            "workspace": self.entry.workspace,
            "last_sweep": last,
            "mistakes": [*self.mistakes],
        }


def list_all(*, json_wanted: bool) -> int:
    """Print the workspaces, and return the exit code.

    Raises:
        SettingsInvalid: the file as a whole, or the settings of the ledger, cannot be used.
        LedgerError: the ledger could not be read.
    """
    workspaces = read_workspaces()
    found = list(last_sweeps(workspaces, round_settings(queue_needed=False), SystemClock())) if workspaces else []
    if json_wanted:
        printed_json([each.as_json() for each in found])
        return _code(found)
    out = console(sys.stdout)
    if found:
        out.print(_list(found) if out.width < NARROW else _table(found))
    else:
        say(out, [f"{WORKSPACES_FILE} has no entries: one workspace is swept, that of the app settings."])
    return _code(found)


def _code(found: Sequence[LastSweep]) -> int:
    return 2 if any(each.mistakes for each in found) else 0


def last_sweeps(workspaces: Workspaces, settings: RoundSettings, clock: Clock) -> Iterator[LastSweep]:
    """Each workspace with its last sweep. Nothing is written, and no lease is taken.

    Raises:
        LedgerError: the ledger could not be read.
    """
    since = (clock.now() - LOOKED_BACK).date()
    began = clock.monotonic()

    def ends() -> float:
        return began + READING

    with closing(sign_in(settings.azure_client_id, clock, deadline=ends)) as credential:
        for entry in workspaces.entries:
            began = clock.monotonic()  # each has its own time
            receipts: Sequence[Mapping[str, Any]] = ()
            if entry.workspace:
                ledger = open_ledger(
                    settings.ledger_url, entry.workspace, credential, read_only=True, clock=clock, deadline=ends
                )
                with closing(ledger):
                    receipts = ledger.receipts(since)
            yield LastSweep(entry, receipts[-1] if receipts else None, mistakes_of(entry))


def mistakes_of(entry: WorkspaceEntry, *, webhook_needed: bool | None = False) -> tuple[str, ...]:
    """All mistakes of an entry; none for a secret that is not there, unless it is needed."""
    try:
        entry.settings(webhook_needed=webhook_needed)
    except SettingsInvalid as invalid:
        return invalid.mistakes
    return ()


def _cells(each: LastSweep) -> tuple[str, Text, str, str]:
    """Name, verdict, when, what."""
    receipt = each.receipt
    if receipt is None:
        when, verdict, words = "", Text("none", style="dim"), [f"not swept in the last {LOOKED_BACK.days} days"]
    else:
        when = clean(str(receipt.get("started", "")), 40).replace("T", " ").removesuffix("Z")[:16]
        name = str(receipt.get("verdict") or "none")
        verdict = Text(clean(name, 20), style=STYLES[Verdict(name)] if name in list(Verdict) else "")
        numbers = [(receipt.get(count), count) for count in COUNTS]
        counts = ", ".join(f"{number:,} {count}" for number, count in numbers if type(number) is int and number)
        reasons = receipt.get("reasons")
        words = [counts, *(clean(str(reason), 300) for reason in reasons)] if isinstance(reasons, list) else [counts]
    mistakes = [f"mistake: {mistake}" for mistake in each.mistakes]
    return each.entry.name, verdict, when, "\n".join(filter(None, [*mistakes, *words]))


def _table(found: Sequence[LastSweep]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Workspace", "Verdict", "Started (UTC)"):
        table.add_column(heading, no_wrap=True)
    table.add_column("What", ratio=1, min_width=24)
    for name, verdict, when, words in map(_cells, found):
        table.add_row(Text(name), verdict, when, Text(words))
    return table


def _list(found: Sequence[LastSweep]) -> RenderableType:
    lines: list[RenderableType] = []
    for name, verdict, when, words in map(_cells, found):
        lines.append(Text.assemble(name, "  ", verdict, "  ", when))
        lines += [Padding(Text(line), (0, 0, 0, 2)) for line in words.splitlines()]
    return Group(*lines)
