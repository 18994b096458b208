"""Whether the ledger can be read, or made."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit

from shared.cli.checks import Found
from shared.ledger import Ledger
from shared.settings import Settings


def look_at_ledger(ledger: Ledger, settings: Settings) -> tuple[Found, str]:
    """Whether it can be read, and what it holds. Raises LedgerError."""
    file = Path(settings.ledger_url.removeprefix("sqlite:///"))
    if settings.ledger_url.startswith("sqlite:///") and not os.path.exists(file):  # noqa: PTH110 (it never raises)
        return _ledger_to_be_made(file)
    loaded = ledger.load()
    where = settings.ledger_url if settings.ledger_url.startswith("sqlite") else urlsplit(settings.ledger_url).hostname
    owed = [each for record in loaded.records.values() for each in record.owed]
    due = sum(each.attempts.tried > 0 or each.attempts.cause is not None for each in owed)
    held = f"{len(loaded.records):,} recipients, {due:,} effects due"
    if loaded.damaged:
        return Found.WRONG, f"{where} holds {held}; rows that cannot be read: {', '.join(loaded.damaged)}"
    return Found.FINE, f"{where} holds {held}"


def _ledger_to_be_made(file: Path) -> tuple[Found, str]:
    """Whether a sweep could create the file, and the missing folders above it."""
    above = next(folder for folder in file.absolute().parents if os.path.lexists(folder))
    # A file system without any space, such as /proc, holds no file, whatever its permissions are.
    if above.is_dir() and os.access(above, os.W_OK | os.X_OK) and shutil.disk_usage(above).total:
        return Found.FINE, f"{file} does not exist yet: the first sweep creates it"
    return Found.WRONG, (
        f"{file} does not exist yet, and cannot be created in {above}:"
        " set LEDGER_URL to a file in a folder that this user may write, on a local disk"
    )
