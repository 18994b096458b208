"""Checks for the settings that are more than a number or a choice.

Each check returns None, or the rest of a sentence that begins with the setting's name and says what was expected. It
never repeats what was typed: it may be a secret in the wrong place.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from shared.schedule import EXAMPLE, NotASchedule, parse
from shared.settings.clouds import RETIRED_CONNECTORS, Cloud
from shared.web_address import WebAddress, after_host, web_address

LONGEST_PAGE = 300
"""Characters of the address of a page that cards lead to."""
_WORKSPACE = re.compile(
    # ASCII outside of the group's name: other letters (ſ, the Kelvin sign) fold to these, and are not them.
    r"(?a:/subscriptions/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/resourceGroups/)[^/\s?#]{1,90}"
    r"(?a:/providers/Microsoft\.OperationalInsights/workspaces/[a-z0-9][a-z0-9-]{0,62})",
    re.IGNORECASE,
)
STREAM = "Custom-EmailRemediationFindings_CL"
_RULE_ID = re.compile(r"dcr-[0-9a-f]{32}")
_LOOPBACK = ("127.0.0.1", "localhost")
_USER = re.compile(r"https?://[^/?#\\]*@", re.IGNORECASE)
_VISIBLE = re.compile(r"[!-\[\]-~]+")  # ASCII without a backslash: all that a URL may hold
_PAGE = re.compile(r"[!$-;=?-\[\]_a-z~]+")  # what a link on a card may hold, but for #
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
    return (
        None
        if _bare(f"https://{value}") and not value.endswith("/")
        else "expected host[:port], such as proxy.contoso.com:8443"
    )


def upn(value: str) -> str | None:
    """A user principal name."""
    return None if _UPN.fullmatch(value) else "expected a user principal name, such as oncall@contoso.com"


def endpoint(value: str, usual: str) -> str | None:
    """The https address of a service: a host, perhaps a port, nothing after it. `usual` is the default."""
    if (address := _bare(value)) and address.scheme == "https":
        return None
    return f"expected an https address such as {usual}, with nothing after the host"


def ingestion(value: str, cloud: Cloud) -> str | None:
    """The https address of a data collection rule's (or endpoint's) Logs Ingestion API, where our token is sent."""
    address = _bare(value)
    # On loopback is a stand-in for trials; nothing leaves the machine.
    if (
        address
        and address.scheme == "https"
        and (address.host.endswith(cloud.ingestion_suffix) or address.host in _LOOPBACK)
    ):
        return None
    return (
        f"expected the data collection rule's logsIngestion endpoint, https://<name>.<region>{cloud.ingestion_suffix},"
        " with nothing after the host"
    )


def collection_rule(value: str) -> str | None:
    """The immutable id of a data collection rule."""
    if _RULE_ID.fullmatch(value):
        return None
    return "expected the data collection rule's immutable id: dcr- and 32 hex digits (not its name or its ARM id)"


def stream(value: str) -> str | None:
    """The one stream that findings are uploaded to."""
    return None if value == STREAM else f"expected {STREAM}, the stream of the data collection rule that infra/ makes"


def ledger(value: str, cloud: Cloud) -> str | None:
    """A table endpoint, or a SQLite file."""
    if (value.startswith("sqlite:///") and len(value) > len("sqlite:///")) or _storage(value):
        return None
    return f"expected https://<account>.{cloud.table_suffix} or sqlite:///path"


def queue(value: str, cloud: Cloud) -> str | None:
    """A queue endpoint."""
    return None if _storage(value) else f"expected https://<account>.{cloud.queue_suffix}"


def _storage(value: str) -> bool:
    """Whether it is the endpoint of a storage service."""
    if (address := _bare(value)) and address.scheme == "https":
        return True
    # A storage emulator on this machine has a path, and http is safe: nothing leaves the machine.
    address = web_address(value)
    return bool(address and address.host in _LOOPBACK and not set(value) & {*"?#"})


def page(url: str) -> str | None:
    """The https address of a page that people open. The place in the page is the card's own."""
    address = web_address(url)
    plain = len(url) <= LONGEST_PAGE and _PAGE.fullmatch(url) and not _USER.match(url)
    if plain and address and address.scheme == "https":
        return None
    return (
        "expected the https address of your copy of docs/operate.md, without #, at most"
        f" {LONGEST_PAGE} characters: cards add the section"
    )


def webhook(url: str, cloud: Cloud | None, extra_hosts: Collection[str] | None) -> str | None:
    """The URL of a Teams Workflows webhook: https, and one of Microsoft's hosts or of the operator's own.

    With None for either, every host is allowed.
    """
    if url.startswith("@Microsoft.KeyVault("):
        return (
            "is an unresolved Key Vault reference: check that the secret exists, that the app's identity may read it"
            " (Key Vault Secrets User) and that keyVaultReferenceIdentity names that identity"
        )
    if _USER.match(url):
        return "must not carry a user name or password before the host"
    address = web_address(url)
    if address is None or not _VISIBLE.fullmatch(url):
        return "is not a URL with a plain host name; expected the https URL of a Teams Workflows webhook"
    if address.host.endswith(RETIRED_CONNECTORS):
        return (
            "is an Office 365 connector, and those were retired in May 2026: make a Teams Workflows webhook"
            ' ("Post to a channel when a webhook request is received") and use its URL'
        )
    if address.scheme != "https":
        return "must begin with https:// (its signature is a secret); expected the URL of a Teams Workflows webhook"
    if cloud is None or extra_hosts is None:
        return None
    own = {extra.lower() for extra in extra_hosts}
    if f"{address.host}:{address.port}" in own or (address.port == 443 and address.host in own):
        return None
    if address.port == 443 and address.host.endswith(cloud.teams_hosts):
        return None
    allowed = " or ".join("*" + suffix for suffix in cloud.teams_hosts)
    return (
        f"expected a host of {allowed} on port 443; a proxy's host[:port] can be allowed in TEAMS_WEBHOOK_EXTRA_HOSTS"
    )


def _bare(value: str) -> WebAddress | None:
    """The address in a URL that has nothing, or a slash, after its host and port."""
    address = web_address(value)
    return address if address and after_host(value) in ("", "/") else None
