"""From `workspaces.json` and the app settings to the workspaces that are swept."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from shared.nearest import nearest
from shared.settings import NAMES, ROOT, SettingsInvalid
from shared.settings.checks import workspace as not_a_workspace
from shared.settings.loading import PLACE_NAMES, app_values
from shared.workspaces.entries import WEBHOOK, WorkspaceEntry, Workspaces
from shared.workspaces.file import ACCESS, OWN, read_file, reference, shown_key

ID, RESOURCE = "SENTINEL_WORKSPACE_ID", "SENTINEL_WORKSPACE_RESOURCE_ID"
NEVER_INHERITED = frozenset(
    {ID, RESOURCE, WEBHOOK, "TEAMS_MENTIONS", "EXCLUDED_RECIPIENTS"}
    | {"FINDINGS_ENDPOINT", "FINDINGS_RULE_ID", "FINDINGS_STREAM"}
)
"""What belongs to one tenant, so that an entry which leaves it out has none."""
NOT_PER_ENTRY = frozenset(
    {"SWEEP_SCHEDULE", "LEDGER_URL", "AZURE_CLOUD", "AZURE_CLIENT_ID"}
    | {"LOG_ANALYTICS_ENDPOINT", "ARM_ENDPOINT", "GRAPH_ENDPOINT", "ROUND_WEBHOOK_URL", "ROUND_DEADLINE_MINUTES"}
)
"""What belongs to the deployment as a whole."""
ENTRY_SETTINGS = NAMES - NOT_PER_ENTRY
"""The settings that an entry may have of its own."""
_KEYS = ("name", "SENTINEL_ACCESS")


def read_workspaces(environment: Mapping[str, str] | None = None, folder: Path = ROOT) -> Workspaces:
    """The workspaces of this deployment: `workspaces.json` in the folder, with the app settings of this process (the
    environment over `local.settings.json`).

    Raises:
        SettingsInvalid: the file as a whole cannot be used. What is wrong with one entry is that entry's.
    """
    raise NotImplementedError
