"""From a deployment for one workspace to one for many, and back: nothing is repeated, nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cloud.marked_mail import marked_mail
from tests.rounds_whole.looks import told_on
from tests.rounds_whole.scene import RoundScene, round_scene

pytestmark = pytest.mark.slow


def sweep_alone(scene: RoundScene) -> str:
    """A deployment without entries sweeps; the name of its receipt's event."""
    scene.deploy([])
    worker = scene.worker()
    assert worker.fire(scene.slot()).green
    return worker.lines[-1].partition(" ")[0]


def round_of(scene: RoundScene, names: list[str], rounds: int) -> None:
    """A round of these tenants, until it is told."""
    scene.deploy(names)
    with scene.running([scene.worker(), scene.worker()]):
        assert scene.begin()
        scene.until_told(rounds=rounds)


@pytest.mark.parametrize("as_own", [False, True], ids=["as an entry", "as own"])
def test_there_and_back(tmp_path: Path, as_own: bool) -> None:
    """One workspace is swept alone, then in a round beside another, then alone again; each time it has a new finding.
    Every finding is raised once and told once, and the ledger goes on.
    """
    with round_scene(tmp_path / "scene", ["contoso", "other"]) as scene:
        tenant, clock = scene.many.tenants["contoso"], scene.clock
        scene.many.tenants["other"].workspace.tables.append(
            "EmailEvents", marked_mail(clock.now(), scene.many.tenants["other"].mark, 1, seed=9)
        )
        mail = marked_mail(clock.now(), tenant.mark, 3, seed=1)
        alone = {key: value for key, value in scene.many.alone("contoso").items() if key not in scene.settings}

        def arrives(*users: int) -> None:
            wanted = {f"user{user}@{tenant.mark}.example" for user in users}
            rows = [row for row in mail if row["RecipientEmailAddress"] in wanted]
            tenant.workspace.tables.append("EmailEvents", rows)

        def seen() -> tuple[int, dict[str, int]]:
            return len(tenant.incidents), dict(told_on(tenant.cards, tenant))

        first, second, third = (f"user{user}@{tenant.mark}.example" for user in range(3))
        scene.settings |= alone
        arrives(0)
        assert sweep_alone(scene) == "sweep_completed"
        assert seen() == (1, {first: 1})
        if not as_own:
            for name in alone:
                del scene.settings[name]
        arrives(1)
        round_of(scene, ["other"] if as_own else ["contoso", "other"], rounds=1)
        name = "own" if as_own else "contoso"
        (receipt,) = [each for each in scene.events("sweep_completed") if each.get("workspace_name") == name]
        assert (receipt["created"], receipt["standing"]) == (1, 1)
        assert seen() == (2, {first: 1, second: 1})
        scene.settings |= alone
        arrives(2)
        assert sweep_alone(scene) == "sweep_completed"
        assert seen() == (3, {first: 1, second: 1, third: 1})
        assert not any("workspace_name" in line or '"round"' in line for line in scene.workers[-1].lines)
