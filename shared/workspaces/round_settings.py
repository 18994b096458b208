"""What is set for a round over all workspaces, and not for a sweep of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr

from shared.schedule import EXAMPLE, parse
from shared.settings import CLOUDS, ROOT, Cloud, Settings, SettingsInvalid, checks, from_values
from shared.settings.loading import PLACE_NAMES, app_values, normal_values
from shared.settings.mistakes import EXPECTED

DEADLINE_MINUTES = 120
LEAST_MINUTES, MOST_MINUTES = 30, 1200
_SHARED = PLACE_NAMES | {
    *("AZURE_CLOUD", "AZURE_CLIENT_ID", "LEDGER_URL", "SWEEP_SCHEDULE", "HEARTBEAT_DAYS", "RUNBOOK_URL"),
    *("TEAMS_MENTIONS", "TEAMS_WEBHOOK_EXTRA_HOSTS"),
}
"""The settings of a sweep that a round needs, too."""
_ANY_WORKSPACE = {
    "SENTINEL_WORKSPACE_ID": "11111111-1111-1111-1111-111111111111",
    "SENTINEL_WORKSPACE_RESOURCE_ID": "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/none"
    "/providers/Microsoft.OperationalInsights/workspaces/none",
}
"""A round has no workspace of its own; a sweep's settings are not checked without one."""
_DEADLINE, _WEBHOOK = "ROUND_DEADLINE_MINUTES", "ROUND_WEBHOOK_URL"
_QUEUE, _ACCOUNT = "AzureWebJobsStorage__queueServiceUri", "AzureWebJobsStorage__accountName"


@dataclass(frozen=True, slots=True)
class RoundSettings:
    """The settings of a round, all from the app settings.

    `webhook_url` is empty where no round's card is wanted. `queue_url` is without a slash at its end, "" where it is
    neither set nor needed.
    """

    webhook_url: SecretStr
    deadline_minutes: int
    heartbeat_days: int
    schedule: str
    ledger_url: str
    azure_client_id: str
    cloud: Cloud
    mentions: tuple[str, ...]
    runbook_url: str
    webhook_extra_hosts: tuple[str, ...]
    queue_url: str


def round_settings(
    environment: Mapping[str, str] | None = None, folder: Path = ROOT, *, queue_needed: bool = True
) -> RoundSettings:
    """The settings of this process's rounds: the environment over `local.settings.json` in the folder.

    Raises:
        SettingsInvalid: with every mistake found.
    """
    app = normal_values(app_values(environment, folder))
    settings, mistakes = _like_a_sweep(app)
    minutes, wrong = _deadline(app.get(_DEADLINE, ""))
    mistakes += wrong or _too_long(minutes, app.get("SWEEP_SCHEDULE") or EXAMPLE)
    queue_url, wrong = _queue(app, settings, needed=queue_needed)
    mistakes += wrong
    if mistakes or settings is None:
        raise SettingsInvalid(sorted(mistakes))
    return RoundSettings(
        webhook_url=settings.teams_webhook_url,
        deadline_minutes=minutes,
        heartbeat_days=settings.heartbeat_days,
        schedule=settings.sweep_schedule,
        ledger_url=settings.ledger_url,
        azure_client_id=settings.azure_client_id,
        cloud=settings.cloud,
        mentions=settings.teams_mentions,
        runbook_url=settings.runbook_url,
        webhook_extra_hosts=settings.teams_webhook_extra_hosts,
        queue_url=queue_url,
    )


def _like_a_sweep(app: Mapping[str, str]) -> tuple[Settings | None, list[str]]:
    """The settings that a round shares with a sweep, checked as a sweep's are; the webhook is the round's."""
    values = {name: value for name, value in app.items() if name in _SHARED} | _ANY_WORKSPACE
    try:
        return from_values({**values, "TEAMS_WEBHOOK_URL": app.get(_WEBHOOK, "")}, webhook_needed=False), []
    except SettingsInvalid as invalid:
        mistakes = [each.replace("TEAMS_WEBHOOK_URL", _WEBHOOK) for each in invalid.mistakes]
        return None, [each.replace(f"; a dry run needs no {_WEBHOOK}", ", or none") for each in mistakes]


def _deadline(given: str) -> tuple[int, list[str]]:
    """The minutes after which a round ends, whatever is still missing, and what is wrong with them."""
    if not given:
        return DEADLINE_MINUTES, []
    minutes = int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 0
    if LEAST_MINUTES <= minutes <= MOST_MINUTES:
        return minutes, []
    return DEADLINE_MINUTES, [f"{_DEADLINE}: {EXPECTED[_DEADLINE]}"]


def _too_long(minutes: int, expression: str) -> list[str]:
    """A round must have ended when the next one begins."""
    gap = None if checks.schedule(expression) else parse(expression).shortest_gap()
    if gap is None or timedelta(minutes=minutes) < gap:
        return []
    between = f"{gap // timedelta(minutes=1)} minutes, the shortest time between two rounds of SWEEP_SCHEDULE"
    return [f"{_DEADLINE}: expected less than {between}, and at least {LEAST_MINUTES}; it is {minutes}"]


def _queue(app: Mapping[str, str], settings: Settings | None, *, needed: bool) -> tuple[str, list[str]]:
    """The address of the queue service, and what is wrong with it."""
    cloud = settings.cloud if settings else CLOUDS["AzureCloud"]
    if url := app.get(_QUEUE.upper(), "").rstrip("/"):
        wrong = checks.queue(url, cloud)
        return url, [f"{_QUEUE}: {wrong}"] if wrong else []
    if account := app.get(_ACCOUNT.upper()):
        return f"https://{account}.{cloud.queue_suffix}", []
    missing = f"{_QUEUE} is missing, and so is {_ACCOUNT}; expected https://<account>.{cloud.queue_suffix}"
    return "", [missing] if needed else []
