"""Many tenants in the small Azure: one set of ports and one identity, and for each tenant a subscription of its own."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote
from uuid import NAMESPACE_DNS, uuid5

from tests.cloud.arm import Arm
from tests.cloud.bucket import limits_of
from tests.cloud.faults import Fault
from tests.cloud.logs import Logs, query_error
from tests.cloud.query_queue import QueryQueue
from tests.cloud.small_azure import Cloud
from tests.cloud.webhook import Webhook
from tests.cloud.wire import Answer, Handler, Request
from tests.cloud.workspace import SentinelWorkspace

SERVER_TIMEOUT = 180.0
"""Seconds that a query may run unless the request says otherwise (`Prefer: wait=`)."""


@dataclass
class CloudTenant:
    """One tenant: its workspace with Sentinel, and its Teams channel.

    `mark` is for its mail: it is nowhere else. `settings` are those of its entry, None for one that it has not.
    `takes` is how many seconds a query runs in the service, by the request; `cards` is what its channel has taken.
    """

    name: str
    mark: str
    workspace: SentinelWorkspace
    webhook: Webhook
    arm: Arm
    logs: Logs
    settings: dict[str, Any] = field(default_factory=dict)
    takes: Callable[[Request], float] = lambda _: 0.0

    @property
    def webhook_setting(self) -> str:
        """The name of the app setting that holds its webhook."""
        return f"{self.name.upper().replace('-', '_')}_WEBHOOK_URL"

    @property
    def marks(self) -> tuple[str, ...]:
        """What is nobody else's: the mark of its mail, its workspace's GUID, its subscription."""
        return self.mark, self.workspace.guid, self.workspace.resource_id.lower().split("/")[2]

    @property
    def webhook_path(self) -> str:
        """The path of its webhook."""
        return self.webhook.target.partition("?")[0]

    @property
    def cards(self) -> list[Any]:
        """The bodies that its webhook accepted, oldest first; a shared one's are all of them."""
        return self.webhook.cards

    @property
    def incidents(self) -> Mapping[str, Mapping[str, Any]]:
        """Its incidents, by id in lower case."""
        return self.workspace.store.stored

    @property
    def comments(self) -> Mapping[str, list[dict[str, Any]]]:
        """The comments of each incident, oldest first, by the incident's id in lower case."""
        return self.workspace.store.comments

    def fault(self, service: str, **what: Any) -> Fault:
        """A fault of one of its services: `log_analytics`, `sentinel` or `teams`."""
        places = {
            "log_analytics": self.workspace.guid,
            "sentinel": self.workspace.resource_id,
            "teams": self.webhook_path,
        }
        return Fault(service=service, match=places[service], **what)


class ManyTenants(Cloud):
    """A cloud whose identity may work in the workspaces of many tenants. Its own workspace is there beside them.

    All limits that exist are enforced, `throttle` times as fast as the real ones (None lifts them): queries by
    identity, ARM's writes by identity and subscription, posts by webhook.
    """

    def __init__(
        self, names: Iterable[str], clock: Any = None, *, throttle: float | None = None, token_lifetime: float = 86_400
    ) -> None:
        self.speed = throttle or 1.0
        self.queries = None if throttle is None else QueryQueue(throttle)
        self.round_webhook = Webhook(limits_of(throttle)["teams"])
        self.tenants: dict[str, CloudTenant] = {}
        super().__init__(clock=clock, throttle=throttle, token_lifetime=token_lifetime)
        self._ending = threading.Event()
        for name in names:
            self.tenants[name] = self._made(name, throttle)
        self._by_id = {each.workspace.guid: each for each in self.tenants.values()} | {
            each.marks[2]: each for each in self.tenants.values()
        }

    def _made(self, name: str, throttle: float | None) -> CloudTenant:
        mark = "mark" + uuid5(NAMESPACE_DNS, name).hex[:10]
        guid = str(uuid5(NAMESPACE_DNS, f"workspace {name}"))
        resource_id = (
            f"/subscriptions/{uuid5(NAMESPACE_DNS, f'subscription {name}')}/resourceGroups/{name}-rg"
            f"/providers/Microsoft.OperationalInsights/workspaces/{name}-workspace"
        )
        workspace = SentinelWorkspace(resource_id, guid, self.clock)
        buckets = limits_of(throttle)
        logs = Logs(guid, workspace.tables, self.limits, self.clock, self._buckets["logs"])
        arm = Arm(
            resource_id,
            guid,
            lambda: self.address("sentinel"),
            workspace.store,
            buckets["reads"],
            buckets["writes"],
            lambda request: self._in_turn(request, self.tenants[name], logs.answer),
        )
        return CloudTenant(name, mark, workspace, Webhook(buckets["teams"]), arm, logs)

    def close(self) -> None:
        """Stop, as `Cloud` does."""
        self._ending.set()
        super().close()
        for tenant in self.tenants.values():
            tenant.workspace.tables.close()

    # --- what an app needs

    @property
    def environment(self) -> dict[str, str]:
        """The app settings of a deployment with these tenants: no workspace of the app's own, and every webhook."""
        own = ("SENTINEL_WORKSPACE_ID", "SENTINEL_WORKSPACE_RESOURCE_ID", "TEAMS_WEBHOOK_URL")
        shared = {name: value for name, value in super().environment.items() if name not in own}
        webhooks = {each.webhook_setting: self.address("teams") + each.webhook.target for each in self.tenants.values()}
        return {**shared, **webhooks, "ROUND_WEBHOOK_URL": self.address("teams") + self.round_webhook.target}

    @property
    def own_workspace(self) -> dict[str, str]:
        """The app settings that name the workspace of the app's own."""
        names = ("SENTINEL_WORKSPACE_ID", "SENTINEL_WORKSPACE_RESOURCE_ID", "TEAMS_WEBHOOK_URL")
        return {name: value for name, value in super().environment.items() if name in names}

    def entry(self, name: str) -> dict[str, Any]:
        """A tenant's entry of workspaces.json."""
        tenant = self.tenants[name]
        entry = {
            "name": name,
            "SENTINEL_WORKSPACE_ID": tenant.workspace.guid,
            "SENTINEL_WORKSPACE_RESOURCE_ID": tenant.workspace.resource_id,
            "TEAMS_WEBHOOK_URL": f"%{tenant.webhook_setting}%",
            **tenant.settings,
        }
        return {name: value for name, value in entry.items() if value is not None}

    def workspaces_json(self, names: Iterable[str] | None = None) -> str:
        """The text of a workspaces.json with these tenants, or with all."""
        entries = [self.entry(name) for name in (self.tenants if names is None else names)]
        return json.dumps({"$schema": "./docs/workspaces.schema.json", "workspaces": entries}, indent=1)

    def alone(self, name: str) -> dict[str, str]:
        """The app settings of a deployment for one of the tenants alone."""
        tenant = self.tenants[name]
        texts = {key: _text(value) for key, value in self.entry(name).items() if key.isupper()}
        webhook = {"TEAMS_WEBHOOK_URL": self.address("teams") + tenant.webhook.target}
        return {**self.environment, **texts, **(webhook if "TEAMS_WEBHOOK_URL" in texts else {})}

    # --- what a test looks at

    def tenant_of(self, request: Request) -> CloudTenant | None:
        """Whose workspace or channel a request is for."""
        path = unquote(request.route).lower()
        if request.service == "teams":
            return next((each for each in self.tenants.values() if path == each.webhook_path.lower()), None)
        if request.service == "log_analytics":
            return self._by_id.get(path.removeprefix("/v1/workspaces/").partition("/")[0])
        if request.service == "sentinel":
            return self._by_id.get(path.removeprefix("/subscriptions/").partition("/")[0])
        return None

    def requests_of(self, name: str) -> list[Request]:
        """The requests for one tenant, in the order they were read."""
        return [each for each in list(self.log) if self.tenant_of(each) is self.tenants[name]]

    # --- answering

    def _served(self, request: Request) -> Answer:
        tenant = self.tenant_of(request)
        if request.service == "teams" and request.route == self.round_webhook.target.partition("?")[0]:
            return self.round_webhook.handle(request)
        if tenant is not None and request.service == "teams":
            return tenant.webhook.handle(request)
        if tenant is not None and request.service == "sentinel":
            self.identity.check(request, request.service)
            return tenant.arm.handle(request)
        if request.service != "log_analytics":
            return super()._served(request)
        self.identity.check(request, request.service)
        return self._in_turn(request, tenant, tenant.logs.handle if tenant is not None else self._logs.handle)

    def _in_turn(self, request: Request, tenant: CloudTenant | None, answer: Handler) -> Answer:
        """The answer to a query, once it was let in and has taken its time."""
        takes, most = tenant.takes(request) if tenant is not None else 0.0, _server_timeout(request)
        with nullcontext() if self.queries is None else self.queries.turn():
            self._ending.wait(min(takes, most) / self.speed)
            if takes > most:
                return query_error(504, "GatewayTimeout", "The query ran into the server's timeout")
            return answer(request)


def _server_timeout(request: Request) -> float:
    wanted = dict(part.strip().partition("=")[::2] for part in request.headers.get("prefer", "").split(","))
    return float(wanted.get("wait") or SERVER_TIMEOUT)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
