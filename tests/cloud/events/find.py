"""Which files EVENTS names: paths, folders and shell patterns."""

from __future__ import annotations

import glob
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.cloud.events.mistakes import EventsInvalid

SUFFIXES = (".csv", ".tsv", ".json", ".ndjson", ".jsonl")
"""What is read of a folder; with `.gz` behind it, too."""


def find(events: str) -> list[Path]:
    """The files that EVENTS names, each once: one path as it is, or several words as a shell would read them.

    A folder stands for every export in it and in the folders below; `**` in a pattern for any number of folders.

    Raises:
        EventsInvalid: a quote is not closed, a folder holds no export, a pattern matches nothing.
    """
    if not events.strip():
        return []
    whole = Path(events).expanduser()
    if whole.exists():
        return _once(_below(whole))
    try:
        words = shlex.split(events)
    except ValueError as error:
        raise EventsInvalid(f"EVENTS: {error}; expected file names as a shell reads them") from None
    return _once(path for word in words for path in _named(word))


def _named(word: str) -> Iterator[Path]:
    path = Path(word).expanduser()
    if path.exists() or not glob.has_magic(word):
        yield from _below(path)
        return
    found = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207 (absolute ones, too)
    if not found:
        raise EventsInvalid(
            f"EVENTS: {word} matches no file; expected a path, a folder or a pattern such as **/PT1H.json"
        )
    for each in map(Path, found):
        # A pattern such as `**` gives files of all sorts: those of a folder that are no exports are passed over.
        if each.is_dir():
            if not word.endswith("**"):
                yield from _below(each)
        elif not word.endswith("*") or _export(each):
            yield each


def _below(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    found = sorted(each for each in path.rglob("*") if each.is_file() and _export(each))
    if not found:
        raise EventsInvalid(
            f"{path}: the folder holds no export; expected files that end in {', '.join(SUFFIXES)}, or these with .gz"
        )
    yield from found


def _export(path: Path) -> bool:
    name = path.name.lower().removesuffix(".gz")
    return name.endswith(SUFFIXES) and not name.startswith(".")


def _once(paths: Iterable[Path]) -> list[Path]:
    kept: dict[Path, Path] = {}
    for path in paths:
        kept.setdefault(path.resolve(), path)
    return list(kept.values())
