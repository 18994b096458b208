"""The ledger's requests: a day with many new findings, on a real table service.

`python -m tests.bench.ledger [FINDINGS]`: one sweep raises so many incidents, 100 when none are named, and tells of
them; the next has nothing new. Requests to the table service, to Sentinel and to Teams, as the receipts count them.
"""

import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from tests.chaos.order import Order
from tests.chaos.zygote import sweep_here
from tests.cloud import Cloud
from tests.cloud.mail import crowd
from tests.support.azurite import Azurite


def main(findings: int) -> int:
    """Measure and print; 1 when the first sweep left anything due."""
    azurite = Azurite()
    azurite.start()
    try:
        with tempfile.TemporaryDirectory() as folder, Cloud() as cloud:
            cloud.load("EmailEvents", crowd(datetime.now(UTC), recipients=findings, messages=2))
            environment = {
                "PATH": os.environ["PATH"],
                **cloud.environment,
                "LEDGER_URL": f"sqlite:///{Path(folder) / 'unused.db'}",
                "SUM_CASE_THRESHOLD": "1",
                "MAX_NEW_INCIDENTS": str(max(findings, 1)),
            }
            order = Order(environment, tables=azurite.endpoint, table="bench")
            print(f"{'sweep':<12}{'created':>9}{'due':>5}  requests")
            due = 0
            for name in ("new", "nothing new"):
                receipt = sweep_here(order)["receipt"]
                requests = ", ".join(f"{number:,} {service}" for service, number in sorted(receipt["requests"].items()))
                print(f"{name:<12}{receipt['created']:>9,}{receipt['due']:>5,}  {requests}", flush=True)
                due += receipt["due"]
    finally:
        azurite.stop()
    return 1 if due else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100))
