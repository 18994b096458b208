"""A hunt over the small Azure: what the tests of the hunt have in common."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from shared.app import hunt_options
from shared.http.client import Call, Http, Service
from shared.http.credential import sign_in
from shared.hunt import Hunt, open_hunt
from shared.model import Window
from shared.settings import from_values
from tests.cloud import Cloud
from tests.sweeping import START, Hands

NOW = START
WINDOW = Window(NOW - timedelta(days=30), NOW)


@dataclass
class Ground:
    """A small Azure that this process trusts and signs in to, and a clock that only waiting moves."""

    cloud: Cloud
    clock: Hands
    closing: ExitStack = field(repr=False)

    def http(self) -> Http:
        """Requests as this cloud's managed identity."""
        credential = sign_in(self.cloud.environment["AZURE_CLIENT_ID"], self.clock)
        self.closing.callback(credential.close)
        http = Http(credential, clock=self.clock)
        self.closing.callback(http.close)
        return http

    def hunt(self, http: Http | None = None, **settings: Any) -> Hunt:
        """A hunt under these settings, by field name, beside those that lead to this cloud."""
        values = {name.upper(): str(value) for name, value in settings.items()}
        environment = self.cloud.environment
        http = http or self.http()
        credential = sign_in(environment["AZURE_CLIENT_ID"], self.clock)
        hunt = open_hunt(hunt_options(from_values({**environment, **values})), http, credential)
        self.closing.callback(hunt.close)
        self.closing.callback(credential.close)
        return hunt

    def run(self, kql: str) -> tuple[list[str], list[list[Any]]]:
        """A query's whole result, straight from the small Azure: the columns' names, and the rows."""
        environment = self.cloud.environment
        url = f"{environment['LOG_ANALYTICS_ENDPOINT']}/v1/workspaces/{environment['SENTINEL_WORKSPACE_ID']}/query"
        body, audience = json.dumps({"query": kql}).encode(), "https://api.loganalytics.io"
        done = self.http().send(Service.LOG_ANALYTICS, Call.QUERY, url, audience=audience, body=body)
        (table,) = done.body["tables"]
        return [column["name"] for column in table["columns"]], table["rows"]


@contextmanager
def hunting_ground(**cloud: Any) -> Iterator[Ground]:
    """A small Azure made with these arguments, for as long as the context lasts."""
    clock = Hands(NOW)
    with Cloud(clock=clock.now, **cloud) as small, pytest.MonkeyPatch.context() as patch, ExitStack() as closing:
        for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "REQUESTS_CA_BUNDLE", "NO_PROXY"):
            patch.setenv(name, small.environment[name])
        yield Ground(small, clock, closing)
