"""Two sweeps at once: one works, the other leaves or takes over, and together they do what one would have done."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from shared.sweep.workers import WORKERS
from tests.chaos.ledgers import KeptTable
from tests.chaos.order import Moment, When
from tests.chaos.pause import paused
from tests.chaos.scene import Scene, scene
from tests.chaos.story import Step, Story, check, overtake
from tests.chaos.sweeper import Sweeper
from tests.cloud import Fault
from tests.support.azurite import Azurite

MANY = {f"person{number:02}": 3 for number in range(2 * WORKERS + 4)}


SAMPLE = 25  # in the fast tests: every so manieth moment, before and after alternating


class Prepared(NamedTuple):
    """A scene, as it is put back before each test, and what one undisturbed sweep would leave of it."""

    place: Scene
    alone: Mapping[str, Any]


def _prepared(place: Scene) -> Prepared:
    place.mail(**MANY)
    place.keep()
    assert place.sweep().receipt["created"] == len(MANY)
    assert len(place.cards()) == 1
    return Prepared(place, place.remains())


@pytest.fixture(scope="module")
def on_real_time(forks: Sweeper, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """Many people to be raised, on the machine's own clock."""
    with scene(forks, tmp_path_factory.mktemp("real"), real_time=True) as made:
        made.mail(waits=3)
        assert made.sweep().green
        yield _prepared(made)


@pytest.fixture(scope="module")
def on_still_time(forks: Sweeper, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """The same on a clock that only sleeping moves, a day after an incident that is to be reminded about by now."""
    with scene(forks, tmp_path_factory.mktemp("still")) as made:
        made.mail(waits=3)
        assert made.sweep().green
        made.advance(days=1)
        yield _prepared(made)


@pytest.fixture
def real(on_real_time: Prepared) -> Prepared:
    """The scene on the machine's own clock, put back."""
    on_real_time.place.restore()
    return on_real_time


@pytest.fixture
def still(on_still_time: Prepared) -> Prepared:
    """The scene on the clock that only sleeping moves, put back."""
    on_still_time.place.restore()
    return on_still_time


def test_of_two_sweeps_at_once_one_works_and_one_leaves(real: Prepared) -> None:
    """A sweep that finds a living one at work leaves, green; what is left is what one alone leaves."""
    place, expected = real
    with paused(place, service="log_analytics") as pause:
        first = place.begin()
        assert pause.reached()
        second = place.begin().end()
        assert (second.event, second.code) == ("sweep_skipped", 0)
        pause.resume()
        assert first.end().green
    assert place.remains() == expected
    assert len(place.cards()) == 1


def test_sweeps_that_start_in_the_same_instant_do_the_work_once(real: Prepared) -> None:
    """However two sweeps that start at once meet, every incident is made once and told once."""
    place, expected = real
    for _ in range(3):
        place.restore()
        both = [place.begin(), place.begin()]
        ended = [each.end() for each in both]
        assert sorted({each.event for each in ended} - {"sweep_skipped"}) == ["sweep_completed"]
        assert sum(each.receipt["created"] for each in ended) == len(MANY)
        assert place.remains() == expected
        assert len(place.cards()) == 1


def test_a_table_lets_one_of_two_sweeps_in(forks: Sweeper, tmp_path: Path, azurite: Azurite) -> None:
    """What holds of a file holds of table storage: of two sweeps that start at once one works, once."""
    with scene(forks, tmp_path, KeptTable(tmp_path, azurite), real_time=True) as made:
        made.mail(**MANY)
        ended = [each.end() for each in [made.begin(), made.begin()]]
        assert {each.event for each in ended} <= {"sweep_completed", "sweep_skipped"}
        assert sum(each.receipt.get("created", 0) for each in ended) == len(MANY)
        assert len(made.cards()) == 1


def test_a_waiting_sweep_takes_over_from_one_that_is_killed(real: Prepared) -> None:
    """A sweep that waits for one that is killed meanwhile takes over after its lease's length, and completes it."""
    place, expected = real
    with paused(place, service="sentinel", method="PUT", after=5) as pause:
        first = place.begin()
        assert pause.reached()
        place.freeze(first)  # so that it renews nothing while the other takes its first look
        second = place.begin()
        first.kill()
        pause.resume()
        assert first.end().killed
        ended = second.end()
    assert ended.green
    assert ended.receipt["seconds"] > 1
    assert place.remains() == expected
    assert len(place.cards()) == 1


def rob(place: Scene) -> None:
    """The lease is not renewed for its length, and another takes it."""
    place.advance(seconds=place.lease)
    ledger = place.place.open()
    ledger.take(ledger.lease(), "another", place.lease)
    ledger.close()


def _puts(place: Scene) -> int:
    """How often Sentinel was asked for an effect."""
    return sum((each.service, each.method) == ("sentinel", "PUT") for each in place.cloud.log)


def test_a_sweep_without_its_lease_begins_no_effect(still: Prepared) -> None:
    """Once another holds its lease a sweep begins no further effect and posts no card; the next completes it."""
    place, expected = still
    with paused(place, WORKERS, service="sentinel", method="PUT", after=2) as pause:
        first = place.begin()
        assert pause.reached()
        place.freeze(first)
        rob(place)
        before = _puts(place)
        first.thaw()
        pause.resume()
        ended = first.end()
    assert (ended.event, ended.code) == ("sweep_failed", 1)
    assert any("lease_lost" in reason for reason in ended.receipt["reasons"])
    assert _puts(place) == before < len(MANY)
    assert not place.cards()
    assert place.sweep().green  # once it has waited for the other's lease, too
    assert place.remains() == expected
    assert len(place.cards()) == 1


@pytest.mark.parametrize(
    "which",
    [
        {"service": "log_analytics"},
        pytest.param({"service": "log_analytics", "containing": "EmailPostDeliveryEvents"}, marks=pytest.mark.slow),
        {"service": "sentinel", "method": "PUT", "after": 2, "many": WORKERS},
        pytest.param({"service": "sentinel", "method": "PUT", "after": len(MANY) - 1}, marks=pytest.mark.slow),
        {"service": "sentinel", "method": "GET", "after": len(MANY) + 1},
    ],
    ids=["hunting", "just before its intents", "raising", "at its last effect", "just before its card"],
)
def test_a_sweep_that_was_overtaken_adds_nothing(still: Prepared, which: dict[str, Any]) -> None:
    """A sweep that hangs, wherever it is, until another has taken over and done all, does and leaves nothing more."""
    place, expected = still
    with paused(place, **which) as pause:
        first = place.begin()
        assert pause.reached()
        place.freeze(first)
        place.advance(seconds=place.lease)
        assert place.sweep().green
        first.thaw()
        pause.resume()
        ended = first.end()
    assert (ended.event, ended.code) == ("sweep_failed", 1)
    assert place.remains() == expected
    assert place.sweep().green
    assert place.remains() == expected
    assert len(place.cards()) == 1


def _moments(story: Story) -> list[Step]:
    """Before and after each of the ledger's verbs."""
    return [step for step in story.verbs if not step.name.startswith("halfway")]


def test_a_sweep_that_is_overtaken_here_and_there_adds_nothing(story: Story) -> None:
    """Frozen at a sample of its ledger's verbs until another has done all, a sweep does and leaves nothing more."""
    assert not [wrong for step in _moments(story)[::SAMPLE] if (wrong := overtake(story, step))]


@pytest.mark.slow
def test_a_sweep_that_is_overtaken_anywhere_adds_nothing(story: Story) -> None:
    """The same before and after each of its ledger's verbs."""
    assert not [wrong for step in _moments(story) if (wrong := overtake(story, step))]


def test_a_card_of_an_earlier_sweep_is_not_posted_by_one_that_is_overtaken(story: Story) -> None:
    """A card that a killed sweep left is posted once, though two sweeps found it."""
    story.scene.restore()
    assert story.scene.sweep(Fault(service="teams", method="POST")).killed
    frozen, other = story.scene.overtake(Moment("load", 1, When.AFTER))
    assert (frozen.event, other.event) == ("sweep_failed", "sweep_completed")
    assert check(story) == 0
