"""What analysts in the Defender portal do not see: said in every receipt, and once a week on a card."""

from __future__ import annotations

from datetime import timedelta

from shared.errors import SweepError
from shared.incidents.portals import onboarded, portals_remark
from shared.model import Window
from shared.sweep.context import Context

WEEK = timedelta(days=7)
LOOK = timedelta(days=30)
"""So far back the workspace's incidents show in which portal they are."""

ON_CARDS = (
    "Analysts in the Defender portal do not see these incidents (RAISE_BY=api); Sentinel leaves the Azure portal after"
    " 31 March 2027. To switch, set RAISE_BY=rule: docs/portals.md"
)


def unseen(context: Context) -> tuple[str, ...]:
    """The note for the receipt; none where the workspace is not onboarded, or a rule makes the incidents.

    Whether it is onboarded is looked up once a week. What cannot be looked up is taken to be as it was.
    """
    if context.settings.raise_by == "rule":
        return ()
    now, state = context.now(), context.ledger.state
    if context.breaker.open is None and (state.portals_looked is None or now.date() - state.portals_looked >= WEEK):
        try:
            providers = context.parts.hunt.incident_providers(Window(now - LOOK, now))
        except SweepError:
            pass  # the next sweep looks
        else:
            there = onboarded(providers)
            there = state.in_defender if there is None else there
            context.ledger.save_state(in_defender=there, portals_looked=now.date())
    remark = portals_remark(context.ledger.state.in_defender, context.settings.raise_by)
    return (remark,) if remark else ()


def to_tell(context: Context) -> tuple[str, ...]:
    """The note for today's cards: once a week."""
    told, state = context.ledger.state.portals_told, context.ledger.state
    if not state.in_defender or context.settings.raise_by == "rule":
        return ()
    return () if told is not None and context.now().date() - told < WEEK else (ON_CARDS,)


def note_told(context: Context) -> None:
    """A card was accepted, with the note if there was one."""
    if to_tell(context):
        context.ledger.save_state(portals_told=context.now().date())
