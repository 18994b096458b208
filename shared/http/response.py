"""Checks a response to one of our own requests: parsed when it is what the service sends, else an error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from shared.errors import Call, Fault, Service, SweepError
from shared.http.error_body import says_missing
from shared.http.exchange import RawResponse
from shared.http.retry import retry_after
from shared.http.statuses import faulty, from_status, not_delivered
from shared.http.web_page import is_page


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response with a good status. `body` is the parsed JSON, None when there was none."""

    status: int
    headers: Mapping[str, str]
    body: Any


def checked_response(service: Service, call: Call, raw: RawResponse, now: datetime) -> HttpResponse:
    """The response, parsed. Of the response to a card or an upload only the status counts, unless it is a web page.

    Raises:
        SweepError: the status is an error, or the body is not what the service sends.
    """
    if not 200 <= raw.status <= 299:
        raise _error(service, call, raw, now)
    if call in (Call.TELL, Call.UPLOAD):
        if is_page(raw.headers.get("Content-Type", ""), raw.content):
            raise not_delivered(service, call, raw.status, raw.host)
        return HttpResponse(raw.status, raw.headers, None)
    if call is Call.QUERY and not raw.content.strip():
        return HttpResponse(raw.status, raw.headers, None)
    body = _parsed(raw.content)
    if not isinstance(body, dict) or (call is Call.WRITE and raw.status not in (HTTPStatus.OK, HTTPStatus.CREATED)):
        raise faulty(service, call, Fault.GARBLED, status=raw.status)
    return HttpResponse(raw.status, raw.headers, body)


def _error(service: Service, call: Call, raw: RawResponse, now: datetime) -> SweepError:
    body = _parsed(raw.content)
    if call is Call.READ and raw.status == HTTPStatus.NOT_FOUND and not says_missing(body):
        # It comes from a proxy or gateway: the service itself did not say that the resource is missing.
        return faulty(
            service, call, Fault.GARBLED, status=raw.status, what="sent an unexpected response with status 404"
        )
    after = retry_after(raw.headers.get("Retry-After"), now)
    return from_status(service, call, raw.status, body, after=after, host=raw.host)


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None
