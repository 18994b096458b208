"""Queries to Microsoft Defender's advanced hunting, over Microsoft Graph."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from shared.errors import Call, HuntTooLarge, PartialData, Rejected, Service
from shared.http.client import Http, Limits
from shared.query.answer import Answer
from shared.query.endpoint import Endpoint
from shared.query.refusal import recognised, refused

MOST_ROWS = 100_000  # the service cuts a result here
LIMITS = Limits(read=200.0)  # it gives a query three minutes


class AdvancedHunting:
    """Advanced hunting in the tenant of the app's identity."""

    service = Service.GRAPH
    tables = "defender"

    def __init__(self, endpoint: Endpoint, days: int, http: Http) -> None:
        """`days` is how far back the queries look."""
        self._url = f"{endpoint.url}/v1.0/security/runHuntingQuery"
        self._audience = endpoint.audience
        self._days = days
        self._http = http

    def ask(self, kql: str) -> Answer | None:
        """The result of a query; None for a response without a body, which means no data.

        Raises:
            HuntTooLarge: too many rows, too much memory or time.
            TableMissing: the table does not exist.
            PartialData: the response is not what the service sends.
            SweepError: everything else that shared/errors.py lists.
        """
        # A day more than the query's own window: the service counts its timespan back from its own clock.
        body = json.dumps({"Query": kql, "Timespan": f"P{self._days + 1}D"}).encode()
        try:
            answer = self._http.send(
                self.service, Call.QUERY, self._url, audience=self._audience, body=body, limits=LIMITS
            )
        except HuntTooLarge:
            raise
        except Rejected as error:
            raise (recognised(self.service, str(error)) if error.status == 400 else None) or error from None
        return None if answer.body is None else self._table(answer.body)

    def _table(self, body: Mapping[str, Any]) -> Answer:
        schema, results = _get(body, "schema"), _get(body, "results")
        if not isinstance(schema, list) or not isinstance(results, list):
            raise self._unexpected()
        columns = [(_get(column, "name"), _get(column, "type")) for column in schema]
        if not all(isinstance(name, str) and isinstance(kind, str) for name, kind in columns):
            raise self._unexpected()
        if len(results) >= MOST_ROWS:
            raise refused(self.service, "E_QUERY_RESULT_SET_TOO_LARGE")
        names = [name for name, _ in columns]
        if not all(isinstance(row, dict) for row in results):
            raise self._unexpected()
        return Answer(
            names, [kind for _, kind in columns], ([row.get(n) for n in names] for row in results), self.service
        )

    def _unexpected(self) -> PartialData:
        return PartialData(
            "Microsoft Graph sent an unexpected response to the query: the next sweep tries again; if it lasts, look"
            " for a proxy that responds in its place",
            service=self.service,
        )


def _get(holder: Any, name: str) -> Any:
    """A member of a JSON object whose names the documentation spells both `schema` and `Schema`."""
    if not isinstance(holder, dict):
        return None
    return holder.get(name, holder.get(name.capitalize()))
