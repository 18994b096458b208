"""Every app setting, typed and checked.

No message repeats a value: what was typed into the wrong setting may be the webhook's URL, a secret.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from shared.schedule import EXAMPLE
from shared.settings import checks
from shared.settings.clouds import CLOUDS, Cloud

EXPECTED_EXCLUSIONS = (
    'expected a JSON list such as [{"pattern": "*@lab.contoso.com", "until": "2027-01-31", "reason": "lab"}]'
)
EXPECTED_MENTIONS = 'expected a JSON list of strings such as ["oncall@contoso.com"]'
EXPECTED_HOSTS = 'expected a JSON list of hosts such as ["proxy.contoso.com:8443"]'


def _checked(value: str, mistake: str | None) -> str:
    if mistake:
        raise PydanticCustomError("setting", "{mistake}", {"mistake": mistake})
    return value


def _json_list(expected: str) -> BeforeValidator:
    """Parses JSON here: pydantic-settings stops at the first malformed JSON, before it has seen the other settings."""

    def parse(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            parsed = json.loads(value)
        except json.JSONDecodeError as error:
            _checked("", f"is not JSON (at character {error.pos + 1}); {expected}")
        if not isinstance(parsed, list):
            _checked("", expected)
        return parsed

    return BeforeValidator(parse)


Host = Annotated[str, AfterValidator(lambda value: _checked(value, checks.host(value)).lower())]
Upn = Annotated[str, AfterValidator(lambda value: _checked(value, checks.upn(value)))]
AtLeast0 = Annotated[int, Field(ge=0, le=1_000_000_000)]
AtLeast1 = Annotated[int, Field(ge=1, le=1_000_000_000)]
Days = Annotated[int, Field(ge=0, le=36_500)]


class Exclusion(BaseModel):
    """Recipients that raise nothing until a date, and why. `*` is the only wildcard; `until` is inclusive, UTC."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, str_strip_whitespace=True)

    pattern: Annotated[str, Field(min_length=1, max_length=320)]
    until: date
    reason: Annotated[str, Field(min_length=1, max_length=500)]

    def matches(self, recipient: str) -> bool:
        """Whether the (lower-cased) recipient matches the pattern. Many wildcards do not make it slow."""
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

    A check that needs another setting finds only those above its own, and only when they are valid themselves.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, case_sensitive=False, validate_default=False
    )

    azure_cloud: Literal["AzureCloud", "AzureUSGovernment", "AzureChinaCloud"] = "AzureCloud"
    hunt_source: Literal["sentinel", "defender"] = "sentinel"
    sweep_schedule: str = EXAMPLE
    sentinel_workspace_id: UUID
    sentinel_workspace_resource_id: str
    teams_webhook_extra_hosts: Annotated[tuple[Host, ...], NoDecode, _json_list(EXPECTED_HOSTS)] = ()
    teams_webhook_url: SecretStr = SecretStr("")  # empty only in a dry run, see from_values
    teams_mentions: Annotated[tuple[Upn, ...], NoDecode, _json_list(EXPECTED_MENTIONS)] = ()
    card_subjects: bool = False
    runbook_url: str = ""
    sum_case_threshold: AtLeast0 = 10
    high_severity_threshold: AtLeast0 = 50
    lookback_days: Annotated[int, Field(ge=1, le=90)] = 30
    deduplicate: bool = True
    max_data_age_hours: Annotated[int, Field(ge=1, le=876_000)] = 24
    max_new_incidents: AtLeast1 = 100
    excluded_recipients: Annotated[tuple[Exclusion, ...], NoDecode, _json_list(EXPECTED_EXCLUSIONS)] = ()
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
    raise_by: Literal["api", "rule"] = "api"
    findings_endpoint: str = ""
    findings_rule_id: str = ""
    findings_stream: str = ""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `from_values` passes in; the environment and the file are already merged."""
        return (init_settings,)

    @field_validator("sweep_schedule")
    @classmethod
    def _schedule(cls, value: str) -> str:
        return _checked(value, checks.schedule(value))

    @field_validator("sentinel_workspace_resource_id")
    @classmethod
    def _workspace(cls, value: str) -> str:
        return _checked(value, checks.workspace(value))

    @field_validator("log_analytics_endpoint", "arm_endpoint", "graph_endpoint")
    @classmethod
    def _endpoint(cls, value: str, info: ValidationInfo) -> str:
        cloud = CLOUDS[info.data.get("azure_cloud", "AzureCloud")]
        usual: str = getattr(cloud, str(info.field_name).removesuffix("_endpoint"))
        return _checked(value, value and checks.endpoint(value, usual))

    @field_validator("findings_endpoint")
    @classmethod
    def _ingestion(cls, value: str, info: ValidationInfo) -> str:
        cloud = CLOUDS[info.data.get("azure_cloud", "AzureCloud")]
        return _checked(value, value and checks.ingestion(value, cloud))

    @field_validator("findings_rule_id")
    @classmethod
    def _collection_rule(cls, value: str) -> str:
        return _checked(value, value and checks.collection_rule(value))

    @field_validator("findings_stream")
    @classmethod
    def _stream(cls, value: str) -> str:
        return _checked(value, value and checks.stream(value))

    @field_validator("runbook_url")
    @classmethod
    def _runbook(cls, value: str) -> str:
        return _checked(value, value and checks.page(value))

    @field_validator("teams_webhook_url")
    @classmethod
    def _webhook(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        # Which hosts are allowed is known only when these two settings are valid.
        cloud, hosts = CLOUDS.get(info.data.get("azure_cloud", "")), info.data.get("teams_webhook_extra_hosts")
        _checked("", checks.webhook(value.get_secret_value(), cloud, hosts))
        return value

    @field_validator("ledger_url")
    @classmethod
    def _ledger(cls, value: str, info: ValidationInfo) -> str:
        return _checked(value, value and checks.ledger(value, CLOUDS[info.data.get("azure_cloud", "AzureCloud")]))

    @field_validator("high_severity_threshold")
    @classmethod
    def _high(cls, value: int, info: ValidationInfo) -> int:
        threshold = info.data.get("sum_case_threshold", 0)
        if value < threshold:
            _checked("", f"expected at least SUM_CASE_THRESHOLD, which is {threshold}")
        return value

    @field_validator("lookback_days")
    @classmethod
    def _lookback(cls, value: int, info: ValidationInfo) -> int:
        if value > 30 and info.data.get("hunt_source") == "defender":
            _checked("", "expected a whole number from 1 to 30 with HUNT_SOURCE=defender, which keeps no more")
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

    @property
    def findings(self) -> str:
        """Where findings are uploaded to, without a trailing slash; "" when that is not set."""
        return self.findings_endpoint.rstrip("/")

    def fingerprint(self) -> str:
        """12 hex digits that change when a setting changes; the webhook URL is not part of it."""
        shown = self.model_dump(mode="json", exclude={"teams_webhook_url"})
        return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()[:12]


NAMES = frozenset(field.upper() for field in Settings.model_fields)
"""The settings' names, as an environment has them."""
ROUND_NAMES = frozenset({"ROUND_WEBHOOK_URL", "ROUND_DEADLINE_MINUTES"})
"""The names of what is set for a round over many workspaces, and is no setting of a sweep."""
