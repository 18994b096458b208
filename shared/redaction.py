"""Removes persons from text for a receipt or a log: a service's error may quote whatever was sent to it.

Everything else stays readable: ids, hosts, paths, codes. In doubt, text counts as an address.
"""

from __future__ import annotations

import re

REDACTED = "[address]"

# The at sign, and how URLs, HTML and JSON encode it, also several times.
_AT = re.compile(r"[\uff20\ufe6b]|%(?:25)*40|&(?:amp;)*(?:#0*64|#x0*40|commat);?|\\+u0040|\\+x40", re.IGNORECASE)
_SPECIAL = r"\s@\"()<>\[\],;:"
_ENTITY = r"&(?:amp;)*#?\w{1,8};"
_QUOTED = r'"(?:[^"\\]|\\.){0,200}"|\\+"[^"]{0,200}?\\+"'  # and within JSON
_WORD_BEGINS = r"(?<![^\s@()<>\[\],;:.'`*])"
_LOCAL = rf"(?:{_WORD_BEGINS}(?:{_QUOTED})|\([^()]{{0,100}}\)|{_ENTITY}|\[[.:]\]|[^{_SPECIAL}])++"
_DOMAIN = rf"(?:\[[^\]\s]{{0,64}}\]|{_ENTITY}|[^{_SPECIAL}\\'/?#&=…])*"
_ADDRESS = re.compile(rf"(?<![^{_SPECIAL}])({_LOCAL})\s?@+\s?{_DOMAIN}", re.IGNORECASE)
_LEFT = re.compile(r"(?<![^\s@])([^\s@]++)\s?@+\s?[^\s@]*(?:@+[^\s@]*)*")  # anything else with an at sign in it
# What may stand directly before an address: an opening quote, a path, a URL.
_BEFORE = re.compile(r"['`*]*(?:/{1,2}\S*[/?&=])?")
_VALUES = re.compile(r"(?<!\w)'((?:[^']|'(?=\w))*)(?:'(?!\w)|$)|\"([^\"]*)(?:\"|$)")


def without_addresses(text: str) -> str:
    """The text with every mail address and user principal name replaced, however it is quoted or encoded."""
    plain = _AT.sub("@", text)
    redacted = _LEFT.sub(_redacted, _ADDRESS.sub(_redacted, plain))
    return text if redacted == plain else redacted


def without_values(text: str) -> str:
    """The text without the words in quotes: a service quotes what it refuses, and that may be a mail's subject.

    A single word in quotes stays: it names a property, a type or a resource.
    """
    return _VALUES.sub(lambda found: f"{found[0][0]}…{found[0][0]}" if " " in found[0] else found[0], text)


def _redacted(found: re.Match[str]) -> str:
    whole = found[0]
    before = _BEFORE.match(found[1])
    kept = before[0] if before else ""
    return kept + REDACTED + whole[len(whole.rstrip(".")) :]
