"""A file of an export, opened: its bytes as UTF-8 in blocks, whatever it is packed or encoded in."""

from __future__ import annotations

import codecs
import gzip
import os
import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.cloud.events import kinds
from tests.cloud.events.mistakes import Advance, EventsInvalid, at

BLOCK = 8 << 20
HEAD = 4096
FROM_EXCEL = "Excel saves so: use the portal's own file, or save as CSV UTF-8"


@dataclass(frozen=True, slots=True)
class Source:
    """A file and its place among all that are loaded."""

    place: int
    path: Path


def size(path: Path) -> int:
    """The bytes of a file on disk; 0 when it cannot be read, which opening it reports."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def unusable(path: Path) -> str:
    """Why there is no file to read under this name; "" when there may be."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if os.path.islink(path):  # noqa: PTH114 (Path's own fails at a name that is too long)
            return f"is a link to {os.readlink(path)!r}, which cannot be read ({error.strerror or error})"  # noqa: PTH115
        return f"cannot be read ({error.strerror or error})"
    return "" if stat.S_ISREG(mode) or stat.S_ISDIR(mode) else "is a pipe or device; save it as a file first"


def blocks(source: Source, advance: Advance = lambda _: None) -> Iterator[bytes]:
    """The file's text in UTF-8, without a byte order mark. A lone surrogate comes as its three bytes.

    Raises:
        EventsInvalid: it cannot be read, or is of a kind that is no export.
    """
    path = source.path
    if why := unusable(path):
        raise EventsInvalid(f"{path}: {why}")
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == kinds.GZIP
            raw.seek(0)
            file: IO[bytes] = gzip.GzipFile(fileobj=raw) if packed else raw  # type: ignore[assignment]
            yield from _text(source, file, raw, advance)
    except gzip.BadGzipFile:
        raise EventsInvalid(f"{path}: cannot be read (damaged gzip); expected a whole file") from None
    except OSError as error:
        raise EventsInvalid(f"{path}: cannot be read ({error.strerror or error})") from None
    except (EOFError, zlib.error):
        raise EventsInvalid(f"{path}: damaged gzip; expected a whole file") from None


def _text(source: Source, file: IO[bytes], raw: IO[bytes], advance: Advance) -> Iterator[bytes]:
    head = file.read(HEAD)
    if why := kinds.refusal(head):
        raise EventsInvalid(f"{source.path}: this is {why}")
    encoding = kinds.encoding(head)
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    block, first = head, True
    while True:
        done, data = raw.tell(), block
        if encoding != "utf-8":
            try:
                data = decoder.decode(block, final=not block).encode("utf-8", "surrogatepass")
            except UnicodeDecodeError:
                raise EventsInvalid(
                    f"{source.path}: not {encoding.upper()} to its end; expected a whole file"
                ) from None
        if first:
            data, first = data.removeprefix(codecs.BOM_UTF8), False
            if why := kinds.not_an_export(data.decode("utf-8", "replace")[:HEAD]):
                raise EventsInvalid(f"{source.path}: this is {why}")
        if data:
            yield data
        advance(done)
        if not block:
            return
        block = file.read(BLOCK)


def decoded(source: Source, data: bytes | bytearray, line: int, remedy: str = FROM_EXCEL) -> str:
    """Text that begins on this line of the file. `remedy` is what to do when it is not UTF-8.

    Raises:
        EventsInvalid: it is not UTF-8.
    """
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        line += data.count(b"\n", 0, error.start)
        todo = "this is no text: use the file as it was downloaded" if b"\0" in data else remedy
        raise EventsInvalid(at(source.path, line, f"not UTF-8; {todo}")) from None


def repaired(text: str) -> str:
    """Text without lone surrogates, which no UTF-8 holds: each is a question mark, as in a live answer."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
