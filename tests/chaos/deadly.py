"""A ledger that kills its own process at one of its verbs, as a platform does: nothing is tidied up. Or holds it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from shared.ledger import LeaseRow, Ledger, Loaded
from shared.model import CardNote, Record, WorkspaceState
from tests.chaos.order import Moment, Order, When


class Deadly:
    """Any ledger. `verbs` notes its verbs, small reads left out; what happens at the order's moment is said there."""

    def __init__(self, ledger: Ledger, order: Order) -> None:
        self.verbs: list[str] = []
        self._ledger = ledger
        self._order = order
        self._used: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def _verb(self, verb: str, half: Callable[[], None] = lambda: None) -> Iterator[None]:
        with self._lock:
            self.verbs.append(verb)
            self._used[verb] += 1
            number = self._used[verb]
        if self._order.moment == Moment(verb, number, When.BEFORE):
            self._act()
        if self._order.moment == Moment(verb, number, When.HALFWAY):
            half()
            self._act()
        yield
        if self._order.moment == Moment(verb, number, When.AFTER):
            self._act()

    def _act(self) -> None:
        if not self._order.hold:
            os.kill(os.getpid(), signal.SIGKILL)
        here = Path(self._order.hold)
        here.touch()
        while here.exists():
            time.sleep(0.002)

    @property
    def requests(self) -> int:
        """See the port."""
        return self._ledger.requests

    @property
    def retries(self) -> int:
        """See the port."""
        return self._ledger.retries

    def lease(self) -> LeaseRow | None:
        """See the port."""
        return self._ledger.lease()

    def take(self, seen: LeaseRow | None, holder: str, seconds: float) -> LeaseRow:
        """See the port."""
        with self._verb("take"):
            return self._ledger.take(seen, holder, seconds)

    def release(self, held: LeaseRow) -> None:
        """See the port."""
        with self._verb("release"):
            self._ledger.release(held)

    def load(self) -> Loaded:
        """See the port."""
        with self._verb("load"):
            return self._ledger.load()

    def save(
        self, records: Iterable[Record] = (), cards: Iterable[CardNote] = (), dropped_cards: Iterable[str] = ()
    ) -> None:
        """See the port. Halfway, half of the rows are written: the records come first."""
        saved, noted, dropped = list(records), list(cards), list(dropped_cards)
        half = (len(saved) + len(noted) + len(dropped)) // 2
        with self._verb("save", lambda: self._ledger.save(saved[:half], noted[: max(half - len(saved), 0)])):
            self._ledger.save(saved, noted, dropped)

    def save_state(self, state: WorkspaceState) -> None:
        """See the port."""
        with self._verb("save_state"):
            self._ledger.save_state(state)

    def keep_receipt(self, day: date, run_id: str, receipt: Mapping[str, Any]) -> None:
        """See the port."""
        with self._verb("keep_receipt"):
            self._ledger.keep_receipt(day, run_id, receipt)

    def receipts(self, since: date) -> list[Mapping[str, Any]]:
        """See the port."""
        return self._ledger.receipts(since)

    def prune(self, recipients: Sequence[str], receipts_before: date) -> None:
        """See the port."""
        with self._verb("prune"):
            self._ledger.prune(recipients, receipts_before)

    def forget(self, record: Record, cards: Iterable[CardNote] = (), dropped_cards: Iterable[str] = ()) -> None:
        """See the port."""
        with self._verb("forget"):
            self._ledger.forget(record, cards, dropped_cards)

    def clear(self) -> None:
        """See the port."""
        with self._verb("clear"):
            self._ledger.clear()

    def close(self) -> None:
        """See the port."""
        self._ledger.close()
