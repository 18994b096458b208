"""A plain client of the small Azure: the requests a test makes by hand, signed and trusting its certificate."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import requests

from tests.cloud import WORKSPACE_ID, WORKSPACE_RESOURCE_ID, Cloud

VERSION = "2025-09-01"
SENTINEL = f"{WORKSPACE_RESOURCE_ID}/providers/Microsoft.SecurityInsights"
BODY: Mapping[str, Any] = {"title": "Unusual", "severity": "Medium", "status": "New"}


class Caller:
    """Calls the services of one cloud over one session, with a live token for whichever service is called."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = cloud.environment["REQUESTS_CA_BUNDLE"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    def token(self, service: str) -> str:
        """A live token for a service."""
        return self.cloud.identity.issue(self.cloud.identity.audiences.of(service))[0]

    def call(self, method: str, url: str, service: str = "", **more: Any) -> requests.Response:
        """One request, signed for `service` when one is named."""
        headers = dict(more.pop("headers", {}))
        if service:
            headers.setdefault("Authorization", f"Bearer {self.token(service)}")
        return self._session.request(method, url, headers=headers, **{"timeout": 20, **more})

    def arm(
        self, method: str, path: str = "", *, json: Any = None, version: str = VERSION, **query: str
    ) -> requests.Response:
        """A request to Sentinel's incidents API; `path` follows `/incidents`."""
        url = f"{self.cloud.address('sentinel')}{SENTINEL}/incidents{path}"
        return self.call(method, url, "sentinel", json=json, params={"api-version": version, **query})

    def put(self, incident: str, etag: str | None = None, **properties: Any) -> requests.Response:
        """Make or replace an incident."""
        body: dict[str, Any] = {"properties": {**BODY, **properties}}
        if etag is not None:
            body["etag"] = etag
        return self.arm("PUT", f"/{incident}", json=body)

    def query(self, kql: str, timespan: str | None = None, **headers: str) -> requests.Response:
        """A query of the workspace."""
        url = f"{self.cloud.address('log_analytics')}/v1/workspaces/{WORKSPACE_ID}/query"
        body = {"query": kql, "timespan": timespan}
        return self.call("POST", url, "log_analytics", json=body, headers=headers)

    def rows(self, kql: str, timespan: str | None = None) -> list[list[Any]]:
        """The rows of a query that succeeds."""
        answer = self.query(kql, timespan)
        assert answer.status_code == 200, answer.text
        assert "error" not in answer.json(), answer.text
        rows: list[list[Any]] = answer.json()["tables"][0]["rows"]
        return rows

    def hunt(self, kql: str, timespan: str | None = None) -> requests.Response:
        """A query by Graph's advanced hunting."""
        url = f"{self.cloud.address('graph')}/v1.0/security/runHuntingQuery"
        return self.call("POST", url, "graph", json={"Query": kql, "Timespan": timespan})

    def card(self, url: str = "", **more: Any) -> requests.Response:
        """A post to the webhook."""
        return self.call("POST", url or self.cloud.webhook_url, **more)
