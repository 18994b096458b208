"""What `tune` finds out: how many recipients each threshold flags, and what past days would have brought."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.app import hunt_options
from shared.clock import Clock
from shared.http.client import Http
from shared.http.credential import sign_in
from shared.hunt import Hunt, open_hunt
from shared.model import ALONE, Removals, RoundEntry, Window, WorkspaceState
from shared.plan.replay import Replay, ReplayedDay, Week, week_of
from shared.plan.threshold import Step, Suggestion, curve, suggested
from shared.plan.trust import judge
from shared.settings import Settings
from shared.sweep.context import policy_of
from shared.sweep.gather import trust_options

DEFENDER_DAYS = 30
"""So far back advanced hunting can look."""
GRACE = timedelta(days=1)
"""A window whose first row comes this much after its start is still whole: there may have been no mail."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What past days would have brought. `since`: the oldest row of their windows, None when there is none."""

    days: tuple[ReplayedDay, ...]
    week: Week
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Tuned:
    """What `tune` has to show. `removals` are of those who are not excluded, of whom there are `excluded` more.

    `known`: it could be asked who remediated. `doubts`: why the data cannot be trusted.
    """

    settings: Settings
    window: Window
    removals: tuple[Removals, ...]
    excluded: int
    known: bool
    doubts: tuple[str, ...]
    steps: tuple[Step, ...]
    suggestion: Suggestion
    replayed: Replayed | None = None


def tuned(
    settings: Settings,
    clock: Clock,
    days: int = 0,
    progress: Callable[[str], None] = lambda _: None,
    entry: RoundEntry = ALONE,
) -> Tuned:
    """Ask for the window that a sweep would look at now, and replay so many past days, the last of which ends now.
    `entry`: as which of many workspaces.

    Raises:
        SweepError: a service could not be asked, or its response cannot be used.
    """
    # Each request has as long as a whole sweep; how many there are depends on the days.
    with ExitStack() as stack:

        def ends() -> float:
            return clock.monotonic() + settings.sweep_budget_seconds

        credential = stack.enter_context(closing(sign_in(settings.azure_client_id, clock, deadline=ends)))
        http = stack.enter_context(closing(Http(credential, clock=clock, deadline=ends)))
        options = hunt_options(settings, entry)
        if settings.hunt_source == "defender":
            options = replace(options, lookback_days=min(options.lookback_days + days, DEFENDER_DAYS))
        hunt = stack.enter_context(closing(open_hunt(options, http, credential)))
        progress("counting")
        found = _counted(hunt, settings, clock.now())
        return replace(found, replayed=_replayed(hunt, settings, found.window.end, days, progress)) if days else found


def _counted(hunt: Hunt, settings: Settings, now: datetime) -> Tuned:
    window = Window(now - timedelta(days=settings.lookback_days), now)
    coverage, _ = hunt.with_witness(window, hunt.coverage(window))
    options = replace(trust_options(hunt, WorkspaceState()), lookback_days=settings.lookback_days)
    doubts = tuple(str(reason) for reason in judge(coverage, options, now).reasons)
    everybody, known = hunt.removals(window, lowest(settings))
    excluded = policy_of(settings, now).excluded
    counted = tuple(each for each in everybody if not excluded(each.recipient))
    steps = curve(counted, lowest(settings))
    return Tuned(
        settings,
        window,
        counted,
        len(everybody) - len(counted),
        known,
        doubts,
        steps,
        suggested(steps, settings.sum_case_threshold),
    )


def _replayed(hunt: Hunt, settings: Settings, now: datetime, many: int, progress: Callable[[str], None]) -> Replayed:
    look_back = timedelta(days=settings.lookback_days)
    moments = [now - timedelta(days=back) for back in reversed(range(many))]
    since = hunt.first_row(Window(moments[0] - look_back, now))
    replay = Replay(policy_of(settings, now))
    days = []
    for number, moment in enumerate(moments, 1):
        progress(f"replaying day {number} of {many}")
        window = Window(moment - look_back, moment)
        findings = {finding.recipient: finding for finding in hunt.findings(window)}
        shortened = since is None or since > window.start + GRACE
        days.append(replay.sweep(findings, moment, shortened=shortened))
    return Replayed(tuple(days), week_of(days), since)


def lowest(settings: Settings) -> int:
    """Where the curve begins: at 1, or at 0 when that is today's threshold."""
    return min(1, settings.sum_case_threshold)


def by_domain(found: Tuned) -> dict[str, tuple[Step, ...]]:
    """The curve of each domain, the one with most recipients first."""
    domains: dict[str, list[Removals]] = {}
    for each in found.removals:
        domains.setdefault(each.domain, []).append(each)
    ordered = sorted(domains.items(), key=lambda domain: (-len(domain[1]), domain[0]))
    return {name: curve(removals, lowest(found.settings)) for name, removals in ordered}
