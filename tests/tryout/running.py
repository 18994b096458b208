"""`make cloud`: the small Azure kept running, for trying every command by hand. What is made in it goes at its end."""

from __future__ import annotations

import json
import os
import shlex
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tests.cloud import Cloud
from tests.tryout import screen
from tests.tryout.keep import many
from tests.tryout.town import town

SETTINGS = Path(".sweep", "cloud.sh")
"""The settings as a file for a shell, in the folder that `make` runs in, while the small Azure runs."""
EVERY = 0.5  # seconds between two looks at what has come
TRY = (
    ("python -m shared doctor", "is everything there that a sweep needs?"),
    ("python -m shared tune --replay 60", "which threshold, and what will it cost a week?"),
    ("python -m shared sweep --dry-run", "what would a sweep do?"),
    ("python -m shared sweep", "do it: the card appears here"),
)


def exports(cloud: Cloud, ledger: Path) -> str:
    """The settings that lead a shell to the small Azure, ready to paste, whatever the paths hold."""
    values: Mapping[str, str] = {**cloud.environment, "AZURE_CLOUD": "AzureCloud", "LEDGER_URL": f"sqlite:///{ledger}"}
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())


def keep_running(console: Console) -> int:
    """Run until Ctrl-C; show each card as Teams would. The exit code."""
    console.print("Starting a small Azure on this machine …")
    mail = town(datetime.now(UTC))
    with Cloud(events=mail.events) as cloud:
        cloud.load("EmailPostDeliveryEvents", mail.post_delivery)
        settings = exports(cloud, Path(tempfile.mkdtemp(prefix="ledger-"), "ledger.db"))
        shown = 0
        try:
            with suppress(KeyboardInterrupt):
                _introduce(console, settings, len(mail.events))
                while True:
                    shown = _show_cards(cloud, console, shown)
                    time.sleep(EVERY)
        finally:
            remove(settings)
        _show_cards(cloud, console, shown)
        made = f"{many(len(cloud.incidents), 'incident')} and {many(len(cloud.cards), 'card')}"
    console.print(f"\nThe small Azure has ended, with its {made}.")
    return 0


def _introduce(console: Console, settings: str, rows: int) -> None:
    console.print(Text(f"It has {rows:,} rows of mail. It runs until Ctrl-C. Paste this into another shell:\n"))
    # No console's line breaks: it is for a shell.
    console.file.write(settings)
    if _written(settings, console):
        folder = shlex.quote(os.getcwd())  # noqa: PTH109 (as the shell spells it)
        console.file.write(f"\nor the same in one line:\n\ncd {folder} && . {SETTINGS}\n")
    console.file.write("\nThen try, in that shell:\n\n")
    width = max(len(command) for command, _ in TRY)
    for command, what in TRY:
        console.file.write(f".venv/bin/{command:<{width}}  # {what}\n")
    console.file.write("\n")
    console.file.flush()


def _written(settings: str, console: Console) -> bool:
    """Whether the file is there now, for the owner alone: it names a secret, if only of the small Azure."""
    try:
        SETTINGS.parent.mkdir(mode=0o700, exist_ok=True)
        SETTINGS.touch(mode=0o600)
        SETTINGS.write_text(settings, encoding="utf-8")
    except OSError as error:
        console.print(Text(f"{SETTINGS} cannot be written: {error.strerror}", style="yellow"))
        return False
    return True


def remove(settings: str) -> None:
    """Remove the file, but not that of another `make cloud` which was started later."""
    with suppress(OSError):
        if SETTINGS.read_text(encoding="utf-8") == settings:
            SETTINGS.unlink()


def _show_cards(cloud: Cloud, console: Console, shown: int) -> int:
    """Show the cards that came after the first `shown`; how many there are now."""
    came = cloud.cards[shown:]
    for body in came:
        card = json.loads(body) if isinstance(body, str | bytes) else body
        console.print(screen.card_panel(card, console.width))
    return shown + len(came)
