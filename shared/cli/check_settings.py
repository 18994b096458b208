"""What the settings alone show: when sweeps are due, and whether the webhook is of a kind that still works."""

from __future__ import annotations

from datetime import timedelta
from math import ceil
from urllib.parse import urlsplit

from shared.cli.checks import Check, Found
from shared.clock import Clock
from shared.schedule import LONGEST_WATCHED, parse
from shared.settings import Settings

OLD_FLOWS = (".logic.azure.com", ".logic.azure.us", ".logic.azure.cn")
"""Where the addresses of flows were until 30 November 2025."""
NEW_WEBHOOK = 'in Teams, Workflows, "Post to a channel when a webhook request is received"'


def schedule_check(expression: str, clock: Clock) -> Check:
    """When the next three sweeps are due, for a valid schedule; a doubt when they are too far apart."""
    schedule = parse(expression)
    due = ", ".join(f"{moment:%a %Y-%m-%d %H:%M:%S}" for moment in schedule.next_times(clock.now(), 3))
    words = f"the next sweeps are due at {due} UTC"
    gap, most = schedule.longest_gap(), LONGEST_WATCHED
    if gap is None or gap <= most:
        return Check("schedule", Found.FINE, words)
    return Check(
        "schedule",
        Found.DOUBT,
        f"{words}; up to {_hours(gap)} hours pass between two of them, and the alarm on missing sweeps"
        f" allows {_hours(most)} at most: sweep daily, a quiet day costs a few requests",
    )


def _hours(gap: timedelta) -> str:
    return f"{ceil(gap / timedelta(hours=1) * 10) / 10:,.1f}".removesuffix(".0")


def webhook_check(settings: Settings) -> Check:
    """Whether there is a webhook, and of which kind. What cannot work at all is refused with the settings."""
    url = settings.teams_webhook_url.get_secret_value()
    if not url:
        if settings.dry_run:
            return Check("webhook", Found.FINE, "TEAMS_WEBHOOK_URL is not set; a dry run (DRY_RUN) needs none")
        words = "TEAMS_WEBHOOK_URL is not set, and only a dry run needs none: set it to the URL of a Teams Workflows"
        return Check("webhook", Found.WRONG, f"{words} webhook")
    host = urlsplit(url).hostname or ""
    if host.lower().endswith(OLD_FLOWS):
        return Check(
            "webhook",
            Found.DOUBT,
            f"the URL has the host {host}, and most URLs of this kind stopped working on 30 November 2025: make a new"
            f" webhook ({NEW_WEBHOOK}) and set TEAMS_WEBHOOK_URL to its URL; doctor --send-test-card shows whether this"
            " one still works",
        )
    return Check("webhook", Found.FINE, f"the URL has the host {host}; nothing was posted to it by this check")
