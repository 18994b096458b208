"""Names that nearly match a setting: a setting with a misspelt name has no effect, and nothing else would report it.

Only names are read and repeated, never values. The environment holds names of other programs, so only a name that is a
letter or two off is reported; `local.settings.json` is ours, so every unknown key is.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from shared.nearest import nearest
from shared.settings import LOCAL_FILE, NAMES, ROUND_NAMES

_HOSTS = (  # the names of the Functions host, its extensions, its worker and App Service, and of Azure's SDKs
    *("AZUREWEBJOBS", "AZUREFUNCTIONS", "FUNCTIONS_", "WEBJOBS_", "WEBSITE_", "WEBSITES_", "SCM_", "APPSETTING_"),
    *("APPLICATIONINSIGHTS_", "APPINSIGHTS_", "CUSTOMCONNSTR_", "SQLAZURECONNSTR_", "DIAGNOSTICS_", "DOTNET_"),
    *("ASPNETCORE_", "LANGUAGEWORKERS__", "ENABLE_ORYX_BUILD", "BUILD_FLAGS", "XDG_CACHE_HOME", "HOST__", "OTEL_"),
    *("PYTHON", "PIP_", "AZURE_CORE_", "AZURE_CONFIG_", "AZURE_DEV_", "AZURE_LOG_", "MSI_", "IDENTITY_"),
)
_PROGRAMS = frozenset(  # names with a meaning for the programs around the sweep and for its libraries
    {
        *("AZURE_TENANT_ID", "AZURE_CLIENT_SECRET", "AZURE_SUBSCRIPTION_ID", "AZURE_LOCATION", "AZURE_ENV_NAME"),
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"),
        *("CURL_CA_BUNDLE", "PATH", "TZ", "LANG", "NO_COLOR", "LOGLEVEL", "LOG_LEVEL"),
    }
)
_PART = 4  # the least letters of a part of a name that still identifies it
_NAME = re.compile(r"[A-Za-z_]{1,60}")  # anything else that was typed as a key may be a secret in the wrong place


def misspelt(names: Iterable[str], also: Collection[str] = ()) -> list[str]:
    """A sentence for each of these environment names that is a letter or two off a setting's.

    `also` are further names that the caller knows; they are treated like settings.
    """
    known = _known(also)
    found = []
    for name in sorted(set(names)):
        if not _foreign(name) and (right := nearest(name.upper(), known, most=2)):
            found.append(f"{name} is no setting and has no effect: did you mean {right}?")
    return found


def unknown_keys(names: Iterable[str], also: Collection[str] = ()) -> list[str]:
    """A sentence for each of these keys of local.settings.json that is neither a setting nor one of the host's. `also`
    is as in `misspelt`.
    """
    found = []
    known = _known(also)
    for name in sorted(set(names)):
        if name.upper() in known or _foreign(name):
            continue
        right = nearest(name.upper(), known, most=3) or _around(name.upper())
        meant = f"did you mean {right}?" if right else "README.md lists the settings"
        found.append(f"{name if right else _shown(name)} in {LOCAL_FILE} is no setting and has no effect: {meant}")
    return found


def _known(also: Collection[str]) -> list[str]:
    """The settings of a sweep and of a round, and what the caller knows besides."""
    return sorted({*NAMES, *ROUND_NAMES, *(name.upper() for name in also)})


def _around(name: str) -> str:
    """The setting of the nearest length whose name contains this one or is part of it; "" when there is none."""
    bare = name.replace("_", "")
    if not _NAME.fullmatch(name) or len(bare) < _PART:
        return ""
    near = [
        (abs(len(setting) - len(name)), setting)
        for setting in NAMES
        if bare in (word := setting.replace("_", "")) or word in bare
    ]
    return min(near, default=(0, ""))[1]


def _shown(name: str) -> str:
    """The key, unless it may be a value (a secret, even) that was pasted in its place."""
    return name if _NAME.fullmatch(name) else "a key"


def _foreign(name: str) -> bool:
    upper = name.upper()
    return upper.startswith(_HOSTS) or upper in _PROGRAMS
