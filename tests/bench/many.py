"""A round of 40 tenants on two worker processes, beside the same sweeps run alone one after the other.

`python -m tests.bench.many [TENANTS]`: seconds of both, and their ratio, which is at most 1.15 of the half; then the
requests of a workspace in a round, which are those of a deployment for it alone and a constant. Every query takes 0.6
seconds, as most of a real sweep is waiting for services. It exits with 1 when one of both does not hold.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cloud.marked_mail import marked_mail
from tests.rounds_whole.scene import RoundScene, round_scene

WORKERS = 2
MOST = 1.15
QUERY_SECONDS = 6.0
SPEED = 10
ROUND_REQUESTS = 8
"""What a round adds to a workspace's requests, all of them to the table: three rows are read, the try is counted (read,
written), the end is written down (read, written), and the first of those that have not ended is looked for."""
METADATA = {"Id": "1", "DequeueCount": 1, "PopReceipt": ""}


@contextmanager
def tenants_with_mail(folder: Path, many: int) -> Iterator[RoundScene]:
    """So many tenants; every third has two recipients over the threshold."""
    with round_scene(folder, [f"tenant-{place:02d}" for place in range(many)], throttle=SPEED) as scene:
        for place, tenant in enumerate(scene.many.tenants.values()):
            rows = marked_mail(scene.clock.now(), tenant.mark, 0 if place % 3 else 2, seed=place)
            tenant.workspace.tables.append("EmailEvents", rows)
            tenant.takes = lambda _: QUERY_SECONDS
        scene.deploy()
        yield scene


def alone(folder: Path, many: int) -> float:
    """The seconds of all sweeps, one after the other in one process that is warm."""
    with tenants_with_mail(folder, many) as scene:
        worker, seconds = scene.worker(), 0.0
        names = list(scene.many.tenants)
        for place, name in enumerate([names[0], *names]):
            began = time.monotonic()
            assert worker.invoke(json.dumps({"workspace": name}), METADATA).green
            seconds += time.monotonic() - began if place else 0.0
        return seconds


def in_a_round(folder: Path, many: int) -> tuple[float, dict[str, int]]:
    """The seconds from the round's begin to its end; the requests of the first two workspaces."""
    with tenants_with_mail(folder, many) as scene, scene.running([scene.worker() for _ in range(WORKERS)]) as host:
        began = time.monotonic()
        scene.begin()
        scene.until_told(seconds=600)
        seconds = time.monotonic() - began
        seen = {json.loads(each.body).get("workspace", ""): each.ended for each in host.invocations}
        return seconds, {name: ended.requests for name, ended in seen.items() if ended is not None}


def of_one_deployment(folder: Path, place: int) -> int:
    """The requests of a sweep by a deployment for that tenant alone, its ledger in the same table service."""
    with tenants_with_mail(folder, place + 1) as scene:
        name = list(scene.many.tenants)[place]
        scene.deploy([])
        scene.settings |= {key: value for key, value in scene.many.alone(name).items() if key not in scene.settings}
        ended = scene.worker().fire(scene.slot())
        assert ended.green
        return ended.requests


def main(many: int) -> int:
    """Measure and print. The exit code."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        half = alone(folder / "alone", many) / WORKERS
        seconds, requests = in_a_round(folder / "round", many)
        print(f"{many} tenants, {WORKERS} workers: a round takes {seconds:.1f} s", flush=True)
        print(f"the same sweeps alone, halved: {half:.1f} s; ratio {seconds / half:.2f} (at most {MOST})")
        well = seconds / half <= MOST
        for place, kind in enumerate(("flagged", "quiet")):
            single = of_one_deployment(folder / f"single-{place}", place)
            in_round = requests[f"tenant-{place:02d}"]
            print(f"requests of a {kind} workspace: {single} alone, {in_round} in a round (+{in_round - single})")
            well &= in_round - single == ROUND_REQUESTS
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 40))
