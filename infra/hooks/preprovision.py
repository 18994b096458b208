"""Before Azure is touched: what the template cannot check itself. Refuses with a sentence for each mistake."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.hooks.absence import OURS, watch
from infra.hooks.parameters import misspelt, own_names, value
from infra.hooks.programs import Azure, Unusable, complain, say, set_value

TAG = "azd-env-name"
SECRET = "teams-webhook-url"  # noqa: S105 (the name that infra/modules/vault.bicep gives it)


def run(environment: Mapping[str, str]) -> int:
    """Check, set `ABSENCE_HOURS`, and return the exit code."""
    if not environment.get("AZURE_ENV_NAME"):
        return _refused(["AZURE_ENV_NAME is missing: this is started by azd (azd hooks run preprovision)"])
    alarm = watch(environment)
    mistakes, notes = misspelt(environment, own_names(environment, Path.cwd()))
    mistakes += [alarm.mistake] if alarm.mistake else []
    notes += [alarm.note] if alarm.note else []
    in_vault = False
    try:
        mistake, in_vault = _group(environment, Azure(environment))
        mistakes += [mistake] if mistake else []
    except Unusable as why:
        notes.append(f"Not checked, whether {group_name(environment)} is free and the webhook is given: {why}.")
    if mistakes:
        return _refused(mistakes)
    try:
        _remember(environment, alarm.hours, in_vault=in_vault)
    except Unusable as why:
        return _refused([str(why)])
    say(*notes)
    return 0


def group_name(environment: Mapping[str, str]) -> str:
    """The resource group that `infra/main.bicep` makes."""
    return f"rg-{environment['AZURE_ENV_NAME']}"


def _group(environment: Mapping[str, str], azure: Azure) -> tuple[str, bool]:
    """What is wrong with the resource group ("" when nothing is), and whether its vault has the webhook.

    Raises:
        Unusable: it could not be looked at.
    """
    name = group_name(environment)
    shown = azure.ask("group", "show", "--name", name)
    if shown.code and "ResourceGroupNotFound" not in shown.complaint and shown.code != 3:
        raise Unusable(f"az group show failed ({shown.complaint[:200]})")
    if not shown.code:
        if not isinstance(shown.value, dict):
            raise Unusable("az group show did not answer with JSON")
        tags = shown.value.get("tags") or {}
        if tags.get(TAG) != environment["AZURE_ENV_NAME"]:
            return (
                f"The resource group {name} exists already and is not this environment's (it has no tag"
                f" {TAG}={environment['AZURE_ENV_NAME']}): take another name (azd env new <name>)"
            ), False
    if value("teamsWebhookUrl", environment):
        return "", False
    if not shown.code and _in_vault(azure, name):
        return "", True
    return (
        "TEAMS_WEBHOOK_URL is not given, and the vault of this environment has none yet: put it into the shell, not"
        " into azd's environment (docs/deploy.md, step 8)"
    ), False


def _in_vault(azure: Azure, group: str) -> bool:
    """Whether the group's vault has the secret. Azure Resource Manager tells also where the vault's network is closed.

    Raises:
        Unusable: it could not be looked at.
    """
    home = f"/resourceGroups/{group}/providers/Microsoft.KeyVault/vaults"
    vaults = _listed(azure, home)
    places = [f"{home}/{vault.get('name')}" for vault in vaults]
    secrets = [secret for place in places for secret in _listed(azure, f"{place}/secrets")]
    return any(str(secret.get("name")).rpartition("/")[2] == SECRET for secret in secrets)


def _listed(azure: Azure, place: str) -> list[Any]:
    ended = azure.get(f"{place}?api-version=2023-07-01")
    found = ended.value.get("value") if isinstance(ended.value, dict) else None
    if ended.code or not isinstance(found, list):
        raise Unusable(f"az rest failed for {place} ({ended.complaint[:200]})")
    return found


def _remember(environment: Mapping[str, str], hours: int | None, *, in_vault: bool) -> None:
    """Write into azd's environment: the hours, and that they are ours, unless they are the operator's own; that the
    vault has the webhook, for the template, which cannot look."""
    wanted = {} if hours is None else dict.fromkeys(("ABSENCE_HOURS", OURS), str(hours))
    for name, text in {**wanted, **({"WEBHOOK_IN_VAULT": "true"} if in_vault else {})}.items():
        if environment.get(name) != text:
            set_value(environment, name, text)


def _refused(mistakes: list[str]) -> int:
    complain("Nothing was deployed. To correct first:", *(f"  {mistake}" for mistake in mistakes))
    return 1
