"""What a message of the queue leads to."""

from __future__ import annotations

from shared.clock import Clock


class RoundUnfinished(Exception):
    """The message is still needed. Raised so that the host brings it back after ten minutes."""


def work(message: bytes | str, clock: Clock | None = None) -> None:
    """Do what a message of the queue `sweep-work` asks.

    Raises:
        RoundUnfinished: it is to come back.
    """
    raise NotImplementedError
