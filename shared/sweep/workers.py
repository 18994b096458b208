"""Several incidents at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")

WORKERS = 16  # each sends a GET and a PUT: enough for ARM's ten PUTs a second while an answer takes up to 0.7 s


def in_parallel(work: Callable[[Given], Made], items: Iterable[Given]) -> list[Made]:
    """What `work` returns for each item, in their order; several at a time.

    When it raises, nothing new is begun, what is under way ends, and the first error is raised.
    """
    given = list(items)
    if len(given) < 2 or WORKERS < 2:
        return [work(item) for item in given]
    failed = Event()

    def one(item: Given) -> Made | None:
        if failed.is_set():
            return None
        try:
            return work(item)
        except BaseException:
            failed.set()
            raise

    with ThreadPoolExecutor(WORKERS, thread_name_prefix="sweep") as pool:
        futures = [pool.submit(one, item) for item in given]
    results = [future.result() for future in futures]  # raises the first error
    return [result for result in results if result is not None]
