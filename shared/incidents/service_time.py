"""A service's own clock, as the `Date` headers of its answers show it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from shared.clock import Clock


class ServiceTime:
    """The time by the last `Date` header that could be read, and what has passed since by our monotonic clock.

    A header has whole seconds and is a little old when it arrives: the time is late by a second or two, never early.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: tuple[datetime, float] | None = None  # replaced whole: many threads note

    def note(self, header: str | None) -> None:
        """Take note of an answer's `Date` header; one that is no date changes nothing."""
        date = _date(header)
        if date is not None:
            self._seen = date, self._clock.monotonic()

    def now(self) -> datetime | None:
        """The service's time; None before the first header."""
        if self._seen is None:
            return None
        date, at = self._seen
        try:
            return date + timedelta(seconds=self._clock.monotonic() - at)
        except OverflowError:
            return None

    def skew(self) -> float | None:
        """How many seconds our clock is ahead; negative when it is behind, None before the first header."""
        now = self.now()
        return None if now is None else (self._clock.now() - now).total_seconds()


def _date(header: str | None) -> datetime | None:
    if not header:
        return None
    try:
        date = parsedate_to_datetime(header)
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
