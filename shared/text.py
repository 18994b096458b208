"""Untrusted text made safe: for plain places (cards) and for places that render Markdown and HTML (incidents).

The sender of a mail chooses its subject, and often the address. Nothing in them may become a link, an image, a tag, a
mention or a template, reorder the words around it, or hide. Every function accepts any `str` (lone surrogates too),
returns one line, and is idempotent, except `inert`, which escapes.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from urllib.parse import urlsplit

ELLIPSIS = "…"
ADDRESS_LIMIT = 320  # RFC 3696: 64 before the @, 255 after it

# Characters that draw nothing although Unicode does not class them as format characters: joiners, Hangul and Khmer
# fillers, variation selectors.
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]+")
_DROPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_MARKS = frozenset({"Mn", "Me"})
_MOST_MARKS = 3  # on one character; more of them can cover the lines above

_TEMPLATE = re.compile(r"([{$@])(?=\{)")
_SCHEME = re.compile(r"(?<![^\W_])(http|https|ftp)://", re.IGNORECASE)
_OTHER_SCHEME = re.compile(r"(?<!hxxp)(?<!hxxps)(?<!fxp)://", re.IGNORECASE)
_BARE_SCHEME = re.compile(
    r"(?<![^\W_])(javascript|vbscript|data|file|mailto|tel|sms|about|blob|msteams|ms-[a-z-]+)\s?:", re.I
)
_IPV4 = re.compile(r"(?<!\d)(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?!\d)")
_DOT = re.compile(r"(?<=\w)[.。．｡․](?=[^\W\d_])")  # and what else browsers read as a dot in a host name
_SHARE = re.compile(r"\\(?=\\)")

_ORDINARY = re.compile(r"(?=.{3,320}$)[A-Za-z0-9][A-Za-z0-9._%+'-]{0,63}@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_MARKUP = re.compile(r"\[[.:]\]|[\\`*_\[\]()<>#!|~&@]")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_BARE = str.maketrans(
    {"&": "+", "<": "‹", ">": "›", "[": "(", "]": ")", "`": "'", "*": "·", "\\": "/", '"': "'", "|": "/", "~": "-"}
)


def units(text: str) -> int:
    """Length as JavaScript and .NET count it, in UTF-16 units: the strictest way to count Sentinel's limits."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def when(moment: datetime) -> str:
    """A time for people: to the minute, with its zone."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def cut(text: str, limit: int) -> str:
    """`text` if it has at most `limit` characters, else its beginning and an ellipsis, `limit` characters in all."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)].rstrip() + ELLIPSIS


def clean(text: str, limit: int) -> str:
    """One visible line of at most `limit` characters, without templates.

    Control, format (bidi and zero-width), surrogate, private-use and unassigned characters, blank fillers, variation
    selectors and tags are gone; all white space is one space; marks stacked on one character are three at most.
    """
    text = text[: 16 * limit + 256]
    if text.isascii() and text.isprintable():  # nearly all text is, and there only blanks can be too many
        return cut(_TEMPLATE.sub(r"\1 ", " ".join(text.split())), limit)
    kept: list[str] = []
    marks = 0
    for char in _UNSEEN.sub("", text):
        if len(kept) > limit + 8:
            break  # enough to see that it is too long
        category = unicodedata.category(char)
        if char.isspace() or char == "\u2800":
            if kept and kept[-1] != " ":
                kept.append(" ")
            marks = 0
        elif category in _MARKS:
            marks += 1
            if marks <= _MOST_MARKS and kept:
                kept.append(char)
        elif category not in _DROPPED:
            kept.append(char)
            marks = 0
    return cut(_TEMPLATE.sub(r"\1 ", "".join(kept).strip()), limit)


def _defang(text: str) -> str:
    text = _SCHEME.sub(lambda found: {"http": "hxxp", "https": "hxxps", "ftp": "fxp"}[found[1].lower()] + "://", text)
    text = _OTHER_SCHEME.sub("[:]//", text)
    text = _BARE_SCHEME.sub(r"\1[:]", text)
    text = _IPV4.sub(r"\1[.]\2[.]\3[.]\4", text)
    return _DOT.sub("[.]", _SHARE.sub(r"\\ ", text))


def plain(text: str, limit: int) -> str:
    """Untrusted text for a place that renders nothing (a TextRun): cleaned, and URLs and domains defanged."""
    return cut(_defang(clean(text, limit)), limit)


def bare(text: str, limit: int) -> str:
    """Text for plain fallbacks (`fallbackText`, `summary`, `speak`), which a client may treat as Markdown or XML.

    As `clean`, with the characters that could open markup replaced by look-alikes. Does not defang: untrusted parts of
    it have been through `plain` or `address`.
    """
    return clean(text, limit).translate(_BARE)


def inert(text: str, limit: int) -> str:
    """Untrusted text for a place that renders Markdown or HTML (an incident's description, a comment).

    As `plain` (at most `limit` characters before escaping), then every character with a meaning there is escaped.
    """

    def escape(found: re.Match[str]) -> str:
        mark = found[0]
        return mark if len(mark) == 3 else _ENTITIES.get(mark, "\\" + mark)

    return _MARKUP.sub(escape, plain(text, limit))


def ordinary(recipient: str) -> bool:
    """Whether this is an everyday mail address: ASCII, and without characters that mean something to a renderer."""
    return _ORDINARY.fullmatch(recipient) is not None


def address(recipient: str, limit: int = ADDRESS_LIMIT) -> str:
    """A recipient for a plain place: an everyday address unchanged (to read and copy), any other as `plain`."""
    return cut(recipient, limit) if ordinary(recipient) else plain(recipient, limit)


def inert_address(recipient: str, limit: int = ADDRESS_LIMIT) -> str:
    """A recipient where Markdown or HTML is rendered: an everyday address as code (so it is no link), else `inert`."""
    return f"`{cut(recipient, limit)}`" if ordinary(recipient) else inert(recipient, limit)


def link(url: str, limit: int = 1000) -> str:
    """The URL if it is an absolute `https` one of visible ASCII without user name, at most `limit` long; else ""."""
    if len(url) > limit or re.fullmatch(r"[!#-;=?-\[\]_a-z~]+", url) is None:
        return ""
    try:
        parts = urlsplit(url)
        fine = url.startswith("https://") and parts.hostname and parts.username is None and parts.port != 0
    except ValueError:
        return ""
    return url if fine else ""
