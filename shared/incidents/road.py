"""Errors of Sentinel: those that any other call would meet as well, and those about one effect alone."""

from __future__ import annotations

from shared.errors import (
    Call,
    Conflict,
    Fault,
    Forbidden,
    NotFound,
    Rejected,
    SignInFailed,
    SweepError,
    Throttled,
    Unavailable,
)

_TOO_LARGE = 413
_REFUSALS = (400, 422)
# ARM says 409 about a workspace that nobody may write to now.
_LOCKED = {"scopelocked", "readonlydisabledsubscription", "missingsubscriptionregistration"}


def of_the_road(error: SweepError | None) -> bool:
    """Whether any other call to Sentinel would end in the same way: the error says nothing about one incident.

    That is: not reached, not signed in, not allowed, throttled, a fault of the service, a workspace that is missing,
    locked or without Sentinel, or a gateway's answer in Sentinel's place.
    """
    if isinstance(error, NotFound):
        return not error.itself
    if isinstance(error, Rejected):
        return not error.own and error.status != _TOO_LARGE
    if isinstance(error, Conflict):
        return error.code.lower() in _LOCKED
    if error is not None and error.fault is Fault.GARBLED:
        return error.status is not None
    return isinstance(error, Forbidden | SignInFailed | Unavailable | Throttled)


def is_refused(error: SweepError) -> bool:
    """Whether a write or an upload is refused for what it holds, so that another form of it may be taken.

    413 says so whoever answers it; 400 and 422 only in the service's own error object.
    """
    if not isinstance(error, Rejected) or error.call not in (Call.WRITE, Call.UPLOAD):
        return False
    return error.status == _TOO_LARGE or (error.own and error.status in _REFUSALS)
