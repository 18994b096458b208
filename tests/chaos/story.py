"""The story that is killed at every step: a tenant whose next sweep has every kind of effect to bring about.

It is told by earlier sweeps and an analyst; `NEWS` is what the sweep after them finds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.chaos.order import LedgerKill, Outcome, When
from tests.chaos.scene import Scene, address
from tests.cloud import Fault

OLD = {"grows": 3, "trickles": 3, "rises": 4, "climbs": 7, "back": 3, "benign": 3, "gone": 3, "stands": 3}
"""Who has an incident already, and of how many messages. Three is over the threshold, nine is High."""

FIRST = {"ann": 3, "bob": 3, "eve": 9}  # one of them High
COMMENTED = {"grows": 3, "trickles": 1}  # one of them not worth a card
RAISED = {"rises": 5, "climbs": 2}
REOPENED = {"back": 3, "benign": 5, "gone": 3}  # after a true positive, a false positive and a deletion
NEWS = FIRST | COMMENTED | RAISED | REOPENED
"""How many new messages there are for whom."""

FLAGGED = tuple(dict.fromkeys([*OLD, *NEWS]))
TOLD = tuple(who for who in NEWS if who != "trickles")
SWEEPS = 3  # within which all must be done after a kill


@dataclass(frozen=True, slots=True)
class Step:
    """A place to be killed at. `repeats`: it lies between Teams' answer and its confirmation."""

    name: str
    kill: LedgerKill | Fault
    repeats: bool = False


@dataclass(frozen=True, slots=True)
class Story:
    """The scene as kept just before the sweep that is to be killed, the messages that are new in it, what an
    undisturbed sweep leaves, and the steps of that sweep: its requests, and its ledger writes."""

    scene: Scene
    messages: frozenset[str]
    remains: Mapping[str, Any]
    requests: tuple[Step, ...]
    writes: tuple[Step, ...]


def prepare(scene: Scene) -> Story:
    """Let the earlier sweeps and the analyst come and go, keep the scene, and see what an undisturbed sweep does."""
    scene.mail(**OLD)
    first = scene.sweep()
    assert (first.event, first.receipt["created"], first.receipt["told"]) == ("sweep_completed", len(OLD), len(OLD))
    for who, classification in (("back", "TruePositive"), ("benign", "FalsePositive")):
        scene.cloud.analyst.close(scene.open_incidents(who)[0], classification)
    scene.cloud.analyst.delete(scene.open_incidents("gone")[0])
    scene.turn(days=1)
    messages = scene.mail(**NEWS)
    scene.keep()
    undisturbed = scene.sweep()
    counts = {name: undisturbed.receipt[name] for name in ("created", "commented", "raised", "told", "due")}
    assert counts == {"created": 6, "commented": 4, "raised": 2, "told": len(TOLD), "due": 0}
    story = Story(scene, frozenset(messages), scene.remains(), _requests(scene), _writes(undisturbed))
    assert check(story) == 0
    return story


def _requests(scene: Scene) -> tuple[Step, ...]:
    steps = []
    seen: Counter[tuple[str, str, str]] = Counter()
    for request in scene.cloud.log:
        asked = (request.service, request.method, request.route)
        for effect in (False, True):
            fault = Fault(
                service=request.service,
                method=request.method,
                match=f"{request.route}{'?' if '?' in request.path else ''}",
                after=seen[asked],
                effect=effect,
            )
            name = f"{'after' if effect else 'before'} {request.method} {request.route[-120:]} #{seen[asked] + 1}"
            steps.append(Step(name, fault, repeats=effect and request.service == "teams"))
        seen[asked] += 1
    return tuple(steps)


def _writes(undisturbed: Outcome) -> tuple[Step, ...]:
    steps = []
    seen: Counter[str] = Counter()
    acceptance = undisturbed.writes.count("note")  # the last intent that is noted is the accepted card's
    for verb in undisturbed.writes:
        seen[verb] += 1
        for when in When:
            if when is When.HALFWAY and verb not in ("note", "confirm"):
                continue
            repeats = (verb, seen[verb]) == ("note", acceptance) and when is not When.AFTER
            steps.append(Step(f"{when} {verb} #{seen[verb]}", LedgerKill(verb, seen[verb], when), repeats))
    return tuple(steps)


def survive(story: Story, *steps: Step) -> str:
    """Kill a sweep at each of these steps in turn, sweep on until all is done: what is wrong then, "" for nothing."""
    scene = story.scene
    scene.restore()
    name = ", ".join(step.name for step in steps)
    try:
        for step in steps:
            killed = scene.sweep(step.kill).killed
            assert killed or len(steps) > 1, "not reached"
        outcome = next((each for each in (scene.sweep() for _ in range(SWEEPS)) if each.green), None)
        assert outcome, f"still not green after {SWEEPS} more sweeps"
        repeated = check(story)
        allowed = sum(step.repeats for step in steps)
        assert repeated <= allowed if len(steps) > 1 else repeated == allowed, f"{repeated} cards were repeated"
    except AssertionError as error:
        return f"{name}: {error}"
    return ""


def check(story: Story) -> int:
    """What is promised, whatever happened on the way; how many cards were repeated."""
    scene = story.scene
    for who in FLAGGED:
        assert len(scene.open_incidents(who)) == 1, f"{who} has the open incidents {scene.open_incidents(who)}"
    for message in story.messages:
        assert len(scene.places(message)) == 1, f"a message is reported in {scene.places(message)}"
    for incident, severities in scene.severities().items():
        ranks = [("Medium", "High").index(severity) for severity in severities]
        assert ranks == sorted(ranks), f"the incident {incident} was {severities}"
    cards = scene.cards()
    for who in TOLD:
        assert any(address(who) in text for _, text in cards), f"nobody was told about {who}"
    ledger = scene.ledger()
    assert not ledger.damaged, "a ledger row is damaged"
    assert not ledger.intents, "an effect is left due"
    assert not [who for who, record in ledger.records.items() if record.tell], "something is left to be told"
    assert scene.remains() == story.remains, "not what an undisturbed sweep leaves"
    bodies = Counter(text for _, text in cards)
    assert len({card for card, _ in cards}) == len(bodies), "two cards have one id"
    return sum(bodies.values()) - len(bodies)
