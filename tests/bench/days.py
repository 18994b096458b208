"""Whole sweeps by the shell on three days: all new, nothing new, and one new message for each recipient.

`python -m tests.bench.days [RECIPIENTS]`: for each day its time, the peak memory of the sweep's process, and the
requests that the small Azure saw. The small Azure limits no rate; the sweep slows its writes down as it would in Azure.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from tests.cloud import Cloud
from tests.cloud.mail import crowd

# The shell, and at its end the most memory that it ever held (Linux tells; elsewhere it is left out).
SHELL = """
import atexit, pathlib, re, sys
status = pathlib.Path("/proc/self/status")
peak = lambda: status.exists() and re.search(r"VmHWM:\\s+(\\d+)", status.read_text()).group(1)
atexit.register(lambda: print("PEAK", peak() or 0, file=sys.stderr))
from shared.cli.commands import main
main()
"""


def measured_sweep(environment: Mapping[str, str]) -> tuple[dict[str, Any], float, float]:
    """One sweep: its receipt, its seconds, its peak memory in MiB."""
    begun = time.monotonic()
    command = [sys.executable, "-c", SHELL, "sweep", "--json"]
    ran = subprocess.run(command, env=dict(environment), capture_output=True, text=True)
    seconds = time.monotonic() - begun
    return json.loads(ran.stdout), seconds, int(ran.stderr.split()[-1]) / 1024


def main(recipients: int) -> None:
    """Measure and print."""
    print(f"{recipients:,} recipients over the threshold, 12 messages each")
    print(f"{'day':<10}{'seconds':>9}{'MiB':>7}{'created':>9}{'commented':>11}{'due':>5}  requests")
    with tempfile.TemporaryDirectory() as folder, Cloud() as cloud:
        environment = {
            "PATH": os.environ["PATH"],
            **cloud.environment,
            "LEDGER_URL": f"sqlite:///{folder}/ledger.db",
            "MAX_NEW_INCIDENTS": "1000000",
            "SWEEP_BUDGET_SECONDS": "21600",
        }
        cloud.load("EmailEvents", crowd(cloud.clock(), recipients=recipients, messages=12))
        for day in ("all new", "quiet", "growing"):
            if day == "growing":
                cloud.append("EmailEvents", crowd(cloud.clock(), recipients=recipients, messages=1, seed=2))
            before = len(cloud.log)
            receipt, seconds, memory = measured_sweep(environment)
            seen = Counter(f"{request.service} {request.method}" for request in cloud.log[before:])
            counts = f"{receipt['created']:>9,}{receipt['commented']:>11,}{receipt['due']:>5,}"
            requests = ", ".join(f"{number:,} {kind}" for kind, number in sorted(seen.items()))
            print(f"{day:<10}{seconds:>9.1f}{memory:>7.0f}{counts}  {requests}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
