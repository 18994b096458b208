"""The workspace's lease: one sweep at a time, and a killed one's place is free again after `seconds`.

Expiry only says when another sweep may take over. Whether ours still is ours is proved by writing it again on the
condition that nobody else has: that holds whatever the clocks say.
"""

from __future__ import annotations

import logging
import threading
from datetime import timedelta

from shared.clock import Clock
from shared.ledger.port import LeaseRow, Ledger, LedgerConflict, LedgerError, LedgerUnavailable

LONGEST = 600.0
"""Seconds; no lease is longer (`LEASE_SECONDS`), so one that was not renewed for so long is a dead sweep's."""

_PATIENCE = 10.0
"""Seconds to wait for a renewal that is under way when the lease is given back."""

_log = logging.getLogger("sweep.lease")


class LeaseLost(Exception):
    """Another sweep has taken over, or may have: nothing more may be sent."""


class Held:
    """A lease that is ours, renewed by a background thread every third of its length until `release`."""

    def __init__(self, ledger: Ledger, row: LeaseRow, seconds: float, clock: Clock, since: float) -> None:
        self._ledger = ledger
        self._row = row
        self._seconds = seconds
        self._clock = clock
        self._since = since  # the clock's monotonic() before the last successful write of the lease
        self._lost = False
        self._released = threading.Event()
        self._writing = threading.Lock()
        # A daemon, so that it never keeps a process alive whose sweep is over.
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)
        self._thread.start()

    @property
    def holder(self) -> str:
        """Who holds it: this sweep."""
        return self._row.holder

    def check(self) -> None:
        """Before every effect: quick, from memory; asks the ledger only when the lease is in its last sixth.

        Raises:
            LeaseLost: it is another's, or is about to lapse and the ledger does not answer.
        """
        if self._lost:
            raise self._gone()
        if self._clock.monotonic() - self._since < self._seconds * 5 / 6:
            return
        try:
            self.prove()
        except LedgerUnavailable as error:
            raise LeaseLost("the lease lapses and the ledger does not answer; the next sweep goes on") from error

    def prove(self) -> None:
        """Before a card: write the lease again, now, which only its holder can.

        Raises:
            LeaseLost: it is another's.
            LedgerUnavailable: the ledger does not answer.
        """
        with self._writing:
            if self._lost or self._released.is_set():
                raise self._gone()
            since = self._clock.monotonic()
            expires = self._clock.now() + timedelta(seconds=self._seconds)
            try:
                self._row = self._ledger.take(self._row, self._row.holder, expires)
            except LedgerConflict:
                self._lost = True
                raise self._gone() from None
            self._since = since

    def release(self) -> None:
        """Give the lease back, so that the next sweep need not wait. To be called in a `finally`; raises nothing."""
        self._released.set()
        if not self._writing.acquire(timeout=_PATIENCE):
            return  # a renewal hangs; the lease lapses by itself
        try:
            if not self._lost:
                self._ledger.release(self._row)
        except LedgerError as error:
            _log.warning("lease_not_released why=%s", error)  # it lapses by itself
        finally:
            self._writing.release()

    def _gone(self) -> LeaseLost:
        return LeaseLost("another sweep has taken over this workspace's lease; it goes on with what is due")

    def _keep(self) -> None:
        pause = self._seconds / 3
        while not self._released.wait(pause):
            try:
                self.prove()
                pause = self._seconds / 3
            except LeaseLost:
                return
            except LedgerError as error:
                # The holder may still be alone: whoever needs to know proves it.
                _log.warning("lease_not_renewed why=%s", error)
                pause = self._seconds / 12


def claim(ledger: Ledger, seconds: float, clock: Clock, holder: str) -> Held | None:
    """Take the workspace's lease for `seconds`, waiting until a dead one's has lapsed; None when another sweep lives.

    `holder` names this sweep and no other. A living holder is seen by its renewing (or giving back) the lease, a dead
    one by the lease's expiry, or by LONGEST seconds without a renewal, should the holder's clock have been wrong.

    Raises:
        LedgerUnavailable: the ledger does not answer.
    """
    begun = clock.monotonic()
    seen = ledger.lease()
    while seen is not None and clock.now() < seen.expires and clock.monotonic() - begun < LONGEST:
        left = (seen.expires - clock.now()).total_seconds()
        clock.sleep(max(min(seconds / 10, left), 0.01))
        again = ledger.lease()
        if again is None or again.version != seen.version:
            return None
    since = clock.monotonic()
    try:
        row = ledger.take(seen, holder, clock.now() + timedelta(seconds=seconds))
    except LedgerConflict:
        return None  # another sweep was quicker
    return Held(ledger, row, seconds, clock, since)
