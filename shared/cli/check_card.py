"""`doctor --send-test-card`: a card that says that it is a test, and where to look when it does not appear."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from shared.cli.check_settings import NEW_WEBHOOK
from shared.cli.checks import CheckResult, Found
from shared.settings import Settings
from shared.teams.trial import TRIAL_HEADING, trial_card
from shared.teams.webhook import Webhook
from shared.text import when


def send_card(webhook: Webhook, settings: Settings, now: datetime, name: str = "") -> CheckResult:
    """Post the card; what to look for, and where when it does not appear. `name` is the entry's, of many.

    Raises:
        SweepError: Teams refuses it.
    """
    if not settings.teams_webhook_url.get_secret_value():
        return Found.UNTRIED, "not sent: TEAMS_WEBHOOK_URL is not set"
    if settings.dry_run:
        return Found.UNTRIED, "not sent: DRY_RUN is on, and a dry run posts nothing"
    reference = uuid4().hex[:8]
    workspace = settings.sentinel_workspace_resource_id.rsplit("/", 1)[-1]
    webhook.post(trial_card(workspace, reference, now, name))
    return Found.FINE, (
        f'Teams took it at {when(now)}. Look in the channel for "{TRIAL_HEADING}" with the reference {reference}: what'
        " was taken is not yet shown. If it is not there in two minutes, open Power Automate, My flows, the webhook's"
        " flow, its run history. No run: the URL is of another flow. A failed run names the step: a private channel"
        " wants to be posted to as a user. The flow is off, or its owner has left: make a new one"
        f" ({NEW_WEBHOOK})"
    )
