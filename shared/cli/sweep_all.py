"""`python -m shared sweep --all`: one sweep after the other, a line for each. No round: no queue, no card of it."""

from __future__ import annotations

import json
import sys

import typer
from rich.console import Console
from rich.text import Text

from shared.app import exit_code, run_sweep
from shared.cli.tables import NOT_COUNTED, STYLES, by_hand
from shared.cli.terminal import console, spinner
from shared.model import Receipt, RoundEntry, Verdict
from shared.settings import Settings, SettingsInvalid
from shared.sweep.receipt import COUNTS, as_json
from shared.text import clean
from shared.workspaces.entries import Workspaces

WORST_FIRST = (2, 1, 3, 0)
"""Exit codes: bad settings, failed or something due, untrusted, all well."""


def sweep_all(workspaces: Workspaces, errors: Console, *, dry_run: bool, as_json_object: bool) -> int:
    """Sweep each workspace, print a line for each as soon as it ends (or one JSON list), and return the worst code."""
    codes, receipts = [], []
    width = max(len(each.name) for each in workspaces.entries)
    for entry in workspaces.entries:
        try:
            # A dry run asked for by hand posts nothing, so it needs no secret.
            settings = entry.settings(dry_run=dry_run, webhook_needed=False if dry_run else None)
        except SettingsInvalid as invalid:
            codes.append(2)
            receipts.append(
                {"event": "settings_invalid", "workspace_name": entry.name, "mistakes": [*invalid.mistakes]}
            )
            line = Text("settings", style="red").append(f"  {'; '.join(invalid.mistakes)}", style="")
        else:
            receipt = _swept(entry.name, settings, errors)
            codes.append(exit_code(receipt))
            receipts.append(as_json(receipt))
            line = _line(receipt)
        if not as_json_object:
            out = console(sys.stdout)
            out.print(Text(f"{entry.name:<{width}}  ").append_text(line), soft_wrap=True)
    if as_json_object:
        typer.echo(json.dumps(receipts, indent=2))
    return worst(codes)


def worst(codes: list[int]) -> int:
    """The worst of these exit codes."""
    return min(codes, key=WORST_FIRST.index, default=0)


def _swept(name: str, settings: Settings, errors: Console) -> Receipt:
    entry = RoundEntry(name)
    if not errors.is_terminal:
        return run_sweep(settings, entry=entry).receipt
    with errors.status(f"{name}: starting", spinner=spinner(errors)) as status:
        return run_sweep(settings, entry=entry, progress=lambda words: status.update(Text(f"{name}: {words}"))).receipt


def _line(receipt: Receipt) -> Text:
    """How a sweep ended, what it did, and why, in one line."""
    verdict = receipt.verdict
    counts = [f"{getattr(receipt, name):,} {name}" for name in COUNTS if getattr(receipt, name)]
    if verdict in (None, Verdict.FAILED):
        counts = [NOT_COUNTED, *counts]
    words = [", ".join(counts) or "none flagged"]
    if receipt.event in ("sweep_incomplete", "sweep_skipped"):
        words.insert(0, receipt.event.removeprefix("sweep_"))
    words += [clean(by_hand(reason), 400) for reason in receipt.reasons]
    shown = Text(f"{verdict.value if verdict else 'none':<9}", style=STYLES[verdict] if verdict else "")
    return shown.append(f" {'; '.join(words)}; {receipt.seconds:.1f} s", style="")
