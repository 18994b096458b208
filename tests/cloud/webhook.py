"""A Teams channel's Workflows webhook: accepts a card, or refuses what a flow would refuse."""

from __future__ import annotations

import json
import secrets
import threading
from typing import Any
from urllib.parse import quote, urlencode

from tests.cloud.bucket import Bucket
from tests.cloud.wire import Answer, Request

LIMIT = 24_263
"""Bytes of UTF-8. The flow's own limit is 28,672 of its encoding: 24,453 bytes were measured by it as 28,897."""


class Webhook:
    """One flow. `cards` are the bodies it accepted, oldest first, parsed."""

    def __init__(self, bucket: Bucket | None = None) -> None:
        self._workflow = secrets.token_hex(16)
        self._sig = secrets.token_urlsafe(32)
        self._bucket = bucket
        self._lock = threading.Lock()
        self.cards: list[Any] = []

    @property
    def sig(self) -> str:
        """The secret in the URL."""
        return self._sig

    @property
    def target(self) -> str:
        """Path and query string of the webhook, as long as the real ones are."""
        query = urlencode(
            {"api-version": "1", "sp": "/triggers/manual/run", "sv": "1.0", "sig": self._sig}, quote_via=quote, safe=""
        )
        path = f"/powerautomate/automations/direct/workflows/{self._workflow}/triggers/manual/paths/invoke"
        return f"{path}?{query}"

    def handle(self, request: Request) -> Answer:
        """Accept the card (202, empty body), or refuse it with a reason."""
        if request.route != self.target.partition("?")[0]:
            return _refusal(404, "WorkflowNotFound", "The workflow could not be found or is not enabled.")
        if request.method != "POST":
            return _refusal(405, "MethodNotAllowed", f"The method '{request.method}' is not allowed for this trigger.")
        query = request.query
        if query.get("sig") != self._sig or query.get("sp") != "/triggers/manual/run" or query.get("sv") != "1.0":
            return _refusal(
                401,
                "DirectApiAuthorizationRequired",
                "The request must be authenticated only by Shared Access scheme.",
            )
        if query.get("api-version") != "1":
            return _refusal(400, "InvalidApiVersionParameter", "The api-version is invalid.")
        if self._bucket is not None and (wait := self._bucket.take()):
            return Answer(429, _error("TooManyRequests", "Rate limit is exceeded."), {"Retry-After": str(wait)})
        if len(request.body) > LIMIT:
            return _refusal(
                413, "RequestEntityTooLarge", f"The message size of {len(request.body)} is over the limit of 28672."
            )
        if wrong := _wrong(request):
            return _refusal(400, "TriggerInputSchemaMismatch", wrong)
        with self._lock:
            self.cards.append(json.loads(request.body))
        return Answer(202)


def _wrong(request: Request) -> str:
    if not request.headers.get("content-type", "").lower().startswith("application/json"):
        return "The content type must be application/json."
    try:
        body = json.loads(request.body.decode("utf-8"))
    except ValueError:
        return "The body is not JSON in UTF-8."
    if not isinstance(body, dict) or body.get("type") != "message":
        return "Expected type 'message'."
    attachments = body.get("attachments")
    if not isinstance(attachments, list) or not attachments:
        return "Expected a list of attachments."
    for attachment in attachments:
        if not isinstance(attachment, dict):
            return "Expected an object as attachment."
        if attachment.get("contentType") != "application/vnd.microsoft.card.adaptive":
            return "Expected contentType 'application/vnd.microsoft.card.adaptive'."
        if wrong := _wrong_card(attachment.get("content")):
            return wrong
    return ""


def _wrong_card(card: Any) -> str:
    if not isinstance(card, dict) or card.get("type") != "AdaptiveCard":
        return "Expected content of type 'AdaptiveCard'."
    if not isinstance(card.get("body"), list):
        return "Expected a card with a body."
    try:
        version = tuple(int(part) for part in card["version"].split("."))
    except (KeyError, AttributeError, ValueError):
        return "Expected a card with a version."
    return "The card's version is above 1.4." if version > (1, 4) else ""


def _error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


def _refusal(status: int, code: str, message: str) -> Answer:
    return Answer(status, _error(code, message))
