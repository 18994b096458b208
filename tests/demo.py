"""`make sweep`: the very function that is deployed, run once against the small Azure on this machine.

`EVENTS` in the environment names exports of EmailEvents (several, shell patterns too) instead of the sample tenant;
`SHIFT=now` moves their times so that the newest row is now. The policy settings (SUM_CASE_THRESHOLD and so on) are
taken from the environment; what leads to the cloud is the small Azure's own. Exit codes: 0, or 1 when the sweep failed,
2 when the events cannot be read.
"""

from __future__ import annotations

import glob
import json
import logging
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from azure.functions.timer import TimerRequest
from rich.console import Console
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from shared.settings import Settings, SettingsInvalid, from_values
from shared.text import address, clean
from tests import deployed
from tests.cloud import Cloud
from tests.cloud.events import EventsInvalid, load_events
from tests.cloud.tenant import sample

ROOT = Path(__file__).resolve().parent.parent
Row = Mapping[str, Any]


def files(events: str) -> list[Path]:
    """The files that EVENTS names: one path as it is, or several as a shell would read them."""
    if not events.strip():
        return []
    if Path(events).exists():
        return [Path(events)]
    named: list[Path] = []
    for word in shlex.split(events):
        named += [Path(found) for found in sorted(glob.glob(word))] or [Path(word)]  # noqa: PTH207 (absolute ones, too)
    return named


def environment(cloud: Cloud, folder: str, outside: Mapping[str, str]) -> dict[str, str]:
    """The function's environment: the small Azure's, and of the policy settings those that the operator has set.

    Every other setting is empty, that is "not set", so that no local.settings.json takes part.
    """
    settings = {name.upper(): outside.get(name.upper(), "") for name in Settings.model_fields}
    own = {"LEDGER_URL": f"sqlite:///{folder}/ledger.db", "DRY_RUN": "false", "AZURE_CLOUD": "", "HUNT_SOURCE": ""}
    elsewhere = {"WEBSITE_SITE_NAME", "WEBSITE_INSTANCE_ID"}
    return (
        {name: value for name, value in outside.items() if name not in elsewhere} | settings | own | cloud.environment
    )


class Receipts(logging.Handler):
    """Keeps the sweep's own lines; shows warnings as they come."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.INFO)
        self.console = console
        self.receipt: dict[str, Any] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Take the receipt out of the line that carries it."""
        event, _, rest = record.getMessage().partition(" ")
        if record.name == "sweep" and event.startswith("sweep_") and rest.startswith("{"):
            self.receipt = {"event": event, **json.loads(rest)}
        elif record.levelno >= logging.WARNING and record.name != "root":  # the SDK's advice on HTTP functions
            self.console.print(Text(f"{record.levelname.lower()}: {clean(record.getMessage(), 2000)}", style="yellow"))


def fire(settings: Mapping[str, str]) -> None:
    """Call the function as the worker does, with a timer's request, in an environment of these settings."""
    os.environ.clear()
    os.environ.update(settings)
    deployed.function().get_user_function()(TimerRequest(past_due=False))


def flagged(folder: str, values: Mapping[str, str], cloud: Cloud) -> Table | str:
    """Who is over the threshold and which incident says so, from the ledger and from the small Sentinel."""
    from shared.ledger import SqliteLedger

    settings = from_values(values)
    ledger = SqliteLedger(f"{folder}/ledger.db", settings.sentinel_workspace_resource_id, read_only=True)
    records = sorted(ledger.load().records.values(), key=lambda record: (-record.counts.total, record.recipient))
    ledger.close()
    if not records:
        return "Nobody is over the threshold."
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Recipient over the threshold", overflow="fold", min_width=28)
    for heading in ("Sum_case", "Hard", "Soft", "Junk", "Deleted"):
        table.add_column(heading, justify="right")
    for heading in ("Severity", "Incident", "Status"):
        table.add_column(heading)
    for record in records:
        counts = record.counts
        numbers = (counts.total, counts.hard_delete, counts.soft_delete, counts.move_to_junk, counts.move_to_delete)
        incident = cloud.incidents.get(record.incident_id, {}).get("properties", {})
        table.add_row(
            Text(address(record.recipient)),
            *(f"{number:,}" for number in numbers),
            Text(str(incident.get("severity", "–")), style="bold red" if incident.get("severity") == "High" else ""),
            f"#{incident['incidentNumber']}" if "incidentNumber" in incident else "not raised",
            str(incident.get("status", "–")),
        )
    return table


def said(element: Any) -> Iterator[str]:
    """The words of a part of a card in reading order, one line for each text; what is beside it is set in."""
    if isinstance(element, list):
        for item in element:
            yield from said(item)
        return
    match element.get("type"):
        case "TextBlock":
            yield clean(element["text"], 400)
        case "RichTextBlock":
            runs = element.get("inlines", [])
            yield clean("".join(run if isinstance(run, str) else run.get("text", "") for run in runs), 400)
        case "Action.OpenUrl":
            yield f"[{clean(element['title'], 60)}]"
        case "FactSet":
            yield from (clean(f"{fact['title']} {fact['value']}", 400) for fact in element.get("facts", []))
        case "ColumnSet":
            first, *others = [list(said(column.get("items", []))) for column in element.get("columns", [])]
            beside = [line for lines in others for line in lines]
            for place in range(max(len(first), len(beside))):
                left, right = (lines[place] if place < len(lines) else "" for lines in (first, beside))
                yield f"{left:<8}{right}"
        case _:
            for part in ("body", "items", "actions"):
                yield from said(element.get(part, []))


def cards(cloud: Cloud) -> Iterator[Panel]:
    """Each card that the small Teams took, as readable text (its links by their titles only)."""
    for body in cloud.cards:
        message = json.loads(body) if isinstance(body, str | bytes) else body
        for attachment in message["attachments"]:
            lines = [line for line in said(attachment["content"]) if line.strip()]
            yield Panel(Text("\n".join(lines)), title="Teams card", title_align="left", width=110)


def ending(receipt: Mapping[str, Any], cloud: Cloud, seconds: float) -> Table:
    """How the sweep ended, from its receipt, and what the small Azure has of it."""
    names = ("flagged", "created", "held", "excluded", "due", "told")
    requests = ", ".join(f"{number:,} {service}" for service, number in sorted(receipt.get("requests", {}).items()))
    stored = f"{many(len(cloud.incidents), 'incident')} in the small Sentinel"
    lines = Table.grid(padding=(0, 2))
    lines.add_row("verdict", f"{receipt.get('verdict')} ({receipt.get('event')})")
    for reason in receipt.get("reasons", []):
        lines.add_row("", Text(clean(reason, 2000)))
    lines.add_row("counts", ", ".join(f"{receipt.get(name, 0):,} {name}" for name in names))
    lines.add_row("requests", requests or "none")
    lines.add_row("stored", f"{stored}, {many(len(cloud.cards), 'card')} in the small Teams; {seconds:.1f} s")
    for note in receipt.get("notes", []):
        lines.add_row("note", Text(clean(note, 2000)))
    return lines


def many(number: int, thing: str) -> str:
    """So many things: "1 card", "2 cards"."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def main(outside: Mapping[str, str], console: Console) -> int:
    """Load, sweep, show. The exit code."""
    try:
        paths = files(outside.get("EVENTS", ""))
    except ValueError as error:
        console.print(Text(f"EVENTS: {error}; expected file names as a shell reads them"))
        return 2
    shift = outside.get("SHIFT", "")
    if shift not in ("", "now"):
        console.print(f"SHIFT: expected now, or nothing (the times are then taken as they are), not {shift!r}")
        return 2
    now = datetime.now(UTC)
    try:
        rows = load_events(paths, now if shift else None) if paths else sample(now).events
    except EventsInvalid as invalid:
        console.print(str(invalid), markup=False, highlight=False, soft_wrap=True)
        return 2
    of = ", ".join(path.name for path in paths) or "a sample tenant"
    console.print(
        f"[bold]Email Remediation Sweep[/bold], on a small Azure on this machine: {len(rows):,} rows of {of}\n"
    )
    receipts = Receipts(console)
    logging.getLogger().addHandler(receipts)
    with tempfile.TemporaryDirectory() as folder, Cloud(events=rows) as cloud:
        values = environment(cloud, folder, outside)
        try:
            from_values(values)
        except SettingsInvalid as invalid:
            console.print(str(invalid), markup=False, highlight=False, soft_wrap=True)
            return 2
        begun = time.monotonic()
        failure = ""
        try:
            fire(values)
        except Exception as error:  # noqa: BLE001 (the host, too, takes whatever a function raises)
            failure = f"{type(error).__name__}: {error}"
        seconds = time.monotonic() - begun
        if Path(folder, "ledger.db").exists():
            console.print(flagged(folder, values, cloud))
        for card in cards(cloud):
            console.print(Padding(card, (1, 0, 0, 0)))
        console.print()
        console.print(ending(receipts.receipt, cloud, seconds), highlight=False)
    if failure:
        console.print(Text(f"The function failed. {clean(failure, 2000)}", style="red"))
        return 1
    if paths and not shift and receipts.receipt.get("verdict") == "untrusted":
        console.print("\nIs the export an old one? SHIFT=now moves its times so that its newest row is now.")
    return 0


if __name__ == "__main__":
    sys.exit(main(dict(os.environ), Console(width=None if sys.stdout.isatty() else 140)))
