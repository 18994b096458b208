"""Two sweeps at once where the analytics rules make the incidents, with one ledger and with two: one incident each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.ledgers import KeptLedger, KeptTable
from tests.chaos.order import Outcome, When
from tests.chaos.pause import paused
from tests.chaos.rule_scene import RuleScene
from tests.chaos.scene import Scene, scene
from tests.chaos.story import Step, Story, any_day, overtake
from tests.chaos.sweeper import Sweeper
from tests.support.azurite import Azurite

PEOPLE = {f"person{number}": 3 for number in range(4)}
WHEN = pytest.mark.parametrize(
    "after",
    [pytest.param(0, marks=pytest.mark.slow), 2, pytest.param(len(PEOPLE) - 1, marks=pytest.mark.slow)],
    ids=["first", "third", "last"],
)
"""At which upload it hangs."""


@pytest.fixture
def handing(forks: Sweeper, tmp_path: Path) -> Iterator[Scene]:
    """People to be raised, on a clock that only sleeping moves."""
    with scene(forks, tmp_path, kind=RuleScene) as made:
        made.mail(**PEOPLE)
        made.keep()
        yield made


def rows_by_pair(place: Scene) -> Counter[tuple[str, int]]:
    """How often each row of a finding was stored, by recipient and attempt."""
    stored = [row for row in place.cloud.ingestion.rows if row["Kind"] == "finding"]
    return Counter((row["Recipient"].partition("@")[0], row["Attempt"]) for row in stored)


def one_each(place: Scene) -> bool:
    """Whether there is one open incident about each of the people, and no other incident."""
    return all(len(place.open_incidents(who)) == 1 for who in PEOPLE) and len(place.cloud.incidents) == len(PEOPLE)


def _alone(place: Scene) -> dict[str, Any]:
    """What one sweep would have done."""
    assert place.sweep().receipt["created"] == len(PEOPLE)
    place.settle()
    assert one_each(place)
    remains = place.remains()
    place.restore()
    return remains


def _begun_at_once(place: Scene) -> list[Outcome]:
    ended = [each.end() for each in [place.begin(), place.begin()]]
    assert {each.event for each in ended} <= {"sweep_completed", "sweep_skipped"}
    assert sum(each.receipt.get("created", 0) for each in ended) == len(PEOPLE)
    assert rows_by_pair(place) == {(who, 1): 1 for who in PEOPLE}
    assert len(place.cards()) == 1
    place.cloud.rules.advance(place.cloud.clock() + timedelta(hours=2))
    assert one_each(place)
    return ended


@pytest.mark.parametrize("kind", ["file", pytest.param("table", marks=pytest.mark.slow)])
def test_sweeps_that_start_at_once_hand_each_finding_over_once(
    kind: str, forks: Sweeper, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """On the machine's own clock: one works, the other leaves, whether the ledger is a file or a table."""
    azurite: Azurite | None = request.getfixturevalue("azurite") if kind == "table" else None
    place = KeptTable(tmp_path, azurite) if azurite else KeptLedger(tmp_path)
    with scene(forks, tmp_path, place, real_time=True, kind=RuleScene) as made:
        made.mail(**PEOPLE)
        _begun_at_once(made)


@pytest.mark.slow
@WHEN
def test_a_sweep_that_was_overtaken_at_its_uploads_adds_no_incident(handing: Scene, after: int) -> None:
    """It hangs at an upload until another has taken over: some rows come twice, and each is one incident."""
    expected = _alone(handing)
    with paused(handing, after=after, service="ingestion") as pause:
        first = handing.begin()
        assert pause.reached()
        handing.freeze(first)
        handing.advance(seconds=handing.lease)
        assert handing.sweep().green
        first.thaw()
        pause.resume()
        assert (ended := first.end()).event == "sweep_failed", ended
    assert rows_by_pair(handing).keys() == {(who, 1) for who in PEOPLE}
    handing.settle()
    assert one_each(handing)
    assert handing.remains() == expected
    assert len(handing.cards()) == 1


def with_ledger(place: Scene, name: str) -> KeptLedger:
    """A ledger of its own from now on; the one that was in use before."""
    before, folder = place.place, place.folder / name
    folder.mkdir()
    place.place = KeptLedger(folder)
    return before


@WHEN
def test_two_sweeps_at_once_with_two_ledgers_make_one_incident_each(handing: Scene, after: int) -> None:
    """Neither knows of the other, and the table shows no row yet: both hand all over, and each is one incident."""
    with paused(handing, after=after, service="ingestion") as pause:
        first = handing.begin()
        assert pause.reached()
        ours = with_ledger(handing, "other")
        assert handing.sweep().green
        pause.resume()
        assert first.end().green
    assert rows_by_pair(handing) == {(who, 1): 2 for who in PEOPLE}
    for ledger in (handing.place, ours):
        handing.place = ledger
        handing.settle()
        assert one_each(handing)
        assert not any(record.owed or record.tell for record in handing.ledger().records.values())


@pytest.mark.slow
def test_a_second_ledger_takes_over_what_is_awaited(handing: Scene) -> None:
    """Once the table shows the rows of one ledger, a sweep with another one hands nothing over, and follows them."""
    assert handing.sweep().green
    handing.advance(minutes=15)
    ours = with_ledger(handing, "other")
    assert handing.sweep().green
    assert rows_by_pair(handing) == {(who, 1): 1 for who in PEOPLE}
    for ledger in (handing.place, ours):
        handing.place = ledger
        handing.settle()
        assert one_each(handing)
    handing.advance(days=1)
    handing.mail(**PEOPLE)
    assert handing.sweep().receipt["commented"] == len(PEOPLE)
    assert one_each(handing)


def steps_to_stop_at(story: Story) -> list[Step]:
    """Before and after each of the ledger's verbs."""
    return [step for step in story.verbs if not step.name.startswith(When.HALFWAY)]


@pytest.mark.slow
def test_a_sweep_that_is_overtaken_where_rules_make_incidents_adds_nothing(forks: Sweeper, tmp_path: Path) -> None:
    """Frozen at a sample of its ledger's verbs until another has done all, a sweep does and leaves nothing more."""
    with scene(forks, tmp_path, kind=RuleScene) as made:
        story = any_day(made)
        assert not [wrong for step in steps_to_stop_at(story)[::15] if (wrong := overtake(story, step))]
