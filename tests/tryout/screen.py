"""What `make sweep` shows, fit for the screen: a wide terminal, a narrow one, none, one that knows ASCII only."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.markdown import Markdown
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from shared.cli.terminal import streams
from shared.model import Counts, Record
from shared.text import address, clean
from tests.tryout.keep import many
from tests.tryout.words import card_text, incident_markdown

NARROW = 76  # with fewer columns a table would break its words
MIDDLE = 94  # with fewer there is no room for a status that is New for all
WIDEST = 110
SHOWN = 40


def console() -> Console:
    """A console on standard output, as wide as its terminal, or wide enough to read where there is none."""
    streams()  # what the encoding has not is written in plainer characters
    return Console(width=None if sys.stdout.isatty() else WIDEST)


def findings(
    records: Sequence[Record], incidents: Mapping[str, Mapping[str, Any]], receipt: Mapping[str, Any], width: int
) -> RenderableType:
    """Who is over the threshold and which incident says so; the largest first, and how many more there are."""
    if not records:
        return "Nobody is over the threshold." if receipt.get("verdict") in ("clean", "flagged") else ""
    shown = records[:SHOWN]
    table = _narrow(shown, incidents) if width < NARROW else _wide(shown, incidents, status=width >= MIDDLE)
    more, held = max(receipt.get("flagged", 0), len(records)) - len(shown), receipt.get("held", 0)
    if more <= 0:
        return table
    return Group(table, f"and {more:,} more" + (f" ({held:,} of them held for the next sweeps)" if held else ""))


def figures(record: Record) -> Counts:
    """What was counted for the recipient: in the incident, or for the one that could not be made."""
    return record.creation.counts if record.creation and record.incident is None else record.counts


def _incident(record: Record, incidents: Mapping[str, Mapping[str, Any]]) -> tuple[Text, str, str]:
    properties = incidents.get(record.incident.id if record.incident else "", {}).get("properties", {})
    severity = str(properties.get("severity", "–"))
    number = f"#{properties['incidentNumber']}" if "incidentNumber" in properties else "not raised"
    return Text(severity, style="bold red" if severity == "High" else ""), number, str(properties.get("status", "–"))


def _wide(records: Iterable[Record], incidents: Mapping[str, Mapping[str, Any]], *, status: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Over the threshold", overflow="fold", min_width=20)
    for heading in ("Sum_case", "Hard", "Soft", "Junk", "Deleted"):
        table.add_column(heading, justify="right")
    for heading in ("Severity", "Incident", "Status")[: 3 if status else 2]:
        table.add_column(heading)
    for record in records:
        counts = figures(record)
        numbers = (counts.total, counts.hard_delete, counts.soft_delete, counts.move_to_junk, counts.move_to_delete)
        about = _incident(record, incidents)[: 3 if status else 2]
        table.add_row(Text(address(record.recipient)), *(f"{figure:,}" for figure in numbers), *about)
    return table


def _narrow(records: Iterable[Record], incidents: Mapping[str, Mapping[str, Any]]) -> Table:
    """Two lines for each, no columns to align: for a phone's width."""
    table = Table.grid()
    table.add_row(Text("Recipients over the threshold", style="bold"))
    for record in records:
        counts = figures(record)
        severity, number, status = _incident(record, incidents)
        table.add_row(Text.assemble(f"{counts.total:,} ", severity, " ", address(record.recipient), overflow="fold"))
        how = (
            f"{number} {status}: hard {counts.hard_delete:,}, soft {counts.soft_delete:,},"
            f" junk {counts.move_to_junk:,}, deleted {counts.move_to_delete:,}"
        )
        table.add_row(Padding(Text(how), (0, 0, 0, 2)))
    return table


def incident(resource: Mapping[str, Any], comments: Iterable[Mapping[str, Any]], width: int) -> RenderableType:
    """An incident as an analyst reads it."""
    text = Markdown(incident_markdown(resource, comments), hyperlinks=False)
    return _panel(text, f"Incident #{resource['properties']['incidentNumber']}, as an analyst reads it", width)


def card_panel(message: Mapping[str, Any], width: int) -> RenderableType:
    """A card as readable text."""
    return _panel(Text(card_text(message)), "Teams card", width)


def _panel(content: RenderableType, title: str, width: int) -> RenderableType:
    return Padding(Panel(content, title=title, title_align="left", width=min(width, WIDEST)), (1, 0, 0, 0))


def _data(coverage: Mapping[str, Any], loaded: int) -> str:
    """What of the rows the sweep saw: those in its window."""
    filled = f", action filled in {coverage['filled']:.0%}" if coverage.get("rows") else ""
    newest = f", the newest of {coverage['newest']}" if coverage.get("newest") else ""
    return f"{coverage.get('rows', 0):,} of {loaded:,} rows are in the window{newest}{filled}"


def ending(receipt: Mapping[str, Any], loaded: int, stored: str, seconds: float) -> Table:
    """How the sweep ended, from its receipt, and what the small Azure has of it."""
    names = ("flagged", "created", "held", "excluded", "due", "told")
    requests = ", ".join(f"{number:,} {service}" for service, number in sorted(receipt.get("requests", {}).items()))
    lines = Table.grid(padding=(0, 2))
    lines.add_row("verdict", f"{receipt.get('verdict')} ({receipt.get('event')})")
    for reason in receipt.get("reasons", []):
        lines.add_row("", Text(clean(reason, 2000)))
    if receipt.get("coverage"):
        lines.add_row("data", _data(receipt["coverage"], loaded))
    lines.add_row("counts", ", ".join(f"{receipt.get(name, 0):,} {name}" for name in names))
    lines.add_row("requests", requests or "none")
    lines.add_row("stored", f"{stored} in the small Azure; {seconds:.1f} s")
    for note in receipt.get("notes", []):
        lines.add_row("note", Text(clean(note, 2000)))
    return lines


__all__ = ["card_panel", "console", "ending", "findings", "incident", "many"]
