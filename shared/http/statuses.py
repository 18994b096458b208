"""What a service's refusal, or a library's exception, means: one function for each makes it a SweepError.

Of an error's body only its code and the beginning of its message are quoted, without persons and secrets; of an
exception nothing is: its text may hold a whole URL. Of what Teams answers only well-known codes are.
"""

from __future__ import annotations

import json
import re
from typing import Any
from unicodedata import category

from shared.errors import (
    Call,
    Conflict,
    Fault,
    Forbidden,
    HuntTooLarge,
    NotFound,
    PartialData,
    Rejected,
    Service,
    SignInFailed,
    SweepError,
    Throttled,
    Unavailable,
)
from shared.redaction import without_addresses, without_values

_TEAMS_CODES = {
    "DirectApiAuthorizationRequired",
    "DirectApiRequestHasMoreThanOneAuthorization",
    "MisMatchingOAuthClaims",
    "RequestEntityTooLarge",
    "WorkflowNotFound",
    "WorkflowTriggerIsNotEnabled",
}
# A 404 of ARM with one of these is about what the resource would be in: the incident may well be there.
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
# A 400 with one of these refuses every other request as well.
_ADDRESS = {"missingapiversionparameter", "invalidapiversionparameter"}
_MISSING = re.compile(r"not_?found|not_?exist", re.IGNORECASE)
# ARM says it under 400: "Workspace 'x' is not onboarded to Microsoft Sentinel. Please onboard …"; and under 409, when
# none of the subscription ever was: "The subscription is not registered to use namespace 'Microsoft.SecurityInsights'".
_NO_SENTINEL = re.compile(
    r"not onboarded to (Microsoft|Azure) Sentinel|not registered to (use namespace )?'?Microsoft\.SecurityInsights",
    re.I,
)
_ENABLE = (
    "make sure that SENTINEL_WORKSPACE_RESOURCE_ID names the right workspace; if it does, switch Microsoft Sentinel on"
    " for it (Azure portal, Microsoft Sentinel, Create)"
)
_TOO_LARGE = re.compile(
    r"E_QUERY_RESULT_SET_TOO_LARGE|E_RUNAWAY_QUERY|E_LOW_MEMORY_CONDITION|LowMemoryCondition|E_QUERY_TIMEOUT|QueryTimeout"
    r"|ResponseTooLarge|ResponseSizeError|result set (is|has become) too large|exceeded memory|query timed? ?out",
    re.IGNORECASE,
)
_SECRETS = re.compile(
    r"(?i)\b(bearer\s+)\S+|\b(sig(?:nature)?=)[^\s&\"']+|eyJ[\w-]{10,}(?:\.[\w-]*)*|https?://[^\s\"'<>]*\?[^\s\"'<>]*"
)

_RESPONDER = (
    "give the app's identity the role Microsoft Sentinel Responder on the workspace, and some minutes for it to work"
)
NEXT: dict[tuple[str, Service], str] = {
    ("sign_in", Service.IDENTITY): (
        "check in Azure that the managed identity is assigned to the app and that AZURE_CLIENT_ID is its client id;"
        " elsewhere sign in with `az login` or `azd auth login`, in the cloud of AZURE_CLOUD"
    ),
    ("sign_in", Service.LOG_ANALYTICS): "check AZURE_CLOUD and that the app's identity is of the workspace's tenant",
    ("sign_in", Service.SENTINEL): "check AZURE_CLOUD and that the app's identity is of the workspace's tenant",
    ("sign_in", Service.GRAPH): "check AZURE_CLOUD and that the app's identity still exists in its tenant",
    ("sign_in", Service.TEAMS): (
        "check that TEAMS_WEBHOOK_URL is the flow's whole URL with its signature, and that the flow's trigger is open"
        " to Anyone"
    ),
    ("forbidden", Service.LOG_ANALYTICS): _RESPONDER,
    ("forbidden", Service.SENTINEL): _RESPONDER,
    ("forbidden", Service.GRAPH): (
        "give the app's identity the application permission ThreatHunting.Read.All, with an administrator's consent"
    ),
    (
        "forbidden",
        Service.TEAMS,
    ): "check in the flow that its trigger is open to Anyone and that its owner may still post",
    ("not_found", Service.LOG_ANALYTICS): "check that SENTINEL_WORKSPACE_ID is the id of a workspace that still exists",
    ("not_found", Service.SENTINEL): (
        "check that SENTINEL_WORKSPACE_RESOURCE_ID names a workspace that still exists and has Microsoft Sentinel"
    ),
    ("not_found", Service.GRAPH): "check AZURE_CLOUD and GRAPH_ENDPOINT: advanced hunting is not served there",
    ("not_found", Service.TEAMS): (
        "look in Power Automate whether the flow was deleted or switched off; switch it on, or make another and set"
        " TEAMS_WEBHOOK_URL"
    ),
    ("partial", Service.TEAMS): (
        "let the proxy pass requests to the host of TEAMS_WEBHOOK_URL, or check that setting; the next sweep tells it"
        " again"
    ),
    ("conflict", Service.SENTINEL): "nothing to do: the next sweep reads the incident again and decides anew",
    ("conflict", Service.TEAMS): "look at the flow's run history in Power Automate",
    ("too_large", Service.LOG_ANALYTICS): "split the hunt, or shorten LOOKBACK_DAYS",
    ("too_large", Service.GRAPH): "split the hunt, or shorten LOOKBACK_DAYS",
    (
        "rejected",
        Service.TEAMS,
    ): "look at the flow's trigger and run history in Power Automate; the next sweep tells it again",
    ("rejected", Service.SENTINEL): "look at the code and report it as a fault of this program; the effect stays due",
    ("rejected", Service.LOG_ANALYTICS): (
        "look at the code; a table on a Basic or lake plan, or one without the columns needed, refuses the hunt"
    ),
    ("rejected", Service.GRAPH): "look at the code; the tenant may lack Defender for Office 365, or the hunt a column",
}
_NEXT_BY_KIND = {
    "sign_in": "check the app's identity and AZURE_CLOUD",
    "forbidden": "check which roles the app's identity has",
    "not_found": "check the addresses in the app settings",
    "rejected": "check the addresses in the app settings",
    "too_large": "split the hunt, or shorten LOOKBACK_DAYS",
    "conflict": "nothing to do: the next sweep reads it again",
    "throttled": "nothing to do: the next sweep goes on; if it lasts, look for who else uses the service",
    "unavailable": "the next sweep tries again; if it lasts, check the service's health and the app's network",
    "partial": "the next sweep asks again; if it lasts, look for a proxy that answers in the service's place",
}


def too_large(text: str) -> bool:
    """Whether the codes and words of a query error say that it asked for too much: rows, memory or time."""
    return _TOO_LARGE.search(text) is not None


def clean(text: str, limit: int = 200) -> str:
    """A service's words in one line of at most `limit` characters, without what looks like a secret, a whole URL or a
    person's address."""
    if len(text) > 10 * limit:
        text = text[: 10 * limit].rpartition(" ")[0] or text[: 10 * limit]  # half an address is not known for one
    shown = ("" if category(char) == "Cf" else char if char.isprintable() else " " for char in text)
    line = _SECRETS.sub(lambda found: (found[1] or found[2] or "") + "…", " ".join("".join(shown).split()))
    line = without_addresses(line)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def error_of(body: Any) -> tuple[str, str]:
    """The code and message of an error body, as ARM, Log Analytics and Graph write it; "" for what is not there."""
    error = body.get("error", body) if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return "", ""
    code, message = error.get("code"), error.get("message")
    if isinstance(message, str) and message.startswith("{") and (inner := _parsed(message)):
        return error_of(inner)  # Sentinel puts the provider's whole answer, as text, into the message
    known = isinstance(code, str) and re.fullmatch(r"[A-Za-z0-9][\w.-]{0,59}", code, re.ASCII)
    return (str(code) if known else ""), (message if isinstance(message, str) else "")


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) and "error" in parsed else None


def _made(
    kind: type[SweepError],
    service: Service,
    call: Call,
    happened: str,
    *,
    status: int | None = None,
    fault: Fault | None = None,
    code: str = "",
    after: float | None = None,
    todo: str = "",
) -> SweepError:
    effect = call in (Call.WRITE, Call.TELL)
    unsure = fault in (Fault.LOST, Fault.GARBLED) or _may_have_gone_on(call, status)
    todo = todo or NEXT.get((kind.kind, service)) or _NEXT_BY_KIND[kind.kind]
    return kind(
        f"{service.words} {happened}: {todo}",
        service=service,
        call=call,
        status=status,
        fault=fault,
        code=code,
        retry_after=after,
        maybe_done=effect and unsure,
    )


def _may_have_gone_on(call: Call, status: int | None) -> bool:
    """Whether the effect may have happened in spite of this status. Of a card it may after a gateway's word only: Teams
    itself takes none that it answers with an error."""
    if status is None:
        return False
    return status in (502, 504) if call is Call.TELL else status == 408 or 500 <= status <= 599


def faulty(service: Service, call: Call, fault: Fault, *, status: int | None = None, what: str = "") -> SweepError:
    """The error for a request that ended without a status that says so. `what` are words of our own."""
    if fault is Fault.GARBLED:
        return _made(
            PartialData, service, call, what or "sent an answer that is not its own", status=status, fault=fault
        )
    happened = "could not be reached" if fault is Fault.UNREACHED else "was asked, but its answer did not arrive"
    return _made(Unavailable, service, call, what or happened, fault=fault)


def not_taken(service: Service, call: Call, status: int, host: str) -> SweepError:
    """The error for a web page under a good status: whoever sent it has not handed on what it was sent."""
    what = (
        f"was not reached: {host} answered {status} with a web page, as a proxy does to block or to ask for a sign-in"
    )
    error = faulty(service, call, Fault.GARBLED, status=status, what=what)
    error.maybe_done = False
    return error


def from_status(
    service: Service, call: Call, status: int, body: Any = None, *, after: float | None = None, host: str = ""
) -> SweepError:
    """The error for an answer with this status. `after`: seconds its Retry-After asks for; `host`: who answered."""
    code, message = error_of(body)
    if service is Service.TEAMS:
        code, message = (code if code in _TEAMS_CODES else ""), ""
    at = f" at {host}" if host else ""
    said = f" {code}" if code else ""
    # What is written holds subjects, and what is refused of it is quoted.
    quoted = f' "{clean(without_values(message) if call is Call.WRITE else message)}"' if message else ""
    no_sentinel = service is Service.SENTINEL and 400 <= status <= 499 and _NO_SENTINEL.search(message) is not None
    kind, todo = (NotFound, _ENABLE) if no_sentinel else _kind(service, call, status, body)
    wait = f", asking to be left alone for {after:.0f} s" if after else ""
    happened = f"answered {status}{said}{at}{quoted}{wait}"
    error = _made(kind, service, call, happened, status=status, code=code, after=after, todo=todo)
    if isinstance(error, NotFound):
        error.itself = not no_sentinel and says_missing(body) and not _about_parent(code.lower(), message.lower())
    if isinstance(error, Rejected):
        error.own = _has_code(body) and status >= 400 and code.lower() not in _PARENTS | _ADDRESS
    return error


def says_missing(body: Any) -> bool:
    """Whether the body of a 404 is ARM's own: an error object whose code means that something is not there.

    A gateway's 404 is empty, a page, or JSON of another shape. It says nothing about what was asked for.
    """
    code, _ = error_of(body)
    return _has_code(body) and (code.lower() in _PARENTS or _MISSING.search(code) is not None)


def _has_code(body: Any) -> bool:
    """Whether a body is an error object as ARM writes it, which a gateway's is not."""
    return isinstance(body, dict) and isinstance(body.get("error"), dict) and error_of(body)[0] != ""


def _about_parent(code: str, message: str) -> bool:
    return code in _PARENTS or (code == "resourcenotfound" and "/incidents/" not in message and "workspaces" in message)


def _kind(service: Service, call: Call, status: int, body: Any) -> tuple[type[SweepError], str]:
    if status in _KINDS:
        return _KINDS[status], ""
    if 500 <= status <= 599:
        return Unavailable, ""
    if status == 413 and service is Service.TEAMS:
        return Rejected, "the card is larger than the flow takes, a fault of this program's size budget: report it"
    if call is Call.QUERY and status in (400, 413) and too_large(json.dumps(body, default=str) if body else ""):
        return HuntTooLarge, ""
    if 300 <= status <= 399:
        return Rejected, "check the address and any proxy: a redirect is not followed, for it could lead anywhere"
    return Rejected, ""


_KINDS: dict[int, type[SweepError]] = {
    401: SignInFailed,
    403: Forbidden,
    404: NotFound,
    408: Unavailable,
    409: Conflict,
    412: Conflict,
    429: Throttled,
}
