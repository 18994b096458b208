"""The Logs Ingestion API: one data collection rule with one stream, whose rows go into one table of the workspace."""

from __future__ import annotations

import gzip
import json
import math
import re
import secrets
import threading
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.cloud.kql.context import INGESTED
from tests.cloud.tables import Tables
from tests.cloud.uploaded import Dates, stored_row
from tests.cloud.wire import Answer, Refused, Request

RULE_ID = "dcr-3f0c8a5d1b7e4c6f9a2d8e4b5c6d7e8f"
FINDINGS_TABLE = "EmailRemediationFindings_CL"
STREAM = f"Custom-{FINDINGS_TABLE}"
VERSIONS = ("2021-11-01-preview", "2023-01-01")

_ROUTE = re.compile(r"/dataCollectionRules/(?P<rule>[^/]+)/streams/(?P<stream>[^/]+)")


@dataclass(slots=True)
class IngestionLimits:
    """What the service documents: bytes of a call and of a field, calls and bytes of a minute."""

    call: int = 1_048_576
    field: int = 65_536
    calls_a_minute: int = 12_000
    bytes_a_minute: int = 2 * 1024**3


class Ingestion:
    """Takes rows and cuts them to what the table has. They are readable `delay` later, the first ones `first_delay`.

    `granted` is the role on the data collection rule. `columns` are the stream's; None: there is no such rule yet.
    `rows` are all that were stored, as they were stored. What the clock says decides about the rate limits, too.
    """

    def __init__(self, tables: Tables, clock: Callable[[], datetime]) -> None:
        self.columns: Mapping[str, str] | None = None
        self.granted = True
        self.limits = IngestionLimits()
        self.delay = timedelta(minutes=3)
        self.first_delay = timedelta(minutes=12)
        self.rows: list[dict[str, Any]] = []
        self._tables = tables
        self._clock = clock
        self._ingested: list[datetime] = []
        self._minute: datetime | None = None
        self._calls = self._bytes = 0
        self._lock = threading.Lock()

    def deploy(self, columns: Mapping[str, str]) -> None:
        """Make the table, empty, and the data collection rule, as a deployment does."""
        self._tables.define(FINDINGS_TABLE, columns, timed=True)
        with self._lock:
            self.columns, self._ingested, self.rows = dict(columns), [], []

    def handle(self, request: Request) -> Answer:
        """Respond to a request whose token has been checked."""
        try:
            answer = self._upload(request)
        except Refused as refusal:
            answer = refusal.answer
        answer.headers["x-ms-request-id"] = secrets.token_hex(16)
        return answer

    def accept(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Store rows that arrive now."""
        assert self.columns is not None, "deploy the table first"
        now = self._clock()
        with self._lock:
            ingested = max(now + self.delay, self._ingested[0]) if self._ingested else now + self.first_delay
            dates = Dates(now - timedelta(days=2), now + timedelta(days=1), now)
            rows = [stored_row(item, self.columns, dates, self.limits.field) for item in items]
            self.rows += rows
            self._ingested += [ingested] * len(rows)
            self._tables.append(FINDINGS_TABLE, [{**row, INGESTED: ingested} for row in rows])

    def kept(self) -> tuple[list[dict[str, Any]], list[datetime]]:
        """All rows and when each is readable, for `restore`."""
        with self._lock:
            return list(self.rows), list(self._ingested)

    def restore(self, kept: tuple[list[dict[str, Any]], list[datetime]]) -> None:
        """Make the table what it was."""
        self.deploy(self.columns or {})
        with self._lock:
            self.rows, self._ingested = list(kept[0]), list(kept[1])
            stored = [{**row, INGESTED: time} for row, time in zip(*kept, strict=True)]
            self._tables.append(FINDINGS_TABLE, stored)

    def _upload(self, request: Request) -> Answer:
        found = _ROUTE.fullmatch(request.route)
        if found is None:
            raise _refused(404, "NotFound", "The requested path does not exist.")
        if request.method != "POST":
            raise _refused(405, "MethodNotAllowed", f"The method '{request.method}' is not allowed.")
        self._checked(request, found["rule"], found["stream"])
        self._metered(len(request.body))
        self.accept(self._items(request))
        return Answer(204)

    def _checked(self, request: Request, rule: str, stream: str) -> None:
        version = request.query.get("api-version")
        if version not in VERSIONS:
            raise _refused(400, "UnsupportedApiVersion", f"The api-version '{version}' is not supported.")
        if self.columns is None or rule != RULE_ID:
            raise _refused(404, "NotFound", f"Data collection rule with immutable Id '{rule}' not found.")
        if not self.granted:
            raise _refused(
                403,
                "OperationFailed",
                "The authentication token provided does not have access to ingest data for the data collection rule"
                f" with immutable Id '{rule}'.",
            )
        if stream != STREAM:
            raise _refused(404, "NotFound", f"Stream '{stream}' was not found in the data collection rule '{rule}'.")

    def _metered(self, size: int) -> None:
        """Count one call of the minute that the clock is in; a call that is refused for its size counts as well."""
        now = self._clock()
        minute = now.replace(second=0, microsecond=0)
        with self._lock:
            if minute != self._minute:
                self._minute, self._calls, self._bytes = minute, 0, 0
            over = self._calls + 1 > self.limits.calls_a_minute or self._bytes + size > self.limits.bytes_a_minute
            if not over:
                self._calls += 1
                self._bytes += size
        if over:
            wait = max(1, math.ceil((minute + timedelta(minutes=1) - now).total_seconds()))
            refused = _refused(429, "TooManyRequests", f"The rate limit is exceeded. Retry after {wait} seconds.")
            refused.answer.headers["Retry-After"] = str(wait)
            raise refused

    def _items(self, request: Request) -> list[Mapping[str, Any]]:
        body = request.body
        self._small_enough(len(body))
        if not body:
            raise Refused(Answer(500))  # so does the service, without a word
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise _refused(415, "UnsupportedMediaType", "The content type must be application/json.")
        encoding = request.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("gzip", "identity"):
            raise _refused(415, "UnsupportedContentEncoding", f"The content encoding '{encoding}' is not supported.")
        if encoding == "gzip":
            body = _unzipped(body)
            self._small_enough(len(body))
        try:
            items = json.loads(body, parse_constant=_no_number)
        except ValueError:  # not UTF-8 is one as well
            raise _refused(400, "InvalidPayload", "The request body is not valid JSON.") from None
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise _refused(400, "InvalidPayload", "The request body must be a JSON array of objects.")
        return items

    def _small_enough(self, size: int) -> None:
        if size > self.limits.call:
            raise _refused(
                413,
                "ContentLengthLimitExceeded",
                f"Maximum allowed content length: {self.limits.call} bytes (1 MB)."
                f" Provided content length: {size} bytes.",
            )


def _unzipped(body: bytes) -> bytes:
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error):
        raise _refused(400, "InvalidContentEncoding", "The request body is not valid gzip.") from None


def _no_number(name: str) -> None:
    raise ValueError(name)


def _refused(status: int, code: str, message: str) -> Refused:
    return Refused(Answer(status, {"error": {"code": code, "message": message}}, {"x-ms-error-code": code}))
