"""Which host a URL connects to, read by the parser that makes the connection, and only where all parsers agree.

`urllib.parse` and urllib3 read different hosts in `https://evil.example\\.contoso.com`. So a URL is accepted only
when a plain host name, and perhaps a port, stand between `https://` and the first of `/?#`, and when urllib3, which
requests and the Azure SDK connect with, reads exactly that host and port.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from urllib3.exceptions import LocationParseError
from urllib3.util.url import parse_url

_ORIGIN = re.compile(r"(https?)://([a-z0-9.-]{1,253})(?::([1-9][0-9]{0,4}))?(?=[/?#]|$)", re.I | re.A)
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# A name whose last label is a number is an IPv4 address: 2130706433, 127.1 and 0x7f.1 are 127.0.0.1.
_NAME = re.compile(rf"(?:{_LABEL}\.)*(?![0-9]+$|0x[0-9a-f]*$){_LABEL}")
_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_BYTE}(?:\.{_BYTE}){{3}}")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class WebAddress:
    """Where a URL connects to: scheme and host in lower case, and the port, given or not."""

    scheme: str
    host: str
    port: int


def web_address(url: str) -> WebAddress | None:
    """Where this absolute http or https URL connects to; None when its host is not a plain name or dotted IPv4 address.

    Also None with a user name, an empty port, or a dot at the end of the host. What follows the host is not checked.
    """
    written = _ORIGIN.match(url)
    if written is None:
        return None
    scheme, host = written[1].lower(), written[2].lower()
    if not (_NAME.fullmatch(host) or _IPV4.fullmatch(host)):
        return None
    try:
        read = parse_url(url)
    except LocationParseError:
        return None
    if (read.scheme, read.auth, read.host, str(read.port or "")) != (scheme, None, host, written[3] or ""):
        return None
    return WebAddress(scheme, host, read.port or _PORTS[scheme])


def after_host(url: str) -> str:
    """What follows host and port in a URL that `web_address` reads: path, query and fragment."""
    written = _ORIGIN.match(url)
    return url[written.end() :] if written else url
