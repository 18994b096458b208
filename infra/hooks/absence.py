"""How long no sweep may end well before the absence alarm fires: what the schedule allows and what it needs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from infra.hooks.parameters import value
from shared.schedule import EXAMPLE, LONGEST_WATCHED, NotASchedule, parse

OURS = "ABSENCE_HOURS_FROM_SCHEDULE"  # what this hook set last: when ABSENCE_HOURS still says so, it may be set anew
_MARGIN = 2  # hours for a sweep to run and its receipt to arrive
_LEAST = 2
_MOST = 47  # Azure Monitor looks back 48 hours
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Watch:
    """What was decided: the hours to set (None: leave them), and a sentence about it; or what is wrong instead."""

    hours: int | None = None
    note: str = ""
    mistake: str = ""


def watch(environment: Mapping[str, str]) -> Watch:
    """The absence alarm that fits the schedule of this environment."""
    try:
        gap = parse(value("sweepSchedule", environment)).longest_gap()
    except NotASchedule as wrong:
        return Watch(mistake=f"SWEEP_SCHEDULE cannot be used: {'; '.join(wrong.mistakes)}")
    allowed = (value("allowNoAlarm", environment) or environment.get("ALLOW_NO_ALARM", "")).strip().lower()
    if allowed not in ("", "true", "false"):
        return Watch(mistake="ALLOW_NO_ALARM: expected true or false")
    if allowed == "true":
        return Watch(0, "ALLOW_NO_ALARM is true: no e-mail comes when sweeps stop (ABSENCE_HOURS is 0).")
    if gap is None or gap > LONGEST_WATCHED:
        return Watch(
            mistake=f"SWEEP_SCHEDULE leaves up to {_hours(gap)} hours between two sweeps, and the alarm on missing"
            f" sweeps allows {_hours(LONGEST_WATCHED)} at most: sweep daily, a quiet day costs a few requests"
            f' (azd env set SWEEP_SCHEDULE "{EXAMPLE}"); or go without that alarm (azd env set ALLOW_NO_ALARM true)'
        )
    given = environment.get("ABSENCE_HOURS", "").strip()
    if given and given != environment.get(OURS):
        return _given(given, gap)
    hours = ceil(gap / _HOUR) + _MARGIN
    return Watch(hours, f"Sweeps are up to {_hours(gap)} hours apart; after {hours} hours without one an e-mail comes.")


def _given(text: str, gap: timedelta) -> Watch:
    """Whether the operator's own hours fit the schedule."""
    if not re.fullmatch("[0-9]{1,3}", text) or not _LEAST <= int(text) <= _MOST:
        return Watch(
            mistake=f"ABSENCE_HOURS: expected a whole number from {_LEAST} to {_MOST}, or nothing (azd env set"
            ' ABSENCE_HOURS ""): then it is set from the schedule. To deploy without that alarm: azd env set'
            " ALLOW_NO_ALARM true"
        )
    if int(text) * _HOUR < gap + _HOUR:
        return Watch(
            mistake=f"ABSENCE_HOURS is {int(text)}, but SWEEP_SCHEDULE leaves up to {_hours(gap)} hours between two"
            f" sweeps, so the alarm would fire although all is well: set it to {ceil(gap / _HOUR) + _MARGIN}, or to"
            ' nothing (azd env set ABSENCE_HOURS "")'
        )
    return Watch(
        note=f"Sweeps are up to {_hours(gap)} hours apart; after {int(text)} hours without one an e-mail comes."
    )


def _hours(gap: timedelta | None) -> str:
    if gap is None:
        return "endless"
    return f"{ceil(gap / _HOUR * 10) / 10:,.1f}".removesuffix(".0")
