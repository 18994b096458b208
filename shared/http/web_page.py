"""Whether a body is an HTML page: what a proxy sends in a service's place, often under a good status.

Judged by what a browser goes by: the content type, else the first tag (the tags are those of the MIME Sniffing
standard, and what else such pages begin with).
"""

from __future__ import annotations

import re

LOOKED_AT = 4096
"""Bytes of a body that are looked at, at most."""

_HTML = re.compile(r"\s*(text/html|application/xhtml\+xml)\s*(;|$)", re.I)
_BEFORE = re.compile(r"[\s\0\ufeff\xef\xbb\xbf\xfe\xff]+|<\?[^>]*>|<!--.*?-->", re.S)
_TAGS = re.compile(
    r"<(!doctype\s+html|html|head|body|title|meta|link|base|script|noscript|style|iframe|frameset|form|div|span|table"
    r"|center|font|h[1-6]|p|a|b|br|hr|img|ul)[\s/>]",
    re.I,
)
_CUT = re.compile(r"<(!-(-.*)?|\?[^>]*|!?[a-z0-9]*|!doctype\s*[a-z]*)", re.I | re.S)
_JSON = re.compile(r"[{\[\"].*|-?[0-9.]+|true|false|null", re.S)


def begins_as_page(beginning: bytes) -> bool | None:
    """Whether a body that begins so begins as an HTML page does; None when more of it must be seen to tell.

    Byte order marks, white space, comments and an XML declaration may come first, in UTF-8 or UTF-16.
    """
    text = beginning.replace(b"\0", b"").decode("latin-1")  # the tags are ASCII, in every encoding that pages have
    start = 0
    while found := _BEFORE.match(text, start):
        start = found.end()
    if start == len(text) or _CUT.fullmatch(text, start):
        return None
    return _TAGS.match(text, start) is not None


def is_page(content_type: str, body: bytes) -> bool:
    """Whether a body (its first LOOKED_AT bytes, or what came of them) is an HTML page.

    By its content type, unless it is blank or JSON all the same; else by how it begins, one that is cut within its
    first tag included.
    """
    text = body.decode("latin-1").strip()
    if not text:
        return False
    if _HTML.match(content_type):
        return _JSON.fullmatch(text) is None
    begins = begins_as_page(body)
    return b"<" in body if begins is None else begins
