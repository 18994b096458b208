"""Workspaces of no real tenant, and a folder whose `workspaces.json` names them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SIGNATURE = "Sgn4tureThatIsSecret"
WEBHOOK = f"https://prod-12.westeurope.logic.azure.com:443/workflows/abc/triggers/manual/paths/invoke?sig={SIGNATURE}"
APP = {"CONTOSO_WEBHOOK_URL": WEBHOOK, "FABRIKAM_WEBHOOK_URL": f"{WEBHOOK}2"}
"""The app settings that the entries below refer to."""


def guid(number: int) -> str:
    """A workspace's GUID."""
    return f"0b6d4f0c-7f5e-4c43-9d44-{number:012x}"


def resource(number: int) -> str:
    """A workspace's resource id."""
    group = f"/subscriptions/{guid(number)}/resourceGroups/rg-soc"
    return f"{group}/providers/Microsoft.OperationalInsights/workspaces/law-{number}"


def written_entry(name: Any = "contoso", number: int = 1, **settings: Any) -> dict[str, Any]:
    """An entry that is in order, with these settings; None leaves one out."""
    entry = {
        "name": name,
        "SENTINEL_WORKSPACE_ID": guid(number),
        "SENTINEL_WORKSPACE_RESOURCE_ID": resource(number),
        "TEAMS_WEBHOOK_URL": "%CONTOSO_WEBHOOK_URL%",
    }
    return {key: value for key, value in {**entry, **settings}.items() if value is not None}


def written_file(folder: Path, *entries: Any) -> Path:
    """The folder, with a file that holds these entries."""
    (folder / "workspaces.json").write_text(json.dumps({"workspaces": list(entries)}), encoding="utf-8")
    return folder
