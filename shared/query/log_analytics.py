"""Queries to a Log Analytics workspace."""

from __future__ import annotations

import json
from typing import Any

from azure.core.credentials import TokenCredential
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import RetryPolicy, SansIOHTTPPolicy
from azure.monitor.query import LogsQueryClient, LogsQueryPartialResult, LogsQueryResult

from shared.errors import Call, Fault, HuntTooLarge, PartialData, Service
from shared.http.client import Http, Limits
from shared.http.sdk_transport import BoundedTransport
from shared.http.size_limit import QUERY_BYTES
from shared.http.statuses import faulty
from shared.query.answer import Answer
from shared.query.endpoint import Endpoint
from shared.query.refusal import refused

SERVER_TIMEOUT = 600  # seconds; the longest the service allows
READ_TIMEOUT = SERVER_TIMEOUT + 30  # longer, so that the service's own error for a slow query arrives
MOST_ROWS = 500_000  # the service cuts a result here
LIMITS = Limits(read=READ_TIMEOUT)
IN_ROUND_TIMEOUT = 180  # seconds; the service runs five queries of an identity at once, whosever workspaces they ask
LONGEST_QUEUE = 180  # seconds that a query may wait there for its turn, before it runs or gets a 429
LIMITS_IN_ROUND = Limits(read=LONGEST_QUEUE + IN_ROUND_TIMEOUT + 30, waits_out_429=True)
ARM_VERSION = "2017-10-01"


class _ToResource(SansIOHTTPPolicy[Any, Any]):
    """Sends every request to the workspace's ARM path, which takes and answers the same as the query API."""

    def __init__(self, endpoint: Endpoint, resource_id: str) -> None:
        self._url = f"{endpoint.url}{resource_id}/query?api-version={ARM_VERSION}"

    def on_request(self, request: PipelineRequest[Any]) -> None:
        request.http_request.url = self._url


def connect(endpoint: Endpoint, credential: TokenCredential, resource_id: str = "") -> LogsQueryClient:
    """A client that sends each query once and follows no redirect: shared/http retries.

    With a `resource_id` the endpoint is Azure Resource Manager's, and the client queries this one workspace only.
    """
    return LogsQueryClient(
        credential,
        endpoint=endpoint.url,
        audience=endpoint.audience,
        transport=BoundedTransport(QUERY_BYTES, LIMITS),
        retry_policy=RetryPolicy.no_retries(),
        permit_redirects=False,
        per_call_policies=[_ToResource(endpoint, resource_id)] if resource_id else [],
    )


class Workspace:
    """A workspace, by its GUID. `in_round`: a query gets less time and more patience, for others ask beside it."""

    service = Service.LOG_ANALYTICS
    tables = "sentinel"

    def __init__(self, client: LogsQueryClient, workspace_id: str, http: Http, *, in_round: bool = False) -> None:
        self._client = client
        self._workspace_id = workspace_id
        self._http = http
        self._limits = LIMITS_IN_ROUND if in_round else LIMITS
        self._timeout = IN_ROUND_TIMEOUT if in_round else SERVER_TIMEOUT

    def ask(self, kql: str) -> Answer | None:
        """The one table that a query returns; None for a response without a body, which means no data.

        Raises:
            HuntTooLarge: too many rows, too much memory.
            TableMissing: the table does not exist.
            PartialData: the result is partial, or the response is not what the service sends.
            SweepError: everything else that shared/errors.py lists.
        """
        return self._http.sdk_call(self.service, lambda: self._once(kql), limits=self._limits)

    def _once(self, kql: str) -> Answer | None:
        responses: list[Any] = []
        left = max(self._http.left(), 1.0)
        try:
            # No timespan: the service would apply it to TimeGenerated beside the query's own window.
            result = self._client.query_workspace(
                self._workspace_id,
                kql,
                timespan=None,
                server_timeout=int(min(self._timeout, left)),
                read_timeout=min(self._limits.read, left),
                raw_response_hook=lambda received: responses.append(received.http_response),
            )
        except json.JSONDecodeError as error:
            # The client fails on an error response whose body is not JSON, before it looks at the status.
            if responses and responses[-1].status_code >= 300:
                raise HttpResponseError(response=responses[-1]) from None
            if not error.doc.strip():
                return None
            raise
        except HttpResponseError as error:
            if error.status_code == 400 and (body := _body(error)) is not None:
                raise refused(self.service, body) from None
            raise
        except (AttributeError, IndexError, KeyError, TypeError):
            # The SDK does not check the shape of the JSON.
            raise faulty(self.service, Call.QUERY, Fault.GARBLED, status=200) from None
        return self._answer(result)

    def _answer(self, result: LogsQueryResult | LogsQueryPartialResult) -> Answer:
        if isinstance(result, LogsQueryPartialResult):
            error = result.partial_error
            body = {"message": error.message, "details": error.details} if error else {}
            why = refused(self.service, body)
            if isinstance(why, HuntTooLarge):
                raise why
            raise PartialData(
                "Log Analytics sent a partial result, and its rows were discarded: the next sweep tries again;"
                " if it lasts, run the query in the portal and look at the warning there",
                service=self.service,
                code=str(error.code)[:80] if error else "",
            )
        if len(result.tables) != 1:
            raise PartialData(
                f"Log Analytics sent {len(result.tables)} tables instead of one: the next sweep tries again; if it"
                " lasts, report it",
                service=self.service,
            )
        table = result.tables[0]
        if len(table.rows) >= MOST_ROWS:
            raise refused(self.service, "E_QUERY_RESULT_SET_TOO_LARGE")
        return Answer(table.columns, table.columns_types, table.rows, self.service)


def _body(error: HttpResponseError) -> Any:
    try:
        return json.loads(error.response.text()) if error.response is not None else None
    except ValueError:
        return None
