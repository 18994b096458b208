"""A hunt that is too large for one query, split into parts."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

from shared.errors import HuntTooLarge, SweepError

T = TypeVar("T")

AT_ONCE = 4  # the service runs five queries of an identity at once, and queues the rest
MOST_PARTS = 256


def in_parts(ask: Callable[[int, int], T], most: int = MOST_PARTS) -> list[T]:
    """`ask(parts, part)` for every part from 0, of as few parts as fit: 1, else 2, 4 … `most`.

    Raises:
        HuntTooLarge: when not even the smallest parts fit.
        SweepError: the first other error of a part; parts that have not begun are cancelled.
    """
    parts = 1
    while True:
        try:
            return _all(ask, parts)
        except SweepError as error:
            if not _too_large(error):
                raise
            if parts >= most:
                raise HuntTooLarge(
                    f"The hunt asks for too much at once even in {parts} parts: shorten LOOKBACK_DAYS or raise"
                    " SUM_CASE_THRESHOLD",
                    service=error.service,
                    status=error.status,
                ) from error
            parts *= 2


def _too_large(error: SweepError) -> bool:
    # A query that used up all its time ends with 504.
    return isinstance(error, HuntTooLarge) or error.status == 504


def _all(ask: Callable[[int, int], T], parts: int) -> list[T]:
    if parts == 1:
        return [ask(1, 0)]
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="hunt") as pool:
        futures = [pool.submit(ask, parts, part) for part in range(parts)]
        wait(futures, return_when=FIRST_EXCEPTION)
        for future in futures:
            future.cancel()
    # Report the failure, not what was cancelled because of it.
    failed = [error for future in futures if not future.cancelled() and (error := future.exception())]
    for error in failed:
        if not isinstance(error, SweepError) or not _too_large(error):
            raise error
    if failed:
        raise failed[0]
    return [future.result() for future in futures]
