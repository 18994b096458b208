"""Where this process runs, as Azure tells it: what no operator sets."""

from __future__ import annotations

import re
from collections.abc import Mapping

_OWNER = re.compile(r"(?P<subscription>[0-9a-f-]{36})\+(?P<group>.+)-[^-+]+webspace(?:-linux)?", re.IGNORECASE)


def app_resource_id(environment: Mapping[str, str]) -> str:
    """The ARM id of the function app that this process is part of; "" elsewhere, and when Azure does not tell it whole.

    WEBSITE_OWNER_NAME is the subscription, a plus sign, and the group with its region and "webspace".
    """
    site = environment.get("WEBSITE_SITE_NAME", "")
    owner = _OWNER.fullmatch(environment.get("WEBSITE_OWNER_NAME", ""))
    if not site or owner is None:
        return ""
    group = environment.get("WEBSITE_RESOURCE_GROUP") or owner["group"]
    return f"/subscriptions/{owner['subscription']}/resourceGroups/{group}/providers/Microsoft.Web/sites/{site}"
