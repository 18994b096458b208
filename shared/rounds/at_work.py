"""Whether a sweep of a workspace is at work, by its lease: asked before an entry counts as abandoned."""

from __future__ import annotations

import uuid
from contextlib import closing
from typing import Any

from shared.clock import Clock
from shared.ledger import open_ledger
from shared.ledger.lease import LeaseNotFree, claim
from shared.settings import Settings


def is_at_work(settings: Settings, credential: Any, clock: Clock) -> bool:
    """Whether another process holds the lease of this workspace and renews it. Takes as long as a lease lasts, when one
    is there. A dry run takes none, so it is never seen at work.
    """
    budget = settings.sweep_budget_seconds
    seconds = min(settings.lease_seconds, budget / 2)
    workspace = settings.sentinel_workspace_resource_id
    with closing(open_ledger(settings.ledger_url, workspace, credential, clock=clock)) as ledger:
        try:
            held = claim(ledger, seconds, clock, str(uuid.uuid4()), clock.monotonic() + budget)
        except LeaseNotFree:
            return True
        if held is None:
            return True
        held.release()
        return False
