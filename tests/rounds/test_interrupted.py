"""Rounds whose processes end at every point, and whose processes meet at every point."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.clock import START
from tests.support.rounds import BUSY, Deployment, Killed, deployed_on, ended, lines

ROUND = "2026-11-24T06:00Z"
OWN = json.dumps({"round": ROUND})
EFFECTS = 11
"""Of a start with three entries: its row, two marks, its own message, the entries' rows; thrice message and mark."""


def whole(deployment: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    """Every entry is swept, and the round told once; nothing is left on the queue."""
    deployment.work_off(minutes=150)
    assert {each.name for each in deployment.swept} == {"ada", "bob", "eve"}
    assert deployment.store.ended(ROUND).keys() == {"ada", "bob", "eve"}
    assert len(lines(caplog, "round_completed")) == 1
    assert deployment.queue.messages == []
    assert deployment.store.state().untold == ()


def test_a_start_has_so_many_effects(deployment: Deployment) -> None:
    """The tests below kill it at each of them."""
    deployment.begin()
    assert deployment.fate.count == EFFECTS


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(1, EFFECTS + 1))
def test_a_start_that_was_killed_begins_again(
    deployment: Deployment, caplog: pytest.LogCaptureFixture, at: int, after: bool
) -> None:
    """Begun once more it sends what is not marked: at most the one message whose mark was lost is sent twice."""
    deployment.fate.arm(at, after=after)
    with pytest.raises(Killed):
        deployment.begin()
    deployment.fate.arm(-1)
    deployment.begin()
    assert len(deployment.queue.sent) - len(set(deployment.queue.sent)) <= 1
    whole(deployment, caplog)
    announced = len(lines(caplog, "round_started"))
    assert announced == 1 or (announced == 2 and at == 2)


@pytest.mark.parametrize("at", range(4, EFFECTS + 1))
def test_the_rounds_own_message_goes_on_with_a_start(
    deployment: Deployment, caplog: pytest.LogCaptureFixture, at: int
) -> None:
    """A start that was killed after the round's own message went out needs no second one."""
    deployment.fate.arm(at)
    with pytest.raises(Killed):
        deployment.begin()
    deployment.fate.arm(-1)
    whole(deployment, caplog)


@pytest.mark.parametrize("at", range(1, EFFECTS + 1))
def test_two_starts_at_once(deployment: Deployment, caplog: pytest.LogCaptureFixture, at: int) -> None:
    """A second start in the middle of the first makes one round of both."""
    deployment.fate.arm(at, happens=deployment.begin)
    deployment.begin()
    whole(deployment, caplog)
    assert len(deployment.store.state().kept) == 1


LINE, POST, LAST = 8, 10, 14
"""What the workers of three entries do, in order: two writes for each; the claim; the last line, which is marked by the
8th effect; the card's note, its post (the 10th), its mark, and when it was taken; that the round is told, twice."""


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(1, LAST + 1))
def test_a_worker_that_was_killed(
    deployment: Deployment, caplog: pytest.LogCaptureFixture, at: int, after: bool
) -> None:
    """Whatever it was about to do, or had just done: its message comes back, and the round is told once, but for what
    was done and not marked.
    """
    deployment.acts["eve"] = [ended("flagged", told=1)] * 2
    deployment.begin()
    deployment.fate.arm(at, after=after)
    assert [type(error) for error in deployment.work_off(minutes=5)] == [Killed]
    deployment.fate.arm(-1)
    deployment.work_off(minutes=60)
    assert len(lines(caplog, "round_completed")) == (2 if (at, after) == (LINE, False) else 1)
    assert deployment.store.ended(ROUND).keys() == {"ada", "bob", "eve"}
    assert deployment.queue.messages == []
    deployment.clock.advance(days=1)
    tomorrow = deployment.begin(deployment.clock.now())
    assert deployment.store.state().untold == (tomorrow.id,)
    unmarked = (at, after) in ((POST, True), (POST + 1, False))
    assert len(deployment.channel.posted) == (2 if unmarked else 1)


@pytest.mark.parametrize("at", range(1, 10))
def test_the_last_two_end_at_once(deployment: Deployment, caplog: pytest.LogCaptureFixture, at: int) -> None:
    """Whatever the one is doing when the other ends, one of them tells the round."""
    deployment.names = ["ada", "bob"]
    deployment.acts["ada"] = [ended("flagged", told=1)]
    deployment.begin()
    ada, bob = (next(each for each in deployment.queue.messages if name in each.text) for name in ("ada", "bob"))
    deployment.queue.messages.remove(bob)
    deployment.fate.arm(at, happens=lambda: deployment.work(bob.text))
    deployment.work(ada.text)
    if deployment.fate.count < at:
        deployment.work(bob.text)
    assert deployment.store.ended(ROUND).keys() == {"ada", "bob"}
    assert len(lines(caplog, "round_completed")) == 1
    assert len(deployment.channel.posted) == 1


def test_its_own_message_delivered_twice(deployment: Deployment) -> None:
    """It has one successor, however often it arrives."""
    deployment.acts["ada"] = [ended("failed", BUSY)] * 3
    deployment.begin()
    deployment.work_off(minutes=9)
    deployment.queue.messages = [each for each in deployment.queue.messages if each.text != OWN]
    deployment.clock.advance(minutes=1)
    deployment.work(OWN)
    deployment.work(OWN)
    assert [each.text for each in deployment.queue.messages].count(OWN) == 1


def test_a_start_that_died_while_it_told_the_round_before(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Begun again, it goes past the older round, which its own message or the next start tells to the end."""
    with deployed_on(f"sqlite:///{tmp_path}/ledger.db") as deployment:
        deployment.begin()
        deployment.queue.messages.clear()
        deployment.clock.advance(days=1)
        deployment.fate.arm(2)
        with pytest.raises(Killed):
            deployment.begin(START + timedelta(days=1))
        deployment.fate.arm(-1)
        deployment.begin(START + timedelta(days=1))
        deployment.work_off(minutes=60)
        assert ROUND in deployment.store.state().untold
        deployment.clock.advance(days=1)
        deployment.begin(START + timedelta(days=2))
        assert deployment.store.state().untold == ("2026-11-26T06:00Z",)
        assert [each["round"] for each in lines(caplog, "round_incomplete")][-1] == ROUND
