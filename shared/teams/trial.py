"""A card by which somebody sees that the way to the channel works. It tells nothing else, and says so."""

from __future__ import annotations

from datetime import datetime

from shared.teams.elements import line, message, text_run, words
from shared.teams.frame import banner
from shared.text import clean, when

TRIAL_HEADING = "Test card: nothing has happened"


def trial_card(workspace: str, reference: str, now: datetime, name: str = "") -> str:
    """The webhook's whole JSON. `workspace` is the workspace's name, `name` that of its entry among many."""
    heading = f"{name}: {TRIAL_HEADING}" if name else TRIAL_HEADING
    about = f"Email Remediation Sweep, workspace {clean(workspace, 63)}"
    why = "Somebody checks by hand that cards arrive here. There is nothing to do."
    body = [
        banner(heading, about, "accent"),
        words(why),
        line(text_run(f"Sent {when(now)}, reference {reference}", size="Small", isSubtle=True)),
    ]
    return message(body, f"{heading}. {about}. {why}", [])
