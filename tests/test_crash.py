"""The process is killed at every step, and the sweep run again: nothing is lost, nothing is raised twice."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.azurite import Azurite
from tests.chaos.scene import scene
from tests.chaos.story import Step, Story, prepare, survive
from tests.chaos.sweeper import Sweeper, sweeper
from tests.chaos.tables import TablePlace

SAMPLE = 9  # in the fast tests: every so manieth step, before and after alternating
PAIRS = 60


@pytest.fixture(scope="module")
def forks() -> Iterator[Sweeper]:
    """Where sweeps are forked from."""
    with sweeper() as made:
        yield made


@pytest.fixture(scope="module")
def story(forks: Sweeper, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """The story, its ledger in SQLite."""
    with scene(forks, tmp_path_factory.mktemp("crash")) as made:
        yield prepare(made)


def wrong(story: Story, *steps: Step) -> list[str]:
    """What is wrong after a kill at each of these steps, every one from the same beginning."""
    return [said for step in steps if (said := survive(story, step))]


def around_the_card(story: Story) -> list[Step]:
    """The steps at which it is decided whether a card repeats."""
    return [step for step in (*story.requests, *story.writes) if step.repeats or "POST /powerautomate" in step.name]


def test_a_sweep_killed_here_and_there_is_completed_by_the_next(story: Story) -> None:
    """Killed at a sample of its requests and of its ledger writes, a sweep is completed by the next ones."""
    assert not wrong(story, *story.requests[::SAMPLE], *story.writes[::SAMPLE])


def test_a_card_repeats_only_when_its_acceptance_was_not_written_down(story: Story) -> None:
    """Killed between Teams' answer and its confirmation, a sweep's card is posted again, the same; else never."""
    assert not wrong(story, *around_the_card(story))


@pytest.mark.slow
def test_a_sweep_killed_at_any_request_is_completed_by_the_next(story: Story) -> None:
    """Killed before or after any of its requests took effect, a sweep is completed by the next ones."""
    assert not wrong(story, *story.requests)


@pytest.mark.slow
def test_a_sweep_killed_at_any_ledger_write_is_completed_by_the_next(story: Story) -> None:
    """Killed before, within or after any of its ledger writes, a sweep is completed by the next ones."""
    assert not wrong(story, *story.writes)


@pytest.mark.slow
def test_a_sweep_killed_again_and_again_is_completed_by_the_next(story: Story) -> None:
    """Killed at any two steps, the second of them while it completes what the first left, it is completed, too."""
    chance = random.Random(3)
    pairs = [chance.choices((*story.requests, *story.writes), k=2) for _ in range(PAIRS)]
    assert not [said for pair in pairs if (said := survive(story, *pair))]


def test_what_holds_of_a_file_holds_of_table_storage(forks: Sweeper, tmp_path: Path, azurite: Azurite) -> None:
    """Killed around its intents, its confirmations and its card, a sweep whose ledger is a table is completed."""
    with scene(forks, tmp_path, TablePlace(tmp_path, azurite)) as made:
        story = prepare(made)
        names = ("after take #1", "halfway note #1", "after confirm #5", "before note #3", "halfway confirm #15")
        steps = [step for step in story.writes if step.name in names]
        assert len(steps) == len(names)
        assert not wrong(story, *steps)
