"""Every app setting, typed and checked; all mistakes at once, in words an operator can act on.

`load()` reads the environment (which wins) over the `Values` of a `local.settings.json`. No message repeats a value:
what was typed into the wrong setting may be the webhook's URL, a secret.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Collection, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from shared.schedule import EXAMPLE
from shared.settings import checks
from shared.settings.clouds import CLOUDS, Cloud
from shared.settings.placeholders import placeholders

__all__ = ["CLOUDS", "NAMES", "Cloud", "Exclusion", "Settings", "SettingsInvalid", "file_keys", "from_values", "load"]

_EXCLUSIONS = 'expected a JSON list such as [{"pattern": "*@lab.contoso.com", "until": "2027-01-31", "reason": "lab"}]'
_MENTIONS = 'expected a JSON list of strings such as ["oncall@contoso.com"]'
_HOSTS = 'expected a JSON list of hosts such as ["proxy.contoso.com:8443"]'
_EXPECTED = {
    "SENTINEL_WORKSPACE_ID": "expected the workspace (customer) id, a GUID",
    "SENTINEL_WORKSPACE_RESOURCE_ID": "expected the workspace's ARM id, /subscriptions/…/workspaces/<name>",
    "TEAMS_WEBHOOK_URL": "expected the https URL of a Teams Workflows webhook",
    "EXCLUDED_RECIPIENTS": _EXCLUSIONS,
    "TEAMS_MENTIONS": _MENTIONS,
    "TEAMS_WEBHOOK_EXTRA_HOSTS": _HOSTS,
    "EXCLUDED_RECIPIENTS.pattern": "expected 1 to 320 characters, such as *@lab.contoso.com",
    "EXCLUDED_RECIPIENTS.until": "expected a date such as 2027-01-31",
    "EXCLUDED_RECIPIENTS.reason": "expected 1 to 500 characters",
}

ROOT = Path(__file__).resolve().parent.parent.parent
LOCAL_FILE = "local.settings.json"
_TRUE = frozenset({"true", "1", "yes", "on", "t", "y"})  # what pydantic takes for true

_KEY = re.compile(r"[a-z_]{1,20}")  # what else was typed as a key may be a secret in the wrong place


class SettingsInvalid(Exception):
    """The settings cannot be used. `mistakes` holds one sentence per mistake, each naming its setting."""

    def __init__(self, mistakes: list[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("settings_invalid:\n" + "\n".join(f"  {mistake}" for mistake in mistakes))


def _fine(value: str, mistake: str | None) -> str:
    if mistake:
        raise PydanticCustomError("setting", "{mistake}", {"mistake": mistake})
    return value


def _json_list(expected: str) -> BeforeValidator:
    """Own parsing: pydantic-settings gives up at the first malformed JSON, before it has seen the other settings."""

    def parse(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            parsed = json.loads(value)
        except json.JSONDecodeError as error:
            _fine("", f"is not JSON (at character {error.pos + 1}); {expected}")
        if not isinstance(parsed, list):
            _fine("", expected)
        return parsed

    return BeforeValidator(parse)


Host = Annotated[str, AfterValidator(lambda value: _fine(value, checks.host(value)).lower())]
Upn = Annotated[str, AfterValidator(lambda value: _fine(value, checks.upn(value)))]
AtLeast0 = Annotated[int, Field(ge=0, le=1_000_000_000)]
AtLeast1 = Annotated[int, Field(ge=1, le=1_000_000_000)]
Days = Annotated[int, Field(ge=0, le=36_500)]


class Exclusion(BaseModel):
    """Recipients left alone until a date, and why. `*` is the only wildcard; `until` is inclusive, UTC."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, str_strip_whitespace=True)

    pattern: Annotated[str, Field(min_length=1, max_length=320)]
    until: date
    reason: Annotated[str, Field(min_length=1, max_length=500)]

    def matches(self, recipient: str) -> bool:
        """Whether the (lower-cased) recipient fits the pattern. Takes no longer for a pattern of many wildcards."""
        first, *rest = self.pattern.lower().split("*")
        if not rest:
            return recipient == first
        *middle, last = rest
        if not recipient.startswith(first):
            return False
        at = len(first)
        for part in middle:
            at = recipient.find(part, at)
            if at < 0:
                return False
            at += len(part)
        return recipient.endswith(last) and len(recipient) - len(last) >= at


class Settings(BaseSettings):
    """The app settings. Names are the environment's, in lower case here. See README.md for their meaning.

    A check that looks at another setting finds only those above its own, and only when they are in order themselves.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, case_sensitive=False, validate_default=False
    )

    azure_cloud: Literal["AzureCloud", "AzureUSGovernment", "AzureChinaCloud"] = "AzureCloud"
    hunt_source: Literal["sentinel", "defender"] = "sentinel"
    sweep_schedule: str = EXAMPLE
    sentinel_workspace_id: UUID
    sentinel_workspace_resource_id: str
    teams_webhook_extra_hosts: Annotated[tuple[Host, ...], NoDecode, _json_list(_HOSTS)] = ()
    teams_webhook_url: SecretStr = SecretStr("")  # empty only in a dry run, see from_values
    teams_mentions: Annotated[tuple[Upn, ...], NoDecode, _json_list(_MENTIONS)] = ()
    card_subjects: bool = False
    sum_case_threshold: AtLeast0 = 10
    high_severity_threshold: AtLeast0 = 50
    lookback_days: Annotated[int, Field(ge=1, le=90)] = 30
    deduplicate: bool = True
    max_data_age_hours: Annotated[int, Field(ge=1, le=876_000)] = 24
    max_new_incidents: AtLeast1 = 100
    excluded_recipients: Annotated[tuple[Exclusion, ...], NoDecode, _json_list(_EXCLUSIONS)] = ()
    benign_reopen_factor: AtLeast1 = 2
    remind_after_days: Days = 3
    heartbeat_days: Days = 7
    ledger_url: str = ""
    lease_seconds: Annotated[int, Field(ge=5, le=600)] = 60
    sweep_budget_seconds: Annotated[int, Field(ge=30, le=21_600)] = 1500
    dry_run: bool = False
    log_analytics_endpoint: str = ""
    arm_endpoint: str = ""
    graph_endpoint: str = ""
    azure_client_id: str = ""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load()` passes in: it has merged the environment and the file."""
        return (init_settings,)

    @field_validator("sweep_schedule")
    @classmethod
    def _schedule(cls, value: str) -> str:
        return _fine(value, checks.schedule(value))

    @field_validator("sentinel_workspace_resource_id")
    @classmethod
    def _workspace(cls, value: str) -> str:
        return _fine(value, checks.workspace(value))

    @field_validator("log_analytics_endpoint", "arm_endpoint", "graph_endpoint")
    @classmethod
    def _endpoint(cls, value: str, info: ValidationInfo) -> str:
        cloud = CLOUDS[info.data.get("azure_cloud", "AzureCloud")]
        usual: str = getattr(cloud, str(info.field_name).removesuffix("_endpoint"))
        return _fine(value, value and checks.endpoint(value, usual))

    @field_validator("teams_webhook_url")
    @classmethod
    def _webhook(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        # Which hosts are allowed is known only when these two are in order.
        cloud, hosts = CLOUDS.get(info.data.get("azure_cloud", "")), info.data.get("teams_webhook_extra_hosts")
        _fine("", checks.webhook(value.get_secret_value(), cloud, hosts))
        return value

    @field_validator("ledger_url")
    @classmethod
    def _ledger(cls, value: str, info: ValidationInfo) -> str:
        return _fine(value, value and checks.ledger(value, CLOUDS[info.data.get("azure_cloud", "AzureCloud")]))

    @field_validator("high_severity_threshold")
    @classmethod
    def _high(cls, value: int, info: ValidationInfo) -> int:
        threshold = info.data.get("sum_case_threshold", 0)
        if value < threshold:
            _fine("", f"expected at least SUM_CASE_THRESHOLD, which is {threshold}")
        return value

    @field_validator("lookback_days")
    @classmethod
    def _lookback(cls, value: int, info: ValidationInfo) -> int:
        if value > 30 and info.data.get("hunt_source") == "defender":
            _fine("", "expected a whole number from 1 to 30 with HUNT_SOURCE=defender, which keeps no more")
        return value

    @property
    def cloud(self) -> Cloud:
        """The addresses and audiences of `AZURE_CLOUD`."""
        return CLOUDS[self.azure_cloud]

    @property
    def log_analytics(self) -> str:
        """Where queries are sent, without a trailing slash."""
        return (self.log_analytics_endpoint or self.cloud.log_analytics).rstrip("/")

    @property
    def arm(self) -> str:
        """Where incidents are, without a trailing slash."""
        return (self.arm_endpoint or self.cloud.arm).rstrip("/")

    @property
    def graph(self) -> str:
        """Where Graph is, without a trailing slash."""
        return (self.graph_endpoint or self.cloud.graph).rstrip("/")

    def fingerprint(self) -> str:
        """12 hex digits that change when a setting does; the webhook URL takes no part in it."""
        shown = self.model_dump(mode="json", exclude={"teams_webhook_url"})
        return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()[:12]


NAMES = frozenset(field.upper() for field in Settings.model_fields)
"""The settings' names, as an environment has them."""


def _expected(name: str) -> str:
    """What a setting of that name is expected to be, from its own words or its type and bounds."""
    field = Settings.model_fields.get(name.lower())
    if name in _EXPECTED or field is None:
        return _EXPECTED.get(name, "expected another value")
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


def _say(error: Mapping[str, Any]) -> str:
    """One of pydantic's findings as a sentence that begins with the setting's name."""
    setting, *inner = error["loc"] or ("settings",)
    shown = [part if isinstance(part, int) or _KEY.fullmatch(part) else "…" for part in inner]
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in shown)
    name = str(setting).upper()
    within = f"{name}.{inner[-1]}" if inner else name
    expected = _EXPECTED[within] if within in _EXPECTED else _expected(name)
    if error["type"] == "missing":
        return f"{name}{place} is missing; {expected}"
    text = error["msg"] if error["type"] == "setting" else expected
    return f"{name}{place} {text}" if text.startswith(("is ", "must ")) else f"{name}{place}: {text}"


def _unfilled(names: Collection[str]) -> str:
    """What is said of settings that still hold the example's placeholders."""
    hold = "still hold the placeholders" if len(names) > 1 else "still holds the placeholder"
    without = "; a dry run needs no TEAMS_WEBHOOK_URL" if "TEAMS_WEBHOOK_URL" in names else ""
    return f"{', '.join(names)} {hold} of local.settings.example.json: expected your own{without}"


def _ledger_default(values: Mapping[str, str]) -> str:
    """Where the ledger is when nobody says: "" when it would be on a disk that Azure forgets."""
    if "WEBSITE_INSTANCE_ID" not in values and "WEBSITE_SITE_NAME" not in values:
        return "sqlite:///.sweep/ledger.db"
    if uri := values.get("AZUREWEBJOBSSTORAGE__TABLESERVICEURI"):
        return uri.rstrip("/")
    account = values.get("AZUREWEBJOBSSTORAGE__ACCOUNTNAME")
    cloud = CLOUDS.get(values.get("AZURE_CLOUD") or "AzureCloud", CLOUDS["AzureCloud"])
    return f"https://{account}.{cloud.table_suffix}" if account else ""


def from_values(given: Mapping[str, str], *, dry_run: bool = False, webhook_needed: bool | None = None) -> Settings:
    """The settings in a mapping of app-setting names to text.

    With `dry_run` it is one whatever DRY_RUN says. `webhook_needed` says whether TEAMS_WEBHOOK_URL may be missing
    (not given: in a dry run it may).

    Raises:
        SettingsInvalid: with every mistake found.
    """
    values = {name.upper(): value.strip() for name, value in given.items()}
    # The host reads this one itself, and refuses a tab or a line break around it, too.
    values |= {name.upper(): value for name, value in given.items() if name.upper() == "SWEEP_SCHEDULE" and value}
    if dry_run:
        values["DRY_RUN"] = "true"
    # An empty value is what a template leaves behind for "not set".
    raw: dict[str, Any] = {field: values[field.upper()] for field in Settings.model_fields if values.get(field.upper())}
    raw.setdefault("ledger_url", _ledger_default(values))
    mistakes = []
    if not raw["ledger_url"]:
        mistakes.append(
            "LEDGER_URL is missing, and neither AzureWebJobsStorage__accountName nor"
            " AzureWebJobsStorage__tableServiceUri is set; expected https://<account>.table.core.windows.net"
            " (a ledger on this app's own disk would be forgotten)"
        )
    dry = values.get("DRY_RUN", "").lower() in _TRUE
    if webhook_needed is None:
        webhook_needed = not dry
    examples = placeholders(values)
    if dry and not webhook_needed and examples == ("TEAMS_WEBHOOK_URL",):
        del raw["teams_webhook_url"]  # nothing is posted, so it need not be filled in
        examples = ()
    if webhook_needed and "teams_webhook_url" not in raw:
        mistakes.append(f"TEAMS_WEBHOOK_URL is missing; {_EXPECTED['TEAMS_WEBHOOK_URL']} (a dry run needs none)")
    settings = None
    try:
        settings = Settings(**raw)
    except ValidationError as error:
        mistakes += [_say(dict(found)) for found in error.errors(include_input=False, include_url=False)]
    if examples:
        mistakes = [*(text for text in mistakes if not text.startswith(examples)), _unfilled(examples)]
    if mistakes or settings is None:
        raise SettingsInvalid(sorted(mistakes))
    if "high_severity_threshold" not in raw:
        return settings.model_copy(update={"high_severity_threshold": 5 * settings.sum_case_threshold})
    return settings


def load(
    environment: Mapping[str, str] | None = None,
    beside: Path = ROOT,
    *,
    dry_run: bool = False,
    webhook_needed: bool | None = None,
) -> Settings:
    """The settings of this process: the environment over `local.settings.json` in the folder `beside` (if there).

    `dry_run` and `webhook_needed` are as in `from_values`.

    Raises:
        SettingsInvalid: with every mistake found.
    """
    values = {name.upper(): value for name, value in _local(beside).items()}
    values.update({name.upper(): value for name, value in (os.environ if environment is None else environment).items()})
    return from_values(values, dry_run=dry_run, webhook_needed=webhook_needed)


def given_schedule(environment: Mapping[str, str] | None = None, beside: Path = ROOT) -> str | None:
    """SWEEP_SCHEDULE as it is given, whatever other settings are; None when it is not given or is no schedule."""
    try:
        values = {name.upper(): value for name, value in _local(beside).items()}
    except SettingsInvalid:
        values = {}
    values.update({name.upper(): value for name, value in (os.environ if environment is None else environment).items()})
    if "SWEEP_SCHEDULE" not in values:
        return None
    given = values["SWEEP_SCHEDULE"] or EXAMPLE  # empty is the default, as for a sweep
    return given if checks.schedule(given) is None else None


def file_keys(beside: Path = ROOT) -> list[str]:
    """The names in `local.settings.json`, as they are written there; none when it is not there or cannot be read."""
    try:
        return list(_local(beside))
    except SettingsInvalid:
        return []


def _local(folder: Path) -> dict[str, str]:
    """The values of the folder's `local.settings.json`; none without one."""
    file = folder / LOCAL_FILE
    if not file.exists():
        return {}
    content, wrong = _parsed(file)
    if wrong:
        expected = '{"IsEncrypted": false, "Values": {"SWEEP_SCHEDULE": "0 0 6 * * *"}}'
        raise SettingsInvalid([f"{file.name} {wrong}; expected JSON such as {expected}"])
    if content.get("IsEncrypted", False):
        raise SettingsInvalid([f"{file.name} is encrypted; expected it as `func settings decrypt` leaves it"])
    texts = {str(name): value for name, value in content["Values"].items() if value is not None}
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in texts.items()}


def _parsed(file: Path) -> tuple[dict[str, Any], str]:
    """The file's JSON object, and what is wrong with it ("" for nothing), without a word of what is in it."""
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        return {}, f"is not JSON (line {error.lineno}, column {error.colno})"
    except RecursionError:
        return {}, "is not JSON that can be read (it is nested too deeply)"
    except UnicodeDecodeError:
        return {}, "is not UTF-8"
    except IsADirectoryError:
        return {}, "is a folder"
    except OSError as error:
        return {}, f"cannot be read ({error.strerror})"
    if not isinstance(content, dict):
        return {}, "holds no JSON object"
    if "Values" not in content:
        return {}, 'has no "Values"'
    return content, "" if isinstance(content["Values"], dict) else 'has "Values" that are no JSON object'
