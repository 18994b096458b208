"""The coverage of a table that is too large for one query: asked day by day, as few parts as fit, and put together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.hunt.coverage import DAY, MOST_WORDS
from shared.hunt.split import in_parts
from shared.model import Coverage, Window

SECOND, TICK = timedelta(seconds=1), timedelta(microseconds=1)
MOST_DAY_PARTS = 32
"""Parts at most; of a window of 30 days each is a day then."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some whole days of the window: the times to ask for, and the days that they are."""

    asked: Window
    days: Window


def coverage_in_parts(ask: Callable[[Stretch], Coverage], window: Window) -> Coverage:
    """The coverage of the window, as one query would have it; `ask` gets one stretch of it. Raises SweepError."""

    def one(parts: int, part: int) -> Coverage:
        stretch = _stretch(window, parts, part)
        return Coverage(0, None) if stretch is None else ask(stretch)

    found = in_parts(one, MOST_DAY_PARTS)
    return found[0] if len(found) == 1 else _joined(found)


def _stretch(window: Window, parts: int, part: int) -> Stretch | None:
    """The part's days, the oldest part first; None when it has none."""
    older, newer = window.days * (parts - part) // parts, window.days * (parts - part - 1) // parts
    if older == newer and parts > 1:
        return None
    first, last = older == window.days, newer == 0
    start, end = window.end - older * DAY, window.end - newer * DAY
    days = Window(window.start if first else start, window.end if last else end)
    # The query counts whole seconds back from the end: the second between two days belongs to the older one.
    asked = Window(days.start if first else _second(start) + SECOND, days.end if last else _second(end) + SECOND - TICK)
    return Stretch(asked, days)


def _second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def _joined(parts: Iterable[Coverage]) -> Coverage:
    found = list(parts)
    suspicious = _summed(dict(part.suspicious) for part in found)
    unknown = _summed(
        {word: rows for word, rows in part.unknown_actions.items() if word not in part.suspicious} for part in found
    )
    return Coverage(
        rows=sum(part.rows for part in found),
        newest=max((part.newest for part in found if part.newest), default=None),
        slots=tuple(slot for part in found for slot in part.slots),
        actions=dict(sum((Counter(part.actions) for part in found), Counter())),
        unknown_actions=dict([*suspicious.items(), *unknown.items()][:MOST_WORDS]),
        suspicious=dict(list(suspicious.items())[:MOST_WORDS]),
        without_recipient=sum(part.without_recipient for part in found),
    )


def _summed(parts: Iterable[dict[str, int]]) -> dict[str, int]:
    """Rows by word, the most frequent first."""
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return dict(total.most_common())
