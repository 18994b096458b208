"""The hunt at scale.

`python -m tests.bench.hunt [ROWS RECIPIENTS]`: from query to findings over millions of rows on the embedded engine; and
an answer of 50,000 findings with 10 messages each (the service sends 100 MB at most), the whole hunt beside
`LogsQueryClient.query_workspace` alone.
"""

import gc
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from shared.app import hunt_options
from shared.http.client import Http
from shared.http.credential import sign_in
from shared.hunt import Hunt, open_hunt
from shared.model import Window
from shared.query.answer import COLUMNS
from shared.query.log_analytics import SERVER_TIMEOUT, connect
from shared.settings import from_values
from tests.cloud import Cloud, Fault
from tests.cloud.bulk import bulk

RUNS = 5


def _peak() -> float:
    """The most memory this process ever held, in MiB (Linux; 0 elsewhere)."""
    status = Path("/proc/self/status")
    return int(re.findall(r"VmHWM:\s+(\d+)", status.read_text())[0]) / 1024 if status.exists() else 0.0


def hunter() -> Hunt:
    """A hunt by the environment."""
    settings = from_values(os.environ)
    credential = sign_in(settings.azure_client_id)
    return open_hunt(hunt_options(settings), Http(credential), credential)


def scale(rows: int, recipients: int) -> None:
    """Coverage and findings over a large table."""
    with tempfile.TemporaryDirectory() as folder, Cloud() as cloud:
        os.environ.update({**cloud.environment, "LEDGER_URL": f"sqlite:///{folder}/ledger.db"})
        path = Path(folder) / "events.parquet"
        now = cloud.clock()
        begun = time.monotonic()
        bulk(path, now, rows=rows, recipients=recipients)
        cloud.load("EmailEvents", path)
        hunt, window = hunter(), Window(now - timedelta(days=30), now)
        hunt.coverage(window)
        print(f"{rows:,} rows, {recipients:,} recipients: made and loaded in {time.monotonic() - begun:.1f} s")
        for name, ask in (("coverage", hunt.coverage), ("hunt", hunt.findings)):
            times, found = [], None
            for _ in range(3):
                begun = time.monotonic()
                found = ask(window)
                times.append(time.monotonic() - begun)
            over = f", {len(found):,} over the threshold" if isinstance(found, list) else ""
            print(f"  {name:<9} {median(times):5.2f} s (median of 3{over})")
        hunt.close()


def _answer(findings: int, messages: int) -> bytes:
    """The body of an answer of so many findings, each with so many messages in its four lists."""
    rows = []
    for place in range(findings):
        item = "{:08x}-0000-4000-8000-{:012x}\\2026-11-23T07:55:45.7357933Z\\Your statement {} is ready"
        lists = [[item.format(place, each, each) for each in range(part, messages, 4)] for part in range(4)]
        told = [["2026-11-23T09:12:01.0012345Z\\2026-11-23T07:55:45.7357933Z"] * len(each) for each in lists]
        counts = [len(each) for each in lists]
        cells = [json.dumps(each, separators=(",", ":")) for each in (*lists, *told)]
        rows.append([f"user{place:06}@contoso.com", sum(counts), *counts, *cells])
    kinds = ["string", *["long"] * 5, *["dynamic"] * 8]
    columns = [{"name": name, "type": kind} for name, kind in zip(COLUMNS, kinds, strict=True)]
    return json.dumps({"tables": [{"name": "PrimaryResult", "columns": columns, "rows": rows}]}).encode()


def _alone() -> Callable[[Window], object]:
    """The SDK's call alone, on the same connection settings."""
    settings = from_values(os.environ)
    client = connect(hunt_options(settings).log_analytics, sign_in(settings.azure_client_id))
    workspace = str(settings.sentinel_workspace_id)

    def ask(_: Window) -> object:
        return client.query_workspace(workspace, "EmailEvents", timespan=None, server_timeout=SERVER_TIMEOUT)

    return ask


def _child(what: str) -> None:
    """In a process of its own: time and memory of one call, as JSON; the memory is what it adds."""
    ask: Callable[[Window], object] = _alone() if what == "alone" else hunter().findings
    now = datetime.now(UTC)
    window = Window(now - timedelta(days=30), now)
    gc.collect()
    before, begun = _peak(), time.monotonic()
    kept = ask(window)
    print(json.dumps({"seconds": time.monotonic() - begun, "mib": _peak() - before, "kept": len(list(kept))}))  # type: ignore[call-overload]


def ratio(findings: int, messages: int) -> None:
    """The whole hunt beside the SDK's call alone, in processes of their own, by turns."""
    with tempfile.TemporaryDirectory() as folder, Cloud() as cloud:
        body = _answer(findings, messages)
        cloud.faults.add(Fault(service="log_analytics", status=200, body=body, times=None))
        print(f"an answer of {findings:,} findings with {messages} messages each, {len(body) / 1e6:.0f} MB")
        environment = {
            "PATH": os.environ["PATH"],
            **cloud.environment,
            "LEDGER_URL": f"sqlite:///{folder}/ledger.db",
            "SUM_CASE_THRESHOLD": "1",
        }
        seconds: defaultdict[str, list[float]] = defaultdict(list)
        memory: defaultdict[str, list[float]] = defaultdict(list)
        for _ in range(RUNS):
            for what in ("alone", "whole"):
                command = [sys.executable, "-m", "tests.bench.hunt", "--child", what]
                ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
                said = json.loads(ran.stdout)
                seconds[what].append(said["seconds"])
                memory[what].append(said["mib"])
        for name, unit, values in (("time", "s", seconds), ("peak memory", "MiB", memory)):
            sdk, whole = median(values["alone"]), median(values["whole"])
            print(f"  {name:<12} query_workspace {sdk:7.1f} {unit}, hunt {whole:7.1f} {unit}: ratio {whole / sdk:.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        _child(sys.argv[2])
    else:
        sizes = [int(size) for size in sys.argv[1:]] or [5_000_000, 200_000]
        scale(*sizes)
        ratio(50_000, 10)
