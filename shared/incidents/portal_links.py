"""Where the portals show what an incident speaks of: its query, ready to run, and a single message.

The forms of these addresses are not documented. What they lead to is always in the text as well.
"""

from __future__ import annotations

import gzip
import re
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote

from shared.incidents.terms import Terms
from shared.text import link, ordinary

_LOGS = "#blade/Microsoft_OperationsManagementSuite_Workspace/Logs.ReactView/resourceId"
_SHARED_QUERY = "source/LogsBlade.AnalyticsShareLinkToQuery/q"
_LONGEST = 2_000
"""Browsers and portals take longer ones; they would leave no room for anything else."""
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def query_link(kql: str, terms: Terms) -> str:
    """The query in Logs of the Azure portal, or in advanced hunting of the Defender portal; "" when there is none."""
    if terms.hunt_source == "sentinel":
        packed = quote(b64encode(_packed(kql, "utf-8")), safe="")
        return _at(terms.portal, f"{_LOGS}/{quote(terms.workspace, safe='')}/{_SHARED_QUERY}/{packed}")
    packed = urlsafe_b64encode(_packed(kql, "utf-16-le")).decode().rstrip("=")
    return _at(terms.defender, f"v2/advanced-hunting?query={packed}&timeRangeId=month")


def email_link(message_id: str, recipient: str, terms: Terms) -> str:
    """The page of one message to one recipient in the Defender portal; "" for what is no ordinary id or address."""
    if not _GUID.fullmatch(message_id) or not ordinary(recipient):
        return ""
    return _at(terms.defender, f"emailentity?id={message_id.lower()}&recipient={quote(recipient, safe='@')}")


def _packed(text: str, encoding: str) -> bytes:
    """Compressed, the same on every day."""
    return gzip.compress(text.encode(encoding), 9, mtime=0)


def _at(base: str, path: str) -> str:
    return link(f"{base}/{path}", _LONGEST) if base else ""
