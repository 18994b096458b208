"""Microsoft Graph's advanced hunting, `POST /v1.0/security/runHuntingQuery`, over Defender's own tables."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from tests.cloud import answer as kusto
from tests.cloud.bucket import Bucket
from tests.cloud.engine import engine
from tests.cloud.kql.errors import KqlError
from tests.cloud.kql.lower import lower
from tests.cloud.logs import Limits, parse_span
from tests.cloud.tables import Tables
from tests.cloud.wire import Answer, Request

KEEPS = timedelta(days=30)

_TYPES = {
    "string": "String",
    "datetime": "DateTime",
    "long": "Int64",
    "int": "Int32",
    "bool": "SByte",
    "real": "Double",
    "dynamic": "Object",
    "timespan": "TimeSpan",
    "guid": "Guid",
}
_NOT_IN_DEFENDER = ("TenantId", "TimeGenerated", "SourceSystem", "Type", "_BilledSize", "_IsBillable")


class Defender:
    """Defender's tables, made of the workspace's: of mail events one current row per message and recipient."""

    def __init__(self, workspace: Tables) -> None:
        self.tables = Tables()
        self._workspace = workspace
        self._seen: dict[str, int] = {}

    def refresh(self) -> None:
        """Make the tables anew whose source has changed; where that is absent, they are left alone.

        The current row is the newest by state time whose LatestDeliveryAction is filled; where none is, the newest.
        """
        for name, current in (("EmailEvents", True), ("EmailPostDeliveryEvents", False)):
            source = self._workspace.stored(name)
            if source is None or source.serial == self._seen.get(name):
                continue
            self._seen[name] = source.serial
            columns = {name: kind for name, kind in source.columns.items() if name not in _NOT_IN_DEFENDER}
            columns["Timestamp"] = "datetime"
            self.tables.define(name, columns)
            target = self.tables.stored(name)
            assert target is not None
            target.fill_with_events(source, current)


class Graph:
    """The hunting endpoint. `casing` of the answer's own keys is camel or pascal, as the documentation has both."""

    def __init__(
        self, defender: Defender, limits: Limits, clock: Callable[[], datetime], bucket: Bucket | None
    ) -> None:
        self._defender = defender
        self._limits = limits
        self._clock = clock
        self._bucket = bucket
        self.casing = "camel"
        self.lists_as_text = True

    def handle(self, request: Request) -> Answer:
        """Answer a request whose token has been checked."""
        if request.route != "/v1.0/security/runHuntingQuery":
            return graph_error(404, "ResourceNotFound", "Resource not found for the segment.")
        if request.method != "POST":
            return graph_error(405, "MethodNotAllowed", "The HTTP method is not allowed.")
        if self._bucket is not None and (wait := self._bucket.take()):
            refused = graph_error(429, "TooManyRequests", "You have exceeded the quota of 45 calls a minute.")
            refused.headers["Retry-After"] = str(wait)
            return refused
        try:
            body = {str(key).lower(): value for key, value in request.json.items()}
        except (ValueError, AttributeError):
            return graph_error(400, "BadRequest", "The request body is not a JSON object.")
        if not isinstance(body.get("query"), str) or not body["query"].strip():
            return graph_error(400, "BadRequest", "The query is missing.")
        return self._hunt(body["query"], body.get("timespan"))

    def _hunt(self, query: str, timespan: Any) -> Answer:
        now = self._clock()
        try:
            start, end = parse_span(timespan, now) or (now - KEEPS, now)
        except ValueError:
            return graph_error(400, "BadRequest", f"The timespan '{timespan}' is not valid.")
        self._defender.refresh()
        try:
            lowered = lower(query, self._defender.tables, now, (max(start, now - KEEPS), end))
            columns, rows = kusto.result_rows(engine().query(lowered.text, lowered.rows))
        except KqlError as refusal:
            return graph_error(400, "BadRequest", f"{refusal.message}. Fix {refusal.kind} in your query.")
        if len(rows) > self._limits.graph_rows:
            return graph_error(
                400,
                "BadRequest",
                "Query execution has exceeded the allowed result size. Optimize your query by limiting the number of"
                " results and try again.",
            )
        names = [column["name"] for column in columns]
        if not self.lists_as_text:
            for place, column in enumerate(columns):
                if column["type"] == "dynamic":
                    for row in rows:
                        row[place] = None if row[place] is None else json.loads(row[place])
        schema = [{self._key("name"): c["name"], self._key("type"): _TYPES[c["type"]]} for c in columns]
        results = [dict(zip(names, row, strict=True)) for row in rows]
        return Answer(200, {self._key("schema"): schema, self._key("results"): results})

    def _key(self, name: str) -> str:
        return name if self.casing == "camel" else name.capitalize()


def graph_error(status: int, code: str, message: str) -> Answer:
    """An error of Graph."""
    inner = {"request-id": secrets.token_hex(16)}
    return Answer(status, {"error": {"code": code, "message": message, "innerError": inner}})
