"""ARM: the workspace resource, and Sentinel's incidents and comments under it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from tests.cloud.bucket import Bucket
from tests.cloud.incidents import Incidents
from tests.cloud.odata import BadFilter, parse_filter, parse_order
from tests.cloud.paging import page
from tests.cloud.properties import Rejected
from tests.cloud.wire import Answer, Request

WORKSPACE_VERSIONS = (
    "2020-08-01",
    "2020-10-01",
    "2021-06-01",
    "2022-10-01",
    "2023-09-01",
    "2025-02-01",
    "2025-07-01",
)
SENTINEL_VERSIONS = ("2025-09-01", "2025-12-01")
PERMISSION_VERSIONS = ("2015-07-01", "2022-04-01")
QUERY_VERSIONS = ("2017-10-01",)
RESPONDER = {
    "actions": [
        "Microsoft.SecurityInsights/*/read",
        "Microsoft.SecurityInsights/incidents/*",
        "Microsoft.OperationalInsights/workspaces/*/read",
        "Microsoft.OperationalInsights/workspaces/query/read",
        "Microsoft.Authorization/*/read",
    ],
    "notActions": ["Microsoft.SecurityInsights/incidents/*/Delete"],
    "dataActions": [],
    "notDataActions": [],
}
"""What Microsoft Sentinel Responder grants, of the actions that matter here."""

_RESOURCE = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)/providers"
    r"/Microsoft\.OperationalInsights/workspaces/(?P<workspace>[^/]+)"
    r"(?P<sentinel>/providers/Microsoft\.SecurityInsights/incidents"
    r"(?:/(?P<incident>[^/]+)(?P<comments>/comments(?:/(?P<comment>[^/]+))?)?)?)?"
    r"(?P<permissions>/providers/Microsoft\.Authorization/permissions)?(?P<query>/query)?/?",
    re.IGNORECASE,
)


class Arm:
    """One subscription with one workspace. `reads` and `writes` are its buckets (None: unlimited).

    `query` answers what is asked of the workspace's data; a fault hits that alone by service "sentinel", method "POST".
    """

    def __init__(
        self,
        workspace: str,
        guid: str,
        address: Callable[[], str],
        incidents: Incidents,
        reads: Bucket | None,
        writes: Bucket | None,
        query: Callable[[Request], Answer],
    ) -> None:
        self.permissions: list[dict[str, Any]] = [RESPONDER]
        self._workspace = workspace
        self._guid = guid
        self._address = address
        self._incidents = incidents
        self._reads = reads
        self._writes = writes
        self._query = query

    def handle(self, request: Request) -> Answer:
        """Respond to a request whose token has been checked."""
        bucket, kind = (self._reads, "reads") if request.method == "GET" else (self._writes, "writes")
        if bucket is not None and (wait := bucket.take()):
            answer = _error(
                429,
                "TooManyRequests",
                f"The request is being throttled as the limit has been reached for operation type - {kind}."
                f" Please try again after '{wait}' seconds.",
            )
            answer.headers["Retry-After"] = str(wait)
        else:
            try:
                answer = self._route(request)
            except Rejected as error:
                answer = _error(error.status, error.code, error.message)
            except BadFilter as error:
                answer = _error(400, "BadRequest", str(error))
        if bucket is not None:
            answer.headers[f"x-ms-ratelimit-remaining-subscription-{kind}"] = str(bucket.remaining)
        answer.headers["x-ms-request-id"] = secrets.token_hex(16)
        return answer

    def _route(self, request: Request) -> Answer:
        found = _RESOURCE.fullmatch(unquote(request.route))
        version = request.query.get("api-version")
        if version is None:
            raise Rejected(
                400,
                "MissingApiVersionParameter",
                "The api-version query parameter (?api-version=) is required for all requests.",
            )
        if found is None:
            raise Rejected(404, "InvalidResourceType", "The resource type could not be found in the namespace.")
        self._exists(found)
        known: tuple[str, ...] = SENTINEL_VERSIONS if found["sentinel"] else WORKSPACE_VERSIONS
        if found["permissions"] or found["query"]:
            known = QUERY_VERSIONS if found["query"] else PERMISSION_VERSIONS
        if version not in known:
            raise Rejected(
                400,
                "InvalidApiVersionParameter",
                f"The api-version '{version}' is invalid. The supported versions are '{','.join(known)}'.",
            )
        if found["permissions"]:
            _only(request, "GET")
            return Answer(200, {"value": self.permissions})
        if found["query"]:
            _only(request, "POST")
            return self._query(request)
        if not found["sentinel"]:
            return self._resource(request)
        name, comment = found["incident"], found["comment"]
        if comment:
            return self._comment(request, name, comment)
        if found["comments"]:
            return self._comments(request, name)
        if name:
            return self._incident(request, name)
        return self._list(request)

    def _exists(self, found: re.Match[str]) -> None:
        _, _, subscription, _, group, _, _, _, workspace = self._workspace.split("/")
        if found["subscription"].lower() != subscription.lower():
            raise Rejected(
                404, "SubscriptionNotFound", f"The subscription '{found['subscription']}' could not be found."
            )
        if found["group"].lower() != group.lower():
            raise Rejected(404, "ResourceGroupNotFound", f"Resource group '{found['group']}' could not be found.")
        if found["workspace"].lower() != workspace.lower():
            raise Rejected(
                404,
                "ResourceNotFound",
                f"The Resource 'Microsoft.OperationalInsights/workspaces/{found['workspace']}' under resource group"
                f" '{group}' was not found.",
            )

    def _resource(self, request: Request) -> Answer:
        _only(request, "GET")
        properties = {
            "source": "Azure",
            "customerId": self._guid,
            "provisioningState": "Succeeded",
            "sku": {"name": "pergb2018"},
            "retentionInDays": 90,
        }
        return Answer(
            200,
            {
                "id": self._workspace,
                "name": self._workspace.rsplit("/", 1)[1],
                "type": "Microsoft.OperationalInsights/workspaces",
                "location": "westeurope",
                "properties": properties,
            },
        )

    def _incident(self, request: Request, name: str) -> Answer:
        _only(request, "GET", "PUT", "DELETE")
        if request.method == "GET":
            return Answer(200, self._incidents.read(name))
        if request.method == "DELETE":
            return Answer(200 if self._incidents.delete(name) else 204)
        new, resource = self._incidents.put(name, _body(request))
        return Answer(201 if new else 200, resource)

    def _comment(self, request: Request, name: str, comment: str) -> Answer:
        _only(request, "GET", "PUT")
        if request.method == "GET":
            return Answer(200, self._incidents.read_comment(name, comment))
        new, resource = self._incidents.put_comment(name, comment, _body(request))
        return Answer(201 if new else 200, resource)

    def _comments(self, request: Request, name: str) -> Answer:
        _only(request, "GET")
        with self._incidents.lock:
            found = self._incidents.comments_of(name)
            return page(request, self._address(), found, lambda item: item["properties"]["createdTimeUtc"], True)

    def _list(self, request: Request) -> Answer:
        _only(request, "GET")
        query = request.query
        known = {"api-version", "$filter", "$orderby", "$top", "$skipToken"}
        if unknown := set(query) - known:
            raise Rejected(400, "BadRequest", f"The query parameter '{sorted(unknown)[0]}' is not supported.")
        wanted = parse_filter(query["$filter"]) if "$filter" in query else _any
        key, descending = parse_order(query.get("$orderby") or "properties/createdTimeUtc desc")
        with self._incidents.lock:
            found = [
                incident
                for name, incident in self._incidents.stored.items()
                if name not in self._incidents.hidden and self._incidents.is_there(name) and wanted(incident)
            ]
            return page(request, self._address(), found, key, descending)


def _any(_: Mapping[str, Any]) -> bool:
    return True


def _only(request: Request, *methods: str) -> None:
    if request.method not in methods:
        raise Rejected(
            405, "MethodNotAllowed", f"The requested resource does not support http method '{request.method}'."
        )


def _body(request: Request) -> Any:
    if not request.headers.get("content-type", "").lower().startswith("application/json"):
        raise Rejected(415, "UnsupportedMediaType", "The content type must be application/json.")
    try:
        return request.json
    except ValueError:
        raise Rejected(
            400, "InvalidRequestContent", "The request content was invalid and could not be deserialized."
        ) from None


def _error(status: int, code: str, message: str) -> Answer:
    return Answer(status, {"error": {"code": code, "message": message}})
