"""The SweepError for a response with an error status, or for a request that ended without a usable status.

Of an error's body only its code and the beginning of its message are quoted, without addresses of persons and without
secrets. Of what Teams sends only well-known codes are quoted.
"""

from __future__ import annotations

import json
import re
from typing import Any

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
from shared.http.error_body import about_parent, about_request, about_rule, error_of, quotable, says_missing, too_large
from shared.http.next_steps import ENABLE_SENTINEL, next_step
from shared.redaction import without_values

_CARRY_MAIL = (Call.WRITE, Call.UPLOAD)
"""What is sent by these holds subjects."""
_TEAMS_CODES = {
    "DirectApiAuthorizationRequired",
    "DirectApiRequestHasMoreThanOneAuthorization",
    "MisMatchingOAuthClaims",
    "RequestEntityTooLarge",
    "WorkflowNotFound",
    "WorkflowTriggerIsNotEnabled",
}
# ARM, with status 400: "Workspace 'x' is not onboarded to Microsoft Sentinel. Please onboard …"; with status 409, when
# no workspace of the subscription ever was: "The subscription is not registered to use namespace
# 'Microsoft.SecurityInsights'".
_NO_SENTINEL = re.compile(
    r"not onboarded to (Microsoft|Azure) Sentinel|not registered to (use namespace )?'?Microsoft\.SecurityInsights",
    re.I,
)


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
    effect = call in (Call.WRITE, Call.TELL, Call.UPLOAD)
    unsure = fault in (Fault.LOST, Fault.GARBLED) or _may_have_gone_on(call, status)
    todo = todo or next_step(kind.kind, service)
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
    """The error for a request that failed without an error status. `what` says what happened, in our own words."""
    if fault is Fault.GARBLED:
        what = what or "sent an unexpected response"
        return _made(PartialData, service, call, what, status=status, fault=fault)
    happened = "could not be reached" if fault is Fault.UNREACHED else "was asked, but no complete response arrived"
    return _made(Unavailable, service, call, what or happened, fault=fault)


def not_delivered(service: Service, call: Call, status: int, host: str) -> SweepError:
    """The error for a web page with a good status: a proxy sent it, and did not pass the request on."""
    what = (
        f"was not reached: {host} answered {status} with a web page, as a proxy does to block or to ask for a sign-in"
    )
    error = faulty(service, call, Fault.GARBLED, status=status, what=what)
    error.maybe_done = False
    return error


def from_status(
    service: Service, call: Call, status: int, body: Any = None, *, after: float | None = None, host: str = ""
) -> SweepError:
    """The error for a response with this status. `after`: the seconds in its Retry-After; `host`: who responded."""
    code, message = error_of(body)
    if service is Service.TEAMS:
        code, message = (code if code in _TEAMS_CODES else ""), ""
    at = f" at {host}" if host else ""
    shown_code = f" {code}" if code else ""
    # What is written holds subjects, and the service quotes the part that it refuses.
    quoted = f' "{quotable(without_values(message) if call in _CARRY_MAIL else message)}"' if message else ""
    no_sentinel = service is Service.SENTINEL and 400 <= status <= 499 and _NO_SENTINEL.search(message) is not None
    kind, todo = (NotFound, ENABLE_SENTINEL) if no_sentinel else _kind(service, call, status, body)
    wait = f", and asked for a wait of {after:.0f} s" if after else ""
    happened = f"answered {status}{shown_code}{at}{quoted}{wait}"
    error = _made(kind, service, call, happened, status=status, code=code, after=after, todo=todo)
    upload = service is Service.INGESTION  # what is missing there is missing for every upload
    if isinstance(error, NotFound):
        known = not (upload or no_sentinel) and says_missing(body)
        error.itself = known and not about_parent(code.lower(), message.lower())
    if isinstance(error, Rejected):
        error.own = status >= 400 and about_request(body) and not (upload and about_rule(code, message))
    return error


def _kind(service: Service, call: Call, status: int, body: Any) -> tuple[type[SweepError], str]:
    if status in _KINDS:
        return _KINDS[status], ""
    if 500 <= status <= 599:
        return Unavailable, ""
    if status == 413 and service is Service.TEAMS:
        return Rejected, "the card is larger than the flow accepts, a fault of this program's size budget: report it"
    if call is Call.QUERY and status in (400, 413) and too_large(json.dumps(body, default=str) if body else ""):
        return HuntTooLarge, ""
    if 300 <= status <= 399:
        return Rejected, "check the address and any proxy: redirects are not followed, because they could lead anywhere"
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
