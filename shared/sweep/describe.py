"""Looks up who remediated and from whom the mail came, for the texts. It may be missing; nothing waits for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from shared.errors import SweepError
from shared.hunt import MOST_RECIPIENTS, MailContext
from shared.incidents.terms import Background
from shared.model import Action, Campaign, Origin, Reason
from shared.plan.decide import Plan
from shared.sweep.context import Context

_NOT_TOLD = (Reason.EXCLUDED, Reason.RESTING)


@dataclass(frozen=True, slots=True)
class Words:
    """By recipient, who remediated, in a line, and from whom the mail came; the campaigns that reached several of those
    who are flagged, the largest first; and notes for the receipt.

    A recipient without an origin was not asked about; one whose messages have left the window has an empty one.
    """

    remediators: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[str, Origin] = field(default_factory=dict)
    campaigns: tuple[Campaign, ...] = ()
    notes: tuple[str, ...] = ()

    def about(self, recipient: str) -> Background:
        """What is known of one recipient's mail."""
        return Background(
            self.remediators.get(recipient, ""),
            self.origins.get(recipient),
            tuple(campaign for campaign in self.campaigns if recipient in campaign.flagged),
        )


def describe(context: Context, planned: Plan) -> Words:
    """Who remediated what is about to be reported, and from whom it came; asked only when something is."""
    words = _with_remediators(context, planned, Words())
    return _with_origins(context, planned, words)


def _with_remediators(context: Context, planned: Plan, words: Words) -> Words:
    shown = (*planned.creations[: context.policy.max_new], *planned.updates)
    new = {action.recipient: ids for action in shown if (ids := _ids(action))}
    if not new or context.stopped() is not None:
        return words
    context.parts.progress("looking up who remediated")
    try:
        found = context.parts.hunt.remediators(context.parts.window, new)
    except SweepError as error:
        return _noted(words, f"could not look up who remediated: {error}")
    if found is None:
        return _noted(words, "who remediated is not known: the table EmailPostDeliveryEvents is not there")
    return replace(words, remediators={recipient: each.words for recipient, each in found.items()})


def _ids(action: Action) -> list[str]:
    return [item.message_id for item in action.messages.newest]


def _with_origins(context: Context, planned: Plan, words: Words) -> Words:
    recipients, left_out = _asked_about(context, planned)
    if not recipients or context.stopped() is not None:
        return words
    context.parts.progress("looking up from whom the mail came")
    hunt, window = context.parts.hunt, context.parts.window
    if left_out:
        words = _noted(words, f"from whom the mail came was looked up for {len(recipients):,} recipients, not for all")
    try:
        found = hunt.context(window, recipients)
    except SweepError as error:
        return _noted(words, f"could not look up from whom the mail came: {error}")
    if found.cut:
        words = _noted(words, "from whom the mail came is known in part: there is more mail than a response holds")
    found, words = _with_reach(context, found, words)
    return replace(words, origins=found.origins, campaigns=found.campaigns)


def _with_reach(context: Context, found: MailContext, words: Words) -> tuple[MailContext, Words]:
    keys = found.keys
    if not keys or context.stopped() is not None:
        return found, words
    try:
        return found.with_reach(context.parts.hunt.reach(context.parts.window, keys)), words
    except SweepError as error:
        return found, _noted(words, f"could not look up how many recipients got the same mail: {error}")


def _asked_about(context: Context, planned: Plan) -> tuple[list[str], int]:
    """Those who are told today, then the others who are flagged, each the highest `Sum_case` first; and how many of
    those told are too many. Nobody when nobody is told.
    """
    records = context.ledger.records
    told = {action.recipient: action.total for action in (*planned.creations, *planned.updates)}
    told |= {record.recipient: record.counts.total for record in records.values() if record.tell is not None}
    if not told:
        return [], 0
    others = {each.recipient: each.total for each in planned.others if each.reason not in _NOT_TOLD}
    ordered = [*_by_total(told), *_by_total({name: total for name, total in others.items() if name not in told})]
    return ordered[:MOST_RECIPIENTS], max(len(told) - MOST_RECIPIENTS, 0)


def _by_total(totals: Mapping[str, int]) -> list[str]:
    return sorted(totals, key=lambda recipient: (-totals[recipient], recipient))


def _noted(words: Words, note: str) -> Words:
    return replace(words, notes=(*words.notes, note))
