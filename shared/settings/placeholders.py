"""The placeholders of `local.settings.example.json`. A copy that still holds one is not filled in."""

from __future__ import annotations

from collections.abc import Mapping

_GUID = "00000000-0000-0000-0000-000000000000"
_EXAMPLES = {
    "SENTINEL_WORKSPACE_ID": _GUID,
    "SENTINEL_WORKSPACE_RESOURCE_ID": f"/subscriptions/{_GUID}/",  # the names after it may be real
    "TEAMS_WEBHOOK_URL": "https://prod-00.westeurope.logic.azure.com/workflows/your-own",
}


def placeholders(values: Mapping[str, str]) -> tuple[str, ...]:
    """The names of the settings that still hold the example's placeholder."""
    return tuple(
        name for name, example in _EXAMPLES.items() if values.get(name, "").lower().startswith(example.lower())
    )
