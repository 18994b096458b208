"""The process is killed where the analytics rules make the incidents: nothing is lost, nothing is raised twice.

Each step ends only once the rules have run and all is seen: see RuleScene.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.ledgers import KeptTable
from tests.chaos.rule_scene import RuleScene
from tests.chaos.scene import Scene, scene
from tests.chaos.story import Step, Story, any_day, first_day, lost_ledger, survive
from tests.chaos.sweeper import Sweeper
from tests.support.azurite import Azurite


@pytest.fixture(scope="module")
def handed(forks: Sweeper, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """A day like any other, its ledger in SQLite."""
    with scene(forks, tmp_path_factory.mktemp("handed"), kind=RuleScene) as made:
        yield any_day(made)


@pytest.fixture
def empty(forks: Sweeper, tmp_path: Path) -> Iterator[Scene]:
    """A tenant without mail, its ledger in SQLite."""
    with scene(forks, tmp_path, kind=RuleScene) as made:
        yield made


def wrong_on_the_rule_road(story: Story, *steps: Step) -> list[str]:
    """What is wrong after a kill at each of these steps, every one from the same beginning."""
    return [said for step in steps if (said := survive(story, step))]


def steps_of_upload(story: Story) -> list[Step]:
    """Before and after each upload."""
    return [step for step in story.requests if "/dataCollectionRules/" in step.name]


SAMPLE = 17
"""Every so manieth of the 248 steps."""


def test_a_sweep_killed_at_an_upload_is_completed_by_the_next(empty: Scene) -> None:
    """Killed before or after its row was stored: one incident, told; the first sweep ever."""
    story = first_day(empty)
    assert not wrong_on_the_rule_road(story, *steps_of_upload(story)[::3])


@pytest.mark.slow
def test_a_sweep_killed_where_rules_make_incidents_is_completed_by_the_next(handed: Story) -> None:
    """Killed at a sample of its requests and of its ledger's verbs, a sweep is completed by the next ones."""
    steps = (*handed.requests, *handed.verbs)
    assert not wrong_on_the_rule_road(handed, *steps[::SAMPLE], *steps_of_upload(handed)[::5])


@pytest.mark.slow
def test_a_sweep_killed_where_a_lost_ledger_finds_the_rules_incidents_is_completed(empty: Scene) -> None:
    """The same at a sample of the steps of the first sweep after the ledger was lost."""
    story = lost_ledger(empty)
    assert not wrong_on_the_rule_road(story, *(*story.requests, *story.verbs)[3 :: 4 * SAMPLE])


@pytest.mark.slow
def test_a_sweep_killed_where_rules_make_incidents_is_completed_with_a_table(
    forks: Sweeper, tmp_path: Path, azurite: Azurite
) -> None:
    """The same with Table storage, around what the sweep notes and hands over."""
    with scene(forks, tmp_path, KeptTable(tmp_path, azurite), kind=RuleScene) as made:
        story = any_day(made)
        names = ("after take #1", "halfway save #2", "after save #5")
        steps = [step for step in story.verbs if step.name in names]
        assert len(steps) == len(names)
        assert not wrong_on_the_rule_road(story, *steps, steps_of_upload(story)[3])
