"""Which webhooks the entries of workspaces.json need, and which of them somebody still has to hand over."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.hooks.parameters import INFRA, nested, value

ROUND_SECRET = "round-webhook-url"  # noqa: S105 (the name that infra/modules/webhooks.bicep gives it)
_FILE = INFRA.parent / "workspaces.json"
_REFERENCE = re.compile(r"%([A-Z][A-Z0-9_]{0,99})%")
_NAME = re.compile(r"[a-z0-9-]{1,40}")
_OWN = "TEAMS_WEBHOOK_URL"


@dataclass(frozen=True, slots=True)
class Entries:
    """What the file says: how many entries there are, who refers to which app setting, and what is wrong with it."""

    count: int = 0
    referred: Mapping[str, str] = field(default_factory=dict)
    mistakes: tuple[str, ...] = ()


def entries(file: Path = _FILE) -> Entries:
    """The entries, as far as a deployment depends on them. `python -m shared workspaces --check` says all mistakes."""
    try:
        listed = json.loads(file.read_text(encoding="utf-8-sig"))["workspaces"]
        if not isinstance(listed, list):
            raise TypeError
        found = [(str(each.get("name", "")), str(each.get(_OWN) or "").strip()) for each in listed]
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        wrong = f"workspaces.json cannot be read ({type(error).__name__})"
        return Entries(mistakes=(f'{wrong}: expected such as {{"workspaces": []}} beside host.json',))
    referred: dict[str, str] = {}
    for name, webhook in found:
        if match := _REFERENCE.fullmatch(webhook):
            referred[match[1]] = f"{referred[match[1]]}, {name}" if match[1] in referred else name
    # A secret may stand there in clear: it is not repeated. A name is part of a deployment's name.
    mistakes = [
        f"workspaces.json, entry {number}: its name is not 1 to 40 of a-z, 0-9 and -"
        for number, (name, _) in enumerate(found, 1)
        if not _NAME.fullmatch(name)
    ]
    if len({name for name, _ in found}) < len(found):
        mistakes.append("workspaces.json has two entries with one name")
    mistakes += [
        f"workspaces.json, {name}: TEAMS_WEBHOOK_URL is no reference; expected such as %CONTOSO_WEBHOOK_URL%"
        for name, webhook in found
        if webhook and not _REFERENCE.fullmatch(webhook)
    ]
    return Entries(len(found), referred, tuple(mistakes))


def needed(environment: Mapping[str, str], listed: Entries) -> dict[str, str]:
    """The secrets that the vault must have already, since nobody hands them over now: to each the sentence if not."""
    missing: dict[str, str] = {}
    own = not listed.count or value("sentinelWorkspaceResourceId", environment) or _OWN in listed.referred
    if own and not value("teamsWebhookUrl", environment):
        missing["teams-webhook-url"] = (
            "TEAMS_WEBHOOK_URL is not given, and the vault of this environment has none yet: put it into the shell, not"
            " into azd's environment (docs/deploy.md, step 8)"
        )
    given, taken = nested("teamsWebhooks", environment), nested("teamsWebhooks", {})
    for setting, names in listed.referred.items():
        if setting in (_OWN, "ROUND_WEBHOOK_URL") or given.get(setting):
            continue
        line = f'add "{setting}": "${{{setting}}}" to teamsWebhooks in infra/main.parameters.json, and '
        do = f"{'' if setting in taken else line}put it into the shell, not into azd's environment"
        missing[setting.lower().replace("_", "-")] = (
            f"{setting} is not given, and the vault of this environment has none yet ({names} in workspaces.json): {do}"
        )
    return missing
