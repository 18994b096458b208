"""The workspace's lease: one sweep at a time; the lease of a sweep that died is free again after its length.

No two clocks are compared. The row says how long its holder's lease is. A sweep that finds it taken watches the row for
that long (or for the length of its own lease, when that is longer) by its own monotonic clock. A row that does not
change belongs to a dead sweep, a row that changes to a living one. A holder proves that the lease is still its own by
writing it again on the condition that nobody else has.
"""

from __future__ import annotations

import logging
import math
import threading

from shared.clock import Clock
from shared.ledger.port import LeaseRow, Ledger, LedgerConflict, LedgerError, LedgerUnavailable

LONGEST = 600.0
"""Seconds; no lease is longer (`LEASE_SECONDS`), whatever a row says."""

OVERTIME = 300.0
"""Seconds after the sweep's budget in which the lease is still renewed: a hung sweep does not block others for ever."""

_CHECKS = 10
"""How often a taken lease is read while waiting for it. Its holder writes it three times in that time."""

_RENEWALS = 2
"""Renewals in a row that may take longer than half the lease."""

_RELEASE_WAIT = 10.0
"""Seconds to wait at the release for a renewal that is under way."""

_log = logging.getLogger("sweep.lease")


class LeaseLost(Exception):
    """Another sweep has taken over, or may have: nothing more may be sent."""


class LeaseNotFree(Exception):
    """The lease is taken, and the sweep's budget ended before it was clear whether its holder is alive."""


class Held:
    """A lease that is ours, renewed by a background thread every third of its length until `release`.

    `since` is the clock's monotonic() before the lease was taken; after `until`, on the same clock, it is no longer
    renewed.
    """

    def __init__(
        self, ledger: Ledger, row: LeaseRow, seconds: float, clock: Clock, since: float, until: float = math.inf
    ) -> None:
        self._ledger = ledger
        self._row = row
        self._seconds = seconds
        self._clock = clock
        self._since = since  # before the last successful write of the lease
        self._until = until
        self._lost = False
        self._released = threading.Event()
        self._writing = threading.Lock()
        # A daemon, so that it does not keep the process alive after the sweep.
        self._thread = threading.Thread(target=self._renew_regularly, name="lease", daemon=True)
        self._thread.start()

    @property
    def holder(self) -> str:
        """Who holds it: this sweep."""
        return self._row.holder

    def check(self) -> None:
        """Call before every effect. Renews the lease when the last renewal began more than half a lease ago.

        Raises:
            LeaseLost: another sweep has it, or it could not be renewed in time.
        """
        if self._lost:
            raise self._gone()
        if self._fresh():
            return
        with self._writing:
            if self._fresh():  # another worker has renewed it meanwhile
                return
            try:
                self._renew()
            except LedgerUnavailable as error:
                raise LeaseLost("the lease runs out and the ledger does not answer; the next sweep goes on") from error

    def prove(self) -> None:
        """Call before a note and before a card. Writes the lease again now, which only its holder can do.

        Raises:
            LeaseLost: another sweep has it, or it could not be renewed in time.
            LedgerUnavailable: the ledger does not answer.
        """
        with self._writing:
            self._renew()

    def release(self) -> None:
        """Release the lease, so that the next sweep need not wait. Call it in a `finally`; it raises nothing."""
        self._released.set()
        if not self._writing.acquire(timeout=_RELEASE_WAIT):
            return  # a renewal hangs; others see that the lease is no longer renewed
        try:
            if not self._lost:
                self._ledger.release(self._row)
        except LedgerError as error:
            _log.warning("lease_not_released why=%s", error)  # others see that it is no longer renewed
        finally:
            self._writing.release()

    def _fresh(self) -> bool:
        """Whether an effect may begin: nobody can take the lease before its other half has passed."""
        return not self._lost and self._clock.monotonic() - self._since <= self._seconds / 2

    def _renew(self) -> None:
        for _ in range(_RENEWALS):
            self._write()
            if self._fresh():
                return
        raise LeaseLost(
            f"renewing the lease takes longer than half of its {self._seconds:g} seconds: make LEASE_SECONDS longer;"
            " the next sweep goes on"
        )

    def _write(self) -> None:
        if self._lost or self._released.is_set():
            raise self._gone()
        since = self._clock.monotonic()
        if since > self._until:
            raise LeaseLost(
                "this sweep is five minutes over its budget (SWEEP_BUDGET_SECONDS), its lease is no longer renewed;"
                " the next sweep goes on"
            )
        try:
            self._row = self._ledger.take(self._row, self._row.holder, self._seconds)
        except LedgerConflict:
            self._lost = True
            raise self._gone() from None
        self._since = since

    def _gone(self) -> LeaseLost:
        return LeaseLost("another sweep has taken over this workspace's lease; it goes on with what is due")

    def _renew_regularly(self) -> None:
        pause = self._seconds / 3
        while not self._released.wait(pause):
            try:
                with self._writing:
                    self._write()
                pause = self._seconds / 3
            except LeaseLost as error:
                if not self._released.is_set():
                    _log.warning("lease_lost why=%s", error)
                return
            except LedgerError as error:
                # The lease may still be ours: whoever needs to be sure calls `prove`.
                _log.warning("lease_not_renewed why=%s", error)
                pause = self._seconds / 12


def claim(ledger: Ledger, seconds: float, clock: Clock, holder: str, ends: float = math.inf) -> Held | None:
    """Take the workspace's lease for `seconds`; None when another sweep is alive.

    `holder` is an id of this sweep alone. `ends` is when its budget ends, by the clock's monotonic(): the wait ends
    then, too.

    Raises:
        LeaseNotFree: the budget ended during the wait.
        LedgerUnavailable: the ledger does not answer.
    """
    seen = ledger.lease()
    if seen is not None and not _is_dead(ledger, seen, seconds, clock, ends):
        return None
    since = clock.monotonic()
    try:
        row = ledger.take(seen, holder, seconds)
    except LedgerConflict:
        return None  # another sweep was faster, or the holder is alive after all
    return Held(ledger, row, seconds, clock, since, ends + OVERTIME)


def _is_dead(ledger: Ledger, seen: LeaseRow, seconds: float, clock: Clock, ends: float) -> bool:
    """Whether the lease stays unchanged from `seen` for its length, or for `seconds` when that is longer."""
    begun = clock.monotonic()
    wait = min(max(seconds, seen.seconds), LONGEST)
    _log.info("lease_waiting holder=%s seconds=%g", seen.holder or "unknown", wait)
    while (left := begun + wait - clock.monotonic()) > 0:
        if clock.monotonic() >= ends:
            raise LeaseNotFree(
                f"another sweep's lease must be watched for {wait:g} seconds before it counts as dead, and the budget"
                " ended first: make SWEEP_BUDGET_SECONDS at least twice the LEASE_SECONDS of either sweep"
            )
        clock.sleep(max(min(wait / _CHECKS, left, ends - clock.monotonic()), 0.01))
        if ledger.lease() != seen:
            return False  # renewed, released or taken: somebody is alive
    return True
