"""Mistakes in the settings, one sentence each that an operator can act on. None repeats a value."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Literal, get_args, get_origin

from shared.settings.checks import STREAM
from shared.settings.settings import EXPECTED_EXCLUSIONS, EXPECTED_HOSTS, EXPECTED_MENTIONS, Settings

EXPECTED = {
    "SENTINEL_WORKSPACE_ID": "expected the workspace (customer) id, a GUID",
    "SENTINEL_WORKSPACE_RESOURCE_ID": "expected the workspace's ARM id, /subscriptions/…/workspaces/<name>",
    "TEAMS_WEBHOOK_URL": "expected the https URL of a Teams Workflows webhook",
    "EXCLUDED_RECIPIENTS": EXPECTED_EXCLUSIONS,
    "TEAMS_MENTIONS": EXPECTED_MENTIONS,
    "TEAMS_WEBHOOK_EXTRA_HOSTS": EXPECTED_HOSTS,
    "ROUND_WEBHOOK_URL": "expected the https URL of a Teams Workflows webhook",
    "ROUND_DEADLINE_MINUTES": "expected a whole number from 30 to 1200",
    "FINDINGS_ENDPOINT": "expected the data collection rule's logsIngestion endpoint, an https address",
    "FINDINGS_RULE_ID": "expected the data collection rule's immutable id, dcr- and 32 hex digits",
    "FINDINGS_STREAM": f"expected {STREAM}",
    "EXCLUDED_RECIPIENTS.pattern": "expected 1 to 320 characters, such as *@lab.contoso.com",
    "EXCLUDED_RECIPIENTS.until": "expected a date such as 2027-01-31",
    "EXCLUDED_RECIPIENTS.reason": "expected 1 to 500 characters",
}
_KEY = re.compile(r"[a-z_]{1,20}")  # anything else that was typed as a key may be a secret in the wrong place


class SettingsInvalid(Exception):
    """The settings cannot be used. `mistakes` holds one sentence per mistake, each naming its setting."""

    def __init__(self, mistakes: list[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("settings_invalid:\n" + "\n".join(f"  {mistake}" for mistake in mistakes))


def _expected(name: str) -> str:
    """What a setting of that name is expected to be: from the texts above, or from its type and bounds."""
    field = Settings.model_fields.get(name.lower())
    if name in EXPECTED or field is None:
        return EXPECTED.get(name, "expected another value")
    if get_origin(field.annotation) is Literal:
        *others, last = get_args(field.annotation)
        return f"expected {', '.join(others)} or {last}"
    if field.annotation is bool:
        return "expected true or false"
    if field.annotation is int:
        low = next(bound.ge for bound in field.metadata if hasattr(bound, "ge"))
        high = next(bound.le for bound in field.metadata if hasattr(bound, "le"))
        return f"expected a whole number from {low} to {high}"
    return "expected text"


def sentence(error: Mapping[str, Any]) -> str:
    """One error of pydantic as a sentence that begins with the setting's name."""
    setting, *inner = error["loc"] or ("settings",)
    shown = [part if isinstance(part, int) or _KEY.fullmatch(part) else "…" for part in inner]
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in shown)
    name = str(setting).upper()
    within = f"{name}.{inner[-1]}" if inner else name
    expected = EXPECTED[within] if within in EXPECTED else _expected(name)
    if error["type"] == "missing":
        return f"{name}{place} is missing; {expected}"
    text = error["msg"] if error["type"] == "setting" else expected
    return f"{name}{place} {text}" if text.startswith(("is ", "must ")) else f"{name}{place}: {text}"


def unfilled(names: Collection[str]) -> str:
    """The mistake of settings that still hold the example's placeholders."""
    hold = "still hold the placeholders" if len(names) > 1 else "still holds the placeholder"
    without = "; a dry run needs no TEAMS_WEBHOOK_URL" if "TEAMS_WEBHOOK_URL" in names else ""
    return f"{', '.join(names)} {hold} of local.settings.example.json: expected your own{without}"
