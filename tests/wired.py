"""The project's clients, wired to a small Azure by a clock that only sleeping moves: no test waits for a retry."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

import pytest
from pydantic import SecretStr

from shared.app import hunt_options
from shared.errors import Call
from shared.http.client import Http, Limits
from shared.http.credential import Credential, sign_in
from shared.http.rate_limit import RateLimit
from shared.incidents.arm import Sentinel
from shared.model import LABEL, RULE_ID
from shared.query.advanced_hunting import AdvancedHunting
from shared.query.log_analytics import Workspace, connect
from shared.settings import Settings, from_values
from shared.teams.webhook import Webhook
from tests.cloud import CLIENT_ID, WORKSPACE_ID, Cloud, Request
from tests.sweeping import Hands

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
class Wired:
    """A small Azure and everything that talks to it."""

    cloud: Cloud
    clock: Hands
    settings: Settings
    credential: Credential
    http: Http

    @property
    def sentinel(self) -> Sentinel:
        """The incidents client."""
        settings = self.settings
        return Sentinel(self.http, settings.arm, settings.cloud.arm_audience, settings.sentinel_workspace_resource_id)

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

    def forget(self) -> None:
        """Make the next request the first: no faults, no log, nothing stored."""
        self.cloud.faults.clear()
        self.cloud.log.clear()
        self.cloud.cards.clear()
        for incident in list(self.cloud.incidents):
            self.cloud.analyst.delete(incident)


@contextmanager
def wired(
    patch: pytest.MonkeyPatch,
    cloud: Cloud | None = None,
    *,
    clock: Hands | None = None,
    limits: Limits | None = None,
    rate_limits: Mapping[Call, RateLimit] | None = None,
    chance: Callable[[], float] = lambda: 1.0,
) -> Iterator[Wired]:
    """The clients of a small Azure, all signed in by its managed identity; chance is always at its longest."""
    clock = clock or Hands()
    with cloud or Cloud(clock=clock) as running:
        for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "REQUESTS_CA_BUNDLE"):
            patch.setenv(name, running.environment[name])
        credential = sign_in(CLIENT_ID, clock)
        http = Http(
            credential,
            clock=clock,
            limits=limits,
            rate_limits={} if rate_limits is None else rate_limits,
            chance=chance,
        )
        try:
            yield Wired(running, clock, from_values(running.environment), credential, http)
        finally:
            http.close()
            credential.close()
