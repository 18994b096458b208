"""Sweeps that wait in the middle of a request."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.chaos.scene import Scene
from tests.cloud import Fault, Request


class Pause:
    """A fault that harms nobody: requests are done, but answered only when `resume` is called, or the context ends."""

    def __init__(self, place: Scene, many: int, which: Mapping[str, Any]) -> None:
        self._place, self._many = place, many
        self._reached, self._over = threading.Semaphore(0), threading.Event()
        place.cloud.faults.add(Fault(then=self._wait, times=many, **which))

    def _wait(self, _: Request) -> None:
        self._reached.release()
        self._over.wait(30)

    def reached(self) -> bool:
        """Wait until all of them are there; the next ones pass."""
        return all(self._reached.acquire(timeout=30) for _ in range(self._many))

    def resume(self) -> None:
        """Let them be answered."""
        self._over.set()


@contextmanager
def paused(place: Scene, many: int = 1, **which: Any) -> Iterator[Pause]:
    """A pause at so many requests of those that are described as for a Fault."""
    pause = Pause(place, many, which)
    try:
        yield pause
    finally:
        pause.resume()
