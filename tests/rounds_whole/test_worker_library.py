"""A round through the worker library that the Functions host itself runs, in several processes of Python 3.13."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cloud.marked_mail import marked_mail
from tests.rounds_whole.scene import round_scene
from tests.support.library_worker import LIBRARY_PYTHON, LibraryWorker

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not LIBRARY_PYTHON.exists(), reason="NO PYTHON 3.13 HERE: no round was tried in the Functions worker library"
    ),
]


def test_a_round_in_the_worker_library(tmp_path: Path) -> None:
    """The timer begins a round, two workers end it: each tenant is raised and told once, and the round is told."""
    names = ["contoso", "fabrikam", "litware", "tailspin"]
    with round_scene(tmp_path / "scene", names) as scene:
        for place, tenant in enumerate(scene.many.tenants.values()):
            rows = marked_mail(scene.clock.now(), tenant.mark, place % 3, seed=place)
            tenant.workspace.tables.append("EmailEvents", rows)
        scene.deploy()
        workers = [LibraryWorker(scene.app, scene.settings) for _ in range(2)]
        scene.workers.extend(workers)
        timer = LibraryWorker(scene.app, scene.settings)
        scene.workers.append(timer)
        with scene.running(workers) as host:
            assert timer.fire(scene.slot()).green
            assert timer.functions == ("sweep", "work")
            told = scene.until_told()
        assert (told["clean"], told["flagged"], told["workspaces"]) == (2, 2, 4)
        assert {each.instance for each in host.invocations} == {0, 1}
        assert [len(tenant.incidents) for tenant in scene.many.tenants.values()] == [0, 1, 2, 0]
        assert all(len(tenant.cards) == 1 for tenant in scene.many.tenants.values())
