"""Waiting for what other processes do."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_until(true: Callable[[], bool], seconds: float = 30, state: Callable[[], str] = lambda: "") -> None:
    """Wait for it. AssertionError with the `state` when it does not happen within so many seconds."""
    ends = time.monotonic() + seconds
    while not true():
        if time.monotonic() > ends:
            raise AssertionError(f"it did not happen within {seconds:g} s\n{state()}")
        time.sleep(0.03)
