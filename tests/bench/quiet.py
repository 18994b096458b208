"""Quiet days: what a sweep by the shell costs when nothing is new among many flagged recipients.

`python -m tests.bench.quiet [RECIPIENTS]`: all are raised by a first sweep, on a clock that does not wait; then, on the
machine's own, a sweep right after it, one that has lost its ledger, and one after that. Time, the peak memory of the
sweep's process, and the requests that the small Azure saw.
"""

import os
import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.bench.days import measured_sweep
from tests.cloud import Cloud
from tests.cloud.mail import crowd
from tests.support.clock import FakeClock
from tests.support.tenant import Tenant


def main(recipients: int) -> None:
    """Measure and print."""
    clock = FakeClock(datetime.now(UTC) - timedelta(minutes=recipients / 500))  # raised at ten a second, and some
    with tempfile.TemporaryDirectory() as folder, Cloud(clock=clock.now) as cloud:
        tenant = Tenant(cloud, clock, Path(folder) / "ledger.db")
        tenant.settings |= {
            "PATH": os.environ["PATH"],
            "LEDGER_URL": f"sqlite:///{tenant.ledger}",
            "SUM_CASE_THRESHOLD": "1",
            "MAX_NEW_INCIDENTS": str(recipients),
            "SWEEP_BUDGET_SECONDS": "21600",
        }
        os.environ.update(cloud.environment)
        cloud.load("EmailEvents", crowd(clock.now(), recipients=recipients, messages=2))
        print(f"{recipients:,} recipients over the threshold, {tenant.sweep().receipt.created:,} incidents raised")
        print(f"{'sweep':<16}{'seconds':>9}{'MiB':>7}{'standing':>10}{'due':>5}  requests")
        for name in ("right after", "ledger lost", "right after"):
            if name == "ledger lost":
                for path in tenant.ledger.parent.glob(f"{tenant.ledger.name}*"):
                    path.unlink()
            clock.advance(seconds=max((datetime.now(UTC) - clock.now()).total_seconds(), 0))
            before = len(cloud.log)
            receipt, seconds, memory = measured_sweep({**cloud.environment, **tenant.settings})
            seen = Counter(f"{request.service} {request.method}" for request in cloud.log[before:])
            requests = ", ".join(f"{number:,} {kind}" for kind, number in sorted(seen.items()))
            counts = f"{receipt['standing']:>10,}{receipt['due']:>5,}"
            print(f"{name:<16}{seconds:>9.1f}{memory:>7.0f}{counts}  {requests}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
