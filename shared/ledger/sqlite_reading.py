"""Reading a SQLite file and leaving no trace: no file is made beside it, and none is written.

SQLite itself makes an index (`-shm`) beside a write-ahead log (`-wal`) that has none, as a killed sweep, a backup or a
copy leaves it. So a file without an index, which no other process has open, is read into memory, and what the log holds
is put over it there.
"""

from __future__ import annotations

import sqlite3
import struct
from pathlib import Path

_LOOKS = 20  # at files that change while they are read

_HEADER = struct.Struct(">8I")  # magic, format, page size, checkpoint, two salts, two checksums
_FRAME = struct.Struct(">6I")  # page, pages of the file after a commit or 0, two salts, two checksums
_LOGGED = b"\2\2"  # bytes 18 and 19 of a SQLite file that has a write-ahead log; else they are 1
_MAGIC = 0x377F0682  # plus 1 where checksums are big-endian


def connect_read_only(path: Path, patience: float) -> sqlite3.Connection | None:
    """A connection to the file as it is committed; None when there is no file, or an empty one.

    `patience` is how many seconds a lock of another process is waited for.

    Raises:
        sqlite3.Error, OSError: it is locked, is being written, is no SQLite file, or cannot be read.
    """
    if not path.exists():
        return None
    if _beside(path, "-wal").exists() or (_beside(path, "-journal").exists() and not _keeps_a_log(path)):
        # Only SQLite knows its locks. Where it would have to make an index, it says so before it makes one.
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
    """The file with the transactions over it that its write-ahead log holds; what is not committed is left out."""
    if len(log) < _HEADER.size:
        return file
    magic, _, size, _, *salts, first, second = _HEADER.unpack_from(log)
    order = ">" if magic & 1 else "<"
    sums = _sums(log[: _HEADER.size - 8], order, (0, 0))
    if magic & ~1 != _MAGIC or sums != (first, second) or not 512 <= size <= 65_536:
        return file  # a log that was begun and never written
    image = bytearray(file)
    pending: dict[int, bytes] = {}
    for place in range(_HEADER.size, len(log) - _FRAME.size - size + 1, _FRAME.size + size):
        page, pages, salt1, salt2, first, second = _FRAME.unpack_from(log, place)
        data = log[place + _FRAME.size : place + _FRAME.size + size]
        sums = _sums(log[place : place + 8] + data, order, sums)
        if [salt1, salt2] != salts or sums != (first, second):
            break  # of an earlier use of the log, or cut off
        pending[page] = data
        if pages:
            image.extend(bytes(max(pages * size - len(image), 0)))
            for number, content in pending.items():
                image[(number - 1) * size : number * size] = content
            del image[pages * size :]
            pending.clear()
    return bytes(image)


def _image(path: Path) -> bytes:
    """The file with its log, read while neither changes, as a file that needs no log."""
    for _ in range(_LOOKS):
        before = _looks(path)
        log = _beside(path, "-wal").read_bytes() if before[1] else b""
        file = path.read_bytes()
        if _looks(path) == before:
            break
    else:
        raise sqlite3.OperationalError("database is locked")  # in SQLite's words: somebody writes all the time
    image = with_log(file, log)
    return image[:18] + b"\1\1" + image[20:] if image[18:20] == _LOGGED else image


def _keeps_a_log(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(20)[18:] == _LOGGED


def _looks(path: Path) -> list[tuple[int, int] | None]:
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
