"""What did not happen is told: a queue that was emptied, a customer who was dropped, a bad file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cloud.marked_mail import marked_mail
from tests.rounds_whole.scene import QUEUE, RoundScene, round_scene, slot_after
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

NAMES = ("contoso", "fabrikam")


@pytest.fixture
def two_customers(tmp_path: Path) -> Iterator[RoundScene]:
    """Two tenants with a finding each."""
    with round_scene(tmp_path / "scene", NAMES) as made:
        for place, tenant in enumerate(made.many.tenants.values()):
            tenant.workspace.tables.append("EmailEvents", marked_mail(made.clock.now(), tenant.mark, 1, seed=place))
        made.deploy()
        yield made


def test_an_emptied_queue_is_told_by_the_next_start(two_customers: RoundScene) -> None:
    """A round whose messages are all gone is told as missing, in the log and on a card, before the next one begins."""
    first = two_customers.clock.now()
    assert two_customers.begin(slot_after(first, 0))
    two_customers.queue(QUEUE).clear_messages()
    wait_until(lambda: two_customers.clock.now() > first + timedelta(minutes=2), 10)
    assert two_customers.begin(slot_after(first, 2))
    (told,) = two_customers.events("round_incomplete")
    assert (told["workspaces"], told["missing"]) == (2, 2)
    lines = [line.partition(" ")[0] for line in two_customers.workers[-1].lines]
    assert lines.index("round_incomplete") < lines.index("round_started")
    (card,) = two_customers.many.round_webhook.cards
    assert all(name in json.dumps(card) for name in NAMES)


def test_a_dropped_customer_is_told(two_customers: RoundScene) -> None:
    """After an entry has left the file, the next round's card says that it is no longer swept; its message ends."""
    with two_customers.running([two_customers.worker()]):
        assert two_customers.begin()
        two_customers.until_told()
    two_customers.deploy(["contoso"])
    with two_customers.running([two_customers.worker()]):
        assert two_customers.begin()
        told = two_customers.until_told(rounds=2)
    assert (told["workspaces"], told["missing"]) == (1, 0)
    assert "No longer swept: fabrikam" in json.dumps(two_customers.many.round_webhook.cards[-1])


def test_a_broken_file_is_no_empty_list(two_customers: RoundScene) -> None:
    """With a file that is no JSON the round fails, by name, and nothing is swept."""
    (two_customers.app / "workspaces.json").write_text('{"workspaces": [', encoding="utf-8")
    worker = two_customers.worker()
    ended = worker.fire(two_customers.slot())
    assert not ended.green
    assert "workspaces.json is not JSON" in two_customers.events("settings_invalid")[0]["mistakes"][0]
    assert not two_customers.many.log
