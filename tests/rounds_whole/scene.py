"""Where whole rounds run: tenants, a queue and a table over TLS, the deployed app, and workers that may die."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.data.tables import TableServiceClient
from azure.storage.queue import QueueClient

from shared.ledger.rows import unpack
from tests.cloud.many_tenants import ManyTenants
from tests.support.azurite import Azurite, TokenCredential
from tests.support.deployed_app import deployed_app
from tests.support.fast_wall_clock import FastWallClock
from tests.support.functions_host import FunctionsHost, HostWorker, QueueRules
from tests.support.library_worker import LibraryWorker
from tests.support.plain_worker import Death, PlainWorker
from tests.support.waiting import wait_until

HASTE = 200
"""Ten minutes of the wall clock and of the queue pass in three seconds."""
QUEUE = "sweep-work"


@dataclass
class RoundScene:
    """One deployment for many tenants. `settings` are its app settings; `timer` is the worker that begins rounds."""

    folder: Path
    many: ManyTenants
    clock: FastWallClock
    tables: Azurite
    queues: Azurite
    settings: dict[str, str]
    app: Path = Path()
    workers: list[PlainWorker | LibraryWorker] = field(default_factory=list)
    host: FunctionsHost | None = None
    _slots: int = 0

    def deploy(self, names: Sequence[str] | None = None) -> None:
        """Deploy the app anew, with entries for these tenants, or for all."""
        self._slots += 1
        self.app = deployed_app(self.folder / f"app{self._slots}", self.many.workspaces_json(names))

    def worker(self, doom: Callable[[str], Death | None] = lambda _: None) -> PlainWorker:
        """A process of the app; remembered, for what it logs."""
        made = PlainWorker(self.app, self.settings, doom=doom)
        self.workers.append(made)
        return made

    @contextmanager
    def running(self, workers: Sequence[HostWorker], **more: Any) -> Iterator[FunctionsHost]:
        """The host at work, by the app's own host.json."""
        rules = QueueRules.of(self.app / "host.json")
        with FunctionsHost(self.queue, workers, rules, QUEUE, HASTE, **more) as host:
            self.host = host
            yield host

    # --- the round

    def slot(self) -> dict[str, str]:
        """The timer's ScheduleStatus when it fires now, on schedule."""
        return {"Next": self.clock.now().isoformat()}

    def begin(self, slot: Mapping[str, str] | None = None, death: Death | None = None) -> bool:
        """Let the timer fire, in a process of its own. False when it died of it."""
        worker = self.worker()
        try:
            ended = worker.fire(slot or self.slot(), death=death)
        except Exception as error:
            if type(error).__name__ == "WorkerDied":
                return False
            raise
        finally:
            worker.close()
        assert ended.green, ended.said
        return True

    def events(self, event: str) -> list[dict[str, Any]]:
        """What the app has logged under this name, all processes together."""
        found = [line for worker in self.workers for line in list(worker.lines) if line.startswith(f"{event} ")]
        return [json.loads(line.partition(" ")[2]) for line in found]

    def told(self) -> list[dict[str, Any]]:
        """The ends of rounds that were logged."""
        return [*self.events("round_completed"), *self.events("round_incomplete")]

    def receipts(self) -> dict[str, dict[str, Any]]:
        """The last receipt of each workspace, by its entry's name."""
        kinds = ("sweep_completed", "sweep_incomplete", "sweep_failed", "sweep_planned")
        found = [each for kind in kinds for each in self.events(kind)]
        return {each["workspace_name"]: each for each in sorted(found, key=lambda each: str(each["started"]))}

    def until_told(self, rounds: int = 1, seconds: float = 120) -> dict[str, Any]:
        """The last end of a round, once so many were logged and who told it has posted its card."""
        wait_until(lambda: len(self.told()) >= rounds, seconds, self.state)
        wait_until(lambda: self.host is None or not self.host.busy(), seconds, self.state)
        return self.told()[-1]

    def state(self) -> str:
        """What a test shows that waited in vain: the newest lines, and the rows of rounds."""
        newest = [line[:300] for worker in self.workers for line in worker.lines[-4:]]
        return "\n".join([*newest, *self.rows().get(partition("rounds"), [])])

    # --- its storage

    def queue(self, name: str) -> QueueClient:
        """A client of a queue, as the host has one."""
        bundle = self.settings["REQUESTS_CA_BUNDLE"]
        return QueueClient(self.queues.endpoint, name, TokenCredential(lifetime=30 * 86_400), connection_verify=bundle)

    def send(self, message: Mapping[str, str], later: int = 0) -> None:
        """Put a message on the queue of work, as the app does."""
        queue = self.queue(QUEUE)
        with suppress(ResourceExistsError):
            queue.create_queue()
        queue.send_message(base64.b64encode(json.dumps(message).encode()).decode(), visibility_timeout=later)

    def waiting(self, name: str = QUEUE) -> int:
        """How many messages the queue holds, those that are invisible included."""
        try:
            return int(self.queue(name).get_queue_properties().approximate_message_count or 0)
        except ResourceNotFoundError:
            return 0

    def rows(self) -> dict[str, list[str]]:
        """All that the storage's tables hold, as text, by partition."""
        found: dict[str, list[str]] = {}
        bundle = self.settings["REQUESTS_CA_BUNDLE"]
        with TableServiceClient(self.tables.endpoint, credential=TokenCredential(), connection_verify=bundle) as tables:
            for table in tables.list_tables():
                for entity in tables.get_table_client(table.name).list_entities():
                    data = b"".join(entity[f"data{place}"] for place in range(10) if f"data{place}" in entity)
                    text = json.dumps(unpack(data)) if data else ""
                    found.setdefault(str(entity["PartitionKey"]), []).append(f"{entity['RowKey']} {text}")
        return found


def partition(workspace: str) -> str:
    """The partition of a workspace's rows, or that of the rounds."""
    return hashlib.sha256(workspace.lower().encode()).hexdigest()


@contextmanager
def round_scene(folder: Path, names: Sequence[str], *, throttle: float | None = None) -> Iterator[RoundScene]:
    """A deployment for these tenants, whose mail and settings the caller adds before `deploy`."""
    clock = FastWallClock(HASTE)
    with ExitStack() as stack:
        for name in ("tables", "queues"):
            (folder / name).mkdir(parents=True)
        tables = stack.enter_context(Azurite(folder / "tables"))
        queues = stack.enter_context(Azurite(folder / "queues", "queue", HASTE))
        # Tokens live by the services' clocks, and one of these is fast.
        many = stack.enter_context(ManyTenants(names, clock, throttle=throttle, token_lifetime=30 * 86_400))
        bundles = [Path(many.environment["REQUESTS_CA_BUNDLE"]), folder / "tables/ca.pem", folder / "queues/ca.pem"]
        bundle = folder / "ca.pem"
        bundle.write_bytes(b"".join(each.read_bytes() for each in bundles))
        temporary = folder / "temporary"
        temporary.mkdir()
        settings = {
            "PATH": os.environ["PATH"],
            "TMPDIR": str(temporary),
            **many.environment,
            **clock.environment,
            "REQUESTS_CA_BUNDLE": str(bundle),
            "AzureWebJobsStorage__queueServiceUri": queues.endpoint,
            "AzureWebJobsStorage__tableServiceUri": tables.endpoint,
            "LEDGER_URL": tables.endpoint,
            "SWEEP_SCHEDULE": "0 0 6 * * *",
            "ROUND_DEADLINE_MINUTES": "1200",
            "LEASE_SECONDS": "5",
        }
        scene = RoundScene(folder, many, clock, tables, queues, settings)
        try:
            yield scene
        finally:
            for worker in scene.workers:
                worker.close()


def slot_after(moment: datetime, minutes: float) -> dict[str, str]:
    """The ScheduleStatus of a slot so many minutes after a moment."""
    return {"Next": (moment + timedelta(minutes=minutes)).isoformat()}
