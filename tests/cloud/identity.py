"""Managed identity as App Service serves it, and the tokens that every service checks."""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5

from tests.cloud.wire import Answer, Refused, Request

TENANT = "00000000-0000-0000-0000-0000000000ff"


@dataclass(frozen=True, slots=True)
class Audiences:
    """The audience that each service of a cloud accepts, and the authority its tokens come from."""

    authority: str
    log_analytics: str
    sentinel: str
    graph: str
    ingestion: str
    storage: str = "https://storage.azure.com"

    def of(self, service: str) -> str:
        """The audience of a service."""
        return str(getattr(self, service))


CLOUDS = {
    "AzureCloud": Audiences(
        "https://login.microsoftonline.com",
        "https://api.loganalytics.io",
        "https://management.azure.com",
        "https://graph.microsoft.com",
        "https://monitor.azure.com",
    ),
    "AzureUSGovernment": Audiences(
        "https://login.microsoftonline.us",
        "https://api.loganalytics.us",
        "https://management.usgovcloudapi.net",
        "https://graph.microsoft.us",
        "https://monitor.azure.us",
    ),
    "AzureChinaCloud": Audiences(
        "https://login.chinacloudapi.cn",
        "https://api.loganalytics.azure.cn",
        "https://management.chinacloudapi.cn",
        "https://microsoftgraph.chinacloudapi.cn",
        "https://monitor.azure.cn",
    ),
}


@dataclass(slots=True)
class _Token:
    audience: str
    expires: float
    expired: bool = False


class Identity:
    """Hands out tokens for one user-assigned identity, and knows what each is good for.

    Tokens live `lifetime` seconds of the machine's clock, because that is the clock that clients go by.
    """

    def __init__(self, cloud: str, client_id: str, lifetime: float = 86_400) -> None:
        self.audiences = CLOUDS[cloud]
        self.client_id = client_id
        self.header = secrets.token_hex(16).upper()
        self.lifetime = lifetime
        self.principal_id = str(uuid5(NAMESPACE_URL, client_id))
        self._tokens: dict[str, _Token] = {}
        self._lock = threading.Lock()

    def handle(self, request: Request) -> Answer:
        """Answer a token request."""
        query = request.query
        if request.route != "/msi/token":
            return _refusal(404, "No such endpoint.")
        if request.method != "GET":
            return _refusal(405, f"The requested resource does not support http method '{request.method}'.")
        if not secrets.compare_digest(request.headers.get("x-identity-header", ""), self.header):
            return _refusal(401, "The X-IDENTITY-HEADER header is missing or wrong.")
        if query.get("api-version") != "2019-08-01":
            return _refusal(400, f"Unsupported api-version: {query.get('api-version')}.")
        named = [query[name] for name in ("client_id", "principal_id", "object_id", "mi_res_id") if name in query]
        if named != [self.client_id]:
            return _refusal(
                400,
                "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.",
            )
        audience = query.get("resource", "").rstrip("/")
        services = ("log_analytics", "sentinel", "graph", "ingestion", "storage")
        known = {self.audiences.of(service) for service in services}
        if audience not in known:
            return _refusal(
                400,
                f"AADSTS500011: The resource principal named {audience} was not found in the tenant named {TENANT}.",
            )
        token, expires = self.issue(audience)
        return Answer(
            200,
            {
                "access_token": token,
                "expires_on": str(int(expires)),
                "resource": query["resource"],
                "token_type": "Bearer",
                "client_id": self.client_id,
            },
        )

    def issue(self, audience: str, lifetime: float | None = None) -> tuple[str, float]:
        """A new token for an audience, and when it expires (seconds of the epoch)."""
        now = time.time()
        expires = now + (self.lifetime if lifetime is None else lifetime)
        claims = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{TENANT}/",
            "iat": int(now),
            "nbf": int(now),
            "exp": int(expires),
            "appid": self.client_id,
            "oid": self.principal_id,
            "tid": TENANT,
        }
        token = ".".join([_segment({"typ": "JWT", "alg": "RS256"}), _segment(claims), secrets.token_urlsafe(32)])
        with self._lock:
            self._tokens[token] = _Token(audience, expires)
        return token, expires

    def expire(self) -> None:
        """Every token handed out so far is expired from now on, whatever its holder thinks."""
        with self._lock:
            for token in self._tokens.values():
                token.expired = True

    def check(self, request: Request, service: str) -> None:
        """Nothing, when the request carries a live token for the service.

        Raises:
            Refused: with the service's own 401.
        """
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if not value or scheme.lower() != "bearer":
            raise Refused(unauthorized(service, "missing", self.audiences))
        token = self._tokens.get(value.strip())
        if token is None:
            raise Refused(unauthorized(service, "unknown", self.audiences))
        if token.audience != self.audiences.of(service):
            raise Refused(unauthorized(service, "audience", self.audiences, token.audience))
        if token.expired or token.expires <= time.time():
            raise Refused(unauthorized(service, "expired", self.audiences))


def _segment(part: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def _refusal(status: int, message: str) -> Answer:
    return Answer(status, {"statusCode": status, "message": message, "correlationId": secrets.token_hex(16)})


_ARM = {
    "missing": ("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."),
    "unknown": ("InvalidAuthenticationToken", "The access token is invalid."),
    "expired": (
        "ExpiredAuthenticationToken",
        "The access token expiry UTC time is earlier than current UTC time.",
    ),
    "audience": (
        "InvalidAuthenticationTokenAudience",
        (
            "The access token has been obtained for wrong audience or resource '{audience}'. It should exactly match"
            " with one of the allowed audiences '{expected}/','{expected}'."
        ),
    ),
}
_LOGS = {
    "missing": ("AuthorizationRequiredError", "Valid authentication was not provided"),
    "unknown": ("InvalidTokenError", "The provided authentication is not valid for this resource"),
    "expired": ("InvalidTokenError", "The access token has expired"),
    "audience": ("InvalidTokenError", "The audience '{audience}' is not valid; expected '{expected}'"),
}
_GRAPH = {
    "missing": ("InvalidAuthenticationToken", "Access token is empty."),
    "unknown": ("InvalidAuthenticationToken", "CompactToken parsing failed with error code: 80049217"),
    "expired": ("InvalidAuthenticationToken", "Lifetime validation failed, the token is expired."),
    "audience": ("InvalidAuthenticationToken", "Access token validation failure. Invalid audience."),
}
_INGESTION = {
    "missing": ("MissingToken", "The request has no authentication token."),
    "unknown": ("InvalidToken", "The authentication token provided is not valid."),
    "expired": ("InvalidToken", "The authentication token provided has expired."),
    "audience": ("InvalidToken", "The audience '{audience}' of the authentication token is not '{expected}'."),
}


def unauthorized(service: str, why: str, audiences: Audiences, audience: str = "") -> Answer:
    """A service's 401: `why` is missing, unknown, expired or audience."""
    words = {"sentinel": _ARM, "log_analytics": _LOGS, "graph": _GRAPH, "ingestion": _INGESTION}
    code, message = words[service][why]
    message = message.format(audience=audience, expected=audiences.of(service))
    challenge = f'Bearer authorization_uri="{audiences.authority}/{TENANT}", error="invalid_token"'
    return Answer(401, {"error": {"code": code, "message": message}}, {"WWW-Authenticate": challenge})
