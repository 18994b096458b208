"""Turns every exception of the HTTP libraries into a SweepError: one function per library, and `mapped` for all.

No text of an exception is taken over, and none of these functions keeps the exception as a cause: requests' exceptions
hold the whole URL.
"""

from __future__ import annotations

import json
import traceback
from datetime import datetime
from typing import Any

import requests
import requests.exceptions as rx
import tenacity
import urllib3.exceptions as ux

from shared.errors import Call, Fault, Rejected, Service, SignInFailed, SweepError
from shared.http.next_steps import next_step
from shared.http.retry import retry_after
from shared.http.size_limit import ResponseTooLarge
from shared.http.statuses import faulty, from_status

_OURS = (
    rx.InvalidURL,
    rx.MissingSchema,
    rx.InvalidSchema,
    rx.URLRequired,
    rx.InvalidHeader,
    rx.TooManyRedirects,
    ux.LocationValueError,
    ux.ProxySchemeUnsupported,
    ux.HostChangedError,
    ux.TimeoutStateError,
)
_GARBLED = (
    rx.InvalidJSONError,
    rx.ContentDecodingError,
    ux.DecodeError,
    ux.InvalidHeader,
    ux.HeaderParsingError,
    ux.BodyNotHttplibCompatible,
)
_UNREACHED = (
    rx.ConnectTimeout,
    rx.ProxyError,
    rx.SSLError,
    ux.ConnectTimeoutError,
    ux.SSLError,
    ux.ProxyError,
    ux.EmptyPoolError,
    ux.FullPoolError,
    ux.ClosedPoolError,
)


def _fault(error: BaseException) -> Fault:
    if isinstance(error, _GARBLED):
        return Fault.GARBLED
    if isinstance(error, _UNREACHED) or _while_connecting(error):
        return Fault.UNREACHED
    # requests wraps urllib3's: ConnectionError(MaxRetryError(reason=NewConnectionError(...))).
    inner = getattr(error, "reason", None) or (error.args[0] if error.args else None)
    if isinstance(inner, ux.HTTPError) and isinstance(error, rx.ConnectionError | ux.MaxRetryError):
        return _fault(inner)
    return Fault.LOST


def _while_connecting(error: BaseException) -> bool:
    """Whether it was raised in urllib3's `connect`: a reset handshake looks like any other lost connection."""
    seen: set[int] = set()
    todo: list[object] = [error]
    while todo:
        each = todo.pop()
        if not isinstance(each, BaseException) or id(each) in seen:
            continue
        seen.add(id(each))
        for frame, _ in traceback.walk_tb(each.__traceback__):
            if frame.f_code.co_name == "connect" and frame.f_globals.get("__name__") == "urllib3.connection":
                return True
        todo += [each.__cause__, each.__context__, getattr(each, "inner_exception", None), *each.args]
    return False


def from_requests(service: Service, call: Call, error: Exception, *, sent: bool | None = None) -> SweepError:
    """The SweepError for an exception of requests or urllib3, an OSError, or a ValueError of a library below them.

    `sent` says whether sending the body had begun, where there is one: before that nothing can have been done.
    """
    if isinstance(error, ResponseTooLarge):
        return _too_large(service, call, error)
    if isinstance(error, _OURS) or not isinstance(error, OSError | ux.HTTPError):
        return Rejected(
            f"{service.words} could not be reached: its address or a proxy's is malformed, check the app settings",
            service=service,
            call=call,
        )
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return from_status(service, call, error.response.status_code)
    fault = _fault(error)
    if fault is not Fault.GARBLED and sent is not None:
        fault = Fault.LOST if sent else Fault.UNREACHED
    what = "could not be reached: its certificate is not trusted (REQUESTS_CA_BUNDLE)" if _untrusted(error) else ""
    return faulty(service, call, fault, what=what)


def _too_large(service: Service, call: Call, error: ResponseTooLarge) -> SweepError:
    return faulty(service, call, Fault.GARBLED, what=f"sent {error}; it was discarded")


def _untrusted(error: BaseException) -> bool:
    return isinstance(error, rx.SSLError | ux.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error)


def from_azure(service: Service, call: Call, error: Exception, now: datetime | None = None) -> SweepError:
    """The SweepError for an exception of azure-core, azure-identity or an SDK built on them.

    With `now` the response's Retry-After is read.
    """
    from azure.core import exceptions as ax  # slow to import

    if (ours := _signing_in(error)) is not None:
        return ours
    if isinstance(error, ax.ClientAuthenticationError) and error.status_code is None:
        return signed_out(call)
    if isinstance(error, ax.AzureError) and _while_connecting(error):
        return faulty(service, call, Fault.UNREACHED)
    if isinstance(error, ax.ServiceRequestError):
        # A response that breaks off raises this, too: the inner exception tells which it is.
        inner = error.inner_exception
        known = isinstance(inner, requests.RequestException | ux.HTTPError)
        return faulty(service, call, _fault(inner) if known and inner is not None else Fault.UNREACHED)
    if isinstance(error, ax.IncompleteReadError):
        return faulty(service, call, Fault.LOST)
    if isinstance(error, ax.DecodeError | ax.DeserializationError | json.JSONDecodeError | UnicodeDecodeError):
        return faulty(service, call, Fault.GARBLED)
    if isinstance(error, ax.TooManyRedirectsError | ax.SerializationError):
        return Rejected(
            f"{service.words} could not be reached: check its address in the app settings, and any proxy",
            service=service,
            call=call,
        )
    if isinstance(error, ax.HttpResponseError) and (status := _status(error)) is not None:
        if status < 300:
            return faulty(service, call, Fault.GARBLED, status=status)
        after = retry_after(_header(error, "Retry-After"), now) if now else None
        return from_status(service, call, status, _body(error), after=after)
    return faulty(service, call, Fault.LOST)


def _status(error: Exception) -> int | None:
    from azure.core import exceptions as ax

    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return status
    named = {
        ax.ResourceExistsError: 409,
        ax.ResourceNotFoundError: 404,
        ax.ResourceModifiedError: 412,
        ax.ResourceNotModifiedError: 304,
    }
    return next((number for kind, number in named.items() if isinstance(error, kind)), None)


def _header(error: Any, name: str) -> str | None:
    try:
        value = error.response.headers.get(name)
    except AttributeError:
        return None
    return value if isinstance(value, str) else None


def _body(error: Any) -> Any:
    try:
        return json.loads(error.response.text())
    except (AttributeError, ValueError, TypeError):
        return None


def _signing_in(error: BaseException) -> SweepError | None:
    """The credential's own error, when a library has wrapped it: it is among the causes."""
    seen: set[int] = set()
    todo: list[object] = [error]
    while todo:
        each = todo.pop()
        if not isinstance(each, BaseException) or id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, SweepError) and each.service is Service.IDENTITY:
            return each
        todo += [each.__cause__, each.__context__, getattr(each, "inner_exception", None)]
    return None


def signed_out(call: Call) -> SweepError:
    """The error for a call that got no token."""
    return SignInFailed(
        f"Not signed in: {next_step('sign_in', Service.IDENTITY)}",
        service=Service.IDENTITY,
        call=call,
    )


def mapped(service: Service, call: Call, error: Exception, now: datetime | None = None) -> Exception:
    """The SweepError for an exception of any of the libraries; any other exception is returned unchanged.

    Our own retries raise no tenacity.RetryError; one from elsewhere stands for its last attempt's error.
    """
    if (ours := _signing_in(error)) is not None:
        return ours
    if isinstance(error, ResponseTooLarge):
        return _too_large(service, call, error)
    if isinstance(error, tenacity.RetryError) and error.last_attempt.done():
        last = error.last_attempt.exception()
        return mapped(service, call, last, now) if isinstance(last, Exception) else faulty(service, call, Fault.LOST)
    libraries = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    if libraries & {"requests", "urllib3"}:
        return from_requests(service, call, error)
    if libraries & {"azure", "msal"} or isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
        return from_azure(service, call, error, now)
    if isinstance(error, OSError) or "tenacity" in libraries:
        return faulty(service, call, Fault.LOST)
    return error
