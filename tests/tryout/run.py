"""Load events, run the deployed function on them against the small Azure, show and keep what came out.

`EVENTS` in the environment names exports of EmailEvents (several, shell patterns too) instead of the sample tenant;
`SHIFT=now` moves their times so that the newest row is now. The policy settings (SUM_CASE_THRESHOLD and so on) are
taken from the environment; what leads to the cloud is the small Azure's own. Exit codes: 0, or 1 when the sweep failed,
2 when the events or a setting cannot be read, 130 when it was stopped.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from azure.functions.timer import TimerRequest
from rich.console import Console
from rich.text import Text

from shared.cli.terminal import spinner
from shared.model import Record
from shared.settings import Settings, SettingsInvalid, from_values
from shared.settings.misspelt import misspelt
from shared.text import clean
from tests.cloud import Cloud
from tests.cloud.events import EventsInvalid, export
from tests.cloud.mail import sample
from tests.support import deployed
from tests.tryout import screen
from tests.tryout.keep import NotOurs, forget, keep

KEPT = Path(".sweep", "last-run")
"""Where the run's files are, in the folder that `make` runs in."""
OWN = ("EVENTS", "SHIFT", "DATES")
"""The names that have a meaning to the try-out alone."""
FIXED = {"DRY_RUN": "false", "AZURE_CLOUD": "", "HUNT_SOURCE": ""}
"""The settings that are the try-out's own, whatever the environment says."""


def without_effect(outside: Mapping[str, str]) -> list[str]:
    """A sentence for each name of the environment that somebody may have meant, and that does nothing."""
    said = misspelt(outside, OWN)
    said += [
        f"{name} has no effect: did you mean {name.upper()}?"
        for name in sorted(outside)
        if name not in OWN and name.upper() in OWN
    ]
    said += [
        f"{name} has no effect here: the try-out writes to nothing but its own small Azure"
        for name in FIXED
        if outside.get(name)
    ]
    lonely = [name for name in ("SHIFT", "DATES") if outside.get(name) and not outside.get("EVENTS")]
    return said + [f"{name} has no effect without EVENTS" for name in lonely]


def environment(cloud: Cloud, folder: str, outside: Mapping[str, str]) -> dict[str, str]:
    """The function's environment: the small Azure's, and of the policy settings those that the operator has set.

    Every other setting is empty, that is "not set", so that no local.settings.json takes part.
    """
    given = {name.upper(): value for name, value in outside.items()}
    settings = {name.upper(): given.get(name.upper(), "") for name in Settings.model_fields}
    own = {"LEDGER_URL": f"sqlite:///{folder}/ledger.db", **FIXED}
    elsewhere = {"WEBSITE_SITE_NAME", "WEBSITE_INSTANCE_ID", *(name for name in outside if misspelt([name], OWN))}
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


def remembered(folder: str, values: Mapping[str, str]) -> list[Record]:
    """What the ledger has of each recipient over the threshold, the largest first."""
    from shared.ledger import SqliteLedger

    if not Path(folder, "ledger.db").exists():
        return []
    ledger = SqliteLedger(f"{folder}/ledger.db", from_values(values).sentinel_workspace_resource_id, read_only=True)
    records = [record for record in ledger.load().records.values() if not _held(record)]
    ledger.close()
    return sorted(records, key=lambda record: (-screen.figures(record).total, record.recipient))


def _held(record: Record) -> bool:
    """Whether its turn to be raised has not come."""
    return record.incident is None and record.creation is not None and not record.creation.attempts.tried


def greet(console: Console, rows: int, of: str) -> None:
    """Which sweep this is."""
    about = f", on a small Azure on this machine: {rows:,} rows of {of}\n"
    console.print(Text.assemble(("Email Remediation Sweep", "bold"), about))


def show(console: Console, records: list[Record], receipt: Mapping[str, Any], cloud: Cloud) -> None:
    """The findings, the first incident and the cards."""
    console.print(screen.findings(records, cloud.incidents, receipt, console.width))
    ids = (record.incident.id for record in records if record.incident)
    first = next((name for name in ids if name in cloud.incidents), None)
    if first is not None:
        console.print(screen.incident(cloud.incidents[first], cloud.comments.get(first, ()), console.width))
    for body in cloud.cards:
        console.print(screen.card_panel(json.loads(body) if isinstance(body, str | bytes) else body, console.width))
    console.print()


def kept(cloud: Cloud, receipt: Mapping[str, Any], console: Console) -> str:
    """Keep the run's files, and say so. What the small Azure has, in words."""
    try:
        stored = keep(KEPT, cloud, receipt)
    except (NotOurs, OSError) as error:
        console.print(Text(f"The run's files are not kept: {error}", style="yellow"))
        return screen.many(len(cloud.incidents), "incident")
    console.print(Text(f"Every incident, comment and card as a file: {KEPT}", style="bold"))
    return stored


def sweep_events(events: Any, rows: int, outside: Mapping[str, str], console: Console) -> tuple[int, str]:
    """Run the function over so many rows of events, show and keep what came out. The exit code and the verdict."""
    receipts = Receipts(console)
    logging.getLogger().addHandler(receipts)
    with tempfile.TemporaryDirectory() as folder, Cloud(events=events) as cloud:
        values = environment(cloud, folder, outside)
        try:
            from_values(values)
        except SettingsInvalid as invalid:
            console.print(str(invalid), markup=False, highlight=False, soft_wrap=True)
            return 2, ""
        begun, failure = time.monotonic(), ""
        try:
            errors = Console(stderr=True)
            with errors.status("sweeping", spinner=spinner(errors)):  # nothing where there is no terminal
                fire(values)
        except Exception as error:  # noqa: BLE001 (the host, too, takes whatever a function raises)
            failure = f"{type(error).__name__}: {error}"
        seconds = time.monotonic() - begun
        show(console, remembered(folder, values), receipts.receipt, cloud)
        stored = kept(cloud, receipts.receipt, console)
        console.print(screen.ending(receipts.receipt, rows, stored, seconds), highlight=False)
    if failure:
        console.print(Text(f"The function failed. {clean(failure, 2000)}", style="red"))
    return int(bool(failure)), str(receipts.receipt.get("verdict"))


def main(outside: Mapping[str, str], console: Console) -> int:
    """Load, sweep, show. The exit code."""
    for doubt in without_effect(outside):
        console.print(Text(doubt, style="yellow"))
    now = datetime.now(UTC)
    with suppress(NotOurs, OSError):  # said at the end, where the files would be named
        forget(KEPT)
    try:
        own = export(outside, now, Console(stderr=True))
    except EventsInvalid as invalid:
        console.print(str(invalid), markup=False, highlight=False, soft_wrap=True)
        return 2
    events: Any = own.loaded if own else sample(now).events
    rows, of = (own.loaded.rows, own.name) if own else (len(events), "a sample tenant")
    greet(console, rows, of)
    for hint in own.loaded.hints if own else ():
        console.print(Text(hint, style="yellow"))
    code, verdict = sweep_events(events, rows, outside, console)
    if own and not own.shifted and verdict == "untrusted":
        console.print(
            "\nIs the export an old one, or not in UTC? SHIFT=now moves its times so that its newest row is now."
        )
    return code
