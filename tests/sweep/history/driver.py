"""Drives one history through a world, and watches the promises; tells the story when one is broken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy

from shared.model import Receipt
from tests.sweep.history.promises import Promises
from tests.sweep.history.steps import Step, Sweep, draw
from tests.sweep.history.world import World

QUIET = 6
"""Sweeps at the end, with nothing broken: enough to complete what is due. Two that find nothing to do end it."""


class HistoryBroken(AssertionError):
    """A promise was broken; the message is the story."""


def live(world: World, story: Sequence[Step]) -> None:
    """One history. Raises HistoryBroken."""
    promises = Promises(world)
    told: list[str] = []
    try:
        for step in story:
            told.append(repr(step))
            if not isinstance(step, Sweep):
                world.apply(step)
                continue
            receipt = _sweep(world, promises, step)
            told[-1] += f"\n    -> {_summary(receipt)}"
        world.heal()
        told.append("all is well again")
        idle = 0
        for _ in range(QUIET):
            receipt = _sweep(world, promises, Sweep())
            told.append(f"    -> {_summary(receipt)}")
            idle = idle + 1 if receipt is not None and not _busy(receipt) else 0
            if idle == 2:
                break
        assert receipt is not None
        assert receipt.event == "sweep_completed", (receipt.event, receipt.reasons, receipt.notes)
        assert not receipt.held
        promises.all_told()
    except Exception as error:
        raise HistoryBroken("\n".join([*told, f"{type(error).__name__}: {error}"])) from error


def _sweep(world: World, promises: Promises, step: Sweep) -> Receipt | None:
    world.clock.advance(days=step.days, minutes=5)
    for happens in world.by_itself:
        happens()
    world.loose = world.loose or step.beside
    world.stale = world.stale or step.beside
    promises.begin(step)
    before = (deepcopy(world.store.stored), len(world.posts), world.rows()) if step.dry else None
    receipt = world.run(step)
    if before is not None and not step.meanwhile:
        assert before == (world.store.stored, len(world.posts), world.rows()), "a dry run wrote something"
    promises.check(step, receipt)
    world.sweeps += 1
    return receipt


def _busy(receipt: Receipt) -> bool:
    """Whether a sweep did something, or left something to do."""
    done = receipt.created + receipt.commented + receipt.escalated + receipt.told + receipt.settled
    return bool(receipt.event != "sweep_completed" or done or receipt.held or receipt.due or receipt.awaited)


def _summary(receipt: Receipt | None) -> str:
    if receipt is None:
        return "killed"
    counts = ("flagged", "created", "awaited", "commented", "escalated", "held", "due", "told", "settled", "standing")
    shown = {name: getattr(receipt, name) for name in counts if getattr(receipt, name)}
    causes = [reason.partition(":")[0] for reason in receipt.reasons]
    return f"{receipt.event} {receipt.verdict} {shown} {causes}"


def live_all(make: Callable[[], World], seeds: range, length: int, calls: int, *, rule: bool = False) -> None:
    """The histories of these seeds, each in a world of its own. Raises HistoryBroken with the shortest story of the
    first that breaks a promise.
    """
    for seed in seeds:
        story = draw(seed, length, calls, rule=rule)
        try:
            live(make(), story)
        except HistoryBroken:
            try:
                live(make(), shortest(make, story))
            except HistoryBroken as short:
                broken = short
            raise HistoryBroken(f"history {seed}\n{broken}") from None


def shortest(make: Callable[[], World], story: Sequence[Step]) -> list[Step]:
    """The story without each step that it breaks without; for a world that is quick to make."""
    kept = list(story)
    for place in reversed(range(len(kept))):
        shorter = kept[:place] + kept[place + 1 :]
        try:
            live(make(), shorter)
        except HistoryBroken:
            kept = shorter
    return kept
