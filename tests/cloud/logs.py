"""The Log Analytics query API, `POST /v1/workspaces/{guid}/query`; ARM passes queries on to it, too."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.cloud import answer as kusto
from tests.cloud.bucket import Bucket
from tests.cloud.engine import engine
from tests.cloud.kql.errors import KqlError
from tests.cloud.kql.lower import lower
from tests.cloud.tables import Tables
from tests.cloud.wire import Answer, Refused, Request

_ROUTE = re.compile(r"/v1/workspaces/(?P<workspace>[^/]+)/query")
_DURATION = re.compile(
    r"P(?:(?P<days>\d+(?:\.\d+)?)D)?(?:T(?:(?P<hours>\d+(?:\.\d+)?)H)?(?:(?P<minutes>\d+(?:\.\d+)?)M)?"
    r"(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)


@dataclass(slots=True)
class Limits:
    """How large a result may be. Of the query API, rows and bytes of JSON; of Graph, rows."""

    rows: int = 500_000
    bytes: int = 104_857_600
    graph_rows: int = 100_000


class Logs:
    """The query API of one workspace."""

    def __init__(
        self, workspace: str, tables: Tables, limits: Limits, clock: Callable[[], datetime], bucket: Bucket | None
    ) -> None:
        self._workspace = workspace
        self._tables = tables
        self._limits = limits
        self._clock = clock
        self._bucket = bucket

    def handle(self, request: Request) -> Answer:
        """Respond to a request whose token has been checked."""
        found = _ROUTE.fullmatch(request.route)
        if found is None:
            return query_error(404, "PathNotFoundError", "The requested path does not exist")
        if request.method != "POST":
            return query_error(405, "MethodNotAllowedError", "The requested method is not allowed")
        if found["workspace"].lower() != self._workspace.lower():
            return query_error(
                404, "WorkspaceNotFoundError", f"The workspace '{found['workspace']}' could not be found"
            )
        return self.answer(request)

    def answer(self, request: Request) -> Answer:
        """Respond to a query that came to the right workspace, by the API's own address or through ARM."""
        if self._bucket is not None and (wait := self._bucket.take()):
            refused = query_error(429, "ThrottledError", "Rate limit exceeded: 200 requests per 30 seconds")
            refused.headers["Retry-After"] = str(wait)
            return refused
        try:
            return self._query(request)
        except Refused as refusal:
            return refusal.answer

    def _query(self, request: Request) -> Answer:
        body = _body(request)
        prefer = _prefer(request.headers.get("prefer", ""))
        now = self._clock()
        try:
            span = parse_span(body.get("timespan"), now)
        except ValueError:
            raise Refused(
                query_error(400, "BadArgumentError", f"The timespan '{body['timespan']}' is not valid")
            ) from None
        began = time.perf_counter()
        try:
            lowered = lower(body["query"], self._tables, now, span)
            columns, rows = kusto.result_rows(engine().query(lowered.text, lowered.rows))
        except KqlError as refusal:
            return bad_query(refusal)
        answer: dict[str, Any] = {"tables": [{"name": "PrimaryResult", "columns": columns, "rows": rows}]}
        if prefer.get("include-statistics") == "true":
            seconds = time.perf_counter() - began
            answer["statistics"] = {
                "query": {"executionTime": seconds, "datasetStatistics": [{"tableRowCount": len(rows)}]}
            }
        if len(rows) > self._limits.rows:
            answer["tables"][0]["rows"] = rows[: self._limits.rows]
            answer["error"] = too_large(f"{self._limits.rows} records")
        whole = Answer(200, answer)
        if len(payload := whole.payload()) > self._limits.bytes:
            share = self._limits.bytes / len(payload)
            answer["tables"][0]["rows"] = rows[: int(len(rows) * share)]
            answer["error"] = too_large(f"{self._limits.bytes} bytes")
            return Answer(200, answer)
        return Answer(200, payload)


def _body(request: Request) -> dict[str, Any]:
    try:
        body = request.json
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refused(query_error(400, "BadArgumentError", "The request body is not a JSON object"))
    if not isinstance(body.get("query"), str) or not body["query"].strip():
        raise Refused(query_error(400, "BadArgumentError", "The query is missing or empty"))
    if body.get("workspaces"):
        raise Refused(query_error(400, "BadArgumentError", "Other workspaces could not be resolved"))
    return body


def _prefer(header: str) -> Mapping[str, str]:
    wanted = dict(part.strip().partition("=")[::2] for part in header.split(",") if part.strip())
    if "wait" in wanted and not (wanted["wait"].isdigit() and 1 <= int(wanted["wait"]) <= 600):
        raise Refused(query_error(400, "BadArgumentError", "Prefer: wait must be 1 to 600 seconds"))
    return wanted


def parse_span(given: Any, now: datetime) -> tuple[datetime, datetime] | None:
    """The span of time that a request names: a duration until now, two times, or a time and a duration.

    Raises:
        ValueError: it is none of these.
    """
    if given in (None, ""):
        return None
    first, _, second = str(given).partition("/")
    if not second:
        return now - duration_of(first), now
    if second.startswith("P"):
        return _moment(first), _moment(first) + duration_of(second)
    if first.startswith("P"):
        return _moment(second) - duration_of(first), _moment(second)
    return _moment(first), _moment(second)


def duration_of(text: str) -> timedelta:
    """An ISO 8601 duration.

    Raises:
        ValueError: it is none.
    """
    found = _DURATION.fullmatch(text)
    if found is None or text in ("P", "PT"):
        raise ValueError(text)
    return timedelta(**{unit: float(number) for unit, number in found.groupdict().items() if number})


def _moment(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def query_error(status: int, code: str, message: str, inner: Mapping[str, Any] | None = None) -> Answer:
    """An error of the query API."""
    found: dict[str, Any] = {"message": message, "code": code, "correlationId": secrets.token_hex(16)}
    if inner is not None:
        found["innererror"] = inner
    return Answer(status, {"error": found})


def bad_query(refusal: KqlError) -> Answer:
    """The response to a query that is refused, or that the engine could not finish."""
    if refusal.kind == "EngineError":
        partial = {
            "code": "PartialError",
            "message": "There were some errors when processing your query.",
            "details": [_engine_error("-2133196801", f"{refusal.message} ({refusal.code}, 0x80DA0007).")],
        }
        return Answer(200, {"tables": [], "error": partial})
    text = (
        "A semantic error occurred."
        if refusal.kind == "SemanticError"
        else "A recognition error occurred in the query."
    )
    inner = {
        "code": refusal.kind,
        "message": text,
        "innererror": {"code": refusal.code, "message": refusal.message},
    }
    return query_error(400, "BadArgumentError", "The request had some invalid properties", inner)


def too_large(limit: str) -> dict[str, Any]:
    """The error beside the rows of a result that was cut."""
    message = (
        f"The results of this query exceed the set limit of {limit}, so not all records were returned"
        " (E_QUERY_RESULT_SET_TOO_LARGE, 0x80DA0003). See https://aka.ms/kustoquerylimits for more information and"
        " possible solutions."
    )
    return {
        "code": "PartialError",
        "message": "There were some errors when processing your query.",
        "details": [_engine_error("-2133196797", message)],
    }


def _engine_error(code: str, message: str) -> dict[str, Any]:
    return {
        "code": "EngineError",
        "message": "Something went wrong processing your query on the server.",
        "innererror": {"code": code, "message": message, "severity": 2, "severityName": "Error"},
    }
