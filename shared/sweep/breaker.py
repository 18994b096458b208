"""The breaker: once Sentinel is known to be down, the remaining effects are not tried one by one."""

from __future__ import annotations

from threading import Lock

from shared.errors import Forbidden, SignInFailed, SweepError
from shared.incidents.road import of_the_road
from shared.model import Cause

IN_A_ROW = 3
"""Failures in a row after which the rest of the sweep's effects are left due without being tried."""


def cause_of(error: SweepError) -> Cause:
    """The cause that an error is."""
    fault = error.fault.value if error.fault else ""
    return Cause(error.cause, str(error), status=error.status, fault=fault, unanswered=error.maybe_done)


class Breaker:
    """Safe for several threads. `open` says why nothing is sent to Sentinel any more, None while all is well."""

    def __init__(self) -> None:
        self.open: Cause | None = None
        self._row = 0
        self._lock = Lock()

    def trip(self, cause: Cause) -> None:
        """Nothing may be sent in this sweep, for this cause."""
        self.open = self.open or cause

    def ended(self, error: SweepError | None, *, at_once: bool = False) -> None:
        """Take note of how a call ended. `at_once`: one failure of this call is enough."""
        with self._lock:
            if error is None or not of_the_road(error):
                self._row = 0
                return
            self._row += 1
            if at_once or self._row >= IN_A_ROW or isinstance(error, Forbidden | SignInFailed):
                self.trip(cause_of(error))
