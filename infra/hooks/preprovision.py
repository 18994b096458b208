"""Before Azure is touched: what the template cannot check itself. Refuses with a sentence for each mistake."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.hooks.absence import OURS, watch
from infra.hooks.parameters import misspelt, own_names, value
from infra.hooks.programs import Azure, Unusable, complain, say, set_value
from infra.hooks.webhooks import ROUND_SECRET, Entries, entries, needed

TAG = "azd-env-name"
SECRET = "teams-webhook-url"  # noqa: S105 (the name that infra/modules/vault.bicep gives it)
_MANY = "ROUND_WEBHOOK_IN_VAULT"


def run(environment: Mapping[str, str]) -> int:
    """Check, set `ABSENCE_HOURS`, and return the exit code."""
    if not environment.get("AZURE_ENV_NAME"):
        return _refused(["AZURE_ENV_NAME is missing: this is started by azd (azd hooks run preprovision)"])
    alarm = watch(environment)
    mistakes, notes = misspelt(environment, own_names(environment, Path.cwd()))
    mistakes += [alarm.mistake] if alarm.mistake else []
    notes += [alarm.note] if alarm.note else []
    listed = entries()
    mistakes += [*listed.mistakes, *_workspace(environment, listed)]
    secrets: frozenset[str] | None = None
    try:
        found, secrets = _group(environment, Azure(environment), listed)
        mistakes += found
    except Unusable as why:
        notes.append(f"Not checked, whether {group_name(environment)} is free and the webhook is given: {why}.")
    if mistakes:
        return _refused(mistakes)
    try:
        _remember(environment, alarm.hours, _in_vault(environment, listed, secrets))
    except Unusable as why:
        return _refused([str(why)])
    say(*notes)
    return 0


def group_name(environment: Mapping[str, str]) -> str:
    """The resource group that `infra/main.bicep` makes."""
    return f"rg-{environment['AZURE_ENV_NAME']}"


def _workspace(environment: Mapping[str, str], listed: Entries) -> list[str]:
    """The mistake of naming no workspace anywhere."""
    if listed.count or listed.mistakes or value("sentinelWorkspaceResourceId", environment):
        return []
    missing = "SENTINEL_WORKSPACE_RESOURCE_ID is not given, and workspaces.json has no entries"
    return [f"{missing}: azd env set SENTINEL_WORKSPACE_RESOURCE_ID <the workspace's id>"]


def _group(environment: Mapping[str, str], azure: Azure, listed: Entries) -> tuple[list[str], frozenset[str] | None]:
    """What is wrong with the resource group and the webhooks, and the secrets of its vault; None: not looked at.

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
            taken = (
                f"The resource group {name} exists already and is not this environment's (it has no tag"
                f" {TAG}={environment['AZURE_ENV_NAME']}): take another name (azd env new <name>)"
            )
            return [taken], None
    wanted = needed(environment, listed)
    if not wanted and (not listed.count or value("roundWebhookUrl", environment)):
        return [], None
    secrets = frozenset() if shown.code else _secrets(azure, name)
    return [sentence for secret, sentence in wanted.items() if secret not in secrets], secrets


def _in_vault(environment: Mapping[str, str], listed: Entries, secrets: frozenset[str] | None) -> dict[str, str]:
    """What the template is told of the vault, into which it cannot look. A webhook that is given now is there then."""
    told: dict[str, str] = {}
    if secrets and SECRET in secrets and not value("teamsWebhookUrl", environment):
        told["WEBHOOK_IN_VAULT"] = "true"
    if listed.count and value("roundWebhookUrl", environment):
        told[_MANY] = "true"
    elif listed.count and secrets is not None and (ROUND_SECRET in secrets or environment.get(_MANY)):
        told[_MANY] = str(ROUND_SECRET in secrets).lower()
    return told


def _secrets(azure: Azure, group: str) -> frozenset[str]:
    """The names in the group's vault. Azure Resource Manager tells them also where the vault's network is closed.

    Raises:
        Unusable: it could not be looked at.
    """
    home = f"/resourceGroups/{group}/providers/Microsoft.KeyVault/vaults"
    vaults = _listed(azure, home)
    places = [f"{home}/{vault.get('name')}" for vault in vaults]
    secrets = [secret for place in places for secret in _listed(azure, f"{place}/secrets")]
    return frozenset(str(secret.get("name")).rpartition("/")[2] for secret in secrets)


def _listed(azure: Azure, place: str) -> list[Any]:
    ended = azure.get(f"{place}?api-version=2023-07-01")
    found = ended.value.get("value") if isinstance(ended.value, dict) else None
    if ended.code or not isinstance(found, list):
        raise Unusable(f"az rest failed for {place} ({ended.complaint[:200]})")
    return found


def _remember(environment: Mapping[str, str], hours: int | None, in_vault: Mapping[str, str]) -> None:
    """Write into azd's environment: the hours, and that they are ours, unless they are the operator's own; what the
    vault has, for the template, which cannot look."""
    wanted = {} if hours is None else dict.fromkeys(("ABSENCE_HOURS", OURS), str(hours))
    for name, text in {**wanted, **in_vault}.items():
        if environment.get(name) != text:
            set_value(environment, name, text)


def _refused(mistakes: list[str]) -> int:
    complain("Nothing was deployed. To correct first:", *(f"  {mistake}" for mistake in mistakes))
    return 1
