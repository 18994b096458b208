"""Before Azure is touched: what the template cannot check itself. Refuses with a sentence for each mistake."""

from __future__ import annotations

from collections.abc import Mapping

from infra.hooks.absence import OURS, watch
from infra.hooks.parameters import misspelt, value
from infra.hooks.programs import Azure, Unusable, complain, say, set_value

TAG = "azd-env-name"


def run(environment: Mapping[str, str]) -> int:
    """Check, set `ABSENCE_HOURS`, and return the exit code."""
    if not environment.get("AZURE_ENV_NAME"):
        return _refused(["AZURE_ENV_NAME is missing: this is started by azd (azd hooks run preprovision)"])
    alarm = watch(environment)
    mistakes = [
        *misspelt(name for name, text in environment.items() if text),
        *([alarm.mistake] if alarm.mistake else []),
    ]
    notes = [alarm.note] if alarm.note else []
    try:
        mistakes += _group(environment, Azure(environment))
    except Unusable as why:
        notes.append(f"Not checked, whether {group_name(environment)} is free and the webhook is given: {why}.")
    if mistakes:
        return _refused(mistakes)
    try:
        _remember(environment, alarm.hours)
    except Unusable as why:
        return _refused([str(why)])
    say(*notes)
    return 0


def group_name(environment: Mapping[str, str]) -> str:
    """The resource group that `infra/main.bicep` makes."""
    return f"rg-{environment['AZURE_ENV_NAME']}"


def _group(environment: Mapping[str, str], azure: Azure) -> list[str]:
    """What is wrong with the resource group: somebody else's, or a new one without a webhook.

    Raises:
        Unusable: it could not be looked at.
    """
    name = group_name(environment)
    shown = azure.ask("group", "show", "--name", name)
    if shown.code and "ResourceGroupNotFound" not in shown.complaint and shown.code != 3:
        raise Unusable(f"az group show failed ({shown.complaint[:200]})")
    if not shown.code:
        tags = (shown.value or {}).get("tags") or {}
        if tags.get(TAG) == environment["AZURE_ENV_NAME"]:
            return []
        mistake = (
            f"The resource group {name} exists already and is not this environment's (it has no tag"
            f" {TAG}={environment['AZURE_ENV_NAME']}): take another name (azd env new <name>)"
        )
        return [mistake]
    if value("teamsWebhookUrl", environment):
        return []
    missing = "TEAMS_WEBHOOK_URL is not given, and a first deployment needs it: put it into the shell, not into azd's"
    return [f"{missing} environment (docs/deploy.md, step 8)"]


def _remember(environment: Mapping[str, str], hours: int | None) -> None:
    """Write the hours into azd's environment, and that they are ours; nothing when they are the operator's own."""
    if hours is None:
        return
    for name in ("ABSENCE_HOURS", OURS):
        if environment.get(name) != str(hours):
            set_value(environment, name, str(hours))


def _refused(mistakes: list[str]) -> int:
    complain("Nothing was deployed. To correct first:", *(f"  {mistake}" for mistake in mistakes))
    return 1
