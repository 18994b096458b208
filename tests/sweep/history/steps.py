"""What can happen in a history, as plain values, and how a history is drawn. A step makes sense wherever it stands."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

COUNTED = ("Hard delete", "Soft delete", "Moved to junk folder", "Moved to deleted items")
RECIPIENTS = tuple(f"r{number}@contoso.com" for number in range(3))
BROKEN = (
    "sentinel down", "sentinel refuses writes", "reads fail", "the list fails", "history fails", "comments throttled",
    "teams down", "teams refuses", "teams refuses cards", "teams does not answer", "the hunt fails",
    "the ledger fails",
)  # fmt: skip
ANALYST = (
    "close",
    "close",
    "dismiss",
    "delete",
    "raise",
    "lower",
    "assign",
    "edit",
    "comment",
    "remove label",
    "reopen",
)
EFFECTS = ("create", "comment", "escalate", "card")
RULE = ("off", "off", "on", "on", "on", "late", "skip", "twice", "slow ingestion", "merge", "by api", "by rule")
"""The rule is switched off or on; the next run is late, is skipped, or happens twice; rows take hours to arrive; an
incident is merged into another; the sweeps go by the other road.
"""
LEDGER = ("lose", "keep", "restore")
SETTINGS = {
    "SUM_CASE_THRESHOLD": ("3", "4", "5"),
    "HIGH_SEVERITY_THRESHOLD": ("8", "12", "100"),
    "MAX_NEW_INCIDENTS": ("1", "2", "100"),
    "LOOKBACK_DAYS": ("20", "30", "45"),
    "BENIGN_REOPEN_FACTOR": ("1", "2", "3"),
    "REMIND_AFTER_DAYS": ("0", "2", "3"),
    "HEARTBEAT_DAYS": ("0", "7"),
}


@dataclass(frozen=True, slots=True)
class MailArrives:
    """So many new messages to a recipient, with this action."""

    recipient: str
    many: int
    action: str | None


@dataclass(frozen=True, slots=True)
class Again:
    """Every so manieth message to a recipient is streamed again, with this action."""

    recipient: str
    every: int
    action: str | None


@dataclass(frozen=True, slots=True)
class AnalystActs:
    """An analyst does this to one of the incidents."""

    what: str
    pick: int


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting gets another value."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Excluded:
    """These recipients are excluded for so many days, and no others."""

    recipients: tuple[str, ...]
    days: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger is lost, kept, or replaced by the copy that was kept."""

    what: str


@dataclass(frozen=True, slots=True)
class Skew:
    """From now on the clock of the sweeps is so many hours ahead."""

    hours: int


@dataclass(frozen=True, slots=True)
class Refuses:
    """From now on Sentinel refuses this kind of effect about this recipient; "" about nobody: all is taken again."""

    recipient: str
    kind: str
    minimal: bool = True


@dataclass(frozen=True, slots=True)
class RuleBefalls:
    """What becomes of the analytics rule, or by which road the sweeps go from now on; see `RULE`."""

    what: str


@dataclass(frozen=True, slots=True)
class Sweep:
    """Days pass, then a sweep runs while something is broken.

    `lost`: the answers to the first effects of this kind are lost; `done`: after the effect. `meanwhile`: what analysts
    do right before the `at`-th effect in Sentinel, to its incident. `killed`: at which call it dies; 0 for not at all.
    `dry`: a dry run. `beside`: with a second ledger.
    """

    days: int = 1
    broken: tuple[str, ...] = ()
    lost: str = ""
    done: bool = False
    meanwhile: str = ""
    at: int = 1
    killed: int = 0
    dry: bool = False
    beside: bool = False


Step = MailArrives | Again | AnalystActs | Setting | Excluded | Ledger | Skew | Refuses | RuleBefalls | Sweep


STEPS = 30
"""Of a long history: about nine sweeps, and what happens between them."""


def draw(seed: int, length: int, calls: int, *, rule: bool = False) -> list[Step]:
    """A history. `calls` is about how many calls a sweep makes at which it can be killed. `rule`: an analytics rule
    makes the incidents, and things befall it.

    In half of the histories ledgers are neither lost nor doubled: there the promises are checked to the letter. Every
    second one is half as long: most faults need few steps.
    """
    chance = Random(seed)
    length = length // (1 + seed % 2)
    ledgers = chance.random() < 0.5
    story: list[Step] = [MailArrives(RECIPIENTS[0], chance.randint(4, 9), COUNTED[1]), Sweep(0)]
    while len(story) < length:
        if rule and chance.random() < 0.25:
            story.append(RuleBefalls(chance.choice(RULE)))
        story += _day(chance, ledgers, calls)
    return story


def _day(chance: Random, ledgers: bool, calls: int) -> list[Step]:
    steps: list[Step] = []
    actions = (*COUNTED, *COUNTED, "Delivered", "Moved to quarantine", None)
    for _ in range(chance.choice((0, 1, 1, 2))):
        steps.append(MailArrives(chance.choice(RECIPIENTS), chance.choice((1, 2, 4, 6, 9)), chance.choice(actions)))
    if chance.random() < 0.15:
        steps.append(Again(chance.choice(RECIPIENTS), chance.randint(1, 3), chance.choice(actions)))
    for _ in range(chance.choice((0, 0, 1, 1, 2))):
        steps.append(AnalystActs(chance.choice(ANALYST), chance.randint(0, 9)))
    if chance.random() < 0.12:
        name = chance.choice(sorted(SETTINGS))
        steps.append(Setting(name, chance.choice(SETTINGS[name])))
    if chance.random() < 0.06:
        steps.append(Excluded(tuple(who for who in RECIPIENTS if chance.random() < 0.4), chance.choice((0, 1, 3))))
    if chance.random() < 0.06:
        steps.append(Skew(chance.choice((-2, 0, 0, 2))))
    if chance.random() < 0.12:
        refused = (chance.choice((*RECIPIENTS, "")), chance.choice(EFFECTS))
        steps.append(Refuses(*refused, minimal=chance.random() < 0.7))
    if ledgers and chance.random() < 0.15:
        steps.append(Ledger(chance.choice(LEDGER)))
    steps.append(_sweep(chance, ledgers, calls))
    return steps


def _sweep(chance: Random, ledgers: bool, calls: int) -> Sweep:
    return Sweep(
        chance.choice((1, 1, 1, 0, 2, 12)),
        tuple(sorted(set(chance.choices(BROKEN, k=chance.choice((0, 0, 0, 1, 1, 2)))))),
        chance.choice(("", "", "", *EFFECTS)),
        chance.random() < 0.6,
        chance.choice(("", "", *ANALYST)),
        chance.choice((1, 1, 2, 3)),
        chance.randint(1, calls) if chance.random() < 0.15 else 0,
        chance.random() < 0.05,
        ledgers and chance.random() < 0.15,
    )
