"""A clock that several processes share: time passes only when one of them sleeps, or when a test advances it."""

from __future__ import annotations

import fcntl
import mmap
import struct
import threading
from datetime import datetime, timedelta
from pathlib import Path

from tests.support.clock import START

_PASSED = struct.Struct("d")


class SharedClock:
    """A `shared.clock.Clock` whose time is in the file `path`; whoever opens the file sees the same time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._file = path.open("a+b")
        self._file.truncate(_PASSED.size)
        self._time = mmap.mmap(self._file.fileno(), _PASSED.size)

    def now(self) -> datetime:
        """The wall clock."""
        return START + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """Seconds passed since the file was made."""
        return float(_PASSED.unpack_from(self._time)[0])

    def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        with self._lock:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            _PASSED.pack_into(self._time, 0, self.monotonic() + max(seconds, 0.0))
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def advance(self, **amount: float) -> None:
        """Let a `timedelta(**amount)` pass."""
        self.sleep(timedelta(**amount).total_seconds())

    def set(self, passed: float) -> None:
        """Set the time back (or on) to what `monotonic` once said; no process may be looking."""
        _PASSED.pack_into(self._time, 0, passed)

    def close(self) -> None:
        """Let go of the file."""
        self._time.close()
        self._file.close()
