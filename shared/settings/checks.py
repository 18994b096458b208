"""What an operator may type into the settings that are more than a number or a choice.

Each check answers None, or the rest of a sentence that begins with the setting's name and says what was expected. No
answer repeats what was typed: it may be a secret that landed in the wrong place.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import SplitResult, urlsplit

from shared.schedule import EXAMPLE, NotASchedule, parse
from shared.settings.clouds import RETIRED_CONNECTORS, Cloud

_WORKSPACE = re.compile(
    r"/subscriptions/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/resourceGroups/[^/\s?#]{1,90}"
    r"/providers/Microsoft\.OperationalInsights/workspaces/[a-z0-9][a-z0-9-]{0,62}",
    re.IGNORECASE,
)
_HOST = re.compile(r"(?=[^:]{1,253}(?::|$))[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[1-9]\d{0,4})?", re.IGNORECASE)
_UPN = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s.]+")


def schedule(value: str) -> str | None:
    """A six-field NCRONTAB expression that the Functions host accepts, fires, and reads as it is written."""
    try:
        parse(value)
    except NotASchedule as wrong:
        fields = "second minute hour day month weekday"
        example = f'"{EXAMPLE}" (daily at 06:00)'
        found = "; ".join(wrong.mistakes)
        return f"expected a six-field NCRONTAB expression ({fields}) in UTC, such as {example}: {found}"
    return None


def workspace(value: str) -> str | None:
    """A Log Analytics workspace's ARM id."""
    if _WORKSPACE.fullmatch(value):
        return None
    return (
        "expected the workspace's ARM id, /subscriptions/<guid>/resourceGroups/<name>/providers"
        "/Microsoft.OperationalInsights/workspaces/<name>"
    )


def host(value: str) -> str | None:
    """A `host[:port]`."""
    return None if _HOST.fullmatch(value) else "expected host[:port], such as proxy.contoso.com:8443"


def upn(value: str) -> str | None:
    """A user principal name."""
    return None if _UPN.fullmatch(value) else "expected a user principal name, such as oncall@contoso.com"


def endpoint(value: str) -> str | None:
    """The https address of a service: a host, perhaps a port, nothing after it."""
    parts = _split(value)
    if parts and parts.scheme == "https" and _bare(parts):
        return None
    return "expected an address such as https://api.loganalytics.io, with nothing after the host"


def ledger(value: str, cloud: Cloud) -> str | None:
    """A table endpoint, or a file of SQLite's."""
    if value.startswith("sqlite:///") and len(value) > len("sqlite:///"):
        return None
    parts = _split(value)
    if parts and parts.scheme == "https" and _bare(parts):
        return None
    # A storage emulator on this machine only: it has no certificate, and nothing leaves the machine.
    if parts and parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost") and not parts.query:
        return None
    return f"expected https://<account>.{cloud.table_suffix} or sqlite:///path"


def webhook(url: str, cloud: Cloud | None, extra_hosts: Collection[str] | None) -> str | None:
    """The URL of a Teams Workflows webhook: https, and one of Microsoft's hosts or of the operator's own.

    With None for either, every host will do.
    """
    if url.startswith("@Microsoft.KeyVault("):
        return (
            "is an unresolved Key Vault reference: check that the secret exists, that the app's identity may read it"
            " (Key Vault Secrets User) and that keyVaultReferenceIdentity names that identity"
        )
    parts = _split(url)
    if not parts or not parts.hostname or parts.scheme not in ("http", "https") or re.search(r"\s", url):
        return "is not a URL; expected the https URL of a Teams Workflows webhook"
    name, port = parts.hostname.lower(), parts.port
    if name.endswith(RETIRED_CONNECTORS):
        return (
            "is an Office 365 connector, and those were retired in May 2026: make a Teams Workflows webhook"
            ' ("Post to a channel when a webhook request is received") and use its URL'
        )
    if parts.scheme != "https":
        return "must begin with https:// (its signature is a secret); expected the URL of a Teams Workflows webhook"
    if parts.username is not None or parts.password is not None:
        return "must not carry a user name or password before the host"
    if cloud is None or extra_hosts is None:
        return None
    own = {extra.lower() for extra in extra_hosts}
    if f"{name}:{port or 443}" in own or (port in (None, 443) and name in own):
        return None
    if port in (None, 443) and name.endswith(cloud.teams_hosts):
        return None
    allowed = " or ".join("*" + suffix for suffix in cloud.teams_hosts)
    return (
        f"expected a host of {allowed} on port 443; a proxy's host[:port] can be allowed in TEAMS_WEBHOOK_EXTRA_HOSTS"
    )


def _split(value: str) -> SplitResult | None:
    try:
        parts = urlsplit(value)
        _ = parts.port  # reading it is what checks it
    except ValueError:
        return None
    return parts


def _bare(parts: SplitResult) -> bool:
    """Whether there is a host, and neither a user nor anything after the host and port."""
    return bool(parts.hostname) and not (parts.username or parts.path.strip("/") or parts.query or parts.fragment)
