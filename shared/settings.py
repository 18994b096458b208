"""Every app setting, typed and checked; all mistakes at once, in words an operator can act on.

`load()` reads the environment (which wins) over the `Values` of a `local.settings.json`. No value of the webhook URL
is ever part of a message.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict


class SettingsInvalid(Exception):
    """The settings cannot be used. `mistakes` holds one sentence per mistake, each naming its setting."""

    def __init__(self, mistakes: list[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("settings invalid:\n" + "\n".join(f"  {mistake}" for mistake in mistakes))


@dataclass(frozen=True, slots=True)
class Cloud:
    """Where a Microsoft cloud's services are. Audiences stay the cloud's even when an endpoint is overridden."""

    authority: str
    log_analytics: str
    arm: str
    arm_audience: str
    graph: str
    portal: str
    table_suffix: str
    teams_hosts: tuple[str, ...]

    @property
    def log_analytics_audience(self) -> str:
        """The audience of a Log Analytics token: the service's own public address."""
        return self.log_analytics

    @property
    def graph_audience(self) -> str:
        """The audience of a Graph token."""
        return self.graph


CLOUDS: Mapping[str, Cloud] = {
    "AzureCloud": Cloud(
        authority="https://login.microsoftonline.com",
        log_analytics="https://api.loganalytics.io",
        arm="https://management.azure.com",
        arm_audience="https://management.azure.com",
        graph="https://graph.microsoft.com",
        portal="https://portal.azure.com",
        table_suffix="table.core.windows.net",
        teams_hosts=(".logic.azure.com", ".environment.api.powerplatform.com"),
    ),
    "AzureUSGovernment": Cloud(
        authority="https://login.microsoftonline.us",
        log_analytics="https://api.loganalytics.us",
        arm="https://management.usgovcloudapi.net",
        arm_audience="https://management.usgovcloudapi.net",
        graph="https://graph.microsoft.us",
        portal="https://portal.azure.us",
        table_suffix="table.core.usgovcloudapi.net",
        teams_hosts=(
            ".logic.azure.us",
            ".environment.api.gov.powerplatform.microsoft.us",
            ".environment.api.high.powerplatform.microsoft.us",
            ".environment.api.appsplatform.us",
        ),
    ),
    "AzureChinaCloud": Cloud(
        authority="https://login.chinacloudapi.cn",
        log_analytics="https://api.loganalytics.azure.cn",
        arm="https://management.chinacloudapi.cn",
        arm_audience="https://management.chinacloudapi.cn",
        graph="https://microsoftgraph.chinacloudapi.cn",
        portal="https://portal.azure.cn",
        table_suffix="table.core.chinacloudapi.cn",
        teams_hosts=(".logic.azure.cn", ".environment.api.powerplatform.partner.microsoftonline.cn"),
    ),
}
RETIRED_CONNECTORS = (".webhook.office.com", "outlook.office.com", "outlook.office365.com")

_WORKSPACE = re.compile(
    r"/subscriptions/[0-9a-f-]{36}/resourceGroups/[^/]{1,90}"
    r"/providers/Microsoft\.OperationalInsights/workspaces/[^/]{1,63}",
    re.IGNORECASE,
)
_HOST = re.compile(r"(?=.{1,253}(?::|$))[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?", re.IGNORECASE)
_UPN = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def _wrong(expected: str) -> PydanticCustomError:
    return PydanticCustomError("setting", "{expected}", {"expected": expected})


def _json(kind: type, example: str) -> Callable[[Any], Any]:
    def parse(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            parsed = json.loads(value)
        except json.JSONDecodeError as error:
            raise _wrong(f"is not JSON (at character {error.pos + 1}); expected {example}") from None
        if not isinstance(parsed, kind):
            raise _wrong(f"expected {example}")
        return parsed

    return parse


class Exclusion(BaseModel):
    """Recipients left alone until a date, and why. `*` is the only wildcard; `until` is inclusive, UTC."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    pattern: Annotated[str, Field(min_length=1, max_length=320)]
    until: date
    reason: Annotated[str, Field(min_length=1, max_length=500)]

    def matches(self, recipient: str) -> bool:
        """Whether the (lower-cased) recipient fits the pattern."""
        parts = (re.escape(part) for part in self.pattern.strip().lower().split("*"))
        return re.fullmatch(".*".join(parts), recipient, re.DOTALL) is not None


_EXCLUSIONS = 'a JSON list such as [{"pattern": "*@lab.contoso.com", "until": "2027-01-31", "reason": "test lab"}]'
_STRINGS = 'a JSON list of strings such as ["oncall@contoso.com"]'
_HOSTS = 'a JSON list of hosts such as ["proxy.contoso.com:8443"]'


class Settings(BaseSettings):
    """The app settings. Names are the environment's, in lower case here. See README.md for their meaning."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, case_sensitive=False)

    sweep_schedule: str = "0 0 6 * * *"
    sentinel_workspace_id: UUID
    sentinel_workspace_resource_id: str
    teams_webhook_url: SecretStr
    sum_case_threshold: Annotated[int, Field(ge=0)] = 10
    high_severity_threshold: Annotated[int, Field(ge=0)] = 50
    lookback_days: Annotated[int, Field(ge=1, le=90)] = 30
    deduplicate: bool = True
    max_data_age_hours: Annotated[int, Field(ge=1)] = 24
    max_new_incidents: Annotated[int, Field(ge=1)] = 100
    excluded_recipients: Annotated[tuple[Exclusion, ...], NoDecode, BeforeValidator(_json(list, _EXCLUSIONS))] = ()
    benign_reopen_factor: Annotated[int, Field(ge=1)] = 2
    remind_after_days: Annotated[int, Field(ge=0)] = 3
    heartbeat_days: Annotated[int, Field(ge=0)] = 7
    card_subjects: bool = False
    teams_mentions: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_json(list, _STRINGS))] = ()
    teams_webhook_extra_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_json(list, _HOSTS))] = ()
    ledger_url: str = ""
    lease_seconds: Annotated[int, Field(ge=5, le=600)] = 60
    sweep_budget_seconds: Annotated[int, Field(ge=30, le=21_600)] = 1500
    hunt_source: Literal["sentinel", "defender"] = "sentinel"
    dry_run: bool = False
    azure_cloud: Literal["AzureCloud", "AzureUSGovernment", "AzureChinaCloud"] = "AzureCloud"
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

def _schedule(value: str) -> str | None:
    if len(value.split()) != 6:
        return 'expected a six-field NCRONTAB expression in UTC such as "0 0 6 * * *"'
    return None


def _workspace(value: str) -> str | None:
    if not _WORKSPACE.fullmatch(value):
        return (
            "expected the workspace's ARM id, /subscriptions/<guid>/resourceGroups/<name>/providers"
            "/Microsoft.OperationalInsights/workspaces/<name>"
        )
    return None


def _endpoint(value: str) -> str | None:
    if not value:
        return None
    try:
        parts = urlsplit(value)
        fine = parts.scheme == "https" and parts.hostname and parts.port != 0 and not parts.username
        fine = fine and parts.path in ("", "/") and not parts.query and not parts.fragment
    except ValueError:
        fine = False
    return None if fine else "expected an address such as https://api.loganalytics.io, with nothing after the host"


def _webhook(url: str, cloud: Cloud, extra_hosts: tuple[str, ...]) -> str | None:
    if not url.strip():
        return "is empty; expected the https URL of a Teams Workflows webhook"
    if url.startswith("@Microsoft.KeyVault("):
        return (
            "is an unresolved Key Vault reference: check that the secret exists, that the app's identity may read it"
            " (Key Vault Secrets User) and that keyVaultReferenceIdentity names that identity"
        )
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return "is not a URL; expected the https URL of a Teams Workflows webhook"
    if host.endswith(RETIRED_CONNECTORS):
        return (
            "is an Office 365 connector, and those were retired in May 2026: make a Teams Workflows webhook"
            ' ("Post to a channel when a webhook request is received") and use its URL'
        )
    if parts.scheme != "https" or not host or re.search(r"\s", url):
        return "expected the https URL of a Teams Workflows webhook"
    if parts.username is not None or parts.password is not None:
        return "must not carry a user name or password before the host"
    if (f"{host}:{port}" if port else host) in extra_hosts or (port == 443 and host in extra_hosts):
        return None
    if port not in (None, 443) or not host.endswith(cloud.teams_hosts):
        allowed = " or ".join("*" + suffix for suffix in cloud.teams_hosts)
        return (
            f"expected a host of {allowed} on port 443; a proxy's host[:port] can be allowed in"
            " TEAMS_WEBHOOK_EXTRA_HOSTS"
        )
    return None


def _ledger(value: str, suffix: str) -> str | None:
    if value.startswith("sqlite:///") and len(value) > len("sqlite:///"):
        return None
    try:
        parts = urlsplit(value)
        host = parts.hostname or ""
        if parts.scheme == "https" and host and parts.path in ("", "/") and not parts.query and not parts.username:
            return None
        # A storage emulator on this machine only: it has no certificate, and nothing leaves the machine.
        if parts.scheme == "http" and host in ("127.0.0.1", "localhost") and not parts.query and not parts.username:
            return None
    except ValueError:
        pass
    return f"expected https://<account>.{suffix} or sqlite:///path"


def _ledger_default(values: Mapping[str, str]) -> tuple[str, str | None]:
    if "WEBSITE_INSTANCE_ID" not in values and "WEBSITE_SITE_NAME" not in values:
        return "sqlite:///.sweep/ledger.db", None
    if uri := values.get("AZUREWEBJOBSSTORAGE__TABLESERVICEURI"):
        return uri.rstrip("/"), None
    cloud = CLOUDS.get(values.get("AZURE_CLOUD", "AzureCloud"), CLOUDS["AzureCloud"])
    if account := values.get("AZUREWEBJOBSSTORAGE__ACCOUNTNAME"):
        return f"https://{account}.{cloud.table_suffix}", None
    return "", (
        "is not set, and neither AzureWebJobsStorage__accountName nor AzureWebJobsStorage__tableServiceUri is:"
        f" expected https://<account>.{cloud.table_suffix} (a ledger on this app's own disk would be forgotten)"
    )


def _say(error: Mapping[str, Any]) -> str:
    name = str(error["loc"][0]).upper() if error["loc"] else "settings"
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"][1:])
    if error["type"] == "missing":
        return f"{name}{where} is missing: " + _EXPECTED.get(name, "it is required")
    if error["type"] == "setting":
        return f"{name}{where} {error['msg']}" if error["msg"].startswith("is ") else f"{name}{where}: {error['msg']}"
    return f"{name}{where}: {error['msg'][0].lower()}{error['msg'][1:]}" + (
        f"; {_EXPECTED[name]}" if name in _EXPECTED else ""
    )


_EXPECTED = {
    "SENTINEL_WORKSPACE_ID": "expected the workspace (customer) id, a GUID",
    "SENTINEL_WORKSPACE_RESOURCE_ID": "expected the workspace's ARM id, /subscriptions/…/workspaces/<name>",
    "TEAMS_WEBHOOK_URL": "expected the https URL of a Teams Workflows webhook",
    "EXCLUDED_RECIPIENTS": f"expected {_EXCLUSIONS}",
    "TEAMS_MENTIONS": f"expected {_STRINGS}",
    "TEAMS_WEBHOOK_EXTRA_HOSTS": f"expected {_HOSTS}",
    "DEDUPLICATE": "expected true or false",
    "CARD_SUBJECTS": "expected true or false",
    "DRY_RUN": "expected true or false",
}


def _together(raw: Mapping[str, Any], values: Mapping[str, str]) -> list[tuple[str, str]]:
    """Mistakes that pydantic's types do not see, by setting; `raw` are the values as given, by field name."""

    def number(name: str, default: int) -> int | None:
        try:
            return int(str(raw.get(name, default)))
        except ValueError:
            return None  # pydantic says so

    found: list[tuple[str, str | None]] = []
    if "sweep_schedule" in raw:
        found.append(("SWEEP_SCHEDULE", _schedule(str(raw["sweep_schedule"]))))
    if "sentinel_workspace_resource_id" in raw:
        found.append(("SENTINEL_WORKSPACE_RESOURCE_ID", _workspace(str(raw["sentinel_workspace_resource_id"]))))
    for name in ("log_analytics_endpoint", "arm_endpoint", "graph_endpoint"):
        found.append((name.upper(), _endpoint(str(raw.get(name, "")))))
    cloud = CLOUDS.get(str(raw.get("azure_cloud", "AzureCloud")), CLOUDS["AzureCloud"])
    try:
        given = json.loads(str(raw.get("teams_webhook_extra_hosts", "[]")))
        hosts = tuple(str(host).lower() for host in given) if isinstance(given, list) else ()
    except json.JSONDecodeError:
        hosts = ()  # pydantic says so
    found += [
        ("TEAMS_WEBHOOK_EXTRA_HOSTS", None if _HOST.fullmatch(host) else f"{host!r} is no host[:port]; {_HOSTS}")
        for host in hosts
    ]
    if "teams_webhook_url" in raw:
        found.append(("TEAMS_WEBHOOK_URL", _webhook(str(raw["teams_webhook_url"]), cloud, hosts)))
    try:
        upns = json.loads(str(raw.get("teams_mentions", "[]")))
    except json.JSONDecodeError:
        upns = []
    if isinstance(upns, list):
        found += [
            ("TEAMS_MENTIONS", None if _UPN.fullmatch(str(upn)) else f"item {place} is no UPN such as a@contoso.com")
            for place, upn in enumerate(upns, 1)
        ]
    if "ledger_url" in raw:
        found.append(("LEDGER_URL", _ledger(str(raw["ledger_url"]), cloud.table_suffix)))
    threshold, high = number("sum_case_threshold", 10), number("high_severity_threshold", -1)
    if "high_severity_threshold" in raw and threshold is not None and high is not None and 0 <= high < threshold:
        found.append(("HIGH_SEVERITY_THRESHOLD", f"{high} is below SUM_CASE_THRESHOLD ({threshold}); expected at least that"))
    days = number("lookback_days", 30)
    if raw.get("hunt_source") == "defender" and days is not None and 30 < days <= 90:
        found.append(("LOOKBACK_DAYS", f"{days} is too long for HUNT_SOURCE=defender, which keeps 30 days; expected 1 to 30"))
    return [(name, mistake) for name, mistake in found if mistake]


def from_values(given: Mapping[str, str]) -> Settings:
    """The settings in a mapping of app-setting names to text.

    Raises:
        SettingsInvalid: with every mistake found.
    """
    values = {name.upper(): value for name, value in given.items()}
    raw: dict[str, Any] = {
        field: values[field.upper()].strip()
        for field in Settings.model_fields
        # An empty value of an optional setting is what a template leaves behind for "not set".
        if values.get(field.upper(), "").strip()
    }
    mistakes: list[str] = []
    if "ledger_url" not in raw:
        raw["ledger_url"], mistake = _ledger_default(values)
        if mistake:
            mistakes.append(f"LEDGER_URL {mistake}")
            del raw["ledger_url"]
    together = _together(raw, values)
    mistakes += [f"{name} {text}" if text.startswith(("is ", "must ")) else f"{name}: {text}" for name, text in together]
    named = {name for name, _ in together}
    settings = None
    try:
        settings = Settings(**raw)
    except ValidationError as error:
        said = [_say(dict(found)) for found in error.errors(include_input=False, include_url=False)]
        mistakes += [text for text in said if not text.split(":")[0].split(" ")[0].split("[")[0] in named]
    if mistakes or settings is None:
        raise SettingsInvalid(sorted(mistakes))
    if "high_severity_threshold" not in raw:
        return settings.model_copy(update={"high_severity_threshold": 5 * settings.sum_case_threshold})
    return settings


def load(environment: Mapping[str, str] | None = None, beside: Path | None = None) -> Settings:
    """The settings of this process: the environment over `local.settings.json` in the folder `beside` (if there).

    Raises:
        SettingsInvalid: with every mistake found.
    """
    values: dict[str, str] = {}
    file = (beside or Path(__file__).resolve().parent.parent) / "local.settings.json"
    if file.exists():
        try:
            found = json.loads(file.read_text(encoding="utf-8"))["Values"]
            values.update({str(name).upper(): str(value) for name, value in found.items()})
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise SettingsInvalid(
                [f'{file.name} cannot be read; expected JSON such as {{"IsEncrypted": false, "Values": {{…}}}}']
            ) from None
    merged = os.environ if environment is None else environment
    values.update({name.upper(): value for name, value in merged.items()})
    return from_values(values)
