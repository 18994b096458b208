"""What to say of names in EVENTS that do not exist: blanks and commas in it may mean something else than the operator
thinks."""

from __future__ import annotations

import glob
import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

_SHOWN = 3  # names
_LONG = 200  # characters of EVENTS


def missing(events: str, words: Sequence[str], absent: Sequence[str]) -> str:
    """Why EVENTS, read as these words, cannot be what was meant when some are absent; "" when the error for
    a single name says it already."""
    if not absent:
        return ""
    whole = repr(events if len(events) <= _LONG else events[:_LONG] + "…")
    whole += " matches no file" if glob.has_magic(events) else " does not exist"
    if len(words) > 1 and _folder_is_there(events):
        return f"{whole}; its folder is there"
    parts = [part.strip(" '\"") for part in re.split("[,;]", events)]
    if len(parts) > 1 and any(re.search("[,;]", word) for word in absent):
        better = f': EVENTS="{shlex.join(parts)}"' if all(map(os.path.lexists, parts)) else ""
        return f"{whole}; names are separated by blanks, not commas{better}"
    if len(words) == 1:
        return ""
    named = ", ".join(map(repr, absent[:_SHOWN])) + (", …" if len(absent) > _SHOWN else "")
    return (
        f"{whole}; read as {len(words)} names, of which {named} {'is' if len(absent) == 1 else 'are'} missing."
        " A name with blanks needs quotes inside: EVENTS=\"'…'\""
    )


def _folder_is_there(events: str) -> bool:
    """Whether the folder of EVENTS as one path has a blank in its name and exists: it is one path then."""
    folder = Path(os.path.expanduser(events)).parent  # noqa: PTH111 (Path's own fails where there is no such user)
    while glob.has_magic(str(folder)):
        folder = folder.parent
    return bool(re.search(r"\s", str(folder))) and os.path.isdir(folder)  # noqa: PTH112 (nor at a long name)
