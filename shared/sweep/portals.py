"""What analysts in the Defender portal do not see: said in every receipt, and once a week on a card."""

from __future__ import annotations

from datetime import timedelta

from shared.errors import SweepError
from shared.model import Window
from shared.sweep.context import Context

WEEK = timedelta(days=7)
LOOK = timedelta(days=30)
"""So far back the workspace's incidents show in which portal they are."""

UNSEEN = (
    "the workspace is onboarded to the Defender portal, and incidents made over the API (RAISE_BY=api) are not shown"
    " there: analysts who work in that portal do not see what this sweep raises, and Sentinel leaves the Azure portal"
    " after 31 March 2027; to switch, set RAISE_BY=rule as docs/portals.md says"
)


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
            there = providers[0] > 0 if providers is not None and any(providers) else state.in_defender
            context.ledger.save_state(in_defender=there, portals_looked=now.date())
    return (UNSEEN,) if context.ledger.state.in_defender else ()


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
