"""The terminal of `make sweep`, as a picture: the try-out's own screen, after a sweep of its sample tenant."""

from __future__ import annotations

import re
from io import StringIO

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from tests.cloud.mail import sample
from tests.pictures.scenes import swept_tenant
from tests.support.clock import START
from tests.tryout import run, screen

COLUMNS = 110
LINES = 46
"""So many are in the picture: who is over the threshold, and what the first incident says before its list ends."""


def terminal_svg() -> str:
    """The first lines that `make sweep` shows. The same text on every machine."""
    lines = _shown().splitlines()
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text("$ make sweep", style="bold"))
    console.print(Text.from_ansi("\n".join(lines[:LINES])))
    console.print(Text(f"… and {len(lines) - LINES} more lines: the rest of it, the card, how the sweep ended", "dim"))
    svg = console.export_svg(title="make sweep", theme=MONOKAI, unique_id="sweep")
    # A font from elsewhere is not loaded inside a page; any monospaced one will do, for each text has its length.
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = svg.replace("Fira Code", "ui-monospace, Menlo, Consolas, DejaVu Sans Mono")
    return "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"


def _shown() -> str:
    """With colours, as a terminal is sent it."""
    out = StringIO()
    console = Console(width=COLUMNS, file=out, force_terminal=True, color_system="truecolor", legacy_windows=False)
    mail = sample(START)
    with swept_tenant(mail) as swept:
        run.greet(console, len(mail.events), "a sample tenant")
        records = run.remembered(str(swept.folder), swept.values)
        run.show(console, records, swept.receipt, swept.cloud)
        stored = f"{len(swept.cloud.incidents)} incidents, {len(swept.cloud.cards)} card"
        console.print(screen.ending(swept.receipt, len(mail.events), stored, 1.4), highlight=False)
    return out.getvalue()
