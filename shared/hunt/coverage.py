"""What the table held, and whether "nothing found" can be trusted.

`judge` is pure: it looks at the coverage of this sweep and at the receipts of earlier ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any

from shared.hunt.options import HuntOptions
from shared.model import Coverage, Remedy
from shared.query.answer import NUMBERS, Answer, check_columns, time_cell

COLUMNS = ("Scope", "Action", "Rows", "LastDay", "Filled", "WithoutRecipient", "Messages", "Newest")
_TIME = frozenset({"datetime"})
_TYPES = (frozenset({"string"}),) * 2 + (NUMBERS,) * 5 + (_TIME,)

# Seen in Microsoft's and others' public queries; there is no official list (Microsoft Learn names none).
OTHER_ACTIONS = (
    "Delivered",
    "Blocked",
    "Junked",
    "Quarantined",
    "Removed",
    "Moved to quarantine",
    "Quarantine release",
    "Redelivery",
)
_KNOWN = {name.casefold(): name for name in (*(remedy.value for remedy in Remedy), *OTHER_ACTIONS)}
UNKNOWN_NAMED = 20

SAME_WEEKDAYS = 3  # of the last four that must have a receipt before a fall is called one
FILL_DAYS = 7  # of the last 28 that must have a receipt before the usual fill is known
LOOK_FURTHER = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Distrust:
    """One reason not to trust "nothing found". `cause` is its stable id; `words` says why; `check` what to look at."""

    cause: str
    words: str
    check: str

    def __str__(self) -> str:
        return f"{self.words}. {self.check}"


def read_coverage(answer: Answer) -> Coverage:
    """The coverage in the response to coverage.kql.

    Raises:
        PartialData: when a column is missing, mistyped or not a count.
    """
    check_columns(answer, COLUMNS, _TYPES)
    rows = [dict(zip(COLUMNS, row, strict=False)) for row in answer.rows]
    totals = [row for row in rows if row["Scope"] == "all"]
    if len(totals) != 1:
        raise answer.malformed("Scope", f"in which {len(totals)} rows count everything")
    for row in rows:
        for name in COLUMNS[2:7]:
            if type(row.get(name)) is not int or row[name] < 0:
                raise answer.malformed(name, "that is not a count")
        if not isinstance(row["Action"], str):
            raise answer.malformed("Action", "that is not text")
    known: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    for row in rows:
        if row["Scope"] != "all":
            action = row["Action"]
            name = _KNOWN.get(action.casefold(), "")
            (known if name else unknown)[name or action] += row["Rows"]
    total = totals[0]
    return Coverage(
        rows=total["Rows"],
        last_day=total["LastDay"],
        newest=time_cell(answer, "Newest", total.get("Newest")),
        filled=total["Filled"] / total["Rows"] if total["Rows"] else 0.0,
        actions={name: known[name] for name in _KNOWN.values() if known[name]},
        unknown_actions=dict(unknown.most_common(UNKNOWN_NAMED)),
        messages=total["Messages"],
        without_recipient=total["WithoutRecipient"],
    )


def read_last_rows(answer: Answer) -> datetime | None:
    """When the table last had a row, from the response to last_rows.kql.

    Raises:
        PartialData: when the column is missing, mistyped or not a time.
    """
    check_columns(answer, ("Newest",), (_TIME,))
    times = [time_cell(answer, "Newest", cell) for cell, *_ in answer.rows]
    return times[0] if times else None


def judge(
    coverage: Coverage, history: Iterable[Mapping[str, Any]], options: HuntOptions, now: datetime
) -> tuple[Distrust, ...]:
    """Every reason why "nothing found" cannot be trusted in this sweep; its findings are used all the same.

    `history` holds the receipts of earlier sweeps, as JSON, in any order; what cannot be read in them is left out.
    """
    if coverage.rows == 0:
        return (_empty(coverage, options, now),)
    doubts = [_stale(coverage, options, now) or _fallen(coverage, _by_day(history, now), now)]
    doubts.append(_unfilled(coverage, options) or _fill_fallen(coverage, _by_day(history, now), now))
    return tuple(doubt for doubt in doubts if doubt)


def _empty(coverage: Coverage, options: HuntOptions, now: datetime) -> Distrust:
    words = f"EmailEvents holds no row of the last {options.lookback_days} days"
    if coverage.last_rows is not None:
        ago = (now - coverage.last_rows).days
        words += f"; its last row is of {_stamp(coverage.last_rows)}, {ago} days ago"
    elif LOOK_FURTHER.days > options.lookback_days and options.source == "sentinel":
        words += f", nor of the last {LOOK_FURTHER.days}"
    return Distrust("coverage_empty", words, _connector(options))


def _stale(coverage: Coverage, options: HuntOptions, now: datetime) -> Distrust | None:
    limit = options.max_data_age_hours
    if coverage.newest is not None and now - coverage.newest <= timedelta(hours=limit):
        return None
    since = "has no time"
    if coverage.newest is not None:
        hours = int((now - coverage.newest).total_seconds() // 3600)
        since = f"is of {_stamp(coverage.newest)}, {hours:,} hours ago (MAX_DATA_AGE_HOURS is {limit})"
    return Distrust("coverage_stale", f"the newest row of EmailEvents {since}", _connector(options))


def _unfilled(coverage: Coverage, options: HuntOptions) -> Distrust | None:
    if coverage.filled > 0:
        return None
    check = "Compare LatestDeliveryAction in Advanced hunting: where it is filled there"
    return Distrust(
        "coverage_unfilled",
        f"none of the {coverage.rows:,} rows of EmailEvents says what became of the mail (no LatestDeliveryAction)",
        f"{check}, set HUNT_SOURCE=defender"
        if options.source == "sentinel"
        else "Check in Advanced hunting whether LatestDeliveryAction is filled, and ask Microsoft if it is not",
    )


def _fallen(coverage: Coverage, days: Mapping[date, Mapping[str, Any]], now: datetime) -> Distrust | None:
    weeks = [days.get(now.date() - timedelta(weeks=week)) for week in range(1, 5)]
    brought = [day["last_day"] for day in weeks if day is not None]
    if len(brought) < SAME_WEEKDAYS or coverage.last_day * 3 >= median(brought):
        return None
    return Distrust(
        "coverage_fallen",
        f"the last 24 hours brought {coverage.last_day:,} rows of EmailEvents, under a third of the"
        f" {median(brought):,.0f} that are usual on a {now:%A}",
        "Check whether that is a holiday; if not, check the connector of Defender XDR and the mail flow",
    )


def _fill_fallen(coverage: Coverage, days: Mapping[date, Mapping[str, Any]], now: datetime) -> Distrust | None:
    first = now.date() - timedelta(days=28)
    shares = [day["filled"] for when, day in days.items() if first <= when < now.date() and day["rows"] > 0]
    if len(shares) < FILL_DAYS or coverage.filled * 2 >= median(shares):
        return None
    return Distrust(
        "coverage_fill_fallen",
        f"{coverage.filled:.1%} of the rows of EmailEvents say what became of the mail (LatestDeliveryAction),"
        f" under half of the usual {median(shares):.1%}",
        "Compare with Advanced hunting, and look at Microsoft 365's service health for Defender",
    )


def _by_day(history: Iterable[Mapping[str, Any]], now: datetime) -> dict[date, Mapping[str, Any]]:
    """The coverage of the last sweep of each earlier UTC day."""
    days: dict[date, tuple[datetime, Mapping[str, Any]]] = {}
    for receipt in history:
        coverage = receipt.get("coverage")
        try:
            started = datetime.fromisoformat(receipt["started"]).astimezone(UTC)
        except (KeyError, TypeError, ValueError):
            continue
        if not isinstance(coverage, Mapping) or not _numbers(coverage, ("rows", "last_day", "filled")):
            continue
        day = started.date()
        if started < now and day < now.date() and (day not in days or days[day][0] < started):
            days[day] = (started, coverage)
    return {day: coverage for day, (_, coverage) in days.items()}


def _numbers(values: Mapping[str, Any], names: Sequence[str]) -> bool:
    return all(isinstance(values.get(name), int | float) for name in names)


def _connector(options: HuntOptions) -> str:
    if options.source == "defender":
        return "Check in Advanced hunting whether EmailEvents has rows, and that Defender for Office 365 is licensed"
    return (
        "Check that the workspace's Microsoft Defender XDR connector still sends EmailEvents, and that"
        " SENTINEL_WORKSPACE_ID is the right workspace"
    )


def _stamp(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
