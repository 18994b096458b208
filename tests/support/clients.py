"""The project's clients, wired to a small Azure and a fake clock: no test waits for a retry."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest
from pydantic import SecretStr

from shared.app import hunt_options
from shared.errors import Call, Service
from shared.http.client import Http, Limits
from shared.http.credential import Credential, sign_in
from shared.http.rate_limit import RateLimit
from shared.hunt import Hunt, open_hunt
from shared.incidents.arm import ArmIncidents
from shared.incidents.port import Incidents
from shared.model import LABEL, RULE_ID, Window
from shared.query.advanced_hunting import AdvancedHunting
from shared.query.log_analytics import Workspace, connect
from shared.settings import Settings, from_values
from shared.teams.webhook import Webhook
from tests.cloud import CLIENT_ID, WORKSPACE_ID, Cloud, Request
from tests.support.clock import START, FakeClock

WINDOW = Window(START - timedelta(days=30), START)
"""What a hunt looks at that begins with the test."""
INCIDENT = str(uuid5(RULE_ID, "an incident"))
COMMENT = str(UUID(int=7))
CARD = json.dumps(
    {
        "type": "message",
        "attachments": [
            {
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": None,
                "content": {"type": "AdaptiveCard", "version": "1.4", "body": [{"type": "TextBlock", "text": "é 🎣"}]},
            }
        ],
    },
    ensure_ascii=False,
)


def incident_body(**properties: Any) -> str:
    """The JSON of an incident to be made, with these properties beside or in place of the usual ones."""
    usual = {
        "title": "Unusual volume of remediated email: a@contoso.com",
        "severity": "Medium",
        "status": "New",
        "labels": [{"labelName": LABEL}, {"labelName": "episode:0"}],
    }
    return json.dumps({"properties": usual | properties})


@dataclass
class Clients:
    """A small Azure that this process trusts and signs in to, and everything that talks to it."""

    cloud: Cloud
    clock: FakeClock
    settings: Settings
    credential: Credential
    http: Http
    closing: ExitStack = field(repr=False)

    @property
    def sentinel(self) -> Incidents:
        """The incidents client."""
        settings = self.settings
        workspace = settings.sentinel_workspace_resource_id
        return ArmIncidents(self.http, settings.arm, settings.cloud.arm_audience, workspace)

    @property
    def webhook(self) -> Webhook:
        """The Teams client."""
        return Webhook(self.http, SecretStr(self.cloud.webhook_url))

    @property
    def workspace(self) -> Workspace:
        """The Log Analytics client."""
        return Workspace(connect(hunt_options(self.settings).log_analytics, self.credential), WORKSPACE_ID, self.http)

    @property
    def graph(self) -> AdvancedHunting:
        """The Graph client."""
        return AdvancedHunting(hunt_options(self.settings).graph, self.settings.lookback_days, self.http)

    def sent(self, service: str, method: str = "") -> list[Request]:
        """The requests that a service has read so far."""
        return [each for each in self.cloud.log if each.service == service and method in ("", each.method)]

    def methods(self, service: str = "sentinel") -> str:
        """Those requests' methods, in order, such as `GET PUT`."""
        return " ".join(each.method for each in self.sent(service))

    def fresh_http(self) -> Http:
        """Another process's requests, as this cloud's managed identity: at the usual pace, nothing remembered."""
        http = Http(self._credential(), clock=self.clock)
        self.closing.callback(http.close)
        return http

    def hunt(self, http: Http | None = None, **settings: Any) -> Hunt:
        """A hunt under these settings, by field name, beside those that lead to this cloud."""
        values = {name.upper(): str(value) for name, value in settings.items()}
        http = http or self.fresh_http()
        hunt = open_hunt(hunt_options(from_values({**self.cloud.environment, **values})), http, self._credential())
        self.closing.callback(hunt.close)
        return hunt

    def run(self, kql: str) -> tuple[list[str], list[list[Any]]]:
        """A query's whole result, straight from the small Azure: the columns' names, and the rows."""
        url = f"{self.cloud.environment['LOG_ANALYTICS_ENDPOINT']}/v1/workspaces/{WORKSPACE_ID}/query"
        body, audience = json.dumps({"query": kql}).encode(), "https://api.loganalytics.io"
        done = self.fresh_http().send(Service.LOG_ANALYTICS, Call.QUERY, url, audience=audience, body=body)
        (table,) = done.body["tables"]
        return [column["name"] for column in table["columns"]], table["rows"]

    def forget(self) -> None:
        """Make the next request the first: no faults, no log, nothing stored."""
        self.cloud.faults.clear()
        self.cloud.log.clear()
        self.cloud.cards.clear()
        for incident in list(self.cloud.incidents):
            self.cloud.analyst.delete(incident)

    def _credential(self) -> Credential:
        credential = sign_in(CLIENT_ID, self.clock)
        self.closing.callback(credential.close)
        return credential


def sign_in_to(environment: Mapping[str, str], patch: pytest.MonkeyPatch) -> None:
    """Have this process trust the small Azure with this environment, and sign in to it by its managed identity."""
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "REQUESTS_CA_BUNDLE", "NO_PROXY"):
        patch.setenv(name, environment[name])


@contextmanager
def connected(
    patch: pytest.MonkeyPatch,
    *,
    clock: FakeClock | None = None,
    cloud_clock: Callable[[], datetime] | None = None,
    limits: Limits | None = None,
    rate_limits: Mapping[Call, RateLimit] | None = None,
    chance: Callable[[], float] = lambda: 1.0,
    **cloud: Any,
) -> Iterator[Clients]:
    """The clients of a small Azure that is made with these further arguments; chance is always at its longest.

    The cloud's clock is theirs, but for `cloud_clock`.
    """
    clock = clock or FakeClock()
    with Cloud(clock=cloud_clock or clock, **cloud) as running, ExitStack() as closing:
        sign_in_to(running.environment, patch)
        credential = sign_in(CLIENT_ID, clock)
        closing.callback(credential.close)
        http = Http(
            credential,
            clock=clock,
            limits=limits,
            rate_limits={} if rate_limits is None else rate_limits,
            chance=chance,
        )
        closing.callback(http.close)
        yield Clients(running, clock, from_values(running.environment), credential, http, closing)
