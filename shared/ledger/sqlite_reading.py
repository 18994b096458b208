"""Reads a SQLite file without a trace: no file is created beside it, and none is written.

SQLite itself creates an index (`-shm`) beside a write-ahead log (`-wal`) without one, which a killed sweep, a backup
or a copy can leave behind. So a file without an index, which no other process has open, is read into memory, and the
log is applied there.
"""

from __future__ import annotations

import sqlite3
import struct
from pathlib import Path

_ATTEMPTS = 20  # to read files that change while they are read

_HEADER = struct.Struct(">8I")  # magic, format, page size, checkpoint, two salts, two checksums
_FRAME = struct.Struct(">6I")  # page, pages of the file after a commit or 0, two salts, two checksums
_LOGGED = b"\2\2"  # bytes 18 and 19 of a SQLite file that has a write-ahead log; else they are 1
_MAGIC = 0x377F0682  # plus 1 where checksums are big-endian


def connect_read_only(path: Path, patience: float) -> sqlite3.Connection | None:
    """A connection to the committed content of the file; None when the file is missing or empty.

    `patience` is how many seconds to wait for a lock of another process.

    Raises:
        sqlite3.Error, OSError: it is locked, is being written, is not a SQLite file, or cannot be read.
    """
    if not path.exists():
        return None
    if _beside(path, "-wal").exists() or (_beside(path, "-journal").exists() and not _keeps_a_log(path)):
        # Only SQLite knows its locks. Where it would have to create an index, it raises before it creates one.
        try:
            return _connected(f"{path.absolute().as_uri()}?mode=ro&readonly_shm=1", patience)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_CANTOPEN:
                raise
    image = _image(path)
    if not image:
        return None
    connection = _connected(":memory:", patience)
    try:
        connection.deserialize(image)
    except BaseException:
        connection.close()
        raise
    return connection


def _connected(address: str, patience: float) -> sqlite3.Connection:
    connection = sqlite3.connect(address, uri=True, timeout=patience, check_same_thread=False, isolation_level=None)
    try:
        connection.execute("PRAGMA schema_version").fetchone()  # opens what it needs
    except BaseException:
        connection.close()
        raise
    return connection


def with_log(file: bytes, log: bytes) -> bytes:
    """The file with the committed transactions of its write-ahead log applied."""
    if len(log) < _HEADER.size:
        return file
    magic, _, size, _, *salts, first, second = _HEADER.unpack_from(log)
    order = ">" if magic & 1 else "<"
    sums = _sums(log[: _HEADER.size - 8], order, (0, 0))
    if magic & ~1 != _MAGIC or sums != (first, second) or not 512 <= size <= 65_536:
        return file  # a log with a header and nothing else
    image = bytearray(file)
    pending: dict[int, bytes] = {}
    for place in range(_HEADER.size, len(log) - _FRAME.size - size + 1, _FRAME.size + size):
        page, pages, salt1, salt2, first, second = _FRAME.unpack_from(log, place)
        data = log[place + _FRAME.size : place + _FRAME.size + size]
        sums = _sums(log[place : place + 8] + data, order, sums)
        if [salt1, salt2] != salts or sums != (first, second):
            break  # from an earlier use of the log, or cut off
        pending[page] = data
        if pages:
            image.extend(bytes(max(pages * size - len(image), 0)))
            for number, content in pending.items():
                image[(number - 1) * size : number * size] = content
            del image[pages * size :]
            pending.clear()
    return bytes(image)


def _image(path: Path) -> bytes:
    """The file and its log, read while neither changes, as one file that needs no log."""
    for _ in range(_ATTEMPTS):
        before = _stamps(path)
        log = _beside(path, "-wal").read_bytes() if before[1] else b""
        file = path.read_bytes()
        if _stamps(path) == before:
            break
    else:
        raise sqlite3.OperationalError("database is locked")  # SQLite's own message: another process keeps writing
    image = with_log(file, log)
    return image[:18] + b"\1\1" + image[20:] if image[18:20] == _LOGGED else image


def _keeps_a_log(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(20)[18:] == _LOGGED


def _stamps(path: Path) -> list[tuple[int, int] | None]:
    found: list[tuple[int, int] | None] = []
    for each in (path, _beside(path, "-wal")):
        try:
            seen = each.stat()
            found.append((seen.st_mtime_ns, seen.st_size))
        except FileNotFoundError:
            found.append(None)
    return found


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _sums(data: bytes, order: str, sums: tuple[int, int]) -> tuple[int, int]:
    """SQLite's running checksum over 8-byte pairs of words."""
    first, second = sums
    for one, other in struct.iter_unpack(f"{order}2I", data):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + other + first) & 0xFFFFFFFF
    return first, second
