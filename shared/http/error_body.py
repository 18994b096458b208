"""What the body of an error response says, and what of it may be quoted."""

from __future__ import annotations

import json
import re
from typing import Any
from unicodedata import category

from shared.redaction import without_addresses

# A 404 from ARM with one of these codes is about what contains the incident: the incident itself may exist.
_PARENTS = {
    "subscriptionnotfound",
    "resourcegroupnotfound",
    "parentresourcenotfound",
    "invalidresourcetype",
    "invalidresourcenamespace",
    "noregisteredproviderfound",
    "workspacenotfound",
    "missingsubscription",
    "invalidsubscriptionid",
}
# A 400 with one of these codes refuses every other request as well.
_ADDRESS = {"missingapiversionparameter", "invalidapiversionparameter"}
# The Logs Ingestion API about an upload's address: "The stream Custom-X was not configured in the Data Collection Rule
# with immutable Id 'dcr-…'", InvalidStream, InvalidDcrImmutableId.
_RULE = re.compile(r"stream\b|immutable ?id|data collection (rule|endpoint)|\bdcr-", re.IGNORECASE)
_MISSING = re.compile(r"not_?found|not_?exist", re.IGNORECASE)
_TOO_LARGE = re.compile(
    r"E_QUERY_RESULT_SET_TOO_LARGE|E_RUNAWAY_QUERY|E_LOW_MEMORY_CONDITION|LowMemoryCondition|E_QUERY_TIMEOUT|QueryTimeout"
    r"|ResponseTooLarge|ResponseSizeError|result set (is|has become) too large|exceeded memory|query timed? ?out",
    re.IGNORECASE,
)
_SECRETS = re.compile(
    r"(?i)\b(bearer\s+)\S+|\b(sig(?:nature)?=)[^\s&\"']+|eyJ[\w-]{10,}(?:\.[\w-]*)*|https?://[^\s\"'<>]*\?[^\s\"'<>]*"
)


def too_large(text: str) -> bool:
    """Whether a query error's codes and message say that the query asked for too much: rows, memory or time."""
    return _TOO_LARGE.search(text) is not None


def quotable(text: str, limit: int = 200) -> str:
    """A service's message in one line of at most `limit` characters, without secrets, URLs and persons' addresses."""
    if len(text) > 10 * limit:
        text = text[: 10 * limit].rpartition(" ")[0] or text[: 10 * limit]  # half an address would not be recognised
    shown = ("" if category(char) == "Cf" else char if char.isprintable() else " " for char in text)
    line = _SECRETS.sub(lambda found: (found[1] or found[2] or "") + "…", " ".join("".join(shown).split()))
    line = without_addresses(line)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def error_of(body: Any) -> tuple[str, str]:
    """The code and message of an error body, as ARM, Log Analytics and Graph write it; "" for what is missing."""
    error = body.get("error", body) if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return "", ""
    code, message = error.get("code"), error.get("message")
    if isinstance(message, str) and message.startswith("{") and (inner := _parsed(message)):
        return error_of(inner)  # Sentinel puts the provider's error body, as text, into the message
    known = isinstance(code, str) and re.fullmatch(r"[A-Za-z0-9][\w.-]{0,59}", code, re.ASCII)
    return (str(code) if known else ""), (message if isinstance(message, str) else "")


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) and "error" in parsed else None


def says_missing(body: Any) -> bool:
    """Whether the body of a 404 comes from ARM itself: an error object whose code means that something is missing.

    A gateway's 404 is empty, a page, or JSON of another shape. It says nothing about the resource.
    """
    code, _ = error_of(body)
    return _has_code(body) and (code.lower() in _PARENTS or _MISSING.search(code) is not None)


def about_request(body: Any) -> bool:
    """Whether an error body is ARM's own, and about this one request: its code is none that refuses all others too."""
    code, _ = error_of(body)
    return _has_code(body) and code.lower() not in _PARENTS | _ADDRESS


def _has_code(body: Any) -> bool:
    """Whether a body is an error object as ARM writes it, which a gateway's is not."""
    return isinstance(body, dict) and isinstance(body.get("error"), dict) and error_of(body)[0] != ""


def about_rule(code: str, message: str) -> bool:
    """Whether an upload is refused for the collection rule, its stream or the address, which every upload has."""
    return _RULE.search(f"{code} {message}") is not None


def about_parent(code: str, message: str) -> bool:
    """Whether a 404 with this code and message (lower case) is about the workspace or what contains it."""
    return code in _PARENTS or (code == "resourcenotfound" and "/incidents/" not in message and "workspaces" in message)
