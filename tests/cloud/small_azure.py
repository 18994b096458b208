"""The small Azure: everything the sweep talks to, on loopback over TLS, in one object."""

from __future__ import annotations

import json
import os
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.cloud import schemas
from tests.cloud.arm import Arm
from tests.cloud.bucket import limits_of
from tests.cloud.events.loaded import Loaded
from tests.cloud.faults import Fault, Faults, usual_body
from tests.cloud.graph import Defender, Graph
from tests.cloud.identity import Identity
from tests.cloud.ingestion import RULE_ID, STREAM, Ingestion
from tests.cloud.logs import Limits, Logs
from tests.cloud.server import Server
from tests.cloud.tables import Row
from tests.cloud.tls import Certificate
from tests.cloud.webhook import Webhook
from tests.cloud.wire import SERVICES, Answer, Refused, Request
from tests.cloud.workspace import SentinelWorkspace

WORKSPACE_ID = "5f3c1b9e-8a44-4c0e-9a57-2f6f6f1e0c11"
WORKSPACE_RESOURCE_ID = (
    "/subscriptions/d0cfe6b2-9ac0-4464-9919-dccaee2e48c0/resourceGroups/soc-rg"
    "/providers/Microsoft.OperationalInsights/workspaces/soc-workspace"
)
CLIENT_ID = "c1d5f0a2-3b7e-4e57-8d1f-6a9be1f2a7c3"

_PORTALS = {
    "AzureCloud": "https://portal.azure.com",
    "AzureUSGovernment": "https://portal.azure.us",
    "AzureChinaCloud": "https://portal.azure.cn",
}


class Cloud:
    """A workspace with Sentinel, its identity and a Teams channel; created running, stopped by `close`.

    Args:
        events: rows of `EmailEvents`, a file of them, or an operator's export that `load_events` read.
        clock: what the services take for now (a callable, or an object with `now()`); tokens go by the machine's own.
        cloud: AzureCloud, AzureUSGovernment or AzureChinaCloud: which audiences are accepted.
        timestamp: whether `EmailEvents` has the `Timestamp` column that real workspaces show and the reference lacks.
        overwrites: a PUT with a stale or missing etag overwrites instead of answering 409.
        throttle: None lifts all rate limits; a number enforces them, so many times as fast as the real ones.
    """

    def __init__(
        self,
        events: Iterable[Row] | Path | Loaded | None = None,
        clock: Any = None,
        *,
        cloud: str = "AzureCloud",
        timestamp: bool = True,
        overwrites: bool = False,
        throttle: float | None = None,
        token_lifetime: float = 86_400,
    ) -> None:
        self.clock: Callable[[], datetime] = _clock(clock)
        self.cloud = cloud
        self.faults = Faults()
        self.limits = Limits()
        self.identity = Identity(cloud, CLIENT_ID, token_lifetime)
        workspace = SentinelWorkspace(
            WORKSPACE_RESOURCE_ID,
            WORKSPACE_ID,
            self.clock,
            portal=_PORTALS[cloud],
            timestamp=timestamp,
            overwrites=overwrites,
        )
        self.store, self.tables = workspace.store, workspace.tables
        self.rules, self.analyst = workspace.rules, workspace.analyst
        self.ingestion = Ingestion(self.tables, self.clock)
        self.defender = Defender(self.tables)
        self._buckets = limits_of(throttle)
        self.webhook = Webhook(self._buckets["teams"])
        self.graph = Graph(self.defender, self.limits, self.clock, self._buckets["graph"])
        self._logs = Logs(WORKSPACE_ID, self.tables, self.limits, self.clock, self._buckets["logs"])
        self._arm = Arm(
            WORKSPACE_RESOURCE_ID,
            WORKSPACE_ID,
            lambda: self.address("sentinel"),
            self.store,
            self._buckets["reads"],
            self._buckets["writes"],
            self._logs.answer,
        )
        self._bugs: list[str] = []
        self._closing = threading.Lock()
        self._closed = False
        if events is not None:
            self.tables.append("EmailEvents", events)
        self._certificate = Certificate()
        self._server = Server(self._certificate.context, SERVICES, self._handle, self._fault, self._misanswer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if kind is None and self._bugs:
            raise AssertionError("the small Azure itself failed:\n" + "\n".join(self._bugs))

    def close(self) -> None:
        """Stop, and discard everything but the log, the cards and the incidents."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._server.close()
                self._certificate.close()
                self.tables.close()
                self.defender.tables.close()

    # --- what a process under test needs

    def address(self, service: str) -> str:
        """Where a service is: `https://127.0.0.1:port`."""
        return f"https://127.0.0.1:{self._server.listeners[service].port}"

    @property
    def webhook_url(self) -> str:
        """The Teams webhook, its secret in it."""
        return self.address("teams") + self.webhook.target

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that point a process at this cloud and at nothing else."""
        direct = [name for name in os.environ.get("NO_PROXY", os.environ.get("no_proxy", "")).split(",") if name]
        no_proxy = ",".join(dict.fromkeys([*direct, "127.0.0.1", "localhost"]))
        return {
            "SENTINEL_WORKSPACE_ID": WORKSPACE_ID,
            "SENTINEL_WORKSPACE_RESOURCE_ID": WORKSPACE_RESOURCE_ID,
            "TEAMS_WEBHOOK_URL": self.webhook_url,
            "TEAMS_WEBHOOK_EXTRA_HOSTS": json.dumps([self.address("teams").removeprefix("https://")]),
            "LOG_ANALYTICS_ENDPOINT": self.address("log_analytics"),
            "ARM_ENDPOINT": self.address("sentinel"),
            "GRAPH_ENDPOINT": self.address("graph"),
            "IDENTITY_ENDPOINT": f"{self.address('identity')}/msi/token",
            "IDENTITY_HEADER": self.identity.header,
            "AZURE_CLIENT_ID": CLIENT_ID,
            "AZURE_CLOUD": self.cloud,
            "REQUESTS_CA_BUNDLE": str(self._certificate.bundle),
            "NO_PROXY": no_proxy,
            "no_proxy": no_proxy,
        }

    @property
    def rule_road(self) -> dict[str, str]:
        """The settings that let a process hand its findings to analytics rules; see `deploy_findings`."""
        return {
            "RAISE_BY": "rule",
            "FINDINGS_ENDPOINT": self.address("ingestion"),
            "FINDINGS_RULE_ID": RULE_ID,
            "FINDINGS_STREAM": STREAM,
        }

    # --- what a test looks at

    @property
    def log(self) -> list[Request]:
        """Every request, in the order it was read."""
        return self._server.log

    @property
    def incidents(self) -> dict[str, dict[str, Any]]:
        """The incidents' resources as they are stored, by id in lower case."""
        self.rules.catch_up()
        return self.store.stored

    @property
    def comments(self) -> dict[str, list[dict[str, Any]]]:
        """The comments of each incident, oldest first, by the incident's id in lower case."""
        return self.store.comments

    @property
    def cards(self) -> list[Any]:
        """The bodies that the webhook accepted, oldest first."""
        return self.webhook.cards

    # --- what a test does

    def deploy_findings(self, *rules: Mapping[str, Any], start: datetime | None = None) -> None:
        """Make the table of findings, its data collection rule and these analytics rules, due from `start` on (now)."""
        self.ingestion.deploy(schemas.EMAIL_REMEDIATION_FINDINGS)
        self.rules.install(*rules, start=start)

    @property
    def permissions(self) -> list[dict[str, Any]]:
        """What the identity may do on the workspace, as ARM lists it; to be changed. What it does is not held to it."""
        return self._arm.permissions

    def define(self, table: str, columns: Mapping[str, str]) -> None:
        """Make a table of Kusto types in the workspace, empty, in place of one of the same name."""
        self.tables.define(table, columns)

    def remove(self, table: str) -> None:
        """Make a table of the workspace absent."""
        self.tables.remove(table)

    def load(self, table: str, rows: Iterable[Row] | Path | Loaded) -> None:
        """Put rows (or a file of them) into a table of the workspace, in place of what it held."""
        self.tables.load(table, rows)

    def append(self, table: str, rows: Iterable[Row] | Path | Loaded) -> None:
        """Add rows (or a file of them) to a table of the workspace."""
        self.tables.append(table, rows)

    def expire_tokens(self) -> None:
        """Every token handed out so far is expired from now on."""
        self.identity.expire()

    def refuse(self, service: str) -> None:
        """Refuse connections to a service, until `accept`."""
        self._server.listeners[service].refuse()

    def accept(self, service: str) -> None:
        """Take connections again, on the same port."""
        self._server.listeners[service].listen()

    def break_handshakes(self, service: str, times: int | None = None) -> None:
        """Close the next `times` connections (None: all, 0: no more) before TLS has shaken hands; open ones too."""
        self._server.listeners[service].broken = times
        self._server.listeners[service].hang_up()

    # --- answering

    def _fault(self, request: Request) -> Fault | None:
        fault = self.faults.pick(request)
        if fault is not None and fault.expire_tokens:
            self.identity.expire()
        return fault

    def _handle(self, request: Request) -> Answer:
        return self._dated(self._answer(request))

    def _dated(self, answer: Answer) -> Answer:
        """The answer with the time at which it was made, as every web server says it, to the second."""
        now = self.clock().astimezone(UTC)
        answer.headers.setdefault("Date", format_datetime(now, usegmt=True))
        return answer

    def _answer(self, request: Request) -> Answer:
        try:
            return self._served(request)
        except Refused as refusal:
            return refusal.answer
        except Exception:  # noqa: BLE001 - a bug of the small Azure; reported when it is closed
            self._bugs.append(f"{request}\n{traceback.format_exc()}")
            return Answer(500, {"error": {"code": "SmallAzureBug", "message": "see the test's output"}})

    def _served(self, request: Request) -> Answer:
        """The answer of the service that the request is for. Raises Refused."""
        if request.service == "identity":
            return self.identity.handle(request)
        if request.service == "teams":
            return self.webhook.handle(request)
        self.identity.check(request, request.service)
        self.rules.catch_up()
        if request.service == "ingestion":
            return self.ingestion.handle(request)
        if request.service == "sentinel":
            return self._arm.handle(request)
        if request.service == "graph":
            return self.graph.handle(request)
        return self._logs.handle(request)

    def _misanswer(self, request: Request, fault: Fault) -> Answer:
        """The response of a fault; by default with the usual error body of the service."""
        status = fault.status or 500
        body = fault.body
        if body is None and status >= 400:
            body = usual_body(request.service, status)
        return self._dated(Answer(status, body, dict(fault.headers)))


def _clock(clock: Any) -> Callable[[], datetime]:
    if clock is None:
        return lambda: datetime.now(UTC)
    now: Callable[[], datetime] = clock.now if hasattr(clock, "now") else clock
    return now
