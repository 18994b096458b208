"""A round of thirty tenants in which much goes wrong at once: nothing crosses, nothing is lost or doubled."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.rounds_whole.cast import (
    BAD_ENTRY,
    DOOMED,
    FUSED,
    NEVER_SWEPT,
    NO_WEBHOOK,
    REFUSING,
    UNANSWERED,
    UNTRUSTED,
    cast_names,
    give_mail,
)
from tests.rounds_whole.looks import differences, incidents_of, strangers, told_on
from tests.rounds_whole.scene import RoundScene, round_scene
from tests.support.clients import sign_in_to
from tests.support.functions_host import FunctionsHost, Invocation
from tests.support.plain_worker import Death, PlainWorker
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

MANY = 30
WORKERS = 4
SEED = 20261127


@dataclass
class Chances:
    """What goes wrong by chance, drawn once: whose workers die when, whose messages come twice, and late."""

    chance: Random
    deaths: dict[str, list[Death]] = field(default_factory=dict)
    doubled: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    own_dies: int = 1

    @classmethod
    def drawn(cls, seed: int) -> Chances:
        """Those of this seed."""
        made = cls(Random(seed))
        plain = [name for name in cast_names(MANY) if name not in (*NEVER_SWEPT, DOOMED, FUSED, UNANSWERED)]
        for name in made.chance.sample(plain, 12):
            made.deaths[name] = [made.death() for _ in range(made.chance.choice((1, 1, 2)))]
        made.deaths[DOOMED] = [made.death(10, 25) for _ in range(3)]  # when the try is counted, and not over
        others = [name for name in plain if len(made.deaths.get(name, ())) < 2]
        made.doubled, made.late = made.chance.sample(others, 6), made.chance.sample(others, 6)
        return made

    def death(self, first: int = 3, last: int = 45) -> Death:
        """At a request by chance; a sweep with findings makes some fifty, the ledger's included."""
        return Death(self.chance.randint(first, last), self.chance.random() < 0.5)

    def doom(self, body: str) -> Death | None:
        """The next death of whoever works on this message."""
        message = json.loads(body)
        if "workspace" not in message:
            self.own_dies -= 1
            return Death(4, answered=True) if self.own_dies >= 0 else None
        left = self.deaths.get(message["workspace"])
        return left.pop(0) if left else None


@dataclass
class Played:
    """The round, once it was told."""

    scene: RoundScene
    told: dict[str, Any]
    invocations: list[Invocation]
    alone: dict[str, dict[str, Any]]
    """Each tenant's incidents after a sweep of it alone."""
    cards: dict[str, list[Any]]
    """What the channels had when the round was told."""
    created: dict[str, int]


def kill_once_done(scene: RoundScene, host: FunctionsHost, workers: list[PlainWorker]) -> None:
    """Two tenants' workers die once: when the first incident is made, and when the channel has taken the card."""

    def of(name: str) -> Callable[[], int]:
        def pid() -> int:
            (at_work,) = [each for each in host.invocations if not each.seconds and f'"{name}"' in each.body]
            found = workers[at_work.instance].pid
            assert found is not None
            return found

        return pid

    fused, unanswered = scene.many.tenants[FUSED], scene.many.tenants[UNANSWERED]
    scene.many.faults.add(fused.fault("sentinel", method="PUT", effect=True, kill=of(FUSED)))
    scene.many.faults.add(unanswered.fault("teams", method="POST", effect=True, kill=of(UNANSWERED)))


def played(scene: RoundScene, chances: Chances) -> tuple[dict[str, Any], FunctionsHost]:
    """Begin the round, with deaths on the way and twice over; let it be worked on until it is told."""
    slot = scene.slot()
    for request, answered in ((2, True), (5, False), (9, True), (30, True), (55, False)):
        assert not scene.begin(slot, Death(request, answered)), "it did not die on its way"
    workers = [scene.worker(chances.doom) for _ in range(WORKERS)]
    with scene.running(workers, forgets=lambda _: chances.chance.random() < 0.1) as host:
        kill_once_done(scene, host, workers)
        assert scene.begin(slot)
        assert scene.begin(slot)
        round_id = scene.events("round_started")[0]["round"]
        for name in chances.doubled:
            scene.send({"round": round_id, "workspace": name})
        for name in chances.late:
            scene.send({"round": round_id, "workspace": name}, later=chances.chance.randrange(600, 3600))
        told = scene.until_told(seconds=300)
        wait_until(lambda: scene.waiting() == 0 and not host.busy(), 60, scene.state)
    return told, host


def swept_alone(folder: Path, now: Any, patch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """The same tenants, each swept by an app of its own; their incidents."""
    from shared.app import run_sweep
    from shared.settings import from_values
    from tests.cloud.many_tenants import ManyTenants

    with ManyTenants(cast_names(MANY), throttle=100) as many:
        give_mail(many, now)
        sign_in_to(many.environment, patch)
        for name in many.tenants:
            if name not in NEVER_SWEPT:
                run_sweep(from_values({**many.alone(name), "LEDGER_URL": f"sqlite:///{folder}/{name}.db"}))
        return {name: incidents_of(tenant) for name, tenant in many.tenants.items()}


@pytest.fixture(scope="module")
def played_round(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """The large round; played once for all that is looked at."""
    folder = tmp_path_factory.mktemp("crossing")
    with round_scene(folder / "scene", cast_names(MANY), throttle=100) as scene:
        now = scene.clock.now()
        give_mail(scene.many, now)
        scene.deploy()
        told, host = played(scene, Chances.drawn(SEED))
        cards = {name: list(tenant.cards) for name, tenant in scene.many.tenants.items()}
        created = {name: len(tenant.incidents) for name, tenant in scene.many.tenants.items()}
        with pytest.MonkeyPatch.context() as patch:
            alone = swept_alone(folder, now, patch)
        yield Played(scene, told, host.invocations, alone, cards, created)


def test_chance_has_struck(played_round: Played) -> None:
    """Workers have died, messages came twice and to two workers at once: the others' tests are about something."""
    died = [each for each in played_round.invocations if each.ended is None]
    times = Counter(each.body for each in played_round.invocations)
    assert len(died) >= 12
    for name in (FUSED, UNANSWERED):
        assert sum(f'"{name}"' in each.body for each in died) == 1, name
    assert sum(many > 1 for many in times.values()) >= 12


def test_no_mark_is_anothers(played_round: Played) -> None:
    """No tenant's mark is in an incident, comment, card, log line, row or file of anybody else."""
    assert strangers(played_round.scene) == []


def test_each_ends_as_it_would_alone(played_round: Played) -> None:
    """Incident by incident every tenant has what a sweep of it alone makes; nothing lost, nothing raised twice."""
    found = {name: incidents_of(tenant) for name, tenant in played_round.scene.many.tenants.items()}
    for name, alone in played_round.alone.items():
        if name != DOOMED:
            assert differences(found[name], alone) == [], name
        assert found[name].keys() <= alone.keys(), name


def test_the_fuse_holds_over_all_tries(played_round: Played) -> None:
    """With MAX_NEW_INCIDENTS at one, a round makes one, however often its worker dies."""
    assert played_round.created[FUSED] == 1


def test_no_try_repeats_a_card(played_round: Played) -> None:
    """In the whole round a recipient stands on one card at most."""
    for name, tenant in played_round.scene.many.tenants.items():
        told = told_on(played_round.cards[name], tenant)
        assert max(told.values(), default=1) == 1, (name, told)


def test_the_end_counts_everyone(played_round: Played) -> None:
    """The round is told once, with everyone in one of its counts; those that cannot be swept are failed."""
    scene, told = played_round.scene, played_round.told
    assert len(scene.told()) == 1
    ends = ("clean", "flagged", "untrusted", "failed", "planned", "missing", "removed")
    assert sum(told[end] for end in ends) == told["workspaces"] == MANY
    assert (told["missing"], told["removed"], told["planned"], told["untrusted"]) == (0, 0, 0, 1)
    assert {each["workspace_name"] for each in scene.events("settings_invalid")} == {BAD_ENTRY, NO_WEBHOOK}
    assert [each["workspace_name"] for each in scene.events("sweep_abandoned")] == [DOOMED]
    assert len(scene.many.round_webhook.cards) == 1


def test_what_is_refused_for_ever_costs_one_try(played_round: Played) -> None:
    """A tenant that refuses every write is swept once in the round, and so is one whose data is not trusted."""
    for name in (REFUSING, UNTRUSTED):
        ends = [each for each in played_round.scene.events("sweep_incomplete") if each["workspace_name"] == name]
        ends += [each for each in played_round.scene.events("sweep_completed") if each["workspace_name"] == name]
        assert len(ends) == 1, name


def test_the_next_round_tells_what_is_left(played_round: Played) -> None:
    """One more round, in which nobody dies: whoever has an incident was told by now, on two cards at most; none is
    raised anew, and the fused tenant gets its second.
    """
    scene = played_round.scene
    workers = [scene.worker() for _ in range(WORKERS)]
    with scene.running(workers):
        assert scene.begin()
        scene.until_told(rounds=2, seconds=200)
    for name, tenant in scene.many.tenants.items():
        told = told_on(tenant.cards, tenant)
        raised = {each["title"].rpartition(" ")[2] for each in incidents_of(tenant).values()}
        assert raised <= told.keys(), name
        assert max(told.values(), default=0) <= 2, name
        if name not in (FUSED, DOOMED):
            assert incidents_of(tenant).keys() == played_round.alone[name].keys(), name
    assert len(scene.many.tenants[FUSED].incidents) == 2
    assert strangers(scene) == []
