"""`python -m shared runs`: past sweeps, from the receipts in the ledger."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from shared.cli.chosen import WorkspaceOption
from shared.cli.session import interruptible, say
from shared.cli.tables import NARROW, NOT_COUNTED, STYLES
from shared.cli.terminal import console
from shared.cli.under_lease import ends_in_words, ledger_to_read, prepared, printed_json
from shared.clock import Clock
from shared.model import Verdict
from shared.settings import Settings
from shared.sweep.receipt import COUNTS
from shared.text import clean

KEPT_DAYS = 120
_BARS, _PLAIN_BARS = "▁▂▃▄▅▆▇█", "_.:-=+*#"


def runs(
    days: Annotated[int, typer.Option(min=1, max=KEPT_DAYS, help="How many days to look back.")] = 30,
    as_json_object: Annotated[bool, typer.Option("--json", help="Print the receipts as a JSON list.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Look back at past sweeps: when, how they ended, why, and what they did. The newest comes first.

    The bars show how many recipients were flagged and how many incidents
    were made, from the oldest sweep to the newest; a sweep that counted
    nothing is a blank. Sweeps that were skipped because another was at work
    leave no receipt. The command reads the ledger of LEDGER_URL only, where
    receipts are kept for 120 days.

    Exit codes: 0 done, 1 the ledger could not be read, 2 bad settings.
    """
    from shared.clock import SystemClock

    errors, picked = prepared(workspace)
    settings = picked.settings
    with ends_in_words(errors, json_wanted=as_json_object), interruptible(errors, "nothing was written"):
        found = past_runs(settings, SystemClock(), days)
    if as_json_object:
        printed_json(found)
        return
    if not found:
        span = "day" if days == 1 else f"{days} days"
        say(console(sys.stdout), [f"The ledger {settings.ledger_url} has no receipt of the last {span}."])
        return
    out = console(sys.stdout)
    plain = not out.encoding.lower().startswith("utf")
    out.print(_shown(found, out.width, plain=plain))


def past_runs(settings: Settings, clock: Clock, days: int) -> list[dict[str, Any]]:
    """The receipts of so many days, the newest first, without what only the next sweep needs of them.

    Raises:
        LedgerError: the ledger could not be read.
    """
    since = (clock.now() - timedelta(days=days)).date()
    with ledger_to_read(settings, clock) as ledger:
        found = ledger.receipts(since)
    return [{name: value for name, value in each.items() if name != "measure"} for each in reversed(found)]


def sparkline(numbers: Sequence[int | None], *, plain: bool = False) -> str:
    """A bar for each number, the highest for the greatest; a dot for 0, a blank where nothing was counted."""
    bars = _PLAIN_BARS if plain else _BARS
    most = max((number or 0 for number in numbers), default=0)
    return "".join(
        " " if number is None else "·" if not number else bars[-(-number * len(bars) // most) - 1] for number in numbers
    )


def _counted(receipt: Mapping[str, Any], name: str) -> int | None:
    """A count of this receipt; None when its sweep counted nothing."""
    number = receipt.get(name)
    counted = receipt.get("verdict") not in (None, Verdict.FAILED.value)
    return number if counted and type(number) is int else None


def _shown(found: Sequence[Mapping[str, Any]], width: int, *, plain: bool) -> RenderableType:
    oldest_first = list(reversed(found))
    lines = []
    for name in ("flagged", "created"):
        numbers = [_counted(each, name) for each in oldest_first]
        most = max((number or 0 for number in numbers), default=0)
        bars = sparkline(numbers, plain=plain)[-max(width - 30, 10) :]
        lines.append(Text(f"{name:<8} {bars}  at most {most:,}"))
    rows = [_list(found)] if width < NARROW else [_table(found)]
    return Group(*lines, Text(), *rows)


def _cells(receipt: Mapping[str, Any]) -> tuple[str, Text, str, str]:
    """When, the verdict, the counts, the reasons."""
    started = clean(str(receipt.get("started", "")), 40).replace("T", " ").removesuffix("Z")[:16]
    verdict = str(receipt.get("verdict") or "none")
    style = STYLES[Verdict(verdict)] if verdict in list(Verdict) else ""
    numbers = [(receipt.get(name), name) for name in COUNTS]
    counts = ", ".join(f"{number:,} {name}" for number, name in numbers if type(number) is int and number)
    if _counted(receipt, "flagged") is None:
        counts = "; ".join([NOT_COUNTED, *([counts] if counts else [])])
    reasons = receipt.get("reasons")
    why = "\n".join(clean(str(each), 400) for each in reasons) if isinstance(reasons, list) else ""
    return started, Text(clean(verdict, 20), style=style), counts or "none flagged", why


def _table(found: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Started (UTC)", no_wrap=True)
    table.add_column("Verdict", no_wrap=True)
    table.add_column("Counts", ratio=2, min_width=20)
    table.add_column("Reasons", ratio=3, min_width=20)
    for receipt in found:
        started, verdict, counts, why = _cells(receipt)
        table.add_row(started, verdict, Text(counts), Text(why))
    return table


def _list(found: Sequence[Mapping[str, Any]]) -> RenderableType:
    entries: list[RenderableType] = []
    for receipt in found:
        started, verdict, counts, why = _cells(receipt)
        entries.append(Text.assemble(started, "  ", verdict))
        entries += [Padding(Text(line), (0, 0, 0, 2)) for line in (counts, why) if line]
    return Group(*entries)
