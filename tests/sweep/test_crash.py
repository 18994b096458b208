"""The process is killed at every step, and the sweep run again: nothing is lost, nothing is raised twice."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chaos.ledgers import KeptTable
from tests.chaos.scene import Scene, address, scene
from tests.chaos.story import Step, Story, any_day, first_day, lost_ledger, survive
from tests.chaos.sweeper import Sweeper
from tests.cloud import Fault
from tests.support.azurite import Azurite

SAMPLE = 33  # in the fast tests: every so manieth step, before and after alternating
PAIRS = 60


@pytest.fixture
def empty(forks: Sweeper, tmp_path: Path) -> Iterator[Scene]:
    """A tenant without mail, its ledger in SQLite."""
    with scene(forks, tmp_path) as made:
        yield made


def wrong(story: Story, *steps: Step) -> list[str]:
    """What is wrong after a kill at each of these steps, every one from the same beginning."""
    return [said for step in steps if (said := survive(story, step))]


def around_the_card(story: Story) -> list[Step]:
    """The steps at which it is decided whether a card repeats."""
    return [step for step in (*story.requests, *story.verbs) if step.repeats or "POST /powerautomate" in step.name]


def test_a_sweep_killed_here_and_there_is_completed_by_the_next(story: Story) -> None:
    """Killed at a sample of its requests and of its ledger's verbs, a sweep is completed by the next ones."""
    assert not wrong(story, *story.requests[::SAMPLE], *story.verbs[::SAMPLE])


def test_a_card_repeats_only_when_its_acceptance_was_not_written_down(story: Story) -> None:
    """Killed between Teams' answer and its confirmation, a sweep's card is posted again, the same; else never."""
    assert not wrong(story, *around_the_card(story))


@pytest.mark.slow
def test_a_sweep_killed_at_any_request_is_completed_by_the_next(story: Story) -> None:
    """Killed before or after any of its requests took effect, a sweep is completed by the next ones."""
    assert not wrong(story, *story.requests)


@pytest.mark.slow
def test_a_sweep_killed_at_any_verb_of_its_ledger_is_completed_by_the_next(story: Story) -> None:
    """Killed before, within or after any of its ledger's verbs, a sweep is completed by the next ones."""
    assert not wrong(story, *story.verbs)


@pytest.mark.slow
def test_a_sweep_killed_again_and_again_is_completed_by_the_next(story: Story) -> None:
    """Killed at any two steps, the second of them while it completes what the first left, it is completed, too."""
    chance = random.Random(3)
    pairs = [chance.choices((*story.requests, *story.verbs), k=2) for _ in range(PAIRS)]
    assert not [said for pair in pairs if (said := survive(story, *pair))]


@pytest.mark.slow
@pytest.mark.parametrize("begin", [first_day, lost_ledger])
def test_a_sweep_without_a_past_is_completed_by_the_next(begin: Callable[[Scene], Story], empty: Scene) -> None:
    """The same holds of the first sweep ever, and of the first one after the ledger was lost: at every third step."""
    story = begin(empty)
    assert not wrong(story, *story.requests[::3], *story.verbs[::3])


@pytest.mark.parametrize(
    "names",
    [
        ("after save #5", "halfway save #15"),
        pytest.param(("after take #1", "halfway save #2", "before save #9"), marks=pytest.mark.slow),
    ],
)
def test_what_holds_of_a_file_holds_of_table_storage(
    forks: Sweeper, tmp_path: Path, azurite: Azurite, names: tuple[str, ...]
) -> None:
    """Killed around what it notes and what it records, a sweep whose ledger is a table is completed."""
    with scene(forks, tmp_path, KeptTable(tmp_path, azurite)) as made:
        story = any_day(made)
        steps = [step for step in story.verbs if step.name in names]
        assert len(steps) == len(names)
        assert not wrong(story, *steps)


def test_what_is_told_later_is_told_with_its_number(empty: Scene) -> None:
    """A new episode that a killed sweep raised is told by the next with the number of messages it was raised for."""
    empty.mail(back=3)
    assert empty.sweep().green
    empty.cloud.analyst.close(empty.open_incidents("back")[0])
    empty.advance(days=1)
    empty.mail(back=4)
    empty.cloud.cards.clear()
    assert empty.sweep(Fault(service="teams", method="POST")).killed
    assert not empty.cloud.cards
    assert empty.sweep().green
    said = "7 (Medium). Back: 4 new messages since the last incident was closed"
    assert empty.told() == {address("back"): {said}}


def test_an_incident_whose_creation_is_due_is_not_adopted(empty: Scene) -> None:
    """An incident that was made, but whose answer was lost, is told as not raised until it can be read, then as new."""
    empty.mail(ann=3)
    made = Fault(service="sentinel", method="PUT", effect=True)
    assert empty.sweep(made).killed
    name = empty.open_incidents("ann")[0]
    empty.cloud.faults.add(Fault(service="sentinel", method="GET", match=f"{name}?", status=503, times=None))
    assert empty.sweep().event == "sweep_incomplete"
    empty.cloud.faults.clear()
    assert empty.told() == {address("ann"): {"3 (Medium). NOT written to Sentinel yet; the next sweep tries again"}}
    assert empty.sweep().green
    assert "3 (Medium). New: first time over the threshold" in empty.told()[address("ann")]
    assert len(empty.cloud.cards) == 2
