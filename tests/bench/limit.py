"""Raising many incidents at ARM's limit: the whole sweep, and beside it what users of `requests` commonly write.

`python -m tests.bench.limit [INCIDENTS SPEED]`: each client raises as many incidents on a fresh small Azure whose rate
limits are the real ones, SPEED times as fast for all; once with answers that come at once, once with answers that take
as long as over a real network (sped up as well). What is possible is what ARM's bucket lets pass: 200 PUTs at once,
then 10 a second. A client's time runs from its first PUT until its last incident is dealt with.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from shared.app import hunt_options
from shared.clock import SystemClock
from shared.http.client import Http
from shared.http.credential import sign_in
from shared.http.rate_limit import standard_rate_limits
from shared.hunt import open_hunt
from shared.incidents.arm import ArmIncidents
from shared.incidents.arm_requests import API_VERSION
from shared.ledger import open_ledger
from shared.model import LABEL
from shared.settings import from_values
from shared.sweep.run import Parts, Report, run
from shared.teams.webhook import Webhook
from tests.bench._azure import Apart, Seen, apart

BURST, RATE = 200, 10.0
LATENCY = 0.5  # seconds, of a real answer: an assumption, Microsoft names none
THREADS = 16


@dataclass(slots=True)
class Timed:
    """One sweep, its seconds, and the monotonic time when it had dealt with its last incident."""

    report: Report
    whole: float
    dealt: float


def timed_sweep(values: Mapping[str, str], speed: float) -> Timed:
    """A whole sweep as shared/app.py makes it, but with rate limits `speed` times as fast as the real ones."""
    settings, clock = from_values(values), SystemClock()
    begun = clock.monotonic()
    dealt = begun

    def progress(step: str) -> None:
        nonlocal dealt
        if step.startswith("telling Teams"):
            dealt = clock.monotonic()

    credential = sign_in(settings.azure_client_id, clock)
    http = Http(credential, clock=clock, rate_limits=standard_rate_limits(clock, speed))
    ledger = open_ledger(settings.ledger_url, settings.sentinel_workspace_resource_id, credential)
    hunt = open_hunt(hunt_options(settings), http, credential)
    sentinel = ArmIncidents(http, settings.arm, settings.cloud.arm_audience, settings.sentinel_workspace_resource_id)
    try:
        parts = Parts(
            settings=settings,
            clock=clock,
            ledger=ledger,
            http=http,
            hunt=hunt,
            incidents=sentinel,
            webhook=Webhook(http, settings.teams_webhook_url),
            run_id="limit",
            started=clock.now(),
            begun=begun,
            progress=progress,
        )
        report = run(parts)
        return Timed(report, clock.monotonic() - begun, dealt)
    finally:
        hunt.close()
        ledger.close()
        http.close()
        credential.close()


def settings_of(cloud: Apart, folder: str | Path, incidents: int) -> dict[str, str]:
    """The settings of a sweep that may raise so many incidents at once."""
    return {
        **cloud.environment,
        "LEDGER_URL": f"sqlite:///{folder}/ledger.db",
        "SUM_CASE_THRESHOLD": "2",
        "MAX_NEW_INCIDENTS": str(incidents),
        "SWEEP_BUDGET_SECONDS": "21600",
    }


@dataclass(frozen=True, slots=True)
class Plain:
    """A client without a rate limit: so many threads share one session, which retries so often.

    `Retry-After` is obeyed, as urllib3 does unless told otherwise; an incident whose retries are used up is given up.
    """

    name: str
    total: int
    threads: int = 1

    def session(self) -> requests.Session:
        """The session as it is commonly written."""
        retry = Retry(
            total=self.total, backoff_factor=1, status_forcelist=[429, 500, 502, 503, 504], allowed_methods=None
        )
        session = requests.Session()
        session.mount("https://", HTTPAdapter(max_retries=retry, pool_maxsize=self.threads))
        return session

    def run(self, cloud: Apart, incidents: int) -> float:
        """Put the incidents; the monotonic time when the last was dealt with."""
        session = self.session()
        settings = from_values({**cloud.environment, "LEDGER_URL": "sqlite:///unused"})
        token = session.get(
            cloud.environment["IDENTITY_ENDPOINT"],
            params={
                "api-version": "2019-08-01",
                "resource": settings.cloud.arm_audience,
                "client_id": cloud.environment["AZURE_CLIENT_ID"],
            },
            headers={"X-IDENTITY-HEADER": cloud.environment["IDENTITY_HEADER"]},
            timeout=30,
        ).json()["access_token"]
        base = f"{settings.arm}{settings.sentinel_workspace_resource_id}/providers/Microsoft.SecurityInsights/incidents"

        def put(place: int) -> None:
            recipient = f"user{place:06d}@contoso.com"
            properties = {
                "title": f"Unusual volume of remediated email: {recipient}",
                "severity": "Medium",
                "status": "New",
                "labels": [{"labelName": LABEL}],
            }
            with suppress(requests.RequestException):  # given up; the next incident
                session.put(
                    f"{base}/{uuid5(NAMESPACE_URL, recipient)}",
                    params={"api-version": API_VERSION},
                    headers={"Authorization": f"Bearer {token}"},
                    json={"properties": properties},
                    timeout=30,
                ).raise_for_status()

        with session, ThreadPoolExecutor(self.threads) as pool:
            list(pool.map(put, range(incidents)))
        return time.monotonic()


PLAIN = (
    Plain("one by one, Retry(total=3)", 3),
    Plain("one by one, Retry(total=5)", 5),
    Plain(f"{THREADS} threads, Retry(total=3)", 3, THREADS),
)


def _measured(incidents: int, speed: float, latency: float, others: Sequence[Plain]) -> None:
    """The sweep and the others in turn, on a small Azure each; prints a line for each."""
    possible = (incidents - BURST) / (RATE * speed)
    takes = f"after {latency:g} s (/ {speed:g})" if latency else "at once"
    print(f"{incidents:,} new incidents, limits {speed:g} times as fast, answers {takes}: possible in {possible:.1f} s")
    print(f"  {'':<28}{'seconds':>9}{'ratio':>7}{'requests':>10}{'429s':>7}{'lost':>7}")

    def line(name: str, seconds: float, seen: Seen) -> None:
        sent, refused, lost = seen.sentinel(), seen.sentinel(status=429), incidents - seen.incidents
        print(
            f"  {name:<28}{seconds:>9.1f}{seconds / possible:>7.2f}{sent:>10,}{refused:>7,}{lost:>7,}",
            flush=True,
        )

    def fresh() -> AbstractContextManager[Apart]:
        return apart(recipients=incidents, speed=speed, latency=latency / speed)

    with fresh() as cloud, tempfile.TemporaryDirectory() as folder:
        os.environ.update(cloud.environment)
        done = timed_sweep(settings_of(cloud, folder, incidents), speed)
        seen = cloud.seen()
        line("the sweep", done.dealt - seen.begun, seen)
        print(
            f"    due: {done.report.receipt.due}; all else of the sweep: {done.whole - (done.dealt - seen.begun):.1f} s"
        )
    for client in others:
        with fresh() as cloud:
            os.environ.update(cloud.environment)
            ended = client.run(cloud, incidents)
            seen = cloud.seen()
            line(client.name, ended - seen.begun, seen)


if __name__ == "__main__":
    sizes = sys.argv[1:] or ["2000", "8"]
    many, factor = int(sizes[0]), float(sizes[1])
    _measured(many, factor, 0.0, PLAIN)
    _measured(many, factor, LATENCY, (PLAIN[0], PLAIN[-1]))  # more retries would change nothing there
