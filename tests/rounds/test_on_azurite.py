"""A round on a real table and a real queue: two starts at once, messages that come twice, workers that die."""

from __future__ import annotations

import base64
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient

from shared.clock import SystemClock
from shared.ledger import round_keys
from shared.ledger.table import table_rows
from shared.model import Receipt, RoundEntry
from shared.rounds.messages import WorkMessage
from shared.rounds.parts import RoundParts
from shared.rounds.queue import WorkQueue
from shared.rounds.receive import receive
from shared.rounds.start import begin_round
from shared.settings import Settings
from tests.support.azurite import Azurite, TokenCredential
from tests.support.clock import FakeClock
from tests.support.rounds import SKIPPED, Counting, Deployment, RoundFate, RoundKilled, logged_of, receipt_of

pytestmark = pytest.mark.slow

NAMES = [f"tenant-{number}" for number in range(14)]
DYING = {"tenant-3": 1, "tenant-8": 2, "tenant-9": 9}
"""So many tries of these die."""


class Tenants:
    """Sweeps that take a moment, one at a time for each tenant, as the lease has it."""

    def __init__(self) -> None:
        self.busy: set[str] = set()
        self.tries: Counter[str] = Counter()
        self.lock = threading.Lock()

    def sweep(self, _: Settings, entry: RoundEntry) -> Receipt:
        """One sweep, or what is found of another one's."""
        with self.lock:
            if entry.name in self.busy:
                return SKIPPED
            self.busy.add(entry.name)
            self.tries[entry.name] += 1
            dies = self.tries[entry.name] <= DYING.get(entry.name, 0)
        time.sleep(0.05)
        with self.lock:
            self.busy.remove(entry.name)
        if dies:
            raise RoundKilled
        return receipt_of("flagged", told=1)

    def at_work(self, settings: Settings) -> bool:
        """Whether a sweep is under way; like the look at a lease it takes a while."""
        time.sleep(0.3)
        return settings.sentinel_workspace_resource_id.rsplit("/", 1)[-1] in self.busy


@contextmanager
def working(parts: RoundParts, client: QueueClient, workers: int) -> Iterator[None]:
    """So many workers receive, until the block ends. A message whose worker raised, or died, is visible at once."""
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            message = client.receive_message(visibility_timeout=20)
            if message is None:
                time.sleep(0.05)
                continue
            try:
                receive(parts, base64.b64decode(str(message.content), validate=True))
            except (Exception, RoundKilled):  # noqa: BLE001 - as the host: whatever it is, the message comes back
                client.update_message(message, visibility_timeout=0)
            else:
                with suppress(ResourceNotFoundError):
                    client.delete_message(message)

    with ThreadPoolExecutor(workers) as pool:
        found = [pool.submit(work) for _ in range(workers)]
        try:
            yield
        finally:
            over.set()
        for each in found:
            each.result()


def test_a_round_on_azurite(
    azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Every entry ends once, whoever died is abandoned after three tries, and the round is told once, on one card."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    caplog.set_level("INFO", "sweep")
    tenants, name = Tenants(), f"q{uuid.uuid4().hex}"
    rows = table_rows(azurite.endpoint, round_keys.PARTITION, azurite.credential, f"t{uuid.uuid4().hex}")
    deployment = Deployment(FakeClock(), RoundFate(), Counting(rows, RoundFate()), names=NAMES)
    with (
        closing(rows),
        Azurite(tmp_path, service="queue") as service,
        closing(WorkQueue(service.endpoint, TokenCredential(), SystemClock(), name=name)) as queue,
        QueueClient(service.endpoint, name, credential=TokenCredential()) as client,
    ):
        parts = replace(
            deployment.parts(), queue=queue, clock=SystemClock(), sweep=tenants.sweep, at_work=tenants.at_work
        )
        slot = SystemClock().now()
        with ThreadPoolExecutor(2) as starts:
            begun = [each.result() for each in [starts.submit(begin_round, parts, slot) for _ in range(2)]]
        (round_id,) = {each.id for each in begun}
        for each in NAMES:
            queue.send(WorkMessage(round_id, each))
        queue.send(WorkMessage(round_id), timedelta(seconds=1))
        with working(parts, client, workers=4):
            ends = time.monotonic() + 90
            while not (found := deployment.store.progress(round_id)) or not found.told:
                assert time.monotonic() < ends, deployment.store.ended(round_id).keys()
                time.sleep(0.1)
    (told,) = deployment.told
    assert {each.name: each.end.value for each in told.entries} == {
        each: "abandoned" if each == "tenant-9" else "flagged" for each in NAMES
    }
    assert tenants.tries["tenant-9"] == 3
    said = logged_of(caplog, "sweep_abandoned")
    assert said  # before the end is written: better twice, by two workers at once, than never
    assert all(each == said[0] for each in said)
    assert [each["failed"] for each in logged_of(caplog, "round_incomplete")] == [1]
    assert len(deployment.channel.posted) == 1
