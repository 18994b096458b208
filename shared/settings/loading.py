"""From the environment and `local.settings.json` to checked settings; all mistakes are reported at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from shared.schedule import EXAMPLE
from shared.settings import checks
from shared.settings.clouds import CLOUDS
from shared.settings.local_file import ROOT, local_values
from shared.settings.mistakes import EXPECTED, SettingsInvalid, sentence, unfilled
from shared.settings.placeholders import placeholders
from shared.settings.settings import Settings

PLACE_NAMES = frozenset(
    {"WEBSITE_INSTANCE_ID", "WEBSITE_SITE_NAME"}
    | {f"AZUREWEBJOBSSTORAGE__{name}" for name in ("ACCOUNTNAME", "TABLESERVICEURI", "QUEUESERVICEURI")}
)
"""What the host says of where this process runs and keeps its data, beside the settings."""
TRUE = frozenset({"true", "1", "yes", "on", "t", "y"})  # what pydantic takes for true
_FOR_THE_RULE = ("FINDINGS_ENDPOINT", "FINDINGS_RULE_ID", "FINDINGS_STREAM")
NO_LEDGER = (
    "LEDGER_URL is missing, and neither AzureWebJobsStorage__accountName nor AzureWebJobsStorage__tableServiceUri is"
    " set; expected https://<account>.table.core.windows.net (a ledger on this app's own disk would be forgotten)"
)


def from_values(given: Mapping[str, str], *, dry_run: bool = False, webhook_needed: bool | None = None) -> Settings:
    """The settings in a mapping of app-setting names to text.

    With `dry_run` it is a dry run whatever DRY_RUN says. `webhook_needed` says whether TEAMS_WEBHOOK_URL is required
    (by default: unless it is a dry run).

    Raises:
        SettingsInvalid: with every mistake found.
    """
    values = normal_values(given) | ({"DRY_RUN": "true"} if dry_run else {})
    # An empty value is what a template leaves behind for "not set".
    raw: dict[str, Any] = {field: values[field.upper()] for field in Settings.model_fields if values.get(field.upper())}
    raw.setdefault("ledger_url", ledger_default(values))
    dry = values.get("DRY_RUN", "").lower() in TRUE
    required = not dry if webhook_needed is None else webhook_needed
    examples = placeholders(values)
    if dry and not required and examples == ("TEAMS_WEBHOOK_URL",):
        del raw["teams_webhook_url"]  # nothing is posted, so the placeholder may stay
        examples = ()
    settings, mistakes = _built(raw)
    if not raw["ledger_url"]:
        mistakes.append(NO_LEDGER)
    if required and "teams_webhook_url" not in raw:
        mistakes.append(f"TEAMS_WEBHOOK_URL is missing; {EXPECTED['TEAMS_WEBHOOK_URL']} (a dry run needs none)")
    if values.get("RAISE_BY") == "rule":
        absent = [name for name in _FOR_THE_RULE if name.lower() not in raw]
        mistakes += [f"{name} is missing; {EXPECTED[name]} (RAISE_BY=rule uploads findings there)" for name in absent]
    if examples:
        mistakes = [*(text for text in mistakes if not text.startswith(examples)), unfilled(examples)]
    if mistakes or settings is None:
        raise SettingsInvalid(sorted(mistakes))
    if "high_severity_threshold" not in raw:
        return settings.model_copy(update={"high_severity_threshold": 5 * settings.sum_case_threshold})
    return settings


def normal_values(given: Mapping[str, str]) -> dict[str, str]:
    """The values under upper-case names, without blanks around them."""
    values = {name.upper(): value.strip() for name, value in given.items()}
    # The host reads this one itself, and refuses a tab or a line break around it, too.
    return values | {name.upper(): value for name, value in given.items() if name.upper() == "SWEEP_SCHEDULE" and value}


def _built(raw: Mapping[str, Any]) -> tuple[Settings | None, list[str]]:
    """The settings, or the mistakes in them."""
    try:
        return Settings(**raw), []
    except ValidationError as error:
        return None, [sentence(dict(found)) for found in error.errors(include_input=False, include_url=False)]


def ledger_default(values: Mapping[str, str]) -> str:
    """Where the ledger is when LEDGER_URL is not set: "" when it would be on a disk that Azure discards."""
    if "WEBSITE_INSTANCE_ID" not in values and "WEBSITE_SITE_NAME" not in values:
        return "sqlite:///.sweep/ledger.db"
    if uri := values.get("AZUREWEBJOBSSTORAGE__TABLESERVICEURI"):
        return uri.rstrip("/")
    account = values.get("AZUREWEBJOBSSTORAGE__ACCOUNTNAME")
    cloud = CLOUDS.get(values.get("AZURE_CLOUD") or "AzureCloud", CLOUDS["AzureCloud"])
    return f"https://{account}.{cloud.table_suffix}" if account else ""


def load(
    environment: Mapping[str, str] | None = None,
    beside: Path = ROOT,
    *,
    dry_run: bool = False,
    webhook_needed: bool | None = None,
) -> Settings:
    """The settings of this process: the environment over `local.settings.json` in the folder `beside`, if there is one.

    `dry_run` and `webhook_needed` are as in `from_values`.

    Raises:
        SettingsInvalid: with every mistake found.
    """
    return from_values(app_values(environment, beside), dry_run=dry_run, webhook_needed=webhook_needed)


def app_values(environment: Mapping[str, str] | None = None, beside: Path = ROOT) -> dict[str, str]:
    """The app settings of this process as text, by upper-case names, with all else that is in the environment.

    Raises:
        SettingsInvalid: `local.settings.json` cannot be read.
    """
    values = {name.upper(): value for name, value in local_values(beside).items()}
    values.update({name.upper(): value for name, value in (os.environ if environment is None else environment).items()})
    return values


def given_schedule(environment: Mapping[str, str] | None = None, beside: Path = ROOT) -> str | None:
    """SWEEP_SCHEDULE, even when other settings are invalid; None when it is not set or is not a schedule."""
    try:
        values = {name.upper(): value for name, value in local_values(beside).items()}
    except SettingsInvalid:
        values = {}
    values.update({name.upper(): value for name, value in (os.environ if environment is None else environment).items()})
    if "SWEEP_SCHEDULE" not in values:
        return None
    given = values["SWEEP_SCHEDULE"] or EXAMPLE  # empty is the default, as for a sweep
    return given if checks.schedule(given) is None else None
