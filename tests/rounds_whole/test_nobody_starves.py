"""Tenants that hang or run into time-outs make a round longer for the others; they fail nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cloud.faults import Wire
from tests.cloud.marked_mail import marked_mail
from tests.rounds_whole.scene import round_scene

pytestmark = pytest.mark.slow

HANGS = "hangs"
TIMES_OUT = [f"times-out-{place}" for place in range(5)]
WELL = [f"well-{place}" for place in range(6)]
WORKERS = 7
BUDGET = 30
"""The shortest there is."""


def test_nobody_starves(tmp_path: Path) -> None:
    """One tenant's queries hang until its budget ends, five tenants' run into the server's time-out and fill all places
    that the identity has: each of the others ends well at its first try, and the six are told as failed.
    """
    names = [HANGS, *TIMES_OUT, *WELL]  # the bad ones first, so that they are at work before the others
    with round_scene(tmp_path / "scene", names, throttle=100) as scene:
        for place, tenant in enumerate(scene.many.tenants.values()):
            rows = marked_mail(scene.clock.now(), tenant.mark, 1, seed=place)
            tenant.workspace.tables.append("EmailEvents", rows)
            if tenant.name in TIMES_OUT:
                tenant.takes = lambda _: 1_000.0
            if tenant.name in (HANGS, *TIMES_OUT):
                tenant.settings["SWEEP_BUDGET_SECONDS"] = BUDGET
        hanging = scene.many.tenants[HANGS].fault("log_analytics", wire=Wire.HANG, seconds=2 * BUDGET, times=None)
        scene.many.faults.add(hanging)
        scene.deploy()
        with scene.running([scene.worker() for _ in range(WORKERS)]) as host:
            assert scene.begin()
            told = scene.until_told(seconds=300)
        for name in WELL:
            (receipt,) = [each for each in scene.events("sweep_completed") if each["workspace_name"] == name]
            assert (receipt["verdict"], receipt["created"], receipt["told"]) == ("flagged", 1, 1), name
        assert (told["flagged"], told["failed"], told["missing"]) == (len(WELL), 6, 0)
        assert scene.many.queries is not None
        assert scene.many.queries.most == 5
        tries = [each for each in host.invocations if HANGS in each.body]
        assert len(tries) == 3
        assert all(each.seconds < BUDGET + 15 for each in tries)
