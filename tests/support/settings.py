"""Settings of no real workspace, for tests that make no request."""

from __future__ import annotations

from typing import Any

from shared.settings import Settings, from_values

REQUIRED = {
    "SENTINEL_WORKSPACE_ID": "11111111-2222-3333-4444-555555555555",
    "SENTINEL_WORKSPACE_RESOURCE_ID": (
        "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/soc"
        "/providers/Microsoft.OperationalInsights/workspaces/soc"
    ),
    "TEAMS_WEBHOOK_URL": "https://prod-01.westeurope.logic.azure.com/workflows/x/triggers/manual/paths/invoke?sig=s",
}


def settings_for(**values: Any) -> Settings:
    """The required settings and these, by field name."""
    return from_values({**REQUIRED, **{name.upper(): str(value) for name, value in values.items()}})
