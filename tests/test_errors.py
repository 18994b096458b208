"""The error tree: every exception of the libraries has its place in it, and every message says what to do."""

import inspect
import json
import re
import ssl
from collections.abc import Iterator
from concurrent.futures import Future
from types import ModuleType, SimpleNamespace
from typing import Any

import azure.core.exceptions as ax
import azure.identity
import pytest
import requests
import requests.exceptions as rx
import tenacity
import urllib3.exceptions as ux

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
from shared.http.error_body import quotable, too_large
from shared.http.library_errors import mapped
from shared.http.retry import RetryRule, rule_for
from shared.http.statuses import from_status

POOL: Any = None
BODY: Any = SimpleNamespace(tell=lambda: 0, length_remaining=1)
SECRET = "https://flow.example/invoke?sig=TOP-SECRET"


def _answer(status: int, body: object = None) -> Any:
    """What azure-core keeps of an answer in its exceptions."""
    return SimpleNamespace(
        status_code=status,
        reason="because",
        headers={"Retry-After": "7"},
        text=lambda *_: json.dumps(body),
        request=SECRET,
    )


# Each exception that the libraries can raise, made as they make it, and what it has to become.
LOST = (Unavailable, Fault.LOST)
UNREACHED = (Unavailable, Fault.UNREACHED)
GARBLED = (PartialData, Fault.GARBLED)
OURS = (Rejected, None)
SIGN_IN = (SignInFailed, None)
TABLE: dict[str, tuple[Exception, tuple[type[SweepError], Fault | None]]] = {
    # requests
    "requests.RequestException": (rx.RequestException(SECRET), LOST),
    "requests.HTTPError": (rx.HTTPError(SECRET), LOST),
    "requests.ConnectionError": (rx.ConnectionError(ux.ProtocolError("Connection aborted.", OSError())), LOST),
    "requests.ProxyError": (rx.ProxyError(SECRET), UNREACHED),
    "requests.SSLError": (rx.SSLError(SECRET), UNREACHED),
    "requests.Timeout": (rx.Timeout(SECRET), LOST),
    "requests.ConnectTimeout": (rx.ConnectTimeout(SECRET), UNREACHED),
    "requests.ReadTimeout": (rx.ReadTimeout(SECRET), LOST),
    "requests.URLRequired": (rx.URLRequired(SECRET), OURS),
    "requests.TooManyRedirects": (rx.TooManyRedirects(SECRET), OURS),
    "requests.MissingSchema": (rx.MissingSchema(SECRET), OURS),
    "requests.InvalidSchema": (rx.InvalidSchema(SECRET), OURS),
    "requests.InvalidURL": (rx.InvalidURL(SECRET), OURS),
    "requests.InvalidHeader": (rx.InvalidHeader(SECRET), OURS),
    "requests.InvalidProxyURL": (rx.InvalidProxyURL(SECRET), OURS),
    "requests.ChunkedEncodingError": (rx.ChunkedEncodingError(SECRET), LOST),
    "requests.ContentDecodingError": (rx.ContentDecodingError(SECRET), GARBLED),
    "requests.StreamConsumedError": (rx.StreamConsumedError(SECRET), LOST),
    "requests.RetryError": (rx.RetryError(SECRET), LOST),
    "requests.UnrewindableBodyError": (rx.UnrewindableBodyError(SECRET), LOST),
    "requests.InvalidJSONError": (rx.InvalidJSONError(SECRET), GARBLED),
    "requests.JSONDecodeError": (rx.JSONDecodeError("no", SECRET, 0), GARBLED),
    # urllib3
    "urllib3.HTTPError": (ux.HTTPError(SECRET), LOST),
    "urllib3.PoolError": (ux.PoolError(POOL, SECRET), LOST),
    "urllib3.RequestError": (ux.RequestError(POOL, SECRET, "m"), LOST),
    "urllib3.SSLError": (ux.SSLError(SECRET), UNREACHED),
    "urllib3.ProxyError": (ux.ProxyError(SECRET, OSError()), UNREACHED),
    "urllib3.DecodeError": (ux.DecodeError(SECRET), GARBLED),
    "urllib3.ProtocolError": (ux.ProtocolError(SECRET), LOST),
    "urllib3.MaxRetryError": (ux.MaxRetryError(POOL, SECRET, ux.SSLError(SECRET)), UNREACHED),
    "urllib3.HostChangedError": (ux.HostChangedError(POOL, SECRET), OURS),
    "urllib3.TimeoutStateError": (ux.TimeoutStateError(SECRET), OURS),
    "urllib3.TimeoutError": (ux.TimeoutError(SECRET), LOST),
    "urllib3.ReadTimeoutError": (ux.ReadTimeoutError(POOL, SECRET, "m"), LOST),
    "urllib3.ConnectTimeoutError": (ux.ConnectTimeoutError(SECRET), UNREACHED),
    "urllib3.NewConnectionError": (ux.NewConnectionError(POOL, SECRET), UNREACHED),
    "urllib3.NameResolutionError": (ux.NameResolutionError("h", POOL, OSError()), UNREACHED),  # type: ignore[arg-type]
    "urllib3.EmptyPoolError": (ux.EmptyPoolError(POOL, SECRET), UNREACHED),
    "urllib3.FullPoolError": (ux.FullPoolError(POOL, SECRET), UNREACHED),
    "urllib3.ClosedPoolError": (ux.ClosedPoolError(POOL, SECRET), UNREACHED),
    "urllib3.LocationValueError": (ux.LocationValueError(SECRET), OURS),
    "urllib3.LocationParseError": (ux.LocationParseError(SECRET), OURS),
    "urllib3.URLSchemeUnknown": (ux.URLSchemeUnknown(SECRET), OURS),
    "urllib3.ResponseError": (ux.ResponseError(SECRET), LOST),
    "urllib3.ResponseNotChunked": (ux.ResponseNotChunked(SECRET), LOST),
    "urllib3.BodyNotHttplibCompatible": (ux.BodyNotHttplibCompatible(SECRET), GARBLED),
    "urllib3.IncompleteRead": (ux.IncompleteRead(1, 2), LOST),
    "urllib3.InvalidChunkLength": (
        ux.InvalidChunkLength(BODY, b"x"),
        LOST,
    ),
    "urllib3.InvalidHeader": (ux.InvalidHeader(SECRET), GARBLED),
    "urllib3.ProxySchemeUnknown": (ux.ProxySchemeUnknown(SECRET), OURS),
    "urllib3.ProxySchemeUnsupported": (ux.ProxySchemeUnsupported(SECRET), OURS),
    "urllib3.HeaderParsingError": (ux.HeaderParsingError([], SECRET), GARBLED),
    "urllib3.UnrewindableBodyError": (ux.UnrewindableBodyError(SECRET), LOST),
    # azure-core
    "azure.AzureError": (ax.AzureError(SECRET), LOST),
    "azure.ServiceRequestError": (ax.ServiceRequestError(SECRET), UNREACHED),
    "azure.ServiceResponseError": (ax.ServiceResponseError(SECRET), LOST),
    "azure.ServiceRequestTimeoutError": (ax.ServiceRequestTimeoutError(SECRET), UNREACHED),
    "azure.ServiceResponseTimeoutError": (ax.ServiceResponseTimeoutError(SECRET), LOST),
    "azure.HttpResponseError": (ax.HttpResponseError(response=_answer(503)), (Unavailable, None)),
    "azure.DecodeError": (ax.DecodeError(SECRET, response=_answer(200)), GARBLED),
    "azure.IncompleteReadError": (ax.IncompleteReadError(SECRET), LOST),
    "azure.ResourceExistsError": (ax.ResourceExistsError(SECRET), (Conflict, None)),
    "azure.ResourceNotFoundError": (ax.ResourceNotFoundError(SECRET), (NotFound, None)),
    "azure.ClientAuthenticationError": (ax.ClientAuthenticationError(SECRET), SIGN_IN),
    "azure.ResourceModifiedError": (ax.ResourceModifiedError(SECRET), (Conflict, None)),
    "azure.ResourceNotModifiedError": (ax.ResourceNotModifiedError(SECRET), (Rejected, None)),
    "azure.TooManyRedirectsError": (ax.TooManyRedirectsError([]), OURS),
    "azure.ODataV4Error": (ax.ODataV4Error(_answer(403)), (Forbidden, None)),
    "azure.StreamConsumedError": (ax.StreamConsumedError(_answer(200)), LOST),
    "azure.StreamClosedError": (ax.StreamClosedError(_answer(200)), LOST),
    "azure.ResponseNotReadError": (ax.ResponseNotReadError(_answer(200)), LOST),
    "azure.SerializationError": (ax.SerializationError(SECRET), OURS),
    "azure.DeserializationError": (ax.DeserializationError(SECRET), GARBLED),
    # azure-identity
    "azure.CredentialUnavailableError": (azure.identity.CredentialUnavailableError(SECRET), SIGN_IN),
    "azure.AuthenticationRequiredError": (azure.identity.AuthenticationRequiredError([SECRET]), SIGN_IN),
    # tenacity
    "tenacity.RetryError": (tenacity.RetryError(tenacity.Future(1)), LOST),
    "tenacity.TryAgain": (tenacity.TryAgain(SECRET), LOST),
    # plain Python, as the libraries let it through
    "json.JSONDecodeError": (json.JSONDecodeError("no", SECRET, 0), GARBLED),
    "builtins.ConnectionResetError": (ConnectionResetError(SECRET), LOST),
    "builtins.TimeoutError": (TimeoutError(SECRET), LOST),
    "ssl.SSLError": (ssl.SSLError(SECRET), LOST),
}


def raisable(module: ModuleType, prefix: str, name: str) -> Iterator[tuple[str, type[Exception]]]:
    """The exception classes (no warnings) that a module of `prefix` defines, as the table names them."""
    for kind in vars(module).values():
        if not inspect.isclass(kind) or not issubclass(kind, Exception) or issubclass(kind, Warning):
            continue
        if kind.__module__.startswith(prefix) and not kind.__name__.startswith("_"):
            yield f"{name}.{kind.__name__}", kind


EVERY = {
    **dict(raisable(rx, "requests", "requests")),
    **dict(raisable(ux, "urllib3", "urllib3")),
    **dict(raisable(ax, "azure.core", "azure")),
    **dict(raisable(azure.identity, "azure.identity", "azure")),
    **dict(raisable(tenacity, "tenacity", "tenacity")),
}


@pytest.mark.parametrize("name", EVERY)
def test_every_exception_has_a_row(name: str) -> None:
    """No exception class of requests, urllib3, azure-core, azure-identity or tenacity is without its row here."""
    assert name in TABLE
    assert type(TABLE[name][0]) is EVERY[name]


@pytest.mark.parametrize("name", TABLE)
def test_every_exception_is_mapped(name: str) -> None:
    """Each becomes the error of its row, without a word of its own text, without a cause, saying what to do next."""
    error, (kind, fault) = TABLE[name]
    found = mapped(Service.LOG_ANALYTICS, Call.QUERY, error)
    assert type(found) is kind
    assert isinstance(found, SweepError)
    assert found.fault is fault
    assert found.__cause__ is None
    assert found.__context__ is None
    assert "TOP-SECRET" not in str(found) + repr(vars(found))
    assert says_what_to_do(str(found))


def test_a_bug_is_no_library_s_failure() -> None:
    """What no library raised is handed back as it is, so that a bug is seen as one."""
    bug = KeyError("ours")
    assert mapped(Service.LOG_ANALYTICS, Call.QUERY, bug) is bug


def test_a_retry_error_stands_for_what_was_retried() -> None:
    """A tenacity.RetryError becomes what the last attempt's error becomes."""
    last: Future[Any] = tenacity.Future(5)
    last.set_exception(rx.ConnectTimeout(SECRET))
    found = mapped(Service.SENTINEL, Call.READ, tenacity.RetryError(last))  # type: ignore[arg-type]
    assert isinstance(found, Unavailable)
    assert found.fault is Fault.UNREACHED


def test_a_wrapped_connection_error_is_seen_through() -> None:
    """A requests.ConnectionError is told apart by what urllib3 error it wraps: not connected, or connected and lost."""
    refused = rx.ConnectionError(ux.MaxRetryError(POOL, "/", ux.NewConnectionError(POOL, "refused")))
    reset = rx.ConnectionError(ux.MaxRetryError(POOL, "/", ux.ProtocolError("reset")))
    assert fault_of(refused) is Fault.UNREACHED
    assert fault_of(reset) is Fault.LOST


def fault_of(error: Exception) -> Fault | None:
    """The fault that an exception is mapped to."""
    found = mapped(Service.TEAMS, Call.TELL, error)
    assert isinstance(found, SweepError)
    return found.fault


def test_an_sdk_s_answer_keeps_its_status_and_code() -> None:
    """An SDK's error keeps the status, the code of its body and, cleaned, its message."""
    body = {"error": {"code": "InsufficientAccessError", "message": "The provided\ncredentials\u202e lack access"}}
    found = mapped(Service.LOG_ANALYTICS, Call.QUERY, ax.HttpResponseError(response=_answer(403, body)))
    assert isinstance(found, Forbidden)
    assert (found.status, found.code) == (403, "InsufficientAccessError")
    assert '"The provided credentials lack access"' in str(found)


KINDS = {
    400: Rejected,
    401: SignInFailed,
    403: Forbidden,
    404: NotFound,
    408: Unavailable,
    409: Conflict,
    412: Conflict,
    413: Rejected,
    429: Throttled,
    500: Unavailable,
    503: Unavailable,
    302: Rejected,
    418: Rejected,
}
VERBS = re.compile(r"\b(check|give|look|split|report|nothing to do|the next sweep|sign in|switch|set|shorten|make)\b")


def says_what_to_do(message: str) -> bool:
    """Whether there is advice after what happened."""
    return VERBS.search(message.split(": ", 1)[1]) is not None


@pytest.mark.parametrize("service", Service)
@pytest.mark.parametrize("status", KINDS)
def test_each_status_has_its_kind(status: int, service: Service) -> None:
    """Each status makes the error of its kind, whose cause names service and kind, and which says what to do next."""
    error = from_status(service, Call.WRITE, status)
    assert type(error) is KINDS[status]
    assert error.cause == f"{service.value}_{error.kind}"
    assert says_what_to_do(str(error))


@pytest.mark.parametrize(
    ("service", "status", "named"),
    [
        (Service.SENTINEL, 403, "Microsoft Sentinel Responder"),
        (Service.LOG_ANALYTICS, 403, "Microsoft Sentinel Responder"),
        (Service.GRAPH, 403, "ThreatHunting.Read.All"),
        (Service.TEAMS, 401, "open to Anyone"),
        (Service.TEAMS, 403, "open to Anyone"),
        (Service.TEAMS, 404, "deleted or switched off"),
        (Service.TEAMS, 413, "size budget"),
        (Service.SENTINEL, 404, "SENTINEL_WORKSPACE_RESOURCE_ID"),
        (Service.LOG_ANALYTICS, 404, "SENTINEL_WORKSPACE_ID"),
        (Service.IDENTITY, 401, "AZURE_CLIENT_ID"),
    ],
)
def test_the_message_names_what_is_missing(service: Service, status: int, named: str) -> None:
    """A refusal names the role, the permission, the setting or the switch that it is about."""
    assert named in str(from_status(service, Call.QUERY, status))


def test_what_teams_says_is_not_quoted() -> None:
    """Of what a flow answers only a well-known code is shown: the rest may echo the URL."""
    body = {"error": {"code": "DirectApiAuthorizationRequired", "message": f"see {SECRET}"}}
    assert "DirectApiAuthorizationRequired" in str(from_status(Service.TEAMS, Call.TELL, 401, body))
    echo = {"error": {"code": SECRET, "message": SECRET}}
    assert "SECRET" not in str(from_status(Service.TEAMS, Call.TELL, 400, echo))
    words = {"error": {"code": "WorkflowNotFound", "message": "plain words"}}
    assert "plain" not in str(from_status(Service.TEAMS, Call.TELL, 404, words))


@pytest.mark.parametrize(
    "text",
    [
        "token Bearer TOP-SECRET was refused",
        "token eyJhbGciOiJSUzI1NiJ9.TOPSECRET.TOP-SECRET was refused",
        f"no such flow {SECRET}",
        "/invoke?api-version=1&sig=TOP-SECRET&x=1",
    ],
)
def test_quoted_words_hold_no_secret(text: str) -> None:
    """What is quoted of a service's words has tokens, signatures and whole URLs cut out."""
    assert "SECRET" not in quotable(text)
    assert "…" in quotable(text)


def test_quoted_words_fit_a_line() -> None:
    """What is quoted is one line of at most the given length."""
    assert quotable("a\r\n\tb\x00c") == "a b c"
    assert len(quotable("x" * 10_000)) == 200


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "E_QUERY_RESULT_SET_TOO_LARGE", HuntTooLarge),
        (400, "E_LOW_MEMORY_CONDITION", HuntTooLarge),
        (400, "BadArgumentError", Rejected),
        (504, "E_QUERY_RESULT_SET_TOO_LARGE", Unavailable),
    ],
)
def test_a_question_too_large_is_told_apart(status: int, code: str, kind: type[SweepError]) -> None:
    """A refusal that is about the size of the question says that it is to be split, however deep the code is."""
    body = {"error": {"code": "BadArgumentError", "message": "no", "innererror": {"code": code}}}
    assert type(from_status(Service.LOG_ANALYTICS, Call.QUERY, status, body)) is kind
    assert not too_large("a syntax error")


ONBOARD = (
    "Workspace 'law-soc' is not onboarded to Microsoft Sentinel. Please onboard through the portal"
    " (https://learn.microsoft.com/en-us/azure/sentinel/quickstart-onboard) or use the OnboardingStates ARM api."
)


@pytest.mark.parametrize("call", [Call.READ, Call.WRITE])
@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (400, "BadRequest", ONBOARD),
        (400, "BadRequest", json.dumps({"error": {"code": "BadRequest", "message": ONBOARD}})),
        (400, "BadRequest", "The workspace law-soc is not onboarded to Azure Sentinel"),
        (404, "NotFound", ONBOARD),
        (400, "BadRequest", "Subscription x is not registered to 'Microsoft.SecurityInsights'"),
        (
            409,
            "MissingSubscriptionRegistration",
            "The subscription is not registered to use namespace 'Microsoft.SecurityInsights'. See …",
        ),
    ],
)
def test_a_workspace_without_sentinel_is_called_that(call: Call, status: int, code: str, message: str) -> None:
    """ARM's ways of saying that a workspace has no Sentinel say what to do; they are not about one incident, nor a
    fault to report, nor worth another attempt."""
    error = from_status(Service.SENTINEL, call, status, {"error": {"code": code, "message": message}})
    assert isinstance(error, NotFound)
    assert not error.itself
    assert "switch Microsoft Sentinel on" in str(error)
    assert "SENTINEL_WORKSPACE_RESOURCE_ID" in str(error)
    assert "report" not in str(error)
    assert '{"' not in str(error).replace("\\", "")
    assert rule_for(error) is RetryRule.FINAL


def test_another_400_of_arm_stays_a_fault() -> None:
    """A 400 that says something else is still ours to report."""
    for body in (None, {"error": {"code": "BadRequest", "message": "{not json"}}, {"error": {"message": "[1]"}}):
        error = from_status(Service.SENTINEL, Call.WRITE, 400, body)
        assert type(error) is Rejected
        assert "report it" in str(error)


@pytest.mark.parametrize(
    ("call", "status", "unsure"),
    [
        (Call.WRITE, 500, True),
        (Call.WRITE, 408, True),
        (Call.TELL, 502, True),
        (Call.TELL, 504, True),
        (Call.TELL, 500, False),
        (Call.TELL, 503, False),
        (Call.TELL, 408, False),
        (Call.TELL, 429, False),
        (Call.WRITE, 409, False),
        (Call.READ, 500, False),
        (Call.QUERY, 504, False),
    ],
)
def test_only_an_effect_may_have_happened(call: Call, status: int, unsure: bool) -> None:
    """`maybe_done` is for effects, and for answers after which the service may have gone on."""
    assert from_status(Service.SENTINEL, call, status).maybe_done is unsure


def test_a_library_s_http_error_keeps_its_status() -> None:
    """A requests.HTTPError with an answer is judged by the answer's status."""
    response = requests.Response()
    response.status_code = 429
    assert isinstance(mapped(Service.GRAPH, Call.QUERY, requests.HTTPError(response=response)), Throttled)
