"""What `local.settings.example.json` holds in place of one's own values. Copied and not filled in, it is no setting."""

from __future__ import annotations

from collections.abc import Mapping

_GUID = "00000000-0000-0000-0000-000000000000"
_EXAMPLES = {
    "SENTINEL_WORKSPACE_ID": _GUID,
    "SENTINEL_WORKSPACE_RESOURCE_ID": f"/subscriptions/{_GUID}/",  # its names may well be somebody's own
    "TEAMS_WEBHOOK_URL": "https://prod-00.westeurope.logic.azure.com/workflows/your-own",
}


def placeholders(values: Mapping[str, str]) -> tuple[str, ...]:
    """The names of the settings that still hold the example's placeholder."""
    return tuple(
        name for name, example in _EXAMPLES.items() if values.get(name, "").lower().startswith(example.lower())
    )
