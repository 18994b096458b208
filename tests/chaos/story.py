"""The stories that are disturbed at every step: tenants whose next sweep has every kind of effect to bring about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.model import message_hash
from tests.chaos.order import Moment, Outcome, When
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

SWEEPS = 3  # within which all must be done after a kill


@dataclass(frozen=True, slots=True)
class Step:
    """A place to be killed or frozen at. `repeats`: it lies between Teams' answer and its confirmation. `proved`: it
    lies between a proof of the lease and the write or the request that it is for."""

    name: str
    kill: Moment | Fault
    repeats: bool = False
    proved: bool = False


@dataclass(frozen=True, slots=True)
class Story:
    """The scene as kept just before the sweep that is to be disturbed.

    `messages` are new in it, `flagged` are over the threshold, `told` are to be told about; `remains` is what an
    undisturbed sweep leaves; `requests` and `verbs` are its steps.
    """

    scene: Scene
    messages: frozenset[str]
    flagged: frozenset[str]
    told: frozenset[str]
    remains: Mapping[str, Any]
    requests: tuple[Step, ...]
    verbs: tuple[Step, ...]


def first_day(scene: Scene) -> Story:
    """Nothing was ever swept."""
    messages = scene.mail(**FIRST)
    return _kept(scene, messages, FIRST, FIRST, {"created": 3, "told": 3})


def any_day(scene: Scene) -> Story:
    """Earlier sweeps and an analyst have come and gone."""
    messages = _past(scene)
    told = NEWS.keys() - {"trickles"}
    return _kept(scene, messages, OLD | NEWS, told, {"created": 6, "commented": 4, "escalated": 2, "told": len(told)})


def lost_ledger(scene: Scene) -> Story:
    """The same day, without the ledger of the earlier ones."""
    messages = _past(scene)
    scene.place.lose()
    told = OLD | NEWS
    return _kept(scene, messages, told, told, {"created": 6, "commented": 4, "escalated": 2, "told": len(told)})


def _past(scene: Scene) -> set[str]:
    """The earlier day; the ids of the messages that came since."""
    scene.mail(**OLD)
    first = scene.sweep()
    assert (first.event, first.receipt["created"], first.receipt["told"]) == ("sweep_completed", len(OLD), len(OLD))
    scene.settle()
    for who, classification in (("back", "TruePositive"), ("benign", "FalsePositive")):
        scene.cloud.analyst.close(scene.open_incidents(who)[0], classification)
    scene.cloud.analyst.delete(scene.open_incidents("gone")[0])
    scene.advance(days=1)
    return scene.mail(**NEWS)


def _kept(
    scene: Scene, messages: Iterable[str], flagged: Iterable[str], told: Iterable[str], expected: Mapping[str, int]
) -> Story:
    scene.keep()
    undisturbed = scene.sweep()
    assert undisturbed.green
    assert {name: undisturbed.receipt[name] for name in expected} == expected
    requests, verbs = _requests(scene), _verbs(undisturbed)
    scene.settle()
    story = Story(
        scene=scene,
        messages=frozenset(messages),
        flagged=frozenset(flagged),
        told=frozenset(map(address, told)),
        remains=scene.remains(),
        requests=requests,
        verbs=verbs,
    )
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


def _verbs(undisturbed: Outcome) -> tuple[Step, ...]:
    steps = []
    seen: Counter[str] = Counter()
    acceptance = _acceptance(undisturbed.verbs)
    before = ""
    for verb in undisturbed.verbs:
        seen[verb] += 1
        for when in When:
            if when is When.HALFWAY and verb != "save":
                continue
            repeats = (verb, seen[verb]) == ("save", acceptance) and when is not When.AFTER
            proof = verb if when is When.AFTER else before
            proved = proof == "take" and seen["take"] > 1 and not repeats
            steps.append(Step(f"{when} {verb} #{seen[verb]}", Moment(verb, seen[verb], when), repeats, proved))
        before = verb
    return tuple(steps)


def _acceptance(verbs: Sequence[str]) -> int:
    """Which of the saves writes down that Teams took the last card: lease, note, lease, the post, and this one."""
    posting = ("take", "save", "take", "save")
    last = max(place for place in range(len(verbs)) if tuple(verbs[place : place + 4]) == posting)
    return verbs[: last + 4].count("save")


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
        scene.settle()
        repeated = check(story)
        # What comes after a kill has steps of its own: any of its saves may be the one that confirms a card.
        allowed = sum(step.repeats or _may_confirm(step, later=place > 0) for place, step in enumerate(steps))
        assert repeated <= allowed if len(steps) > 1 else repeated == allowed, f"{repeated} cards were repeated"
    except AssertionError as error:
        return f"{name}: {error}"
    return ""


def _may_confirm(step: Step, *, later: bool) -> bool:
    kill = step.kill
    return later and isinstance(kill, Moment) and kill.verb == "save" and kill.when is not When.AFTER


def overtake(story: Story, step: Step) -> str:
    """Freeze a sweep at this moment until another has taken over and done all, and let it go on then: what is wrong,
    "" for nothing. What it was frozen upon with a lease just proved it may still do: at worst a card is told again.
    """
    scene = story.scene
    scene.restore()
    assert isinstance(step.kill, Moment)
    try:
        frozen, other = scene.overtake(step.kill)
        assert other.green, f"the other sweep ended with {other.receipt}"
        third = scene.sweep()
        assert third.green, f"a third sweep ended with {third.receipt}, the frozen one with {frozen.receipt}"
        scene.settle()
        repeated = check(story, again=step.proved)
        assert repeated == step.repeats or (step.proved and repeated == 1), f"{repeated} cards were repeated"
    except AssertionError as error:
        return f"{step.name}: {error}"
    return ""


def check(story: Story, *, again: bool = False) -> int:
    """What is promised, whatever happened on the way; how many cards were repeated.

    With `again` something may have been told again in other words.
    """
    scene = story.scene
    for who in story.flagged:
        assert len(scene.open_incidents(who)) == 1, f"{who} has the open incidents {scene.open_incidents(who)}"
    for message in story.messages:
        named = len(scene.places(message))
        assert named == 1 or (named == 0 and message in scene.unnamed), f"a message is in {scene.places(message)}"
    for incident, severities in scene.severities().items():
        ranks = [("Medium", "High").index(severity) for severity in severities]
        assert ranks == sorted(ranks), f"the incident {incident} was {severities}"
    assert not story.told - scene.told().keys(), f"told about {scene.told().keys()} only"
    ledger = scene.ledger()
    assert not ledger.damaged, "a ledger row is damaged"
    reported = {key for record in ledger.records.values() for key in record.reported}
    assert {message_hash(message) for message in story.messages} <= reported, "a message is not recorded as reported"
    assert not [who for who, record in ledger.records.items() if record.owed], "an effect is left due"
    assert not ledger.cards, "a card is left in doubt"
    assert not [who for who, record in ledger.records.items() if record.tell], "something is left to be told"
    remains = scene.remains()
    other = {name: remains[name] for name in remains if remains[name] != story.remains[name]}
    if again:
        other.pop("told", None)
    assert not other, f"an undisturbed sweep leaves other {other}"
    cards = scene.cards()
    ids = {card for card, _ in cards}
    assert again or len(ids) == len(set(cards)), "two cards have one id"
    return len(cards) - len(ids)
