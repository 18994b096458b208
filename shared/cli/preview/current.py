"""The preview of a sweep now: its real steps, with real data, on ports that keep what they are sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from shared.app import opened_parts
from shared.cli.chosen import Chosen
from shared.cli.preview.captured import CapturedCards, CapturedIncidents, Preview
from shared.clock import Clock
from shared.incidents.drafts import ArmDrafts
from shared.ledger.cache import LedgerCache
from shared.model import Receipt
from shared.sweep.context import Context, Parts, policy_of
from shared.sweep.report import Progress, report
from shared.sweep.run import steps, stops_into

NAME = "now"
_WORDED = {"writing to Sentinel": "wording the incidents", "telling Teams": "wording the cards"}
_ABOUT = "What a sweep would send now. Nothing was written or posted."
_BY_RULE = "The incidents are as the analytics rule makes them after the sweep (RAISE_BY=rule)."


def current(picked: Chosen, clock: Clock, progress: Callable[[str], None], run_id: str) -> tuple[Preview, Receipt]:
    """What a sweep now would send, and how it would end. It reads what a sweep reads, and writes nothing anywhere.

    What could not be tried is taken for done: whether the app may write, and whether Teams takes a card.
    """
    # A dry run words nothing; what this one writes ends in this process.
    settings = picked.settings
    wet = settings.model_copy(update={"dry_run": False})

    def shown(words: str) -> None:
        progress(_WORDED.get(words.partition(":")[0], words))

    with opened_parts(wet, run_id, clock, shown, read_only=True, entry=picked.entry) as opened:
        by_rule = settings.raise_by == "rule"
        cards, incidents = CapturedCards(), CapturedIncidents(opened.incidents, clock.now, labelled=not by_rule)
        # What the rule makes of a finding reads as what the other road makes, and that is what a preview can show.
        receipt = _run(replace(opened, incidents=incidents, webhook=cards, drafts=ArmDrafts()))
        about = f"{_ABOUT} {_BY_RULE}" if by_rule else _ABOUT
        return Preview(NAME, about, tuple(cards.bodies), incidents.shown()), receipt


def _run(parts: Parts) -> Receipt:
    done = Progress()
    with stops_into(done):
        ledger = LedgerCache(parts.ledger, parts.ledger.load(), write=False)
        done.context = Context(parts, ledger, None, policy_of(parts.settings, parts.started))
        steps(done.context, done)
    return report(parts, done).receipt
