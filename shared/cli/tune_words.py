"""What `tune` says in sentences: what the settings cost a week, what a replay leaves out, what history lacks."""

from __future__ import annotations

from shared.cli.tuning import Replayed, Tuned
from shared.plan.threshold import step_at
from shared.text import when

APPROXIMATIONS = (
    "one sweep every 24 hours, the last one now; it begins with an empty ledger",
    "each sweep hunts in the rows of its own window: a row that came late, with an earlier time, is seen too early",
    "today's settings and exclusions on every day; every day's data is trusted",
    "an analyst takes each incident at once, so nobody is reminded; nobody closes one, so what comes back is a comment",
    "each sweep with something to tell posts one card; heartbeats and notices about the sweep itself are not counted",
)


def cost(found: Tuned) -> str:
    """What these settings will cost the team a week, in one sentence."""
    threshold = found.settings.sum_case_threshold
    if found.replayed is None:
        flagged, days = step_at(found.steps, threshold).flagged, found.window.days
        return (
            f"A threshold of {threshold} flags {_many(flagged, 'recipient')} in {_many(days, 'day')}: about"
            f" {_rounded(flagged * 7 / days)} new incidents a week, as an estimate (--replay {days} counts them)."
        )
    week = found.replayed.week
    first = f"the first sweep raises {_many(week.first, 'incident')}"
    if not week.days:
        return f"A threshold of {threshold}: {first}; one day says nothing about a week."
    busiest = "" if week.most is None else f", {week.most:,} incidents in the busiest seven days"
    few = f"; from {_many(week.days, 'day')} only" if week.days < 7 else ""
    return (
        f"A threshold of {threshold} costs your team about {_rounded(week.incidents)} new incidents and"
        f" {_rounded(week.cards)} cards a week{busiest}{few}; {first}, unless baseline takes them as reported."
    )


def history(found: Tuned, replayed: Replayed) -> str:
    """Which of the replayed days see less than they would have, "" when none does."""
    short = [day for day in replayed.days if day.shortened]
    if not short:
        return ""
    if replayed.since is None:
        return "There is no row at all in these days: nothing can be said about them."
    others = any(not day.shortened for day in replayed.days[1:])
    left = "they are left out of the week" if others else "there are no others"
    return (
        f"The history is too short for {_many(len(short), 'day')}, to {short[-1].at:%Y-%m-%d}: a window has"
        f" {_many(found.settings.lookback_days, 'day')}, and the oldest row is of {when(replayed.since)}. These days"
        f" count too little; {left}."
    )


def _many(number: int, thing: str) -> str:
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def _rounded(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:.1f}".removesuffix(".0")
