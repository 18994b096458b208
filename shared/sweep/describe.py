"""Looks up who remediated, for the texts. It may be missing; nothing waits for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.errors import SweepError
from shared.model import Action, Campaign, Origin
from shared.plan.decide import Plan
from shared.sweep.context import Context


@dataclass(frozen=True, slots=True)
class Words:
    """By recipient, who remediated, in a line, and from whom the mail came; the campaigns that reached several of those
    who are flagged, the largest first; and notes for the receipt.
    """

    remediators: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[str, Origin] = field(default_factory=dict)
    campaigns: tuple[Campaign, ...] = ()
    notes: tuple[str, ...] = ()


def describe(context: Context, planned: Plan) -> Words:
    """Who remediated what is about to be reported; asked only when something is."""
    shown = (*planned.creations[: context.policy.max_new], *planned.updates)
    new = {action.recipient: ids for action in shown if (ids := _ids(action))}
    if not new or context.stopped() is not None:
        return Words()
    context.parts.progress("looking up who remediated")
    try:
        found = context.parts.hunt.remediators(context.parts.window, new)
    except SweepError as error:
        return Words(notes=(f"could not look up who remediated: {error}",))
    if found is None:
        return Words(notes=("who remediated is not known: the table EmailPostDeliveryEvents is not there",))
    return Words({recipient: each.words for recipient, each in found.items()})


def _ids(action: Action) -> list[str]:
    return [item.message_id for item in action.messages.newest]
