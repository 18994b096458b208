"""Which files EVENTS names: paths, folders and shell patterns."""

from __future__ import annotations

import glob
import os
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.cloud.events.missing import missing
from tests.cloud.events.mistakes import EventsInvalid

SUFFIXES = (".csv", ".tsv", ".json", ".ndjson", ".jsonl")
"""What is read of a folder; with `.gz` behind it, too."""


def find(events: str) -> list[Path]:
    """The files that EVENTS names, each once: one path as it is, or several words as a shell would read them.

    A folder stands for every export in it and in the folders below, linked ones too; `**` in a pattern for any number
    of folders. What is named like an export is a file to read, even where it cannot be read: reading it names it.

    Raises:
        EventsInvalid: a quote is not closed, a folder holds no export, a pattern matches nothing, one of several names
            does not exist.
    """
    if not events.strip():
        return []
    if _there(_path(events)) or _matches(events):
        return _once(_named(events))
    try:
        words = shlex.split(events)
    except ValueError as error:
        raise EventsInvalid(f"EVENTS: {error}; expected file names as a shell reads them") from None
    if why := missing(events, words, [word for word in words if not _there(_path(word)) and not _matches(word)]):
        raise EventsInvalid(f"EVENTS: {why}")
    return _once(path for word in words for path in _named(word))


def _path(word: str) -> Path:
    return Path(os.path.expanduser(word))  # noqa: PTH111 (Path's own fails where there is no such user)


def _there(path: Path) -> bool:
    """Whether there is such an entry, be it a link to nothing. A name that is too long for the system is none."""
    return os.path.lexists(path)


def _matches(word: str) -> list[str]:
    return sorted(glob.glob(str(_path(word)), recursive=True)) if glob.has_magic(word) else []  # noqa: PTH207


def _named(word: str) -> Iterator[Path]:
    path = _path(word)
    if _there(path) or not glob.has_magic(word):
        yield from _below(path)
        return
    found = _matches(word)
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
    if not os.path.isdir(path):  # noqa: PTH112 (Path's own fails at a name that is too long)
        yield path
        return
    found = sorted(_exports(path, set()))
    if not found:
        raise EventsInvalid(
            f"{path}: the folder holds no export; expected files that end in {', '.join(SUFFIXES)}, or these with .gz"
        )
    yield from found


def _exports(folder: Path, seen: set[str]) -> Iterator[Path]:
    """What is named like an export in a folder and below, each folder once: a link may lead back to where it is."""
    real = os.path.realpath(folder)
    if real in seen:
        return
    seen.add(real)
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise EventsInvalid(f"{folder}: the folder cannot be read ({error.strerror or error})") from None
    for entry in entries:
        if entry.is_dir():
            yield from _exports(entry, seen)
        elif _export(entry):
            yield entry


def _export(path: Path) -> bool:
    name = path.name.lower().removesuffix(".gz")
    return name.endswith(SUFFIXES) and not name.startswith(".")


def _once(paths: Iterable[Path]) -> list[Path]:
    kept: dict[str, Path] = {}
    for path in paths:
        kept.setdefault(os.path.realpath(path), path)
    return list(kept.values())
