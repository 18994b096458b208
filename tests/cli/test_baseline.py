"""Going live quietly: what is taken as reported is not raised, what is new is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from shared.cli.accept_coverage import accept
from shared.cli.baseline import AT_ONCE, looked, take
from shared.cli.forget import erase
from shared.cli.under_lease import AnotherAtWork
from shared.ledger import Loaded
from shared.ledger.lease import LeaseLost, claim
from shared.model import Record
from shared.sweep.context import Parts
from tests.cloud import WORKSPACE_RESOURCE_ID, Fault
from tests.cloud.mail import HARD, SOFT, Mail
from tests.support.clock import FakeClock
from tests.support.operators_shell import Operator

ANN, BOB, EVE = "ann@contoso.com", "bob@contoso.com", "eve@contoso.com"


def history(operator: Operator) -> None:
    """Two people over the threshold for weeks, one below it."""
    operator.days.mail(ANN, 12, days=20)
    operator.days.mail(BOB, 60, days=20)
    operator.days.mail(EVE, 5, days=20)


def test_only_what_is_new_is_raised(operator: Operator) -> None:
    """After a baseline the sweep is clean, the old ones being settled; a threshold of new messages changes nothing, one
    more raises the recipient with just the new ones.
    """
    history(operator)
    taken = operator.baseline()
    assert (taken.recipients, taken.messages, taken.open, taken.owed, taken.written) == (2, 72, 0, 0, True)
    assert operator.sweep() == {"event": "sweep_completed", "verdict": "clean", "flagged": 2, "settled": 2}
    operator.days.pass_by()
    operator.days.mail(ANN, 10)
    assert operator.sweep() == {"event": "sweep_completed", "verdict": "clean", "flagged": 2, "settled": 2}
    assert not operator.days.tenant.cloud.incidents
    operator.days.mail(ANN, 1)
    assert operator.sweep() == {
        "event": "sweep_completed", "verdict": "flagged", "flagged": 2, "created": 1, "settled": 1, "told": 1,
    }  # fmt: skip
    made = operator.days.incident(ANN)
    assert made is not None
    assert "those before were taken as reported by an operator" in made["description"]
    assert re.search(r"Newest messages.* of 11\b", made["description"])
    assert "New: 11 new messages since the earlier ones were taken as reported" in operator.days.cards[-1]
    assert operator.sweep() == {
        "event": "sweep_completed", "verdict": "flagged", "flagged": 2, "standing": 1, "settled": 1,
    }  # fmt: skip
    assert operator.days.incident(BOB) is None


@pytest.mark.slow
def test_who_is_below_the_threshold_is_not_part_of_it(of_file: Operator) -> None:
    """Whoever was below the threshold is raised as ever, with all messages."""
    history(of_file)
    of_file.baseline()
    of_file.days.mail(EVE, 6)
    assert of_file.sweep()["created"] == 1
    made = of_file.days.incident(EVE)
    assert made is not None
    assert "First time over the threshold" in made["description"]


@pytest.mark.slow
def test_it_can_be_repeated(operator: Operator) -> None:
    """Done twice it is done once; new messages are taken by a second one."""
    history(operator)
    operator.baseline()
    before = operator.loaded().records
    assert operator.baseline().recipients == 0
    assert operator.loaded().records == before
    operator.days.mail(ANN, 11)
    assert (operator.baseline().recipients, operator.sweep()["verdict"]) == (1, "clean")


@pytest.mark.slow
def test_what_is_open_or_owed_is_left(operator: Operator) -> None:
    """Who has an open incident gets a comment as ever, who is owed one gets it."""
    history(operator)
    operator.days.break_writes(containing=BOB, status=500)
    assert operator.sweep()["created"] == 1
    operator.days.well()
    operator.days.mail(ANN, 3)
    operator.days.mail(EVE, 30)
    taken = operator.baseline()
    assert (taken.recipients, taken.messages, taken.open, taken.owed) == (1, 35, 1, 1)
    found = operator.sweep()
    assert (found["created"], found["commented"], found["settled"]) == (1, 1, 1)
    assert operator.days.incident(BOB) is not None
    assert operator.days.incident(EVE) is None


@pytest.mark.slow
@pytest.mark.parametrize("classification", ["TruePositive", "FalsePositive"])
def test_what_came_back_after_a_closing_is_taken(of_file: Operator, classification: str) -> None:
    """A closed incident's new messages count as reported: they reopen nothing, one threshold later ones do."""
    history(of_file)
    of_file.sweep()
    incidents = of_file.days.tenant.cloud.incidents
    for name in list(incidents):
        of_file.days.tenant.cloud.analyst.close(name, classification)
    of_file.days.mail(ANN, 25)
    assert (of_file.baseline().recipients, of_file.sweep()["verdict"]) == (1, "clean")
    of_file.days.mail(ANN, 21)
    assert of_file.sweep()["created"] == 1
    assert of_file.days.incident(ANN, 1) is not None


@pytest.mark.slow
def test_messages_whose_state_changes_stay_reported(of_file: Operator) -> None:
    """A message that was taken as reported and is removed in another way is not new; one that was only delivered is."""
    tenant, now = of_file.days.tenant, of_file.days.tenant.clock.now()
    made = Mail(now, seed=5)
    for _ in range(12):
        made.add(ANN, SOFT, made.ago(3))
    for _ in range(11):
        made.add(BOB, "Delivered", made.ago(3))
    tenant.cloud.append("EmailEvents", made.events)
    assert of_file.baseline().recipients == 1
    of_file.days.pass_by()
    for row in made.events:
        again = {**row, "LatestDeliveryAction": HARD, "TimeGenerated": Mail(tenant.clock.now()).ago(0.1).isoformat()}
        tenant.cloud.append("EmailEvents", [again])
    found = of_file.sweep()
    assert (found["flagged"], found["settled"], found["created"]) == (2, 1, 1)
    assert of_file.days.incident(BOB) is not None


@pytest.mark.slow
def test_rows_that_are_counted_singly(of_file: Operator) -> None:
    """With DEDUPLICATE=false a message counts for each row; new rows of messages that were taken raise nothing."""
    tenant = of_file.days.tenant
    tenant.settings["DEDUPLICATE"] = "false"
    made = Mail(tenant.clock.now(), seed=5)
    for _ in range(6):
        message = made.message_id()
        for days in (2, 3):
            made.add(ANN, SOFT, made.ago(days), message=message)
    tenant.cloud.append("EmailEvents", made.events)
    taken = of_file.baseline()
    assert (taken.recipients, taken.messages) == (1, 6)
    of_file.days.pass_by()
    newer = Mail(tenant.clock.now(), seed=5)
    for row in made.events:
        newer.add(ANN, SOFT, newer.ago(0.1), message=row["NetworkMessageId"])
    tenant.cloud.append("EmailEvents", newer.events)
    assert of_file.sweep() == {"event": "sweep_completed", "verdict": "clean", "flagged": 1, "settled": 1}
    of_file.days.mail(ANN, 11)
    assert of_file.sweep()["created"] == 1


@pytest.mark.slow
def test_a_longer_look_back_shows_nothing_new(of_file: Operator) -> None:
    """The first sweep after a baseline looks back further: what only that shows counts as reported too."""
    of_file.days.mail(ANN, 30, days=80, after=40)
    of_file.days.mail(ANN, 12, days=20)
    assert of_file.baseline(LOOKBACK_DAYS="30").messages == 12
    found = of_file.sweep(LOOKBACK_DAYS="90")
    assert (found["verdict"], found["settled"]) == ("clean", 1)
    assert "lengthened" in " ".join(of_file.days.last.receipt.notes if of_file.days.last else ())


@pytest.mark.slow
def test_a_lost_ledger_loses_the_baseline(of_file: Operator) -> None:
    """Nothing in the workspace remembers a baseline: without the ledger, all is raised. docs/design.md says so."""
    history(of_file)
    of_file.baseline()
    path = of_file.place.path  # type: ignore[attr-defined]
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    assert of_file.sweep()["created"] == 2


@pytest.mark.slow
def test_incidents_of_a_lost_ledger_are_adopted_first(of_file: Operator) -> None:
    """A baseline on a new ledger knows by the incidents that are there who is being dealt with."""
    history(of_file)
    assert of_file.sweep()["created"] == 2
    path = of_file.place.path  # type: ignore[attr-defined]
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    taken = of_file.baseline()
    assert (taken.recipients, taken.open) == (0, 2)


def test_without_our_incidents_nothing_is_taken(of_file: Operator) -> None:
    """Who has an open incident is not known: nothing is written, and the cause is said."""
    history(of_file)
    of_file.days.tenant.cloud.faults.add(Fault(service="sentinel", match="/incidents", status=403, times=None))
    with of_file.parts(dry=True) as made:
        hunted, found = looked(made)
    assert found.failed is not None
    assert found.failed.id == "incidents_unread"
    with of_file.parts() as made:
        assert not take(made, hunted).written
    assert not of_file.loaded().records


class Alive(FakeClock):
    """While somebody waits for the lease, its holder renews it."""

    def __init__(self, operator: Operator) -> None:
        super().__init__(operator.days.tenant.clock.now())
        self.ledger = operator.place.open(workspace=WORKSPACE_RESOURCE_ID)
        self.row = self.ledger.take(None, "a sweep", 60)

    def sleep(self, seconds: float) -> None:
        """Renew, and let time pass."""
        self.row = self.ledger.take(self.row, "a sweep", 60)
        super().sleep(seconds)


def test_a_sweep_at_work_is_waited_for_by_nobody(operator: Operator) -> None:
    """While a sweep lives, nothing is written: neither by a baseline, nor by forgetting or accepting."""
    history(operator)
    with operator.parts(dry=True) as made:
        hunted, _ = looked(made)
    clock = Alive(operator)
    operator.place.open(workspace=WORKSPACE_RESOURCE_ID).save([Record(EVE)])
    before = operator.loaded()
    steps: list[Callable[[Parts], object]] = [
        lambda parts: take(parts, hunted),
        lambda parts: erase(parts, EVE),
        lambda parts: accept(parts, clock.now().date()),
    ]
    for step in steps:
        with operator.parts() as made, pytest.raises(AnotherAtWork, match="a sweep is at work"):
            step(replace(made, clock=clock))
    assert operator.loaded() == before


def test_a_lease_that_was_lost_stops_it(of_file: Operator) -> None:
    """Overtaken after it has read the ledger, it takes nobody, forgets nobody and accepts nothing."""
    history(of_file)
    of_file.place.open(workspace=WORKSPACE_RESOURCE_ID).save([Record(EVE)])
    with of_file.parts(dry=True) as made:
        hunted, _ = looked(made)
    steps: list[Callable[[Parts], object]] = [
        lambda parts: take(parts, hunted),
        lambda parts: erase(parts, EVE),
        lambda parts: accept(parts, of_file.days.tenant.clock.now().date()),
    ]
    for step in steps:
        with of_file.parts() as made:
            load = made.ledger.load

            def overtaken(load: Callable[[], Loaded] = load) -> Loaded:
                found, other = load(), of_file.place.open(workspace=WORKSPACE_RESOURCE_ID)
                other.take(other.lease(), "a sweep", 60)
                return found

            made.ledger.load = overtaken  # type: ignore[method-assign]
            with pytest.raises(LeaseLost):
                step(made)
        other = of_file.place.open(workspace=WORKSPACE_RESOURCE_ID)
        row = other.lease()
        assert row is not None
        other.release(row)
    assert of_file.loaded().records == {EVE: Record(EVE)}
    assert of_file.loaded().state.accepted_coverage_since is None


def test_it_holds_the_lease(of_file: Operator) -> None:
    """While it writes, a sweep finds the lease taken; afterwards it is free."""
    history(of_file)
    with of_file.parts(dry=True) as made:
        hunted, _ = looked(made)
    held: list[object] = []
    with of_file.parts() as made:
        save = made.ledger.save

        def look(records: Iterable[Record] = (), *rest: Any, **more: Any) -> None:
            held.append(of_file.place.open(workspace=WORKSPACE_RESOURCE_ID).lease())
            save(records, *rest, **more)

        made.ledger.save = look  # type: ignore[method-assign]
        take(made, hunted)
    assert held
    assert None not in held
    other = of_file.place.open(workspace=WORKSPACE_RESOURCE_ID)
    lease = claim(other, 60, of_file.days.tenant.clock, "next")
    assert lease is not None
    lease.release()


def test_an_interrupted_one_is_whole_for_each_and_can_be_completed(of_file: Operator) -> None:
    """Interrupted between two writes, those that were written are settled whole, the rest is as it was; a second one
    takes the rest.
    """
    many = AT_ONCE + 3
    made = Mail(of_file.days.tenant.clock.now(), seed=3)
    for number in range(many):
        made.remediated(f"p{number:02}@contoso.com", 11, actions=(SOFT,))
    of_file.days.tenant.cloud.append("EmailEvents", made.events)
    with of_file.parts(dry=True) as parts:
        hunted, found = looked(parts)
    assert found.recipients == many
    with of_file.parts() as parts:
        save = parts.ledger.save
        calls: list[int] = []

        def once(records: Iterable[Record] = (), *rest: Any, **more: Any) -> None:
            some = list(records)
            if calls:
                raise KeyboardInterrupt
            save(some, *rest, **more)
            calls.extend([len(some)] if some else [])

        parts.ledger.save = once  # type: ignore[method-assign]
        with suppress(KeyboardInterrupt):
            take(parts, hunted)
    records = of_file.loaded().records
    assert len(records) == AT_ONCE == calls[0]
    assert all(len(record.reported) == 11 and record.settled_at for record in records.values())
    assert of_file.baseline().recipients == 3
    assert of_file.sweep()["verdict"] == "clean"
