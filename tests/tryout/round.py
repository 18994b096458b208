"""`make round`: a round of a dozen tenants, by the deployed function in two processes, on a real queue.

Everything is on this machine: a small Azure that holds all tenants, Azurite's queue and table, and a stand-in for the
Functions host's queue listener. Shown are what became of each workspace, and the card of the round.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared.cli.terminal import spinner
from shared.text import clean
from tests.cloud.many_tenants import ManyTenants
from tests.cloud.marked_mail import marked_mail
from tests.rounds_whole.scene import RoundScene, round_scene
from tests.tryout import screen

FLAGGED: Mapping[str, int | None] = {
    "adatum": 0,
    "contoso": 3,
    "fabrikam": 1,
    "fourth-coffee": 0,
    "litware": 2,
    "lucerne": 0,
    "northwind": None,
    "proseware": 1,
    "tailspin": 0,
    "trey-research": 2,
    "wingtip": 0,
    "woodgrove": 0,
}
"""The tenants, and how many of each one's recipients are over the threshold; None sends no mail at all."""
REFUSING = "litware"
"""Nobody has granted the app the right to write incidents there."""
WORKERS = 2
MOST_SECONDS = 300.0


def play_round(console: Console) -> int:
    """Begin a round, wait for its end, show it. The exit code: 1 when no end came."""
    about = f", a round of {len(FLAGGED)} workspaces on this machine\n"
    console.print(Text.assemble(("Email Remediation Sweep", "bold"), about))
    errors = Console(stderr=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        errors.status("starting", spinner=spinner(errors)) as status,
        round_scene(Path(folder) / "scene", list(FLAGGED)) as scene,
    ):
        _mail(scene.many)
        scene.deploy()
        status.update("sweeping")
        began = time.monotonic()
        with scene.running([scene.worker() for _ in range(WORKERS)]):
            scene.begin()
            try:
                told = scene.until_told(seconds=MOST_SECONDS)
            except AssertionError as error:
                console.print(Text(clean(str(error), 4000), style="red"))
                return 1
        status.stop()
        _show(console, scene, told, time.monotonic() - began)
    return 0


def _mail(many: ManyTenants) -> None:
    for place, (name, flagged) in enumerate(FLAGGED.items()):
        tenant = many.tenants[name]
        if flagged is not None:
            rows = marked_mail(many.clock(), tenant.mark, flagged, seed=place)
            tenant.workspace.tables.append("EmailEvents", rows)
    many.faults.add(many.tenants[REFUSING].fault("sentinel", method="PUT", status=403, times=None))


def _show(console: Console, scene: RoundScene, told: Mapping[str, Any], seconds: float) -> None:
    console.print(by_workspace(scene.receipts()))
    for body in scene.many.round_webhook.cards:
        console.print(screen.card_panel(body, console.width))
    channels = sum(len(tenant.cards) for tenant in scene.many.tenants.values())
    ends = ", ".join(f"{told[end]:,} {end}" for end in ("clean", "flagged", "untrusted", "failed", "missing"))
    console.print(f"\n{told['workspaces']:,} workspaces: {ends}; {channels:,} cards in their channels; {seconds:.1f} s")


def by_workspace(receipts: Mapping[str, Mapping[str, Any]]) -> Table:
    """What became of each workspace, from the last receipt of each."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Workspace")
    table.add_column("Verdict")
    for heading in ("Flagged", "Created", "Due", "Seconds"):
        table.add_column(heading, justify="right")
    for name, receipt in sorted(receipts.items()):
        verdict = str(receipt.get("verdict", "–"))
        well = verdict in ("clean", "flagged") and not receipt.get("due")
        figures = [f"{receipt.get(each, 0):,}" for each in ("flagged", "created", "due")]
        seconds = f"{receipt.get('seconds', 0):.1f}"
        table.add_row(Text(name), Text(verdict, style="" if well else "bold red"), *figures, seconds)
    return table
